/**
 * Holds a removal that is larger than most that are meant. Nothing is removed before the leader has counted, by the very
 * plans that would remove: at the start of its term, after each reload, and when something could be read at last.
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
  /** A term as the leader begins, until the signal aborts. What was counted before it does not count. */
  begin(term: AbortSignal): void;
  /** Counts if there is something that was not counted yet. */
  look(): void;
  /** Where a removal is held: counts once more, for it may have become small enough. */
  again(): void;
  /** Whether removals are carried out now. */
  isOpen(): boolean;
  /** A namespace was planned and looks like this; undefined: it is gone. */
  settle(namespace: string, plan: NamespacePlan | undefined): void;
}

interface BrakeOptions {
  configuration: () => Configuration;
  world: Pick<World, 'namespaces'>;
  watches: Pick<Watches, 'synced' | 'settled'>;
  sources: { settled: Sources['settled']; book: Pick<SourceBook, 'observe'> };
  observe: (namespace: string) => ObservedScope | undefined;
  /** It kept something, and need not any longer. */
  enqueue: (namespace: string) => void;
  news: BrakeNews;
}

/** How long others wait for their turn while namespaces are counted, in milliseconds. */
const SLICE_MS = 5;

export function createBrake({ configuration, world, watches, sources, observe, enqueue, news }: BrakeOptions): Brake {
  let term: AbortSignal = AbortSignal.abort();
  let last: Count | undefined;
  /** Namespaces that keep something: as counted, and as planned since. */
  let keeping = new Set<string>();
  let recount = false;
  let running: Promise<void> | undefined;

  const read = (): string[] => [
    ...watches.synced(),
    ...sources.book
      .observe()
      .filter((source) => source.read)
      .map(({ config }) => `in force: ${config.name}`),
  ];
  const isCurrent = (): boolean =>
    last?.configuration === configuration() && read().every((each) => last?.read.has(each));
  const isOpen = (): boolean => isCurrent() && last?.held === undefined;
  // Before the sources are in force, nobody knows what is wanted.
  const isDue = (): boolean => !term.aborted && sources.settled() && (recount || !isCurrent());

  function look(): void {
    running ??= judge().finally(() => {
      running = undefined;
      // Whatever is read at last has every namespace planned again, and so comes to be counted.
      if (isDue()) look();
    });
  }

  async function judge(): Promise<void> {
    while (isDue()) {
      const mine = term;
      await watches.settled(mine);
      recount = false;
      const basis = { configuration: configuration(), read: new Set(read()) };
      const removals = await count(() => mine === term && !mine.aborted && configuration() === basis.configuration);
      if (removals !== undefined)
        conclude({ ...basis, removals, held: judgeRemovals(removals, confirmationOf(basis.configuration)) });
    }
  }

  /** undefined: there is something else to count by now. */
  async function count(isWorthIt: () => boolean): Promise<Removals | undefined> {
    const tally = createTally();
    let since = performance.now();
    const turn = async (): Promise<void> => {
      if (performance.now() - since < SLICE_MS) return;
      await setImmediate();
      since = performance.now();
    };
    // Sorted, for people read the first of them.
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
      // Planned before it was decided that removals may go on.
      else if (isOpen()) return enqueue(namespace);
      else keeping.add(namespace);
      if (last?.held === undefined || !isCurrent()) return;
      news.keeping(keeping.size);
      if (keeping.size <= limitOf(last.held.withCopies)) again();
    },
  };
}
