/** The cluster as it was read at one moment, and what is planned from it: for every command that looks and does not stay. */
import { confirmationOf } from '../config/confirmation.ts';
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { braked } from '../plan/brake.ts';
import type { HeldRemoval } from '../plan/brake.ts';
import { isInSync, planNamespace } from '../plan/namespace.ts';
import type { NamespacePlan, PlanOptions } from '../plan/namespace.ts';
import type { ObservedScope } from '../plan/observed.ts';
import { createSourceBook } from './sources.ts';
import type { Judge, SourceBook } from './sources.ts';
import { createWorld, feedsOf, observeNamespace, readWorld } from './world.ts';
import type { Digest, World } from './world.ts';

export interface Snapshot {
  readonly world: World;
  readonly book: SourceBook;
  /** Sorted by namespace. */
  readonly scopes: readonly ObservedScope[];
}

export interface PlannedCluster {
  /** Sorted by namespace; only those where something is opted in, to be done, or wrong. */
  readonly namespaces: readonly NamespacePlan[];
  readonly sources: readonly { readonly name: string; readonly problems: readonly string[] }[];
  readonly total: number;
  /** Why nothing is taken away; absent where the brake holds nothing. */
  readonly held?: HeldRemoval;
}

/** Reads all that a plan depends on. Throws ApiError where a right is missing. */
export async function readCluster(client: KubeClient, configuration: Configuration, digest: Digest): Promise<Snapshot> {
  const world = createWorld(digest);
  await readWorld(world, feedsOf(world, configuration), client);
  return snapshotOf(world, configuration);
}

/** What a world shows when a source's newest content counts, whatever a registry said of it, but for what `judge` holds back. */
export function snapshotOf(world: World, configuration: Configuration, isRead?: (source: SourceConfig) => boolean, judge?: Judge): Snapshot {
  const book = createSourceBook(world, isRead, judge);
  book.configure(configuration);
  book.refresh();
  const sources = book.observe();
  const names = [...world.namespaces.all()].map(({ name }) => name).sort();
  return { world, book, scopes: names.flatMap((name) => observeNamespace(world, name, sources, configuration.retiredCopyNames) ?? []) };
}

/** The same cluster as the controller sees it that holds the newest content of these sources back: what is there stays. */
export function withHeldBack({ world, book, ...rest }: Snapshot, configuration: Configuration, held: ReadonlyMap<string, readonly string[]>): Snapshot {
  if (held.size === 0) return { world, book, ...rest };
  const read = new Set(book.observe().filter((source) => source.read).map(({ config }) => config.name));
  return snapshotOf(world, configuration, ({ name }) => read.has(name), ({ name }) => {
    const why = held.get(name);
    return why === undefined ? { state: 'accepted', notes: [] } : { state: 'held back', why };
  });
}

/** `starting`: as a controller that starts with this configuration now, which holds a removal that is too large. */
export function planCluster({ scopes, book }: Pick<Snapshot, 'scopes' | 'book'>, options?: PlanOptions, starting?: Configuration): PlannedCluster {
  const planned = scopes.map((scope) => ({ scope, plan: planNamespace(scope, options) }));
  const { plans, held } = starting === undefined ? { plans: planned.map(({ plan }) => plan), held: undefined } : braked(planned, confirmationOf(starting));
  return {
    ...(held && { held }),
    namespaces: plans.filter((plan) => !isInSync(plan) || plan.held !== undefined || plan.problems.length > 0 || plan.standings.some(({ choice }) => choice.in)),
    sources: book.observe().map(({ config, problems }) => ({ name: config.name, problems })),
    total: plans.length,
  };
}
