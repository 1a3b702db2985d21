/**
 * The render shape: a Secret in the product's own format; then, if the product reads it only at its start, a restart of its
 * workload. Each is a target of its own, so that a crash between the two converges.
 */
import type { V1PodList } from '@kubernetes/client-node';
import { isDeepStrictEqual } from 'node:util';
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
import { ownedKeys, textOf, TYPE_OPAQUE } from './rendered-secret.ts';
import type { ObservedSecret } from './rendered-secret.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import type { Mac } from '../credentials/digest.ts';

/** On the pod template of the workload: keyed digest of the Secret's data that its pods started with. */
export const ANNOTATION_LOGIN = 'pullpass.dev/login';

const NOTHING_RESTARTS_IT =
  'it reads its login only when it starts, and nothing shows that it was restarted: name its "workload", ' +
  'or set settle.lifetimeSeconds to the time in which something else restarts it';

/** Of a shared Secret, in place of a part: something in it is of no cache proxy any more. */
const UNTIDY: [key: string, text: undefined] = ['', undefined];

/** More are not looked at for their mounts. */
const MOST_PODS = 500;

/** Key of the Secret -> its text for a login. The keys do not depend on the login. */
export type Files = Readonly<Record<string, (login: UpstreamLogin) => string>>;

type Data = Readonly<Record<string, string>>;

/** How cache proxies share one Secret: each writes its part, and leaves the others' parts as they are, whatever became of their sources. */
export interface Sharing {
  /** In whose name the Secret is written: that of the first of them. */
  readonly owner: string;
  /** Its own part of what the Secret holds, in the form of its {@link Files}; a key is absent if it has none. */
  part(held: Data): Data;
  /** What the Secret is to hold: `own`, and of `held` the parts of the others. What is of nobody goes. */
  merge(held: Data, own: Data): Data;
}

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

/** `sharing`: absent where the Secret is its own. */
export function render(
  { name, secret, workload, settle }: RenderConfig,
  files: Files,
  reading: Reading,
  sharing?: Sharing,
): CacheProxy {
  const owner = sharing?.owner ?? name;
  // Who came first keeps the plain name: a second login in the Secret does not write or roll anything for the first.
  const annotation = owner === name ? ANNOTATION_LOGIN : `${name}.${ANNOTATION_LOGIN}`;
  const content = (login: UpstreamLogin): Record<string, string> =>
    Object.fromEntries(Object.entries(files).map(([key, text]) => [key, text(login)]));
  /** MAC of all that it writes into the Secret: shows with which data the pods have started. */
  const revision = (login: UpstreamLogin, mac: Mac): string =>
    mac(JSON.stringify(Object.entries(content(login)).sort(byKey)));
  return {
    targets: [
      secretTarget({ owner, secret, keys: Object.keys(files), sharing }, content),
      ...(workload === undefined ? [] : [workloadTarget(workload, annotation, revision)]),
    ],
    holders: {
      unseen: workload === undefined ? reading.unseen : `pods that were not rolled yet; ${reading.unseen}`,
    },
    identity: JSON.stringify({ secret, workload, keys: Object.keys(files).sort() }),
    ...(workload !== undefined && { edited: rolled(workload, annotation) }),
    async apply(login, { kube, mac }) {
      // First the Secret: pods that start from now on have the new login; then the old pods are replaced.
      const own = content(login);
      await kube.applySecret({ ...secret, owner, data: own, merge: sharing && ((held) => sharing.merge(held, own)) });
      if (workload !== undefined) await roll(kube, { proxy: name, workload, annotation }, revision(login, mac));
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
  {
    owner: wanted,
    secret: { namespace, name },
    keys,
    sharing,
  }: Pick<RenderConfig, 'secret'> & { owner: string; keys: readonly string[]; sharing: Sharing | undefined },
  content: (login: UpstreamLogin) => Record<string, string>,
): Target {
  const shown = (secret: ObservedSecret): [key: string, text: string | undefined][] => {
    const written = [...new Set([...keys, ...ownedKeys(secret)])];
    const all = textOf(secret);
    if (sharing === undefined) return written.map((key) => [key, all[key]]);
    const held = Object.fromEntries(written.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])));
    const own = sharing.part(held);
    const isTidy = isDeepStrictEqual(sharing.merge(held, own), held);
    return [...keys.map((key): [string, string | undefined] => [key, own[key]]), ...(isTidy ? [] : [UNTIDY])];
  };
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
      const { type = '', ...secret } = object as ObservedSecret;
      const owner =
        ownerOf(secret.metadata, undefined) === 'login' ? (secret.metadata.labels?.[LABEL_CACHE_PROXY] ?? '') : '';
      // What was written for an older configuration still holds a login: it counts as a difference until it is removed.
      return show(owner, type, shown(secret), mac);
    },
    expected: (login, mac) => show(wanted, TYPE_OPAQUE, Object.entries(content(login)), mac),
  };
}

type Rolled = ApiObject & { spec?: { template?: { metadata?: { annotations?: Record<string, string> } } } };
const rolledTo = (object: Rolled, annotation: string): string | undefined =>
  object.spec?.template?.metadata?.annotations?.[annotation];

function workloadTarget(
  workload: Workload,
  annotation: string,
  revision: (login: UpstreamLogin, mac: Mac) => string,
): Target {
  return {
    path: collection(workload),
    namespace: workload.namespace,
    name: workload.name,
    fingerprint: (object) => (object === undefined ? 'absent' : (rolledTo(object, annotation) ?? 'never rolled')),
    expected: revision,
  };
}

/** Sets one annotation of the pod template: then the workload's controller replaces the pods. */
async function roll(
  kube: ProxyKube,
  { proxy, workload, annotation }: { proxy: string; workload: Workload; annotation: string },
  revision: string,
): Promise<void> {
  const path = `${collection(workload)}/${encodeURIComponent(workload.name)}`;
  const found = await kube.get<Rolled>(path);
  if (found === undefined)
    throw new UserError(
      `cache proxy "${proxy}": ${workload.kind} ${workload.namespace}/${workload.name} is not there ` +
        'and cannot be rolled: install it, or correct "workload" in the configuration',
    );
  if (rolledTo(found, annotation) === revision) return;
  await kube.patch(path, 'application/merge-patch+json', {
    spec: { template: { metadata: { annotations: { [annotation]: revision } } } },
  });
}

function rolled({ kind, namespace, name }: Workload, annotation: string): Edited {
  const fields = [`/spec/template${annotationPath(annotation)}`];
  return { apiGroup: 'apps', resource: resourceOf(kind), namespace, name, fields };
}

const resourceOf = (kind: Workload['kind']): string => `${kind.toLowerCase()}s`;
const collection = ({ kind, namespace }: Workload): string =>
  `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/${resourceOf(kind)}`;
/** By code unit: the order must not depend on the machine's locale. */
const byKey = ([a]: [string, ...unknown[]], [b]: [string, ...unknown[]]): number => (a < b ? -1 : 1);
