/**
 * Healing in the controller: when to look at which namespace, and how many evictions there may be. Only the leader does it, not in
 * a pause, and not while the brake has not counted or holds removals.
 */
import { createBucket, createBuckets } from '../async/buckets.ts';
import type { Rate } from '../async/buckets.ts';
import { createTurns } from '../async/fair.ts';
import { aborted, sleep } from '../async/sleep.ts';
import { inTurns } from '../async/steps.ts';
import { isPassing, messageOf, retryAfterOf } from '../errors.ts';
import type { CopyReader } from '../healing/copies.ts';
import { evict } from '../healing/evict.ts';
import { judgeLive } from '../healing/live.ts';
import { createHealingMemory } from '../healing/memory.ts';
import type { Row } from '../healing/memory.ts';
import type { Rounds } from '../healing/rounds.ts';
import { isConflict, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { PendingPods } from '../observe/pending-pods.ts';
import { judgePods } from '../plan/healing.ts';
import type { Candidate, Judged, LeftReason } from '../plan/healing.ts';
import { planSteps } from '../plan/namespace.ts';
import type { ObservedScope } from '../plan/observed.ts';
import type { Brake } from './brake.ts';
import type { HealingNews } from './healing-news.ts';
import type { Pause } from './pause.ts';

export interface Healing {
  /** Something changed in the namespace. */
  touch(namespace: string): void;
  /** Looks at all namespaces with pods that wait. */
  everything(): void;
  /** One term as the leader. Resolves after `term` aborts; nothing is written then. */
  run(term: AbortSignal): Promise<void>;
}

/** In milliseconds. */
export interface HealingTimings {
  /** Changes of a namespace are gathered for so long before it is looked at. */
  readonly gather: number;
  /** Between two evictions of one owner. A Job must have counted the pod first. */
  readonly owner: number;
  readonly job: number;
  /** Before an owner whose pods are left alone is looked at again. */
  readonly left: number;
}

export interface HealingOptions {
  client: KubeClient;
  pods: PendingPods['store'];
  observe: (namespace: string) => ObservedScope | undefined;
  copies: CopyReader;
  brake: Pick<Brake, 'isOpen'>;
  pause: Pick<Pause, 'on' | 'over'>;
  news: HealingNews;
  rounds: Rounds;
  /** Monotonic, in milliseconds. */
  now: () => number;
  timings?: Partial<HealingTimings> | undefined;
}

const TIMINGS: HealingTimings = { gather: 1_000, owner: 5_000, job: 60_000, left: 10 * 60_000 };
/** What fails in the whole cluster must not become an eviction of the whole cluster. */
const EVICTIONS: Rate = { burst: 20, perSecond: 20 / 60 };
const EVICTIONS_OF_A_NAMESPACE: Rate = { burst: 10, perSecond: 10 / 60 };
/** Looks at owners and accounts: a tenant decides how many there are. */
const LOOKS: Rate = { burst: 50, perSecond: 5 };
const LOOKS_OF_A_NAMESPACE: Rate = { burst: 20, perSecond: 0.5 };
/** How soon to look again for room within these limits, and whether the brake is open. */
const ROOM_MS = 3_000;
const ROOM_OF_A_NAMESPACE_MS = 10_000;
const BRAKE_MS = 5_000;
const LONGEST_BACKOFF_MS = 10 * 60_000;
/** A failure that lasts longer than so many tries is told. */
const PATIENCE = 3;
/** Of one namespace, in one look. */
const MOST_PODS = 1_000;

export function createHealing(options: HealingOptions): Healing {
  const { client, pods, observe, copies, brake, pause, news, rounds, now } = options;
  const timings = { ...TIMINGS, ...options.timings };
  const memory = createHealingMemory();
  const turn = createTurns();
  const evictions = createBucket(EVICTIONS, now);
  const evictionsOf = createBuckets(EVICTIONS_OF_A_NAMESPACE, undefined, now);
  const looks = createBucket(LOOKS, now);
  const looksOf = createBuckets(LOOKS_OF_A_NAMESPACE, undefined, now);
  /** When to look at each namespace. */
  const due = new Map<string, number>();
  let leading = false;
  let wake = Promise.withResolvers<void>();

  function mark(namespace: string, afterMs: number): void {
    const known = due.get(namespace) ?? Infinity;
    const at = Math.min(known, now() + afterMs);
    if (known === at && at > now()) return;
    due.set(namespace, at);
    wake.resolve();
    wake = Promise.withResolvers();
  }

  /** The namespace whose turn it is; undefined: the term is over. Without work it waits without a timer. */
  async function next(term: AbortSignal): Promise<string | undefined> {
    while (!term.aborted) {
      const [namespace, at] = [...due].reduce<[string, number]>((a, b) => (b[1] < a[1] ? b : a), ['', Infinity]);
      if (at > now()) await waitFor(at - now(), term);
      else if (pause.on) await Promise.race([pause.over(), aborted(term)]);
      else if (!brake.isOpen()) await sleep(BRAKE_MS, term);
      else if (evictions.isEmpty() || looks.isEmpty()) await sleep(ROOM_MS, term);
      else if (due.delete(namespace)) return namespace;
    }
    return undefined;
  }

  /** Or until a namespace is marked. */
  async function waitFor(ms: number, term: AbortSignal): Promise<void> {
    const done = new AbortController();
    const until = AbortSignal.any([term, done.signal]);
    await Promise.race([wake.promise, ms === Infinity ? aborted(until) : sleep(Math.ceil(ms), until)]);
    done.abort();
  }

  /** In how many milliseconds to look again; undefined: when something changes. */
  async function look(namespace: string, term: AbortSignal): Promise<number | undefined> {
    const scope = observe(namespace);
    const stuck = [...pods.in(namespace)].flatMap((pod) => pod.stuck ?? []).slice(0, MOST_PODS);
    const judged =
      scope === undefined || stuck.length === 0
        ? []
        : judgePods(stuck, copies(scope, await inTurns(planSteps(scope), turn)));
    const rows = judged.map((each): [Judged, Row] => [each, memory.of(idOf(each))]);
    news.count(namespace, rows);
    const waits: number[] = [];
    for (const [each, row] of rows) {
      if (each.to === 'leave') news.left(each, row, each.reason, each.detail);
      else if (row.nextAt > now()) waits.push(row.nextAt - now());
      else if (rounds.isLater(each)) leave(each, row, 'again');
      // One owner at a turn: other namespaces come next.
      else return step(each, row, term);
    }
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  /** Looks at the owner, and evicts. Returns when to look at the namespace again. */
  async function step(each: Candidate, row: Row, term: AbortSignal): Promise<number> {
    const { pod, copy } = each;
    if (!looksOf.take(pod.namespace) || !looks.take()) return ROOM_OF_A_NAMESPACE_MS;
    try {
      const verdict = await judgeLive(client, each, term);
      if (verdict.to === 'leave') leave(each, row, verdict.reason, verdict.detail);
      else if (copy.mode !== 'evict') {
        row.nextAt = now() + timings.left;
        news.wouldEvict(each, row);
      } else if (pause.on || !brake.isOpen()) return BRAKE_MS;
      else if (!evictionsOf.take(pod.namespace) || !evictions.take()) return ROOM_OF_A_NAMESPACE_MS;
      else {
        await rounds.begin(
          each,
          [...pods.in(pod.namespace)].map(({ createdAt }) => createdAt),
          term,
        );
        await evict(client, pod, term);
        row.failures = 0;
        row.nextAt = now() + (pod.job === undefined ? timings.owner : timings.job);
        news.evicted(each);
      }
    } catch (error) {
      if (!term.aborted) failed(each, row, error);
    }
    return 0;
  }

  function failed(each: Candidate, row: Row, error: unknown): void {
    // It changed, or is gone: the watch says how, and then it is judged again.
    if (isConflict(error) || isNotFound(error)) {
      row.nextAt = now() + timings.gather;
      return;
    }
    const backoffMs = Math.min(LONGEST_BACKOFF_MS, timings.owner * 2 ** row.failures++);
    row.nextAt = now() + Math.max(backoffMs, retryAfterOf(error) ?? 0);
    news.failed(each, messageOf(error), !isPassing(error) || row.failures === PATIENCE);
  }

  function leave(each: Judged, row: Row, reason: LeftReason, detail?: string): void {
    row.nextAt = now() + timings.left;
    news.left(each, row, reason, detail);
  }

  function touch(namespace: string): void {
    if (leading && pods.in(namespace)[Symbol.iterator]().next().done !== true) mark(namespace, timings.gather);
  }

  function everything(): void {
    for (const namespace of new Set([...pods.all()].map((pod) => pod.namespace))) touch(namespace);
  }

  return {
    touch(namespace) {
      touch(namespace);
      // The last of its pods may be gone.
      if (leading && new Set(news.counted()).has(namespace)) mark(namespace, timings.gather);
    },
    everything,
    async run(term) {
      memory.clear();
      leading = true;
      everything();
      try {
        for (let namespace = await next(term); namespace !== undefined; namespace = await next(term)) {
          const againMs = await look(namespace, term);
          if (againMs !== undefined) mark(namespace, againMs);
        }
      } finally {
        leading = false;
        due.clear();
        news.clear();
      }
    },
  };
}

/** An owner, or a pod without one, and the copy. */
const idOf = ({ pod, copy }: Judged): string => `${pod.owner?.uid ?? pod.uid} ${copy.copyName}`;
