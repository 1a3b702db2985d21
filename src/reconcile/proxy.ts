/** Reconciles one cache proxy: chooses its login, compares, applies, verifies, and saves the verdict. */
import type { Credential } from '../credentials/docker-config.ts';
import { kindOf, messageOf } from '../errors.ts';
import { registryHost } from '../credentials/registry-name.ts';
import { ANNOTATION_SYNC } from '../names.ts';
import { chooseLogin, isDone, planProxy, shownOf } from '../plan/proxy.ts';
import type { Verdict } from '../plan/proxy.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { AdminRefusedError, LoginRefusedError } from '../proxies/adapter.ts';
import type { ProxyContext } from '../proxies/adapter.ts';
import type { Refusals } from '../observe/refusals.ts';
import type { Consumers } from './consumers.ts';
import { verifyApplied } from './verify-proxy.ts';
import type { VerifyDeps } from './verify-proxy.ts';
import type { State } from '../observe/state.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';

export interface ProxyDeps extends VerifyDeps {
  /** Logins that a registry or product refused: no part of Pullpass tries them again before their time. */
  refusals: Refusals;
  /** The content in force for `proxy`; undefined while the source has no good content. */
  credentials: (source: string, proxy: string) => readonly Credential[] | undefined;
  /** Fingerprints of the watched targets, in order; undefined until all of them were read. */
  fingerprints: (proxy: ConfiguredProxy) => readonly string[] | undefined;
  context: (proxy: ConfiguredProxy, signal: AbortSignal) => ProxyContext;
  consumers: Pick<Consumers, 'isGoing' | 'point'>;
}

export interface ProxyOutcome {
  /** Whether it carries the current login of the source. */
  readonly applied: boolean;
  /** Whether the old login is not needed for it any more, as far as it can be shown. */
  readonly done: boolean;
  /** Whether something was written. */
  readonly changed: boolean;
  /** Whether the reference in the product's object was taken back, because the copy is about to go. */
  readonly withdrawn?: boolean;
  readonly verified: Verdict;
  /** A person must act; `note` is one line. */
  readonly problem?: {
    readonly reason: 'ProxyNotApplied' | 'ProxyLoginRefused' | 'ProxyNotVerified' | 'WriteUndone';
    readonly note: string;
  };
  /** A failure that is retried. */
  readonly error?: unknown;
  /** Why to reconcile again later, although no event may come. */
  readonly waits?: ProxyWait;
}

type ProxyWait =
  /** Something else must happen first, such as the write of the copy. A problem only if it lasts. */
  | { readonly for: 'not yet'; readonly note: string }
  | { readonly for: 'administrator refused' }
  /** `untilMs`: milliseconds since 1970. */
  | { readonly for: 'login refused'; readonly untilMs: number }
  /** It settles then. */
  | { readonly for: 'settling'; readonly untilMs: number }
  | { readonly for: 'pull unknown' | 'pull refused' };

const UNVERIFIED: Verdict = { state: 'unknown', reason: 'not tried', why: 'not tried yet' };
/** Not applied, and nothing was written. */
export const NOTHING_DONE: ProxyOutcome = { applied: false, done: false, changed: false, verified: UNVERIFIED };

/** MAC of the login and of its destination: decides whether a product without targets to watch has the login. */
export function loginMac({
  state,
  proxy,
  login,
}: {
  state: Pick<State, 'mac'>;
  proxy: ConfiguredProxy;
  login: UpstreamLogin;
}): string {
  return state.mac(
    JSON.stringify([proxy.config.kind, proxy.adapter.identity, login.registry, login.username, login.password]),
  );
}

/** Whether the targets show the login; undefined for a product without targets. */
export function carries(
  proxy: ConfiguredProxy,
  login: UpstreamLogin,
  fingerprints: readonly string[],
  mac: State['mac'],
): boolean | undefined {
  const { targets } = proxy.adapter;
  return targets.length === 0
    ? undefined
    : targets.every((target, i) => target.expected(login, mac) === fingerprints[i]);
}

/** `verifyDue`: verify again what is already applied. Never throws. */
export async function reconcileProxy(
  proxy: ConfiguredProxy,
  deps: ProxyDeps,
  verifyDue: boolean,
  signal: AbortSignal,
): Promise<ProxyOutcome> {
  const { config } = proxy;
  const { state, now } = deps;
  const lacking = (note: string): ProxyOutcome => ({ ...NOTHING_DONE, problem: { reason: 'ProxyNotApplied', note } });

  const withoutCopy = await withdraw(proxy, deps, signal);
  if (withoutCopy !== undefined) return withoutCopy;
  const credentials = deps.credentials(config.source, config.name);
  if (credentials === undefined) return NOTHING_DONE;
  const choice = chooseLogin(credentials, config.registry);
  if (!choice.ok) return lacking(choice.problem);
  const fingerprints = deps.fingerprints(proxy);
  if (fingerprints === undefined)
    return { ...NOTHING_DONE, waits: { for: 'not yet', note: 'what it was given before was not read yet' } };

  const { login } = choice;
  const mac = loginMac({ state, proxy, login });
  const account = { host: registryHost(login.registry), username: login.username, password: login.password };
  const wait = deps.refusals.waits(account);
  const refused = wait?.tried ? wait : undefined;
  const step = planProxy({
    mac,
    record: state.proxy(config.name),
    carried: carries(proxy, login, fingerprints, state.mac),
    verifyDue,
    waits: refused !== undefined,
  });
  const context = deps.context(proxy, signal);
  let changed = false;
  /** It already carries the login, whatever the verification says. */
  const carried = step === 'verify' || step === 'nothing';

  try {
    signal.throwIfAborted();
    if (step === 'wait' && refused !== undefined) return said(refused);
    if (step === 'apply') {
      const pointed = await deps.consumers.point(proxy, () => proxy.adapter.apply(login, context), context);
      if (pointed !== 'applied') return noCopy(proxy, pointed);
      changed = true;
      // What was known of the login before says nothing of this one; what the cache may hold stays held.
      const { asked, pushed } = state.proxy(config.name);
      state.setProxy(config.name, {
        applied: { mac, at: new Date(now()).toISOString() },
        ...(asked && { asked }),
        ...(pushed !== undefined && { pushed }),
      });
      // Saved before the verification, which can take long: after a crash only the verification is repeated, not the write.
      await state.save(signal);
    }
    if (step === 'nothing') return outcome(state.proxy(config.name).verified ?? UNVERIFIED);

    const { verdict, untilMs } = await verifyApplied({ proxy, login, mac, context }, deps);
    return outcome(verdict, untilMs);
  } catch (error) {
    if (kindOf(error) === 'not yet') return { ...NOTHING_DONE, changed, waits: notYet(error) };
    // The product refused Pullpass's administrator login: that says nothing about the login to forward.
    if (error instanceof AdminRefusedError)
      return {
        ...lacking(error.message),
        applied: changed || carried,
        changed,
        waits: { for: 'administrator refused' },
      };
    if (error instanceof LoginRefusedError) {
      deps.refusals.refused(account, error.message);
      await state.save(signal).catch(() => undefined);
      return said({ why: error.message, untilMs: deps.refusals.waits(account)?.untilMs ?? now() });
    }
    return {
      applied: changed || carried,
      done: false,
      changed,
      verified: UNVERIFIED,
      error,
      ...(changed || carried ? {} : { problem: { reason: 'ProxyNotApplied' as const, note: messageOf(error) } }),
    };
  }

  function said({ why, untilMs }: { readonly why: string; readonly untilMs: number }): ProxyOutcome {
    const note = `the login is refused, and the one before stays: ${why}`;
    return {
      ...NOTHING_DONE,
      changed,
      problem: { reason: 'ProxyLoginRefused', note },
      waits: { for: 'login refused', untilMs },
    };
  }

  function outcome(verified: Verdict, untilMs?: number): ProxyOutcome {
    const done = isDone(shownOf(state.proxy(config.name), mac), config.probe !== undefined);
    const carrying = { applied: true, done, changed, verified };
    if (verified.state === 'refused')
      return {
        ...carrying,
        problem: { reason: 'ProxyNotVerified', note: verified.why },
        waits: { for: 'pull refused' },
      };
    if (untilMs !== undefined) return { ...carrying, waits: { for: 'settling', untilMs } };
    const again = verified.reason === 'settling' || (verified.state === 'unknown' && config.probe !== undefined);
    return { ...carrying, ...(again && { waits: { for: 'pull unknown' as const } }) };
  }
}

/** If the copy is about to go, takes back the object's reference to it; undefined: the copy stays. */
async function withdraw(
  proxy: ConfiguredProxy,
  { consumers, context }: ProxyDeps,
  signal: AbortSignal,
): Promise<ProxyOutcome | undefined> {
  if (!consumers.isGoing(proxy)) return undefined;
  try {
    signal.throwIfAborted();
    const pointed = await consumers.point(proxy, () => Promise.resolve(), context(proxy, signal));
    return pointed === 'applied' ? undefined : noCopy(proxy, pointed);
  } catch (error) {
    return kindOf(error) === 'not yet'
      ? { ...NOTHING_DONE, waits: notYet(error) }
      : { ...NOTHING_DONE, error, problem: { reason: 'ProxyNotApplied', note: messageOf(error) } };
  }
}

function noCopy({ adapter: { consumer }, copyName }: ConfiguredProxy, was: 'withdrawn' | 'no copy'): ProxyOutcome {
  return {
    ...NOTHING_DONE,
    withdrawn: was === 'withdrawn',
    waits: {
      for: 'not yet',
      note:
        `namespace "${consumer?.namespace}" is to have no copy "${copyName}" for ${consumer?.object}: ` +
        `opt the namespace in (${ANNOTATION_SYNC}=enabled), and let the source's guard admit it`,
    },
  };
}

const notYet = (error: unknown): ProxyWait => ({ for: 'not yet', note: messageOf(error) });
