/**
 * Objects that Pullpass and another writer write against each other: their writes are paced, and the namespace is told once,
 * with the other's name. An object that was quiet for a while is forgotten.
 */
import type { TenantLog } from './tenant-log.ts';
import type { Action } from '../plan/action.ts';
import type { ObservedScope } from '../plan/observed.ts';
import type { Problem } from '../plan/problem.ts';
import { NAMED, sayUndone } from '../plan/undone.ts';
import type { Undone } from '../plan/undone.ts';
import type { Applier } from '../reconcile/apply.ts';
import type { Waiting, WritePace } from '../reconcile/namespace.ts';
import type { Metrics } from '../server/metrics.ts';
import { createPace } from './pace.ts';

export interface Contests {
  readonly pace: WritePace;
  isContested(action: Action): boolean;
  /** After a reconcile. `afterMs`: when to look at the namespace again, although no event may come; undefined: no need to. */
  settle(
    scope: ObservedScope,
    waiting: readonly Waiting[],
    signal: AbortSignal,
  ): Promise<{ readonly problems: readonly Problem[]; readonly afterMs?: number }>;
  /** The namespace is gone. */
  drop(namespace: string): void;
  /** At the end of a term: the next leader sees for itself. */
  clear(): void;
}

interface Contest extends Undone {
  by: string | undefined;
  /** How many of its writes were undone and waited for. */
  undone: number;
  /** Whether Pullpass wrote it since. */
  isDue: boolean;
}

/**
 * It is told when so many writes were undone that waited before: by then others of the namespace are contested, too, and the
 * text can stay as it is. And the first look may only make the server note who writes from then on.
 */
const TOLD = 2;

interface ContestsOptions {
  whoUndid: Applier['whoUndid'];
  log: Pick<TenantLog, 'line'>;
  metrics: Pick<Metrics, 'contestedObjects'>;
  /** Monotonic, in milliseconds. */
  now: () => number;
}

export function createContests({ whoUndid, log, metrics, now }: ContestsOptions): Contests {
  let pace = createPace(now);
  /** By namespace, then by object. */
  const contested = new Map<string, Map<string, Contest>>();
  /** By namespace: what was told of it. */
  const told = new Map<string, readonly (Undone & { readonly key: string })[]>();
  const counts = { ServiceAccount: 0, Secret: 0 };
  count('ServiceAccount', 0);
  count('Secret', 0);

  function add(action: Action): void {
    const { kind, namespace, name } = targetOf(action);
    let here = contested.get(namespace);
    if (here === undefined) contested.set(namespace, (here = new Map<string, Contest>()));
    const key = keyOf(action);
    const known = here.get(key);
    if (known !== undefined) {
      known.isDue = true;
      return;
    }
    here.set(key, { kind, name, by: undefined, undone: 0, isDue: true });
    count(kind, 1);
  }

  function count(kind: Undone['kind'], more: number): void {
    counts[kind] += more;
    metrics.contestedObjects.set({ kind }, counts[kind]);
  }

  /** Asks for the other writer of the first objects: once after each write, and not for ever. */
  async function look(
    here: ReadonlyMap<string, Contest>,
    waiting: readonly Waiting[],
    signal: AbortSignal,
  ): Promise<void> {
    const first = new Set([...here.values()].slice(0, NAMED));
    for (const { action } of waiting) {
      const contest = here.get(keyOf(action));
      if (contest?.isDue !== true) continue;
      contest.isDue = false;
      contest.undone++;
      if (contest.by !== undefined || contest.undone > TOLD || !first.has(contest)) continue;
      // A name is not worth a failure: without one, it is told that the object does not say.
      contest.by = await whoUndid(action, signal).catch(() => undefined);
    }
  }

  /** What is told of a namespace: it stays the same as long as one of the objects that it names is contested. */
  function toldOf(namespace: string, here: ReadonlyMap<string, Contest>): readonly Undone[] {
    const before = told.get(namespace)?.filter(({ key }) => here.has(key)) ?? [];
    if (before.length > 0) return before;
    if (![...here.values()].some(({ undone }) => undone >= TOLD)) return [];
    const named = [...here].slice(0, NAMED).map(([key, contest]) => ({ ...contest, key }));
    told.set(namespace, named);
    return named;
  }

  function drop(namespace: string): void {
    for (const [key, { kind }] of contested.get(namespace) ?? []) {
      pace.forget(key);
      count(kind, -1);
    }
    contested.delete(namespace);
    told.delete(namespace);
  }

  return {
    pace: (action) => {
      const [key, intent] = [keyOf(action), intentOf(action)];
      return {
        ms: pace.pauseMs(key, intent),
        wrote() {
          if (pace.wrote(key, intent)) add(action);
        },
      };
    },
    isContested: (action) => pace.isContested(keyOf(action)),
    async settle({ namespace }, waiting, signal) {
      // The usual case.
      if (waiting.length === 0 && !contested.has(namespace.name) && !told.has(namespace.name)) return { problems: [] };
      const here = contested.get(namespace.name) ?? new Map<string, Contest>();
      await look(here, waiting, signal);
      const waits = waiting.map(({ ms }) => ms);
      for (const [key, { kind }] of here) {
        const quietInMs = pace.quietInMs(key);
        if (quietInMs > 0) waits.push(quietInMs);
        else if (here.delete(key)) count(kind, -1);
      }
      if (here.size === 0) contested.delete(namespace.name);
      const named = toldOf(namespace.name, here);
      if (named.length === 0 && told.delete(namespace.name))
        log.line('info', namespace.name, {}, 'no other writer undoes the writes of Pullpass here any more');
      return {
        problems:
          named.length === 0
            ? []
            : [
                {
                  reason: 'WriteUndone',
                  object: { kind: 'Namespace', name: namespace.name, uid: namespace.uid },
                  what: sayUndone(named, here.size > named.length),
                },
              ],
        ...(waits.length > 0 && { afterMs: Math.min(...waits) }),
      };
    },
    drop,
    clear() {
      for (const namespace of contested.keys()) drop(namespace);
      pace = createPace(now);
    },
  };
}

const targetOf = (action: Action): { kind: Undone['kind']; namespace: string; name: string } =>
  action.type === 'editReferences'
    ? { kind: 'ServiceAccount', namespace: action.account.namespace, name: action.account.name }
    : { kind: 'Secret', namespace: action.namespace, name: action.name };

function keyOf(action: Action): string {
  const { kind, namespace, name } = targetOf(action);
  return `${kind}/${namespace}/${name}`;
}

/**
 * What the write is to achieve, whatever it finds. A ServiceAccount that was made anew is another object; a copy that was made
 * anew is not, because deleting a copy is a way to undo it.
 */
function intentOf(action: Action): string {
  switch (action.type) {
    case 'editReferences': {
      const { wanted, kept, keepRest = false } = action.wanted;
      return JSON.stringify([action.account.uid, [...wanted].sort(), [...kept].sort(), keepRest]);
    }
    case 'deleteCopy':
      return 'delete';
    default:
      return JSON.stringify([action.source, action.digest, action.metadata]);
  }
}
