/** Progress of rotations, for `plan` and `wait`: which copies and cache proxies carry what the source holds now. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';
import { planCluster } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import { recordOf } from '../sources/record.ts';
import { usersOf } from '../sources/users.ts';
import { isProxyDone, observeProxies } from './proxy-progress.ts';
import type { ProofTerms, ProxyProgress } from './proxy-progress.ts';
import type { Held } from '../observe/records.ts';

export interface RotationProgress {
  readonly source: string;
  /** Why what the source holds now does not reach all carriers, or not yet; empty if nothing holds it back. */
  readonly heldBack: readonly string[];
  /** Entries for which the content in force differs from the source. */
  readonly held: readonly Held[];
  /** Registry keys whose newest login is in force. */
  readonly current: readonly string[];
  readonly copies: {
    readonly total: number;
    /** Namespaces, sorted. */
    readonly behind: readonly string[];
    /** Who else writes copies that are behind; absent: nobody. */
    readonly undone?: readonly { readonly namespace: string; readonly by: string }[];
    /** Namespaces in which something that is not Pullpass's keeps the copy from being replaced; absent: none. */
    readonly blocked?: readonly { readonly namespace: string; readonly by: string }[];
    /** Namespaces in which the copy's name is taken by a Secret that is not ours. */
    readonly foreign: readonly string[];
    /** Namespaces in which the brake keeps a copy with older content; absent: none. */
    readonly kept?: readonly string[];
  };
  readonly proxies: readonly ProxyProgress[];
}

/** Whether the old login can be revoked, everywhere Pullpass manages. */
export function isComplete(
  {
    heldBack,
    copies: { behind, blocked = [], kept = [] },
    proxies,
  }: Pick<RotationProgress, 'heldBack' | 'copies' | 'proxies'>,
  terms: ProofTerms = {},
): boolean {
  return (
    heldBack.length === 0 &&
    behind.length === 0 &&
    blocked.length === 0 &&
    kept.length === 0 &&
    proxies.every((proxy) => isProxyDone(proxy, terms))
  );
}

interface RotationOptions {
  client: KubeClient;
  configuration: Configuration;
  snapshot: Snapshot;
  /** Plans of the snapshot, as a controller that starts now makes them; absent: they are computed. */
  plans?: readonly NamespacePlan[];
  /** Cache: users of entries that vanished from a source, by the value that confirms their removal. Absent: not looked up. */
  users?: Map<string, string> | undefined;
}

/** One per configured source, in order. Throws ApiError if copies or sources cannot be read. */
export async function observeRotations({
  client,
  configuration,
  snapshot,
  plans = planCluster(snapshot, {}, configuration).namespaces,
  users,
}: RotationOptions): Promise<RotationProgress[]> {
  const { book, state, remembered } = snapshot;
  const proxies = await observeProxies({ client, configuration, snapshot });

  const rotations: RotationProgress[] = [];
  for (const { config } of book.observe()) {
    const { name } = config;
    const standings = plans.flatMap((plan) =>
      plan.standings
        .filter(({ source, choice }) => source === name && choice.in)
        .map((standing) => ({ ...standing, namespace: plan.namespace })),
    );
    const foreign = standings.filter(({ copy }) => copy === 'foreign').map((s) => s.namespace);
    const behind = standings
      .filter(({ copy }) => copy !== 'in sync' && copy !== 'source' && copy !== 'foreign' && copy !== 'blocked')
      .map((s) => s.namespace);
    const undone = standings.flatMap(({ namespace, copy, copyName }) => {
      const by = snapshot.world.copies.get(copyName)?.get(namespace, copyName)?.undoneBy;
      return copy === 'stale' && by !== undefined ? [{ namespace, by }] : [];
    });
    const blocked = standings
      .filter(({ copy }) => copy === 'blocked')
      .map(({ namespace, blockedBy = '' }) => ({ namespace, by: blockedBy }));
    const kept = plans.flatMap(({ namespace, held: by }) =>
      (by?.copies ?? []).filter(({ source, current }) => source === name && !current).map(() => namespace),
    );
    const held = book.held(name);
    const { newest, stage } = book.rollout(name);
    const record = remembered ? recordOf(state, config) : undefined;
    const confirmation = book.confirmation(name);
    if (users !== undefined && confirmation !== undefined) {
      const keys = held.filter(({ cause }) => cause === 'vanished').map(({ key }) => key);
      const copies = standings.length - foreign.length;
      const known =
        users.get(confirmation) ??
        (await usersOf({
          client,
          configuration,
          source: config,
          credentials: newest?.credentials ?? [],
          keys,
          copies,
          listed: snapshot.world.listed,
        }));
      users.set(confirmation, known);
      book.mention(name, known);
    }
    const problems = book.observe().find((source) => source.config.name === name)?.problems ?? [];
    const taken =
      record === undefined || newest === undefined || newest.digest === (record.trying?.digest ?? record.passed[0]);
    const heldBack = [
      ...problems,
      ...(taken ? [] : ['the controller has not taken over what the source holds now']),
      ...(stage.state === 'looking' || stage.state === 'canary'
        ? ['only the canaries have it so far; the rest follows once they were watched']
        : []),
    ];
    const own = proxies.filter(({ source }) => source === name);
    const heldKeys = new Set(held.map(({ key }) => key));
    rotations.push({
      source: name,
      heldBack,
      held,
      current: (newest?.own ?? []).map(({ key }) => key).filter((key) => !heldKeys.has(key)),
      copies: {
        total: standings.length - foreign.length + kept.length,
        behind,
        foreign,
        ...(undone.length > 0 && { undone }),
        ...(blocked.length > 0 && { blocked }),
        ...(kept.length > 0 && { kept }),
      },
      proxies: own,
    });
  }
  return rotations;
}
