/** The cluster as it was read at one moment, and the plans made from it: for commands that read once, and for audits. */
import { confirmationOf } from '../config/confirmation.ts';
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { inOneGo, inTurns } from '../async/steps.ts';
import type { Steps, Turn } from '../async/steps.ts';
import { isForbidden } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { clusterSteps } from '../plan/cluster.ts';
import type { HeldRemoval } from '../plan/removals.ts';
import { isInSync } from '../plan/namespace.ts';
import type { PlanOptions } from '../plan/namespace.ts';
import type { ObservedScope } from '../plan/observed.ts';
import { findContent } from './find-content.ts';
import type { Judgement } from './merge.ts';
import { entryMac, recordOf } from './record.ts';
import { createSourceBook } from './book.ts';
import type { SourceBook } from './book.ts';
import { createState } from '../observe/state.ts';
import type { Peeked, State } from '../observe/state.ts';
import { readFeeds } from '../observe/read-feeds.ts';
import { createWorld, feedsOf, observeNamespace } from '../observe/world.ts';
import type { World } from '../observe/world.ts';
import type { FeedStates } from '../observe/feed-ids.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';

/** What the controller remembers; it is only read. */
interface Memory extends Peeked {
  readonly state: State;
}

export interface Snapshot extends Memory {
  readonly world: World;
  readonly book: SourceBook;
  /** Sorted by namespace. */
  readonly scopes: readonly ObservedScope[];
}

export interface PlannedCluster {
  /** Sorted by namespace; only those with an opt-in, with something to do or held, or with a problem. */
  readonly namespaces: readonly NamespacePlan[];
  readonly sources: readonly { readonly name: string; readonly problems: readonly string[] }[];
  readonly total: number;
  /** The namespaces of `--namespaces`; absent: the whole cluster was planned. */
  readonly listed?: readonly string[];
  /** Those of {@link listed} that are not there. */
  readonly absent?: readonly string[];
  /** Why nothing is removed; absent if the brake holds nothing. */
  readonly held?: HeldRemoval;
}

/** Reads what the controller remembers, for a process that never writes it. If nothing is there, a new key is used. */
export async function peekState(client: KubeClient, namespace: string, signal?: AbortSignal): Promise<Memory> {
  const state = createState(client, namespace);
  const peeked = await state.peek(signal);
  if (!peeked.remembered) state.forget();
  return { state, ...peeked };
}

/**
 * Reads all that a plan depends on. `namespace`: where the controller keeps its state; `listed`: those of `--namespaces`.
 *
 * @throws ApiError where a right is missing.
 */
export async function readCluster(
  client: KubeClient,
  configuration: Configuration,
  namespace: string,
  listed?: readonly string[],
): Promise<Snapshot> {
  const memory = await peekState(client, namespace);
  const world = createWorld(memory.state.mac, namespace, listed);
  await readFeeds(feedsOf(world, configuration), client);
  return snapshotOf({ client, world, configuration, ...memory });
}

interface SnapshotOptions extends Memory {
  readonly client: KubeClient;
  /** Its digests are MACs made by `state`. */
  readonly world: World;
  readonly configuration: Configuration;
  readonly isRead?: ((source: SourceConfig) => boolean) | undefined;
  /** Whether a feed, by its id, was read; absent: all were. */
  readonly isSynced?: FeedStates['isSynced'] | undefined;
  /** Awaited after each step; absent: all in one go. */
  readonly turn?: Turn | undefined;
}

/** What the controller would make of this world: continues from what it remembers; what it holds back stays held back. */
export async function snapshotOf({
  client,
  world,
  configuration,
  isRead,
  isSynced,
  turn,
  ...memory
}: SnapshotOptions): Promise<Snapshot> {
  const { state } = memory;
  const book = createSourceBook({
    world,
    // Nothing found here is recorded: comparisons need the record as the controller wrote it.
    state: { mac: state.mac, source: state.source, setSource: () => undefined },
    ...(isRead && { isRead }),
    judge: (source, _, credentials) => credentials.map((credential) => heldBack(state, source, credential)),
    find: (source, digest) => findContent({ client, world }, source, digest).catch(undefinedIfForbidden),
  });
  book.configure(configuration);
  await book.recover();
  book.refresh();
  book.publish();
  return { world, book, ...memory, scopes: await inTurns(scopeSteps(world, book, configuration, isSynced), turn) };
}

function* scopeSteps(
  world: World,
  book: SourceBook,
  { retiredCopyNames }: Configuration,
  isSynced: FeedStates['isSynced'] | undefined,
): Steps<readonly ObservedScope[]> {
  const names = [...world.namespaces.all()].map(({ name }) => name).sort();
  const scopes: ObservedScope[] = [];
  for (const [i, name] of names.entries()) {
    if (i % 250 === 249) yield;
    const scope = observeNamespace(world, name, book.observe(name), retiredCopyNames, isSynced);
    if (scope !== undefined) scopes.push(scope);
  }
  return scopes;
}

/** The controller's judgement of exactly this login; a login that it has not seen yet counts as good. */
function heldBack(state: State, source: SourceConfig, credential: Credential): Judgement {
  const held = recordOf(state, source)?.held.find(
    ({ key, login }) => key === redactKey(credential.key) && login === entryMac(state, credential),
  );
  return held?.cause === 'refused' || held?.cause === 'unproven'
    ? { state: held.cause, why: held.why }
    : { state: 'accepted' };
}

/** `starting`: plan as a controller that starts with this configuration now: its brake holds a removal that is too large. */
export function planCluster(
  { scopes, book, world }: Pick<Snapshot, 'scopes' | 'book'> & { readonly world?: Pick<World, 'listed'> },
  options?: PlanOptions,
  starting?: Configuration,
): PlannedCluster {
  const { plans, held } = inOneGo(clusterSteps(scopes, starting && confirmationOf(starting), options));
  return {
    ...(held && { held }),
    namespaces: plans.filter(
      (plan) =>
        !isInSync(plan) ||
        plan.held !== undefined ||
        plan.problems.length > 0 ||
        plan.standings.some(({ choice }) => choice.in),
    ),
    sources: problemsOf(book),
    total: plans.length,
    ...(world?.listed && { listed: world.listed, absent: absentOf(world.listed, scopes) }),
  };
}

const absentOf = (listed: readonly string[], scopes: readonly ObservedScope[]): string[] =>
  listed.filter((name) => !scopes.some(({ namespace }) => namespace.name === name));

/** The problems of each source, also those found after planning. */
export function problemsOf(book: SourceBook): PlannedCluster['sources'] {
  return book.observe().map(({ config, problems }) => ({ name: config.name, problems }));
}

/** Without the right to read copies only what the source holds now is known, and no earlier content. */
function undefinedIfForbidden(error: unknown): undefined {
  if (!isForbidden(error)) throw error;
  return undefined;
}
