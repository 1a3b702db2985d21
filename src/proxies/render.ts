/**
 * The render shape: a Secret in the product's own format; then, if the product reads it only at its start, a restart of its
 * workload. Each is a target of its own, so that a crash between the two converges.
 */
import type { V1PodList } from '@kubernetes/client-node';
import { subPathMount } from './mounts.ts';
import { MOUNT_SECONDS } from './settling.ts';
import { rolling } from './workload.ts';
import type { RollingWorkload } from './workload.ts';
import { UserError } from '../errors.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { LABEL_CACHE_PROXY } from '../names.ts';
import { ownerOf } from '../owner.ts';
import type { CacheProxy, Edited, ProxyKube, Target } from './adapter.ts';
import { annotationPath } from './object-edit.ts';
import { decode, ownedKeys, TYPE_OPAQUE } from './rendered-secret.ts';
import type { ObservedSecret } from './rendered-secret.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import type { Mac } from '../credentials/digest.ts';

/** On the pod template of the workload: keyed digest of the Secret's data that its pods started with. */
export const ANNOTATION_LOGIN = 'pullpass.dev/login';

const NOTHING_RESTARTS_IT =
  'it reads its login only when it starts, and nothing shows that it was restarted: name its "workload", ' +
  'or set settle.lifetimeSeconds to the time in which something else restarts it';

/** More are not looked at for their mounts. */
const MOST_PODS = 500;

/** Key of the Secret -> its text for a login. The keys do not depend on the login. */
export type Files = Readonly<Record<string, (login: UpstreamLogin) => string>>;

interface Workload {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly namespace: string;
  readonly name: string;
}

/** The part of the configuration that all render kinds have. */
interface RenderConfig {
  readonly name: string;
  readonly secret: { readonly namespace: string; readonly name: string };
  /** None: the product reads the Secret by itself, or something else restarts it. */
  readonly workload?: Workload | undefined;
  /** How long something else takes to restart it, if it does. */
  readonly settle?: { readonly lifetimeSeconds?: number | undefined } | undefined;
}

/** How the product reads the Secret: as environment or file at its start only, or again while it runs. */
interface Reading {
  readonly when: 'at start' | 'again';
  /** For how many seconds it keeps what it read. */
  readonly lifetime?: number;
  /** What holds the login besides the Secret and the pods that were not rolled yet: see Holders. */
  readonly unseen: string;
}

export function render({ name, secret, workload, settle }: RenderConfig, files: Files, reading: Reading): CacheProxy {
  const content = (login: UpstreamLogin): Record<string, string> =>
    Object.fromEntries(Object.entries(files).map(([key, text]) => [key, text(login)]));
  /** MAC of all the Secret's data: shows with which data the pods have started. */
  const revision = (login: UpstreamLogin, mac: Mac): string =>
    mac(JSON.stringify(Object.entries(content(login)).sort(byKey)));
  return {
    targets: [
      secretTarget(name, secret, Object.keys(files), content),
      ...(workload === undefined ? [] : [workloadTarget(workload, revision)]),
    ],
    holders: {
      unseen: workload === undefined ? reading.unseen : `pods that were not rolled yet; ${reading.unseen}`,
    },
    identity: JSON.stringify({ secret, workload, keys: Object.keys(files).sort() }),
    ...(workload !== undefined && { edited: rolled(workload) }),
    async apply(login, { kube, mac }) {
      // First the Secret: pods that start from now on have the new login; then the old pods are replaced.
      await kube.applySecret({ ...secret, data: content(login) });
      if (workload !== undefined) await roll(kube, name, workload, revision(login, mac));
    },
    ...(workload === undefined && {
      settling: { mount: MOUNT_SECONDS, lifetime: reading.lifetime ?? 0, token: 'registry' },
    }),
    async unsettled({ kube }) {
      if (workload !== undefined) {
        const found = await kube.get<RollingWorkload>(`${collection(workload)}/${encodeURIComponent(workload.name)}`);
        const left = found === undefined ? 'it is not there' : rolling(found);
        return left === undefined
          ? undefined
          : { why: `${workload.kind} ${workload.namespace}/${workload.name}: ${left}` };
      }
      if (reading.when === 'at start')
        return settle?.lifetimeSeconds === undefined ? { why: NOTHING_RESTARTS_IT } : undefined;
      const pods = await kube.get<V1PodList>(
        `/api/v1/namespaces/${encodeURIComponent(secret.namespace)}/pods?limit=${MOST_PODS}`,
      );
      const why = subPathMount(pods?.items ?? [], secret.name);
      return why === undefined ? undefined : { why, never: true };
    },
  };
}

function secretTarget(
  proxy: string,
  { namespace, name }: RenderConfig['secret'],
  keys: readonly string[],
  content: (login: UpstreamLogin) => Record<string, string>,
): Target {
  // The owner counts, too: a Secret of others must be reported, even if it happens to hold the right login.
  const show = (owner: string, type: string, texts: [key: string, text: string | undefined][], mac: Mac): string =>
    JSON.stringify([
      owner,
      type,
      ...texts.sort(byKey).map(([key, text]) => [key, text === undefined ? null : mac(text)]),
    ]);
  return {
    path: paths.secrets(namespace),
    namespace,
    name,
    fingerprint(object, mac) {
      if (object === undefined) return 'absent';
      const { type = '', data = {}, ...secret } = object as ObservedSecret;
      const owner =
        ownerOf(secret.metadata, undefined) === 'login' ? (secret.metadata.labels?.[LABEL_CACHE_PROXY] ?? '') : '';
      // A key written for an older configuration still holds a login: it counts as a difference until it is removed.
      return show(
        owner,
        type,
        [...new Set([...keys, ...ownedKeys(secret)])].map((key) => [
          key,
          data[key] === undefined ? undefined : decode(data[key]),
        ]),
        mac,
      );
    },
    expected: (login, mac) => show(proxy, TYPE_OPAQUE, Object.entries(content(login)), mac),
  };
}

type Rolled = ApiObject & { spec?: { template?: { metadata?: { annotations?: Record<string, string> } } } };
const rolledTo = (object: Rolled): string | undefined =>
  object.spec?.template?.metadata?.annotations?.[ANNOTATION_LOGIN];

function workloadTarget(workload: Workload, revision: (login: UpstreamLogin, mac: Mac) => string): Target {
  return {
    path: collection(workload),
    namespace: workload.namespace,
    name: workload.name,
    fingerprint: (object) => (object === undefined ? 'absent' : (rolledTo(object) ?? 'never rolled')),
    expected: revision,
  };
}

/** Sets one annotation of the pod template: then the workload's controller replaces the pods. */
async function roll(kube: ProxyKube, proxy: string, workload: Workload, revision: string): Promise<void> {
  const path = `${collection(workload)}/${encodeURIComponent(workload.name)}`;
  const found = await kube.get<Rolled>(path);
  if (found === undefined)
    throw new UserError(
      `cache proxy "${proxy}": ${workload.kind} ${workload.namespace}/${workload.name} is not there ` +
        'and cannot be rolled: install it, or correct "workload" in the configuration',
    );
  if (rolledTo(found) === revision) return;
  await kube.patch(path, 'application/merge-patch+json', {
    spec: { template: { metadata: { annotations: { [ANNOTATION_LOGIN]: revision } } } },
  });
}

function rolled({ kind, namespace, name }: Workload): Edited {
  const fields = [`/spec/template${annotationPath(ANNOTATION_LOGIN)}`];
  return { apiGroup: 'apps', resource: resourceOf(kind), namespace, name, fields };
}

const resourceOf = (kind: Workload['kind']): string => `${kind.toLowerCase()}s`;
const collection = ({ kind, namespace }: Workload): string =>
  `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/${resourceOf(kind)}`;
/** By code unit: the order must not depend on the machine's locale. */
const byKey = ([a]: [string, ...unknown[]], [b]: [string, ...unknown[]]): number => (a < b ? -1 : 1);
