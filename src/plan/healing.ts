/**
 * Healing: which pods were made before their ServiceAccount had the reference to a copy, cannot pull without it, and are to be
 * evicted so that their owner makes them anew. Pure. First all that is in memory decides, then the owner and the account as they
 * are now.
 */
import type { V1Job } from '@kubernetes/client-node';
import { parseImage } from '../credentials/image-reference.ts';
import { quote } from '../text.ts';
import { whyJobForbids } from './job.ts';
import type { JobPod } from './job.ts';

/** A pod of which no container ever ran, and that cannot pull images because a registry wants a login or another one. */
export interface StuckPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** In milliseconds since 1970. */
  readonly createdAt: number | undefined;
  /** Undefined: nobody makes it anew. */
  readonly owner: PodOwner | undefined;
  readonly serviceAccount: string;
  /** Those that it has: they cannot be changed. */
  readonly pullSecrets: readonly string[];
  /** Of init and normal containers; those of ephemeral ones would not come back with a new pod. */
  readonly images: readonly string[];
  /** Absent: its owner is no Job. */
  readonly job?: JobPod;
}

/** The owner that the pod names as its controller. */
export interface PodOwner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** The copy of one source in the namespace. */
export interface HealingCopy {
  readonly source: string;
  readonly copyName: string;
  readonly uid: string | undefined;
  /** `off`: the source heals nothing. */
  readonly mode: 'off' | 'dry-run' | 'evict';
  /** Whether the namespace is opted in and the copy has the content that it is to have. */
  readonly isGood: boolean;
  /** What it has for an image of this name: `why` it is not to be counted on. */
  covers(imageName: string): 'nothing' | 'a login' | { readonly why: string };
  /** Whether the ServiceAccount of that name has the reference, and is to keep it. */
  isReferencedBy(account: string): boolean;
}

/** Why a pod is not evicted. */
export type LeftReason =
  | 'no owner'
  | 'unknown owner'
  | 'owner is going'
  | 'own list'
  | 'other account'
  | 'login'
  | 'no help'
  | 'stripped'
  | 'again'
  | 'job';

type Verdict =
  { readonly to: 'evict' } | { readonly to: 'leave'; readonly reason: LeftReason; readonly detail?: string };
interface Helped {
  readonly pod: StuckPod;
  readonly copy: HealingCopy;
  readonly image: string;
}
/** One pod that a copy would help. */
export type Judged = Helped & Verdict;
export type Candidate = Helped & { readonly to: 'evict' };

/** Owners that surely make a pod anew. A pod of any other owner may be gone for good. */
export const OWNERS: readonly { readonly apiGroup: string; readonly kind: string; readonly resource: string }[] = [
  { apiGroup: 'apps', kind: 'ReplicaSet', resource: 'replicasets' },
  { apiGroup: 'apps', kind: 'StatefulSet', resource: 'statefulsets' },
  { apiGroup: 'apps', kind: 'DaemonSet', resource: 'daemonsets' },
  { apiGroup: '', kind: 'ReplicationController', resource: 'replicationcontrollers' },
  { apiGroup: 'batch', kind: 'Job', resource: 'jobs' },
];

/** Undefined: it is none of these. */
export const resourceOfOwner = ({ apiVersion, kind }: PodOwner): string | undefined =>
  OWNERS.find((each) => each.kind === kind && apiVersion === (each.apiGroup === '' ? 'v1' : `${each.apiGroup}/v1`))
    ?.resource;

/** Those of a namespace's pods that a copy with healing would help. */
export function judgePods(pods: readonly StuckPod[], copies: readonly HealingCopy[]): Judged[] {
  /** Images that pods with the copy cannot pull either: a new pod would be none the better. */
  const useless = new Set(
    pods.flatMap((pod) =>
      pod.images.flatMap((image) => {
        const name = nameOf(image);
        return copies.filter(({ copyName }) => pod.pullSecrets.includes(copyName)).map((copy) => idOf(copy, name));
      }),
    ),
  );
  return pods.flatMap((pod) => {
    for (const image of pod.images) {
      const name = nameOf(image);
      if (name === undefined) continue;
      const copy = helpOf(pod, name, copies);
      if (copy !== undefined) return [{ pod, copy, image, ...verdictOf(pod, copy, name, useless) }];
    }
    return [];
  });
}

/** The copy that the pod would have if it were made now, and that has a login for the image; undefined: none, or the pod has a login. */
function helpOf({ pullSecrets, serviceAccount }: StuckPod, name: string, copies: readonly HealingCopy[]) {
  const covering = copies.filter((copy) => copy.covers(name) !== 'nothing');
  if (covering.some(({ copyName }) => pullSecrets.includes(copyName))) return undefined;
  return covering.find((copy) => copy.mode !== 'off' && copy.isGood && copy.isReferencedBy(serviceAccount));
}

const EVICT: Verdict = { to: 'evict' };
const leave = (reason: LeftReason, detail?: string): Verdict => ({
  to: 'leave',
  reason,
  ...(detail !== undefined && { detail }),
});

function verdictOf({ owner }: StuckPod, copy: HealingCopy, name: string, useless: ReadonlySet<string>): Verdict {
  if (owner === undefined) return leave('no owner');
  if (resourceOfOwner(owner) === undefined) return leave('unknown owner');
  const covers = copy.covers(name);
  if (typeof covers === 'object') return leave('login', covers.why);
  return useless.has(idOf(copy, name)) ? leave('no help') : EVICT;
}

/** The owner as it is now, as far as it matters. */
export interface LiveOwner {
  readonly uid: string;
  readonly isGoing: boolean;
  /** `imagePullSecrets` of its template. */
  readonly pullSecrets: readonly string[];
  /** ServiceAccount of its template. */
  readonly serviceAccount: string;
  readonly job?: V1Job;
}

/** The ServiceAccount as it is now. */
export interface LiveAccount {
  readonly pullSecrets: readonly string[];
  /**
   * When its list was last written, in milliseconds since 1970 by the clock of an API server; undefined: it does not say. Nor does
   * the account "default" that Kubernetes makes: of an object that was made without any field the server keeps no managers.
   */
  readonly listedAt: number | undefined;
}

/** Clocks of API servers differ, and both times are whole seconds. */
const CLOCKS_MS = 10_000;

/** What is in memory says `evict`: whether that holds. Undefined: the owner or the account is not there. */
export function judgeNow(
  { pod, copy }: Omit<Helped, 'image'>,
  owner: LiveOwner | undefined,
  account: LiveAccount | undefined,
): Verdict {
  if (owner === undefined || owner.uid !== pod.owner?.uid || owner.isGoing) return leave('owner is going');
  // A pod whose template has a list gets that list, and none of its ServiceAccount.
  if (owner.pullSecrets.length > 0)
    return owner.pullSecrets.includes(copy.copyName) ? jobVerdict(pod, owner) : leave('own list');
  if (owner.serviceAccount !== pod.serviceAccount || account?.pullSecrets.includes(copy.copyName) !== true)
    return leave('other account');
  // A pod that was made with the reference there, and lacks it, is not one that was made too early: the next would lack it, too.
  if (pod.createdAt === undefined || pod.createdAt > (account.listedAt ?? Infinity) + CLOCKS_MS)
    return leave('stripped');
  return jobVerdict(pod, owner);
}

function jobVerdict({ job }: StuckPod, owner: LiveOwner): Verdict {
  if (owner.job === undefined) return EVICT;
  const why = job === undefined ? 'nothing is known of it as a pod of a Job' : whyJobForbids(owner.job, job);
  return why === undefined ? EVICT : leave('job', why);
}

const DID = {
  evicted: 'Evicted',
  next: 'To be evicted',
  'dry-run': 'Would be evicted (dry-run)',
} as const;

/** For people, one line: why the pod cannot pull, and what was done or is to be done. */
export const noteOfEviction = ({ pod, copy, image }: Helped, did: keyof typeof DID): string =>
  `${DID[did]}, so that ${ownerOf(pod)} makes it anew: it was made before ServiceAccount ${quote(pod.serviceAccount)} had the ` +
  `pull Secret ${quote(copy.copyName)}, and cannot pull ${quote(image)} without it.`;

export function noteOfLeft({ pod, copy, image }: Helped, reason: LeftReason, detail = ''): string {
  const lacks = `Cannot pull ${quote(image)} without the pull Secret ${quote(copy.copyName)}, and is not evicted`;
  const taken = 'so something takes the reference out of new pods, such as a webhook.';
  const anew = 'delete the pod yourself, if it may be made anew.';
  switch (reason) {
    case 'no owner':
      return `${lacks}: it has no owner that would make it anew. Make it anew yourself.`;
    case 'unknown owner':
      return `${lacks}: whether ${ownerOf(pod)} makes a pod anew is not known; ${anew}`;
    case 'owner is going':
      return `${lacks}: ${ownerOf(pod)} is gone or is being deleted.`;
    case 'own list':
      return (
        `${lacks}: the pod template of ${ownerOf(pod)} names imagePullSecrets of its own, so a new pod would lack it, too. ` +
        `Add ${quote(copy.copyName)} there, or remove that list.`
      );
    case 'other account':
      return `${lacks}: a new pod would not have the list of ServiceAccount ${quote(pod.serviceAccount)} with it.`;
    case 'login':
      return `${lacks}: its credential for the registry cannot be counted on: ${detail}. See source ${quote(copy.source)}.`;
    case 'no help':
      return `${lacks}: a pod that has it cannot pull this image either. Look whether the login may pull it.`;
    case 'stripped':
      return `${lacks}: it was made when ServiceAccount ${quote(pod.serviceAccount)} had the reference already, ${taken}`;
    case 'again':
      return `${lacks}: another pod of ${ownerOf(pod)} was evicted for the same before this one was made, ${taken}`;
    case 'job':
      return `${lacks}: ${detail}. To have it made anew, ${anew}`;
  }
}

const ownerOf = ({ owner }: StuckPod): string =>
  owner === undefined ? 'nobody' : `${owner.kind} ${quote(owner.name)}`;

/** Undefined: kubelets cannot parse it. */
function nameOf(image: string): string | undefined {
  const parsed = parseImage(image);
  return parsed.ok ? parsed.image.name : undefined;
}

const idOf = ({ copyName }: HealingCopy, name: string | undefined): string => `${copyName} ${name ?? ''}`;
