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

/** What the controller remembers of one cache proxy, across restarts and replicas. No credential: only MACs. */
export interface ProxyRecord {
  /** What was applied last: MAC of the login and of where it goes. */
  readonly applied?: { readonly mac: string; readonly at: string };
  /** The last verdict on what was applied. */
  readonly verified?: {
    readonly mac: string;
    readonly state: 'verified' | 'refused' | 'unknown';
    readonly why: string;
    readonly at: string;
  };
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
  if (inSync) return record.verified?.mac !== mac || verifyDue ? 'verify' : 'nothing';
  return waits ? 'wait' : 'apply';
}
