/** Progress of a cache proxy: whether it carries the current login of its source, has settled, and what shows that it works. */
import type { Configuration } from '../config/schema.ts';
import { registryHost } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject } from '../kube/list.ts';
import { createRefusals } from '../observe/refusals.ts';
import { chooseLogin, isDone, shownOf } from '../plan/proxy.ts';
import type { UnknownReason, Verdict } from '../plan/proxy.ts';
import { createProxies } from '../proxies/kinds.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { carries, loginMac } from '../reconcile/proxy.ts';
import type { Snapshot } from '../sources/snapshot.ts';

export interface ProxyProgress {
  readonly name: string;
  readonly kind: string;
  readonly source: string;
  /** Whether it carries the current login of the source; undefined: unknown. */
  readonly applied: boolean | undefined;
  /** ISO 8601: when it got that login. */
  readonly appliedAt?: string;
  /** Whether it surely works with that login, and not with the one before. */
  readonly settled: boolean;
  /** Whether it was shown, after it settled, that it pulls with a login. */
  readonly proven: boolean;
  readonly verified: Verdict['state'];
  readonly reason?: UnknownReason;
  /** Whether there was a verification since: a login that was only written may still be wrong. */
  readonly checked: boolean;
  /** Whether a private pull is configured: it must then succeed before the old login is revoked. */
  readonly probed: boolean;
  /** One line: why it is not done, or the reason of the last verdict. */
  readonly why: string;
  readonly since?: string;
}

/** What is asked for besides the rules: a proof of every cache proxy; no proof of these. */
export interface ProofTerms {
  readonly requireProof?: boolean | undefined;
  readonly acceptUnproven?: readonly string[] | undefined;
}

/** Whether the old login can be revoked, as far as this cache proxy goes. */
export function isProxyDone(
  { name, applied, settled, proven, checked, probed, verified, why }: ProxyProgress,
  { requireProof = false, acceptUnproven = [] }: ProofTerms = {},
): boolean {
  const verdict = checked ? { state: verified, why } : undefined;
  const asksForProof = (probed || requireProof) && !acceptUnproven.includes(name);
  return applied === true && isDone({ settled, proven, verdict }, asksForProof);
}

interface ProxiesOptions {
  readonly client: KubeClient;
  readonly configuration: Configuration;
  readonly snapshot: Snapshot;
}

/** One per configured cache proxy, in order. Throws UserError if a target may not be read. */
export function observeProxies({ configuration, ...options }: ProxiesOptions): Promise<ProxyProgress[]> {
  return Promise.all(
    createProxies(configuration, options.snapshot.world.instance).map((proxy) => observeProxy(proxy, options)),
  );
}

async function observeProxy(
  proxy: ConfiguredProxy,
  { client, snapshot: { book, state, remembered } }: Omit<ProxiesOptions, 'configuration'>,
): Promise<ProxyProgress> {
  const { config } = proxy;
  const at = { name: config.name, kind: config.kind, source: config.source, probed: config.probe !== undefined };
  const no = (why: string, applied: boolean | undefined): ProxyProgress => ({
    ...at,
    applied,
    settled: false,
    proven: false,
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
  const given = record.applied?.mac === mac ? { appliedAt: record.applied.at } : {};
  const { settled, proven, verdict } = shownOf(record, mac);
  if (verdict === undefined) return { ...no('applied; it was not verified yet', true), ...given };
  const { state: verified, reason, why } = verdict;
  return {
    ...at,
    ...given,
    applied,
    settled,
    proven,
    verified,
    ...(reason !== undefined && { reason }),
    checked: true,
    why,
    ...(record.verified && { since: record.verified.at }),
  };
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
