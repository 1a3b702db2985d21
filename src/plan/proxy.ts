/** Which login a cache proxy is to be given, and whether it has it. Pure. */
import { canonicalRegistry, findEntry, quoteKey } from '../credentials/registry-name.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import type { UpstreamLogin } from '../proxies/proxy.ts';

export type LoginChoice = { readonly ok: true; readonly login: UpstreamLogin } | { readonly ok: false; readonly problem: string };

/**
 * The login of `registry` among the source's own credentials: the entry by that key, or by any other name of Docker
 * Hub, or else the one that a kubelet would try first for an image of that registry (a glob, a host without its path).
 */
export function chooseLogin(credentials: readonly Credential[], registry: string): LoginChoice {
  const canonical = canonicalRegistry(registry) ?? registry;
  const credential = findEntry(credentials, registry) ?? lookup(makeKeyring([{ credentials: [...credentials] }]), `${canonical}/any`)[0]?.credential;
  if (credential === undefined) {
    const known = credentials.map(({ key }) => quoteKey(key)).join(', ') || 'none';
    return { ok: false, problem: `the source has no credential for ${quoteKey(registry)}; it has: ${known}` };
  }
  const { username, password, identityToken } = credential;
  if (password === '' && identityToken !== undefined) {
    return { ok: false, problem: `the credential for ${quoteKey(credential.key)} is an identity token, and a cache proxy needs a username and a password: add one to the source, an access token for instance` };
  }
  if (username === '' || password === '') return { ok: false, problem: `the credential for ${quoteKey(credential.key)} has no ${username === '' ? 'username' : 'password'}` };
  return { ok: true, login: { registry: canonical, username, password } };
}

/** What the controller remembers of one cache proxy, across restarts and replicas. No credential: macs only. */
export interface ProxyRecord {
  /** Of the login and of where it goes; what was applied last. */
  readonly applied?: { readonly mac: string; readonly at: string };
  /** A login that was said no to, and how often: it is not tried for ever. */
  readonly refused?: { readonly mac: string; readonly times: number; readonly at: string; readonly why: string };
  /** The last verdict on what was applied. */
  readonly verified?: { readonly mac: string; readonly state: 'verified' | 'refused' | 'unknown'; readonly why: string; readonly at: string };
}

export interface ProxyPlan {
  readonly step: 'nothing' | 'apply' | 'verify' | 'wait';
  /** For `wait`: until when nothing is tried, in milliseconds. */
  readonly afterMs?: number;
}

/** Tries of a login that is refused: soon once, in case it was a hiccup, then rarely. Accounts get locked by more. */
const REFUSED_DELAYS_MS = [5 * 60_000, 30 * 60_000, 6 * 3_600_000];

/**
 * `carried`: whether every target shows the login, or, for a product without targets, undefined.
 * `verifyDue`: whether it is time to look again at what is applied already.
 */
export function planProxy({ mac, record, carried, verifyDue, now }: { mac: string; record: ProxyRecord; carried: boolean | undefined; verifyDue: boolean; now: number }): ProxyPlan {
  const inSync = carried ?? record.applied?.mac === mac;
  if (inSync) return { step: record.verified?.mac !== mac || verifyDue ? 'verify' : 'nothing' };
  if (record.refused?.mac === mac) {
    const { times, at } = record.refused;
    const delay = REFUSED_DELAYS_MS[Math.min(times, REFUSED_DELAYS_MS.length) - 1] ?? 0;
    const left = Date.parse(at) + delay - now;
    if (left > 0) return { step: 'wait', afterMs: left };
  }
  return { step: 'apply' };
}
