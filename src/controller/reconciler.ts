/** Handles the keys of the work queue: reconciles each, decides on the retry, and reports the outcome. */
import { capital, some } from '../text.ts';
import { isPassing, kindOf, messageOf } from '../errors.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../log.ts';
import { retryAfter } from '../retry.ts';
import type { Retry } from '../retry.ts';
import { MANAGER } from '../names.ts';
import type { ObservedScope } from '../plan/observed.ts';
import { noteOf } from '../plan/problem.ts';
import type { ObjectRef, Problem } from '../plan/problem.ts';
import type { Applier } from '../reconcile/apply.ts';
import { StillNamedError } from '../reconcile/consumers.ts';
import { describeDone, describeFailure } from '../reconcile/describe.ts';
import { noticesOf, standingsAfter } from '../reconcile/outcome.ts';
import { reconcileNamespace } from '../reconcile/namespace.ts';
import type { NamespaceOutcome } from '../reconcile/namespace.ts';
import { createTurns } from '../async/fair.ts';
import type { Brake } from './brake.ts';
import { createContests } from './contests.ts';
import type { Metrics } from '../server/metrics.ts';
import type { Rotations } from '../rotation/rotations.ts';
import type { TenantLog } from './tenant-log.ts';
import { parseKey } from './triggers.ts';
import type { Key } from './triggers.ts';
import type { WorkQueue } from './work-queue.ts';
import type { SourceStanding } from '../plan/namespace-plan.ts';

/** How many retries a transient failure gets before it is reported. */
const PATIENCE = 3;

interface ReconcilerOptions {
  queue: WorkQueue<Key>;
  /** undefined: the namespace does not exist. */
  observe: (namespace: string) => ObservedScope | undefined;
  /** Whether nothing is known of a namespace that {@link observe} does not show. */
  isUnread: (namespace: string) => boolean;
  /** A namespace whose state is known was looked at. */
  onSeen: (namespace: string, isThere: boolean) => void;
  applier: Applier;
  events: EventRecorder;
  rotations: Rotations;
  log: Log;
  tenantLog: TenantLog;
  /** Reconciles a cache proxy by name. */
  proxy: (name: string, fence: AbortSignal) => Promise<Retry>;
  /** Says whether plans may remove, and gets each plan. */
  brake: Pick<Brake, 'isOpen' | 'settle'>;
  metrics: Pick<Metrics, 'contestedObjects'>;
  onReconciled: (result: 'in-sync' | 'changed' | 'waiting' | 'failed', seconds: number) => void;
}

interface Reconciler {
  /** Handles keys until `signal` aborts, then finishes those in flight. Writes stop at once when `fence` aborts. */
  run(options: { concurrency: number; signal: AbortSignal; fence: AbortSignal }): Promise<void>;
  /** The standings of each namespace at its last reconcile. */
  standings(): ReadonlyMap<string, readonly SourceStanding[]>;
}

const EVENT = { type: 'Warning', action: 'Reconcile' } as const;

/** Most writes that the log line of one reconcile names. */
const MAX_DESCRIBED = 20;

export function createReconciler({
  queue,
  observe,
  isUnread,
  onSeen,
  applier,
  events,
  rotations,
  log,
  tenantLog,
  proxy,
  brake,
  metrics,
  onReconciled,
}: ReconcilerOptions): Reconciler {
  const standings = new Map<string, readonly SourceStanding[]>();
  const turn = createTurns();
  const contests = createContests({
    whoUndid: applier.whoUndid,
    log: tenantLog,
    metrics,
    now: () => performance.now(),
  });
  /** The reported problems of each namespace, to tell a solved problem from one that lasts. */
  const reported = new Map<string, Map<string, Problem>>();

  async function handle(key: Key, fence: AbortSignal): Promise<void> {
    const [kind, name] = parseKey(key);
    if (kind === 'proxy') settle(key, await proxy(name, fence), fence);
    else await handleNamespace(key, name, fence);
  }

  async function handleNamespace(key: Key, namespace: string, fence: AbortSignal): Promise<void> {
    const scope = observe(namespace);
    const unread = scope === undefined && isUnread(namespace);
    if (!unread) onSeen(namespace, scope !== undefined);
    if (scope === undefined) {
      standings.delete(namespace);
      report(namespace, []);
      // Where nothing can be seen, copies may have the content before.
      if (!unread) rotations.drop(namespace);
      brake.settle(namespace, undefined);
      contests.drop(namespace);
      queue.forget(key);
      return;
    }
    const startedAt = performance.now();
    const outcome = await reconcileNamespace(scope, applier, fence, {
      turn,
      hold: !brake.isOpen(),
      pace: contests.pace,
    });
    const now = standingsAfter(outcome);
    standings.set(namespace, now);
    onReconciled(resultOf(outcome), (performance.now() - startedAt) / 1000);
    tell(key, namespace, outcome, fence);
    for (const note of noticesOf(outcome))
      events.record({ ...EVENT, regarding: regarding(namespaceRef(scope)), reason: 'CopyRemoved', note });
    const contest = await contests.settle(scope, outcome.waiting, fence);
    report(namespace, [...outcome.plan.problems, ...refusals(scope, outcome, queue.retries(key)), ...contest.problems]);
    // A namespace that is being deleted gets no new content, however long the deletion takes.
    if (scope.namespace.terminating) rotations.drop(namespace);
    else rotations.settle(namespace, now, scope.sources, outcome.plan.held);
    brake.settle(namespace, outcome.plan);
    settle(key, retryAfter(outcome.failures.map(({ error }) => error)), fence);
    if (contest.afterMs !== undefined && !fence.aborted) queue.addAfter(key, contest.afterMs);
  }

  function settle(key: Key, retry: Retry, fence: AbortSignal): void {
    // No longer the leader: the next leader enqueues every key.
    if (fence.aborted) return;
    if (retry === 'done') queue.forget(key);
    else if (retry === 'backoff') queue.retry(key);
    else queue.addAfter(key, retry.afterMs);
  }

  function tell(key: Key, namespace: string, { done, failures }: NamespaceOutcome, fence: AbortSignal): void {
    if (done.length > 0) {
      // A rotation updates many copies, and has its own log line; so has a contest. Others, as for an opt-in, are logged at info.
      const level = done.every((action) => action.type === 'updateCopy' || contests.isContested(action))
        ? 'debug'
        : 'info';
      if (log.isLevelEnabled(level)) tenantLog.line(level, namespace, {}, some(done.map(describeDone), MAX_DESCRIBED));
    }
    const retries = queue.retries(key);
    for (const failure of failures) {
      // After the fence aborts, every write fails as intended.
      const passing = fence.aborted || (isPassing(failure.error) && retries < PATIENCE);
      tenantLog.line(passing ? 'debug' : 'warn', namespace, { retries }, describeFailure(failure));
    }
  }

  function report(namespace: string, problems: readonly Problem[]): void {
    const before = reported.get(namespace);
    if (!before && problems.length === 0) return;
    const now = new Map(problems.map((problem) => [problemKey(problem), problem]));
    for (const [key, problem] of before ?? [])
      if (!now.has(key)) events.resolve(regarding(problem.object), problem.reason, noteOf(problem));
    for (const [key, problem] of now) {
      events.record({
        ...EVENT,
        regarding: regarding(problem.object),
        reason: problem.reason,
        note: noteOf(problem),
      });
      if (!before?.has(key))
        tenantLog.line(
          'warn',
          namespace,
          { reason: problem.reason, object: `${problem.object.kind}/${problem.object.name}` },
          noteOf(problem),
        );
    }
    if (now.size === 0) reported.delete(namespace);
    else reported.set(namespace, now);
  }

  return {
    standings: () => standings,
    run: async ({ concurrency, signal, fence }) => {
      await queue.run({
        concurrency,
        signal,
        handle: async (key) => {
          try {
            await handle(key, fence);
          } catch (error) {
            // Reconciles do not throw, so this is a bug. One key must not stop the others.
            const text = `unexpected: ${messageOf(error)}`;
            const [kind, name] = parseKey(key);
            if (kind === 'proxy') log.error({ err: error, key }, text);
            else tenantLog.line('error', name, { err: error, key }, text);
            queue.retry(key);
          }
        },
      });
      contests.clear();
      // Namespaces may go before the next term.
      standings.clear();
    },
  };
}

/** A refused write, or a copy that must stay, becomes an Event on the namespace: the namespace's owner can act on it. */
function refusals(scope: ObservedScope, { failures }: NamespaceOutcome, retries: number): Problem[] {
  const object = namespaceRef(scope);
  return failures.flatMap((failure): Problem[] => {
    const { error } = failure;
    if (error instanceof StillNamedError)
      return isPassing(error) && retries < PATIENCE
        ? []
        : [{ reason: 'CopyStillNamed', object, what: capital(describeFailure(failure)) }];
    // No retry solves these: a person must act.
    return kindOf(error) === 'refused' || kindOf(error) === 'forbidden'
      ? [
          {
            reason: 'WriteRefused',
            object,
            what: `The API server refuses a write of ${MANAGER}: ${describeFailure(failure)}`,
          },
        ]
      : [];
  });
}

function resultOf({ done, failures, waiting }: NamespaceOutcome): 'in-sync' | 'changed' | 'waiting' | 'failed' {
  if (failures.length > 0) return 'failed';
  return done.length > 0 ? 'changed' : waiting.length > 0 ? 'waiting' : 'in-sync';
}

const namespaceRef = ({ namespace: { name, uid } }: ObservedScope): ObjectRef => ({ kind: 'Namespace', name, uid });

function regarding({ kind, namespace, name, uid }: ObjectRef) {
  return {
    apiVersion: 'v1',
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    // Of a listed namespace nobody knows it.
    ...(uid && { uid }),
  };
}

const problemKey = (problem: Problem): string =>
  JSON.stringify([problem.reason, problem.object.kind, problem.object.name, problem.object.uid, noteOf(problem)]);
