/**
 * The brake: holds a removal that is too large to be intended. The leader removes nothing before it has counted all removals
 * in the plans: at the start of its term, after each reload, and when a feed or source becomes readable.
 */
import { setImmediate } from 'node:timers/promises';
import { confirmationOf } from '../config/confirmation.ts';
import type { Configuration } from '../config/schema.ts';
import { createTally, judgeRemovals, limitOf } from '../plan/removals.ts';
import type { Removals } from '../plan/removals.ts';
import { planSteps } from '../plan/namespace.ts';
import { inTurns } from '../async/steps.ts';
import type { ObservedScope } from '../plan/observed.ts';
import type { SourceBook } from '../sources/book.ts';
import type { World } from '../observe/world.ts';
import type { BrakeNews, Count } from './brake-news.ts';
import type { Sources } from '../sources/loop.ts';
import type { Watches } from './watches.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';

export interface Brake {
  /** Begins a term as the leader, which lasts until the signal aborts. Forgets earlier counts. */
  begin(term: AbortSignal): void;
  /** Counts if the last count is out of date. */
  look(): void;
  /** If a removal is held, counts again: it may be small enough by now. */
  again(): void;
  /** Whether plans may remove now. */
  isOpen(): boolean;
  /** Takes the newest plan of a namespace; undefined: the namespace is gone. */
  settle(namespace: string, plan: NamespacePlan | undefined): void;
}

interface BrakeOptions {
  configuration: () => Configuration;
  world: Pick<World, 'namespaces'>;
  watches: Pick<Watches, 'synced' | 'hasOthers' | 'settled'>;
  sources: { settled: Sources['settled']; book: Pick<SourceBook, 'inForce' | 'hasOthers'> };
  observe: (namespace: string) => ObservedScope | undefined;
  /** Enqueues a namespace that kept something, and need not keep it any longer. */
  enqueue: (namespace: string) => void;
  news: BrakeNews;
}

/** How long a count may block the event loop, in milliseconds. */
const SLICE_MS = 5;

export function createBrake({ configuration, world, watches, sources, observe, enqueue, news }: BrakeOptions): Brake {
  let term: AbortSignal = AbortSignal.abort();
  let last: Count | undefined;
  /** Namespaces that keep something: from the last count, and from plans since then. */
  let keeping = new Set<string>();
  let recount = false;
  let running: Promise<void> | undefined;

  // Asked at each reconcile.
  const isCurrent = (): boolean =>
    last?.configuration === configuration() && !watches.hasOthers(last.read) && !sources.book.hasOthers(last.inForce);
  const isOpen = (): boolean => isCurrent() && last?.held === undefined;
  // Not before the sources have settled: until then the wanted state is unknown.
  const isDue = (): boolean => !term.aborted && sources.settled() && (recount || !isCurrent());

  function look(): void {
    running ??= judge().finally(() => {
      running = undefined;
      // A feed that syncs later enqueues every namespace, and `settle` then starts the count.
      if (isDue()) look();
    });
  }

  async function judge(): Promise<void> {
    while (isDue()) {
      const mine = term;
      await watches.settled(mine);
      recount = false;
      const basis = {
        configuration: configuration(),
        read: new Set(watches.synced()),
        inForce: new Set(sources.book.inForce()),
      };
      const removals = await count(() => mine === term && !mine.aborted && configuration() === basis.configuration);
      if (removals !== undefined)
        conclude({ ...basis, removals, held: judgeRemovals(removals, confirmationOf(basis.configuration)) });
    }
  }

  /** undefined: the term or the configuration changed during the count. */
  async function count(isWorthIt: () => boolean): Promise<Removals | undefined> {
    const tally = createTally();
    let since = performance.now();
    const turn = async (): Promise<void> => {
      if (performance.now() - since < SLICE_MS) return;
      await setImmediate();
      since = performance.now();
    };
    // Sorted, because messages name the first ones.
    for (const name of [...world.namespaces.all()].map((namespace) => namespace.name).sort()) {
      const scope = observe(name);
      if (scope !== undefined) tally.add({ scope, plan: await inTurns(planSteps(scope), turn) });
      await turn();
      if (!isWorthIt()) return undefined;
    }
    return isWorthIt() ? tally.removals() : undefined;
  }

  function conclude(next: Count): void {
    const before = last;
    const kept = keeping;
    last = next;
    keeping = new Set(next.held?.namespaces);
    news.keeping(keeping.size);
    news.judged(next, before);
    if (next.held === undefined) kept.forEach(enqueue);
  }

  function again(): void {
    if (last?.held === undefined) return;
    recount = true;
    look();
  }

  return {
    begin(signal) {
      term = signal;
      last = undefined;
      keeping = new Set();
      look();
    },
    look,
    again,
    isOpen,
    settle(namespace, plan) {
      if (isDue()) look();
      if (plan?.held === undefined) keeping.delete(namespace);
      // This plan was made before the brake opened: plan again.
      else if (isOpen()) return enqueue(namespace);
      else keeping.add(namespace);
      if (last?.held === undefined || !isCurrent()) return;
      news.keeping(keeping.size);
      if (keeping.size <= limitOf(last.held.withCopies)) again();
    },
  };
}
