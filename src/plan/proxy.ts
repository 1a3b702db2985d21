/** Which login a cache proxy is to get, and whether it has it. Pure. */
import { canonicalRegistry, findEntry, quoteKey } from '../credentials/registry-name.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';

/** `key`: the registry key of the login's entry. */
type LoginChoice =
  | { readonly ok: true; readonly login: UpstreamLogin; readonly key: string }
  | { readonly ok: false; readonly problem: string };

/**
 * The login for `registry` among the source's own credentials in force: the entry with that key (for Docker Hub, with any of its
 * names), or else the one that a kubelet would try first for an image of that registry (a glob, a host without its path).
 */
export function chooseLogin(credentials: readonly Credential[], registry: string): LoginChoice {
  const canonical = canonicalRegistry(registry) ?? registry;
  const credential =
    findEntry(credentials, registry) ??
    lookup(makeKeyring([{ credentials: [...credentials] }]), `${canonical}/any`)[0]?.credential;
  if (credential === undefined) {
    const known = credentials.map(({ key }) => quoteKey(key)).join(', ') || 'none';
    return { ok: false, problem: `the source has no usable login for ${quoteKey(registry)}; it has: ${known}` };
  }
  const { key, username, password } = credential;
  return { ok: true, login: { registry: canonical, username, password }, key };
}

/** Why there is no verdict on a login. */
export const UNKNOWN_REASONS = [
  /** No private image is configured, or the product has no way to pull one. */
  'no probe',
  /** The product may still work with the login before. */
  'settling',
  /** All that could be asked for may be in the cache. */
  'held already',
  /** The registry cannot be asked, so an answer of the cache means nothing. */
  'upstream',
  /** The cache proxy, or the product's API, cannot be asked. */
  'cache',
  /** The image is public. */
  'public',
  /** The registry does not have the image of the probe. */
  'no image',
  /** It does not have the login yet. */
  'not applied',
  'not tried',
] as const;
export type UnknownReason = (typeof UNKNOWN_REASONS)[number];

/** Whether the product pulls with its login. */
export interface Verdict {
  readonly state: 'verified' | 'refused' | 'unknown';
  /** Only of `unknown`. */
  readonly reason?: UnknownReason;
  /** One line, no credential. */
  readonly why: string;
}

/** `unknown: held already`. */
export const stateOf = ({
  state,
  reason,
}: {
  readonly state: Verdict['state'];
  readonly reason?: UnknownReason | undefined;
}): string => (reason === undefined ? state : `${state}: ${reason}`);

/** What the controller remembers of one cache proxy, across restarts and replicas. No credential: only MACs. */
export interface ProxyRecord {
  /** What was applied last: MAC of the login and of where it goes. */
  readonly applied?: {
    readonly mac: string;
    readonly at: string;
    /** How long a token lives that the registry gives for the login. */
    readonly tokenSeconds?: number;
  };
  /** MAC of the login that it surely works with since then. */
  readonly settled?: { readonly mac: string; readonly at: string };
  /** How it was shown, after it settled, that it pulls with a login. */
  readonly proven?: { readonly mac: string; readonly why: string; readonly at: string };
  /** The last verdict on what was applied. `at`: since when it is this one. */
  readonly verified?: Verdict & { readonly mac: string; readonly at: string };
  /** Short MACs of the images that were asked for through it: the cache may hold them. */
  readonly asked?: readonly string[];
  /** MAC of the login for which a new image was pushed. */
  readonly pushed?: string;
}

/** What is shown of the login that a cache proxy has. */
export interface Shown {
  /** It surely works with this login, and not with the one before. */
  readonly settled: boolean;
  /** It was shown, after it settled, that it pulls with a login. */
  readonly proven: boolean;
  /** Undefined: it was not asked since the login was applied. */
  readonly verdict: Verdict | undefined;
}

/** `mac`: of the login that it has. */
export function shownOf({ settled, proven, verified }: ProxyRecord, mac: string): Shown {
  return {
    settled: settled?.mac === mac,
    proven: proven?.mac === mac,
    verdict: verified?.mac === mac ? verified : undefined,
  };
}

/**
 * Whether the login before is not needed for a cache proxy any more: it has settled, nothing refused the new one and, where one
 * is asked for, there is a proof.
 */
export function isDone({ settled, proven, verdict }: Shown, asksForProof: boolean): boolean {
  return settled && verdict !== undefined && verdict.state !== 'refused' && (proven || !asksForProof);
}

/**
 * `carried`: whether every target shows the login; undefined: a product without targets.
 * `verifyDue`: it is time to verify again what is applied already. `waits`: the login was refused just now.
 */
export function planProxy({
  mac,
  record,
  carried,
  verifyDue,
  waits,
}: {
  mac: string;
  record: ProxyRecord;
  carried: boolean | undefined;
  verifyDue: boolean;
  waits: boolean;
}): 'nothing' | 'apply' | 'verify' | 'wait' {
  const inSync = carried ?? record.applied?.mac === mac;
  const isSettled = record.settled?.mac === mac;
  if (inSync) return !isSettled || record.verified?.mac !== mac || verifyDue ? 'verify' : 'nothing';
  return waits ? 'wait' : 'apply';
}
