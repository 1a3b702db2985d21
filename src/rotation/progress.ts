/** How far a rotation is: which copies and cache proxies carry what the source holds now. For `plan`, `wait` and the audit. */
import type { Configuration } from '../config/schema.ts';
import { registryHost } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { ApiObject } from '../kube/list.ts';
import { chooseLogin } from '../plan/proxy.ts';
import { createProxies } from '../proxies/kinds.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { carries, loginMac } from '../reconcile/proxy.ts';
import { createRefusals } from '../observe/refusals.ts';
import { recordOf } from '../sources/record.ts';
import { usersOf } from '../sources/users.ts';
import { planCluster } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import type { Held } from '../observe/state.ts';

export interface ProxyProgress {
  readonly name: string;
  readonly kind: string;
  readonly source: string;
  /** Carries the login that the source has now; undefined where that cannot be told. */
  readonly applied: boolean | undefined;
  /** ISO 8601: when it was given that login. */
  readonly appliedAt?: string;
  readonly verified: 'verified' | 'refused' | 'unknown';
  /** Whether it was looked at since: a login that was only written may still be wrong. */
  readonly checked: boolean;
  /** Whether a private pull can show it: then it must, before the old login is revoked. */
  readonly probed: boolean;
  /** One line: what keeps it, or what the last verdict was. */
  readonly why: string;
  readonly since?: string;
}

export interface RotationProgress {
  readonly source: string;
  /** Why what the source holds now is not everywhere, or not yet to be; empty when nothing is in the way. */
  readonly heldBack: readonly string[];
  /** Entries that are not in force as the source has them. */
  readonly held: readonly Held[];
  /** Registry keys whose login in force is the one that the source holds. */
  readonly current: readonly string[];
  readonly copies: {
    readonly total: number;
    /** Namespaces, sorted. */
    readonly behind: readonly string[];
    /** Namespaces whose Secret by that name is not ours. */
    readonly foreign: readonly string[];
    /** Namespaces whose copy the brake keeps, with an older content; absent: none. */
    readonly kept?: readonly string[];
  };
  readonly proxies: readonly ProxyProgress[];
  readonly complete: boolean;
}

export interface RotationOptions {
  client: KubeClient;
  configuration: Configuration;
  snapshot: Snapshot;
  /** Who uses registries that are gone, by what would let them go: found out once. Absent: not asked. */
  users?: Map<string, string> | undefined;
}

/** One per configured source, in order. Throws ApiError where copies or sources cannot be read. */
export async function observeRotations({
  client,
  configuration,
  snapshot,
  users,
}: RotationOptions): Promise<RotationProgress[]> {
  const { book, state, remembered } = snapshot;
  const plans = planCluster(snapshot, {}, configuration).namespaces;
  const proxies = await Promise.all(
    createProxies(configuration).map((proxy) => observeProxy(proxy, { client, snapshot })),
  );

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
      .filter(({ copy }) => copy !== 'in sync' && copy !== 'source' && copy !== 'foreign')
      .map((s) => s.namespace);
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
    const blocked = new Set(held.map(({ key }) => key));
    rotations.push({
      source: name,
      heldBack,
      held,
      current: (newest?.own ?? []).map(({ key }) => key).filter((key) => !blocked.has(key)),
      copies: {
        total: standings.length - foreign.length + kept.length,
        behind,
        foreign,
        ...(kept.length > 0 && { kept }),
      },
      proxies: own,
      complete: heldBack.length === 0 && behind.length === 0 && kept.length === 0 && own.every(isDone),
    });
  }
  return rotations;
}

/** Carries the login, and what can show that it works has shown it. */
export function isDone({ applied, checked, probed, verified }: ProxyProgress): boolean {
  return applied === true && checked && (probed ? verified === 'verified' : verified !== 'refused');
}

async function observeProxy(
  proxy: ConfiguredProxy,
  { client, snapshot: { book, state, remembered } }: { client: KubeClient; snapshot: Snapshot },
): Promise<ProxyProgress> {
  const { config } = proxy;
  const at = { name: config.name, kind: config.kind, source: config.source, probed: config.probe !== undefined };
  /** `applied`: undefined means that it cannot be told. */
  const no = (why: string, applied: boolean | undefined): ProxyProgress => ({
    ...at,
    applied,
    verified: 'unknown',
    checked: false,
    why,
  });
  const credentials = book.credentials(config.source, config.name);
  if (credentials === undefined) return no('the source has no usable content', false);
  const choice = chooseLogin(credentials, config.registry);
  if (!choice.ok) return no(choice.problem, false);
  if (!remembered)
    return no(
      'the state of the controller cannot be read: it has not run yet, or the right to read it is missing',
      undefined,
    );

  const mac = loginMac({ state, proxy, login: choice.login });
  const record = state.proxy(config.name);
  const fingerprints = await Promise.all(
    proxy.adapter.targets.map(async (target) =>
      target.fingerprint(await read(client, `${target.path}/${target.name}`), state.mac),
    ),
  );
  const applied = carries(proxy, choice.login, fingerprints, state.mac) ?? record.applied?.mac === mac;
  const { username, password } = choice.login;
  const refused = createRefusals(state).waits({ host: registryHost(choice.login.registry), username, password });
  if (!applied)
    return no(refused?.tried ? `the login is refused: ${refused.why}` : 'does not carry the current login yet', false);
  const { verified } = record;
  const given = record.applied?.mac === mac ? { appliedAt: record.applied.at } : {};
  if (verified?.mac !== mac)
    return { ...no('applied; it is still being rolled, or was not verified yet', true), ...given };
  return { ...at, ...given, applied, verified: verified.state, checked: true, why: verified.why, since: verified.at };
}

async function read(client: KubeClient, path: string): Promise<ApiObject | undefined> {
  try {
    return await client.get<ApiObject>(path, { sensitive: true });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if (isForbidden(error))
      throw new UserError(`no right to read ${path}: ask for it, or use a kubeconfig that has it`, { cause: error });
    throw error;
  }
}
