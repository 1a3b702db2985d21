/** The only writer of copies and references. Each write is conditional, so that it changes only what was planned. */
import { beforeRerun, refusalOf, SupersededError } from '../kube/races.ts';
import type { V1Secret } from '@kubernetes/client-node';
import {
  KEY_DOCKER_CONFIG_JSON,
  LABEL_INSTANCE,
  LABEL_MANAGED_BY,
  LABEL_SOURCE,
  MANAGER,
  TYPE_DOCKER_CONFIG_JSON,
} from '../names.ts';
import type { Action, CopyAction, EditReferences } from '../plan/action.ts';
import { isAsWanted } from '../plan/copy.ts';
import { planReferences, toJsonPatch } from '../plan/service-account.ts';
import { isInvalid, isNotFound, isRace } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { projectCopy, projectServiceAccount } from '../observe/projections.ts';
import type { Consumers } from './consumers.ts';
import { readOtherWriter } from './other-writer.ts';
import { writingKey } from '../observe/world.ts';
import type { World } from '../observe/world.ts';
import type { Store } from '../kube/store.ts';
import type { ObservedCopy, ObservedServiceAccount } from '../plan/observed.ts';

export interface Applier {
  /** Applies one action, and puts the server's answer into the world. `signal` aborts when leadership ends or the process stops. */
  apply(action: Action, signal: AbortSignal): Promise<void>;
  /** Who undid the same action before, in words, from the live object; undefined: it does not say, or not yet. */
  whoUndid(action: Action, signal: AbortSignal): Promise<string | undefined>;
}

interface ApplierOptions {
  client: KubeClient;
  world: World;
  content: (source: string, digest: string) => string | undefined;
  /** Custom objects that name copies. Absent: none do. */
  consumers?: Pick<Consumers, 'removeCopy'>;
}

export function createApplier({ client, world, content, consumers }: ApplierOptions): Applier {
  async function writeCopy(
    action: Exclude<CopyAction, { type: 'deleteCopy' }>,
    preconditions: { uid?: string; resourceVersion?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const data = content(action.source, action.digest);
    if (data === undefined) throw new SupersededError(`source "${action.source}" is gone`);
    const body: V1Secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: action.name,
        namespace: action.namespace,
        labels: {
          ...action.metadata?.labels,
          [LABEL_MANAGED_BY]: MANAGER,
          [LABEL_SOURCE]: action.source,
          [LABEL_INSTANCE]: world.instance,
        },
        ...(action.metadata?.annotations && { annotations: action.metadata.annotations }),
        ...preconditions,
      },
      type: TYPE_DOCKER_CONFIG_JSON,
      data: { [KEY_DOCKER_CONFIG_JSON]: data },
    };
    // Without a precondition the Secret must be new: not forced, so a Secret that was created in the meantime answers 409.
    // With one it is the very Secret that the plan saw, ours or adopted: forced, to correct drift.
    const force = preconditions.uid !== undefined;
    const path = paths.secrets(action.namespace, action.name);
    const options = { query: { fieldManager: MANAGER, force }, signal, sensitive: true };
    await put(
      world.copies.get(action.name),
      writingKey('copies', action),
      (now) => isAsWanted(now, action, world.instance),
      async () =>
        projectCopy(await client.patch<ApiObject>(path, 'application/apply-patch+yaml', body, options), world),
    );
  }

  /** Sends a write and puts the answer. What comes meanwhile and is done, from here or from the watch, calls no reconcile. */
  async function put<T extends ObservedCopy | ObservedServiceAccount>(
    store: Store<T> | undefined,
    key: string,
    isDone: (now: T) => boolean,
    send: () => Promise<T>,
  ): Promise<void> {
    world.writing.set(key, isDone as (now: ObservedCopy | ObservedServiceAccount) => boolean);
    try {
      // Before the store is looked at: without one, nothing behind the `?.` would be done.
      const written = await send();
      store?.put(written, true);
    } finally {
      world.writing.delete(key);
    }
  }

  async function deleteCopy(
    {
      namespace,
      name,
      uid,
      resourceVersion,
    }: { namespace: string; name: string; uid: string; resourceVersion: string },
    signal: AbortSignal,
  ): Promise<void> {
    const preconditions = { uid, resourceVersion };
    await client
      .delete(
        paths.secrets(namespace, name),
        { apiVersion: 'v1', kind: 'DeleteOptions', preconditions },
        { signal, sensitive: true },
      )
      .catch(unlessGone);
    // Do not wait for the watch event: until it comes, no plan may use a Secret that is gone.
    world.copies.get(name)?.remove(namespace, name);
  }

  /** Finalizers keep what was deleted, so nothing can be created in its place: that is another plan. Rethrows what else it was. */
  async function unlessStillThere(
    { namespace, name, uid }: Extract<CopyAction, { type: 'replaceCopy' }>,
    error: unknown,
    signal: AbortSignal,
  ): Promise<never> {
    if (!isRace(error)) throw error;
    const live = await client
      .get<ApiObject>(paths.secrets(namespace, name), { signal, sensitive: true })
      .catch(() => undefined);
    if (live?.metadata.uid !== uid) throw error;
    world.copies.get(name)?.put(projectCopy(live, world));
    throw new SupersededError(`copy ${namespace}/${name} is deleted, and still there`);
  }

  async function editReferences(
    { account: planned, edit: first, wanted }: EditReferences,
    signal: AbortSignal,
  ): Promise<void> {
    const path = paths.serviceAccounts(planned.namespace, planned.name);
    const options = { query: { fieldManager: MANAGER }, signal };
    const send = (patch: object): Promise<void> =>
      put(
        world.serviceAccounts,
        writingKey('serviceaccounts', planned),
        (now) => planReferences(now, wanted) === undefined && now.sync === planned.sync,
        async () =>
          projectServiceAccount(await client.patch<ApiObject>(path, 'application/json-patch+json', patch, options)),
      );
    let patch = toJsonPatch(planned, first);
    for (let lost = 1; ; lost++) {
      const refusal = await refusalOf(send(patch));
      if (refusal === undefined) return;
      await beforeRerun('', lost, refusal, signal);
      const live = projectServiceAccount(await client.get<ApiObject>(path, { signal }));
      world.serviceAccounts.put(live);
      if (live.uid !== planned.uid || live.sync !== planned.sync)
        throw new SupersededError(`ServiceAccount ${planned.namespace}/${planned.name} is another one now`);
      const again = planReferences(live, wanted);
      if (again === undefined) return;
      const next = toJsonPatch(live, again);
      // The same patch again, so its tests hold: no other writer was faster. An admission policy refuses it, now and the next
      // time. (A 409 can also be a race of other fields.)
      if (isInvalid(refusal) && JSON.stringify(next) === JSON.stringify(patch)) throw refusal;
      patch = next;
    }
  }

  return {
    whoUndid: (action, signal) => readOtherWriter(client, action, signal),
    async apply(action, signal) {
      signal.throwIfAborted();
      switch (action.type) {
        case 'createCopy':
          return void (await writeCopy(action, {}, signal));
        case 'updateCopy':
          // `return` of a promise would take three turns more.
          return void (await writeCopy(action, { uid: action.uid, resourceVersion: action.resourceVersion }, signal));
        case 'replaceCopy':
          await deleteCopy(action, signal);
          return writeCopy(action, {}, signal).catch((error: unknown) => unlessStillThere(action, error, signal));
        case 'deleteCopy':
          if (consumers === undefined) return deleteCopy(action, signal);
          return consumers.removeCopy(action, () => deleteCopy(action, signal), signal);
        case 'editReferences':
          return editReferences(action, signal).catch(unlessGone);
      }
    },
  };
}

/** A 404 is no failure: nothing is left to do. */
function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
