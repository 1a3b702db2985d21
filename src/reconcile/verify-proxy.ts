/** After a login was applied: waits until the product surely works with it, then asks whether it pulls with it. */
import type { UpstreamLogin } from '../credentials/upstream.ts';
import type { State } from '../observe/state.ts';
import type { ProxyRecord, Verdict } from '../plan/proxy.ts';
import type { ProxyContext, Unsettled } from '../proxies/adapter.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import type { ProofMemory } from '../proxies/proof.ts';
import { needsTokenLifetime, settlingTime, TOKEN_SECONDS } from '../proxies/settling.ts';

export interface VerifyDeps {
  state: Pick<State, 'mac' | 'proxy' | 'setProxy' | 'save'>;
  /** Asks through the cache proxy for what it cannot hold; unknown if no probe is configured. */
  prove: (proxy: ConfiguredProxy, login: UpstreamLogin, memory: ProofMemory, context: ProxyContext) => Promise<Verdict>;
  /** How long a token lives that the registry gives for the login, in seconds; undefined: unknown. */
  tokenSeconds: (login: UpstreamLogin, signal: AbortSignal) => Promise<number | undefined>;
  /** Milliseconds since 1970, by a clock that a change of the system's time does not move. */
  now: () => number;
}

interface Applied {
  readonly proxy: ConfiguredProxy;
  readonly login: UpstreamLogin;
  /** Of the login and its destination. */
  readonly mac: string;
  readonly context: ProxyContext;
}

/** `untilMs`: it settles then, in milliseconds since 1970. */
export interface Verified {
  readonly verdict: Verdict;
  readonly untilMs?: number;
}

/** How many images are remembered for one cache proxy; then no other is asked for, because each must be remembered. */
const MAX_ASKED = 256;

/** The verdict is in the record when this resolves. Rejects with errors of the product's API, of the API server and of the state. */
export async function verifyApplied(applied: Applied, deps: VerifyDeps): Promise<Verified> {
  const { proxy, mac, context } = applied;
  const { state } = deps;
  const name = proxy.config.name;
  const iso = (): string => new Date(deps.now()).toISOString();
  const remember = (change: Partial<ProxyRecord>): void => state.setProxy(name, { ...state.proxy(name), ...change });
  const conclude = async (verdict: Verdict): Promise<Verdict> => {
    const { verified: before } = state.proxy(name);
    const same = before?.mac === mac && before.state === verdict.state && before.reason === verdict.reason;
    remember({ verified: { mac, ...verdict, at: same ? before.at : iso() } });
    await state.save(context.signal);
    return verdict;
  };

  if (state.proxy(name).settled?.mac !== mac) {
    const left = await unsettled(applied, deps);
    if (left?.never) return { verdict: await conclude({ state: 'refused', why: left.why }) };
    if (left !== undefined)
      return { ...left, verdict: await conclude({ state: 'unknown', reason: 'settling', why: left.why }) };
    remember({ settled: { mac, at: iso() } });
  }
  const verdict = await askProxy(proxy, applied.login, context, () =>
    deps.prove(proxy, applied.login, createMemory(applied, deps), context),
  );
  if (verdict.state === 'verified' && state.proxy(name).proven?.mac !== mac)
    remember({ proven: { mac, why: verdict.why, at: iso() } });
  return { verdict: await conclude(verdict) };
}

/** Why it may still work with the login before; undefined: it surely works with the new one. */
async function unsettled(
  { proxy, login, mac, context }: Applied,
  { state, tokenSeconds, now }: VerifyDeps,
): Promise<(Unsettled & { readonly untilMs?: number }) | undefined> {
  const { config, adapter } = proxy;
  // A pod that still has the old login could answer, and prove the wrong one.
  const left = await adapter.unsettled?.(context);
  if (left !== undefined) return left;
  let { applied } = state.proxy(config.name);
  // The state was lost, somebody else wrote the login, or the clock was wrong: counted from now on.
  if (applied?.mac !== mac || Date.parse(applied.at) > now()) applied = { mac, at: new Date(now()).toISOString() };
  if (applied.tokenSeconds === undefined && needsTokenLifetime(config, adapter))
    applied = { ...applied, tokenSeconds: (await tokenSeconds(login, context.signal)) ?? TOKEN_SECONDS };
  state.setProxy(config.name, { ...state.proxy(config.name), applied });
  const { seconds, parts } = settlingTime(config, adapter, applied.tokenSeconds);
  const untilMs = Date.parse(applied.at) + seconds * 1000;
  if (untilMs <= now()) return undefined;
  const until = new Date(untilMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return { why: `it may still work with the login before until ${until}: ${parts}`, untilMs };
}

/** The product's own check, and a proof through it. A refusal by either counts first, then a success of either. */
export async function askProxy(
  { adapter }: ConfiguredProxy,
  login: UpstreamLogin,
  context: ProxyContext,
  prove: () => Promise<Verdict>,
): Promise<Verdict> {
  const own = adapter.verify === undefined ? undefined : await adapter.verify(login, context);
  if (own?.state === 'refused') return own;
  const proof = await prove();
  if (own?.state === 'verified' && proof.state === 'unknown') return own;
  return own === undefined || proof.reason !== 'no probe' ? proof : { ...own, reason: own.reason ?? 'no probe' };
}

/** For a reader that cannot save: no image is asked for that would have to be remembered. */
export function readMemory({ name }: ConfiguredProxy['config'], mac: string, state: Pick<State, 'proxy'>): ProofMemory {
  const { proven, verified } = state.proxy(name);
  // The controller may ask for more, and a refusal that it saw since counts.
  const stands = proven?.mac === mac && verified?.state !== 'refused';
  return {
    proven: stands ? `proven ${proven.at}: ${proven.why}` : undefined,
    wasAsked: () => true,
    // Only of a product that says itself what it holds.
    setAsked: () => Promise.resolve(),
    pushed: true,
    setPushed: () => Promise.resolve(),
  };
}

function createMemory({ proxy: { config }, mac, context: { signal } }: Applied, { state }: VerifyDeps): ProofMemory {
  const { name, probe } = config;
  const { proven, pushed } = state.proxy(name);
  const id = (image: string): string => state.mac(JSON.stringify([probe?.url, probe?.repository, image])).slice(0, 16);
  const asked = (): readonly string[] => state.proxy(name).asked ?? [];
  const save = async (change: Partial<ProxyRecord>): Promise<void> => {
    state.setProxy(name, { ...state.proxy(name), ...change });
    await state.save(signal);
  };
  return {
    proven: proven?.mac === mac ? proven.why : undefined,
    wasAsked: (image) => asked().length >= MAX_ASKED || asked().includes(id(image)),
    setAsked: (image, isAsked) =>
      save({ asked: [...asked().filter((each) => each !== id(image)), ...(isAsked ? [id(image)] : [])] }),
    pushed: pushed === mac,
    setPushed: () => save({ pushed: mac }),
  };
}
