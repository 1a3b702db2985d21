/** kube-controller-manager for namespaces: creates the `default` ServiceAccount of a new one, and finalizes a deleted one. */
import { randomUUID } from 'node:crypto';
import { at, isObject, type KubeObject } from '../json.ts';
import type { KindTable } from '../kinds/index.ts';
import { now } from '../serve/context.ts';
import type { Store } from '../store/store.ts';

export interface NamespaceControllerOptions {
  /** Milliseconds until the `default` ServiceAccount appears; `null`: never. */
  readonly serviceAccountDelay: number | null;
  /** Milliseconds that a deleted namespace stays Terminating before it is emptied; `null`: for ever. */
  readonly terminationDelay: number | null;
  /** Also make the `kube-root-ca.crt` ConfigMap. */
  readonly rootCaPem?: string;
}

export function runNamespaceController(
  store: Store,
  kinds: KindTable,
  options: NamespaceControllerOptions,
): () => void {
  const timers = new Set<NodeJS.Timeout>();
  const storages = [
    ...new Set(kinds.all.filter((kind) => kind.namespaced && !kind.review).map((kind) => kind.storage)),
  ];

  const later = (milliseconds: number, action: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      action();
    }, milliseconds);
    timers.add(timer);
  };

  /** Also brings back a `default` account that somebody deleted, as the real controller does. */
  const provide = (namespace: string): void => {
    if (options.serviceAccountDelay === null) return;
    later(options.serviceAccountDelay, () => {
      const found = store.get('/namespaces', '', namespace);
      if (
        !found ||
        found.metadata.deletionTimestamp !== undefined ||
        store.get('/serviceaccounts', namespace, 'default')
      )
        return;
      store.create('/serviceaccounts', {
        kind: 'ServiceAccount',
        apiVersion: 'v1',
        metadata: metadata('default', namespace),
      });
      if (options.rootCaPem !== undefined && !store.get('/configmaps', namespace, 'kube-root-ca.crt')) {
        store.create('/configmaps', {
          kind: 'ConfigMap',
          apiVersion: 'v1',
          metadata: metadata('kube-root-ca.crt', namespace),
          data: { 'ca.crt': options.rootCaPem },
        });
      }
    });
  };

  /** Empties the namespace; when nothing is left it lets go, and a namespace without other finalizers is gone. */
  const finish = (namespace: string): void => {
    const found = store.get('/namespaces', '', namespace);
    if (!found) return;
    let left = 0;
    for (const storage of storages) {
      for (const object of store.list(storage, namespace)) {
        if ((object.metadata.finalizers ?? []).length === 0) {
          store.delete(storage, object);
          continue;
        }
        left++;
        if (object.metadata.deletionTimestamp === undefined)
          store.update(storage, {
            ...object,
            metadata: { ...object.metadata, deletionTimestamp: now(), deletionGracePeriodSeconds: 0 },
          });
      }
    }
    if (left > 0) {
      later(20, () => finish(namespace));
      return;
    }
    const spec = at(found, 'spec');
    const released: KubeObject = { ...found, spec: { ...(isObject(spec) ? spec : {}), finalizers: [] } };
    if ((found.metadata.finalizers ?? []).length === 0) store.delete('/namespaces', released);
    else store.update('/namespaces', { ...released, spec: {} });
  };

  for (const {
    metadata: { name, deletionTimestamp },
  } of store.list('/namespaces')) {
    if (deletionTimestamp === undefined) provide(name);
    else if (options.terminationDelay !== null) later(options.terminationDelay, () => finish(name));
  }
  const silence = [
    store.listen('/namespaces', '', ({ type, object, previous }) => {
      const { name, deletionTimestamp } = object.metadata;
      if (type === 'ADDED') provide(name);
      if (
        type === 'MODIFIED' &&
        deletionTimestamp !== undefined &&
        previous?.metadata.deletionTimestamp === undefined &&
        options.terminationDelay !== null
      ) {
        later(options.terminationDelay, () => finish(name));
      }
    }),
    store.listen('/serviceaccounts', '', ({ type, object }) => {
      if (type === 'DELETED' && object.metadata.name === 'default') provide(object.metadata.namespace ?? '');
    }),
  ];
  return () => {
    for (const stop of silence) stop();
    for (const timer of timers) clearTimeout(timer);
  };
}

function metadata(name: string, namespace: string): KubeObject['metadata'] {
  return { name, namespace, uid: randomUUID(), creationTimestamp: now() };
}
