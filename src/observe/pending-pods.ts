/** Pods that wait: of each only what healing needs, and nothing at all of those that do not fail to pull for want of a login. */
import type { V1ContainerStatus, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import type { Configuration } from '../config/schema.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { createPartedStore } from '../kube/parted-store.ts';
import { createStore } from '../kube/store.ts';
import type { Store, Stored } from '../kube/store.ts';
import type { StuckPod } from '../plan/healing.ts';
import { classifyPullError } from '../plan/pull-error.ts';
import { cut, cutList } from '../text.ts';
import { timeOf } from './projections.ts';
import type { Feed } from './world.ts';

export interface PendingPod extends Stored {
  readonly namespace: string;
  /** In milliseconds since 1970. */
  readonly createdAt: number | undefined;
  /** Absent: healing has nothing to do with it. */
  readonly stuck?: StuckPod;
}

/** As JSON: times are texts. */
type Pod = ApiObject & Pick<V1Pod, 'spec' | 'status'> & { readonly metadata: Pick<V1ObjectMeta, 'ownerReferences'> };

const ANNOTATION_MIRROR = 'kubernetes.io/config.mirror';
const ANNOTATION_INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count';
/** A node says so of a container whose image it cannot pull. */
const PULLING = ['ErrImagePull', 'ImagePullBackOff'];
/** Longer than any image reference that a kubelet accepts, and than any name. */
const MAX_TEXT = 1024;
const MAX_LIST = 4 * 1024;
const MAX_MESSAGE = 4000;
const MAX_CONDITIONS = 32;

/** Whether any source heals: only then are pods watched. */
export const heals = ({ sources }: Pick<Configuration, 'sources'>): boolean =>
  sources.some(({ healing }) => healing !== undefined);

export interface PendingPods {
  readonly store: Store<PendingPod>;
  /** One feed, or one for each listed namespace; none while no source heals, and then nothing is kept. */
  feeds(configuration: Pick<Configuration, 'sources'>): Feed[];
}

/** `listed`: the namespaces of `--namespaces`; undefined: all. */
export function createPendingPods(listed?: readonly string[]): PendingPods {
  const parted = listed && createPartedStore<PendingPod>(listed);
  const store = parted ?? createStore<PendingPod>();
  const feedOf = (place: string | undefined): Feed<PendingPod> => {
    const part = place === undefined || parted === undefined ? store : parted.part(place);
    return {
      id: place === undefined ? 'pods' : `pods in ${place}`,
      resource: 'pods',
      ...(place !== undefined && { listed: place }),
      selector: { path: paths.pods(place), fieldSelector: 'status.phase=Pending' },
      project: (pod: Pod) => projectPendingPod(pod, part.get(pod.metadata.namespace ?? '', pod.metadata.name)),
      store: part,
    };
  };
  return {
    store,
    feeds(configuration) {
      const feeds = (listed ?? [undefined]).map(feedOf);
      if (heals(configuration)) return feeds;
      for (const feed of feeds) feed.store.replace([]);
      return [];
    },
  };
}

/** `before`: what was kept of it, for the message of a kubelet between two tries may not say why the last one failed. */
export function projectPendingPod(pod: Pod, before?: PendingPod): PendingPod {
  const { name, namespace = '', uid = '', resourceVersion = '' } = pod.metadata;
  const createdAt = timeOf(pod.metadata.creationTimestamp);
  const identity = { namespace, name, uid, resourceVersion, createdAt };
  if (!isHealable(pod)) return identity;
  const { metadata, spec, status } = pod;
  const known = before?.uid === uid ? (before.stuck?.images ?? []) : [];
  const imageOf = new Map(
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((each) => [each.name, each.image]),
  );
  const images = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap((each) => {
    const image = cut(imageOf.get(each.name) ?? each.image, MAX_TEXT);
    return lacksLogin(each, known.includes(image)) ? [image] : [];
  });
  if (images.length === 0) return identity;
  const secrets = (spec?.imagePullSecrets ?? []).flatMap((each) => each.name ?? []);
  const pullSecrets = cutList(secrets, MAX_TEXT, MAX_LIST);
  // Of a list that is not known as a whole nothing can be said to be missing.
  if (pullSecrets.length < secrets.length) return identity;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return {
    ...identity,
    stuck: {
      ...identity,
      owner: owner && {
        apiVersion: cut(owner.apiVersion, MAX_TEXT),
        kind: cut(owner.kind, MAX_TEXT),
        name: cut(owner.name, MAX_TEXT),
        uid: cut(owner.uid, MAX_TEXT),
      },
      serviceAccount: spec?.serviceAccountName ?? 'default',
      pullSecrets,
      images: cutList(new Set(images), MAX_TEXT, MAX_LIST),
      ...(owner?.kind === 'Job' && {
        job: {
          conditions: (status?.conditions ?? [])
            .slice(0, MAX_CONDITIONS)
            .map((each) => ({ type: cut(each.type, MAX_TEXT), status: cut(each.status, MAX_TEXT) })),
          // As the Job controller reads it.
          indexFailures: Number.parseInt(metadata.annotations?.[ANNOTATION_INDEX_FAILURES] ?? '', 10) || 0,
        },
      }),
    },
  };
}

/** Waits, is no static pod and stays, and none of its containers ever ran: then nothing is lost with it. */
function isHealable({ metadata, status }: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return (
    status?.phase === 'Pending' &&
    metadata.deletionTimestamp === undefined &&
    metadata.annotations?.[ANNOTATION_MIRROR] === undefined &&
    metadata.ownerReferences?.some(({ kind }) => kind === 'Node') !== true &&
    [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].every(neverRan)
  );
}

const neverRan = ({ state, lastState, restartCount, started }: V1ContainerStatus): boolean =>
  state?.running === undefined &&
  state?.terminated === undefined &&
  lastState?.running === undefined &&
  lastState?.terminated === undefined &&
  restartCount === 0 &&
  started !== true;

/** `before`: the try before did. Older kubelets say between two tries only that they wait. */
function lacksLogin({ state }: V1ContainerStatus, before: boolean): boolean {
  const { reason = '', message = '' } = state?.waiting ?? {};
  if (!PULLING.includes(reason)) return false;
  const isVague = /^(Back-off pulling image ("[^"]*"|\S+))?$/.test(cut(message, MAX_MESSAGE));
  return isVague ? before : classifyPullError(reason, cut(message, MAX_MESSAGE)) === 'login';
}
