/** Groups pods into workloads, one pod at a time, so that memory holds only one list page of whole pods. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { PULL_FAILURES } from '../../observe/failing-pulls.ts';
import { redactText } from './redact.ts';
import { originalImage } from './rewritten-images.ts';
import type { PullFailure, Workload } from './observation.ts';
import { cut, cutList } from '../../text.ts';

/** Longer than any image reference that a kubelet accepts. */
const MAX_IMAGE = 1024;
/** Longer than any object name. */
const MAX_NAME = 256;
/** Most characters of a pod's images, and of its pull secrets; the rest is ignored. */
const MAX_LIST = 8 * 1024;
/** Failing images of one pod that are kept: more add no information. */
const MAX_FAILURES = 8;
const LABEL_TEMPLATE_HASH = 'pod-template-hash';
const ANNOTATION_MIRROR = 'kubernetes.io/config.mirror';

interface PodTally {
  add(pod: V1Pod): void;
  /** Forgets everything, because the list starts again. */
  reset(): void;
  /** Number of counted pods, without finished and terminating ones. */
  readonly pods: number;
  /** Sorted by namespace, kind and name. */
  workloads(): Workload[];
}

type Tallied = { -readonly [K in keyof Workload]: Workload[K] };

export function createPodTally(): PodTally {
  let groups = new Map<string, Tallied>();
  let pods = 0;
  return {
    add(pod) {
      // Finished and terminating pods pull nothing.
      if (
        pod.metadata?.deletionTimestamp !== undefined ||
        pod.status?.phase === 'Succeeded' ||
        pod.status?.phase === 'Failed'
      )
        return;
      pods++;
      const workload = projectPod(pod);
      const { namespace, owner, serviceAccount, pullSecrets, images, failures, isStatic, rewritten } = workload;
      const id = JSON.stringify([
        namespace,
        owner.kind,
        owner.name,
        serviceAccount,
        pullSecrets,
        images,
        failures.map(({ image }) => image),
        isStatic,
        rewritten,
      ]);
      const known = groups.get(id);
      if (known === undefined) groups.set(id, workload);
      else {
        known.pods++;
        // Pods of one group are at different steps of the same retry: keep the most informative message.
        known.failures = known.failures.map((failure, i) => better(failure, failures[i] ?? failure));
      }
    },
    reset() {
      groups = new Map();
      pods = 0;
    },
    get pods() {
      return pods;
    },
    workloads: () =>
      [...groups.values()].sort(
        (a, b) =>
          compare(a.namespace, b.namespace) ||
          compare(a.owner.kind, b.owner.kind) ||
          compare(a.owner.name, b.owner.name),
      ),
  };
}

/** A workload of one pod. */
export function projectPod({ metadata = {}, spec, status }: V1Pod): Tallied {
  const rewrites = new Set<string>();
  const containers = [
    ...withOriginals(spec?.initContainers, true, metadata.annotations, rewrites),
    ...withOriginals(spec?.containers, false, metadata.annotations, rewrites),
    ...(spec?.ephemeralContainers ?? []),
  ];
  const images = cutList(new Set(containers.flatMap(({ image }) => (image ? [image] : []))), MAX_IMAGE, MAX_LIST);
  const rewritten = images.filter((image) => rewrites.has(image));
  const imageOf = new Map(containers.map(({ name, image }) => [name, cut(image ?? '', MAX_IMAGE)]));
  const failuresOf = (
    statuses: readonly V1ContainerStatus[] | undefined,
    containerKind: PullFailure['containerKind'],
  ): PullFailure[] =>
    (statuses ?? []).flatMap(({ name, image, state }) => {
      const reason = state?.waiting?.reason;
      if (reason === undefined || !PULL_FAILURES.has(reason)) return [];
      return [
        {
          image: imageOf.get(name) ?? cut(image, MAX_IMAGE),
          container: name,
          containerKind,
          reason,
          message: redactText(state?.waiting?.message ?? ''),
        },
      ];
    });
  const failures = [
    ...failuresOf(status?.initContainerStatuses, 'init container'),
    ...failuresOf(status?.containerStatuses, 'container'),
    ...failuresOf(status?.ephemeralContainerStatuses, 'ephemeral container'),
  ];
  const owner =
    metadata.ownerReferences?.find(({ controller }) => controller === true) ?? metadata.ownerReferences?.[0];
  return {
    namespace: metadata.namespace ?? '',
    owner: ownerOf(metadata, owner),
    serviceAccount: spec?.serviceAccountName ?? 'default',
    pullSecrets: cutList(
      (spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : [])),
      MAX_NAME,
      MAX_LIST,
    ),
    images,
    pods: 1,
    example: metadata.name ?? '',
    isStatic: owner?.kind === 'Node' || metadata.annotations?.[ANNOTATION_MIRROR] !== undefined,
    failures: [...new Map(failures.slice(0, MAX_FAILURES).map((failure) => [failure.image, failure])).values()],
    ...(rewritten.length > 0 && { rewritten }),
  };
}

/** Each container with the image that its author wrote; adds those that were rewritten to `rewrites`. */
function withOriginals(
  containers: readonly { readonly name: string; readonly image?: string }[] = [],
  isInit: boolean,
  annotations: Readonly<Record<string, string>> = {},
  rewrites: Set<string>,
): { name: string; image: string | undefined }[] {
  return containers.map(({ name, image }) => {
    const original = originalImage(image ?? '', name, isInit, annotations);
    if (original !== undefined) rewrites.add(original);
    return { name, image: original ?? image };
  });
}

/** Pods of a Deployment name its ReplicaSet, and pods of a CronJob its Job; people know the Deployment and the CronJob. */
function ownerOf(
  metadata: NonNullable<V1Pod['metadata']>,
  owner: { kind: string; name: string } | undefined,
): Workload['owner'] {
  if (owner === undefined || owner.kind === 'Node') return { kind: 'Pod', name: metadata.name ?? '' };
  const [kind, name] = [cut(owner.kind, MAX_NAME), cut(owner.name, MAX_NAME)];
  const hash = metadata.labels?.[LABEL_TEMPLATE_HASH];
  if (kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`))
    return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) };
  // A CronJob names its Jobs by their scheduled minute since 1970: eight digits from 1989 to 2160.
  const job = kind === 'Job' ? /^(.+)-\d{8}$/.exec(name) : null;
  return job?.[1] === undefined ? { kind, name } : { kind: 'CronJob', name: job[1] };
}

/** Prefers the message of the failed pull to a mere "Back-off". */
function better(a: PullFailure, b: PullFailure): PullFailure {
  return informative(b) > informative(a) ? b : a;
}
const informative = ({ reason, message }: PullFailure): number =>
  message === '' ? 0 : reason === 'ErrImagePull' ? 2 : message.includes('ErrImagePull') ? 3 : 1;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
