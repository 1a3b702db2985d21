/** Which login a cache proxy is to be given, and whether it has it. Pure. */
import { canonicalRegistry, findEntry, quoteKey } from '../credentials/registry-name.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';

/** `key`: of the entry that it is from. */
type LoginChoice =
  | { readonly ok: true; readonly login: UpstreamLogin; readonly key: string }
  | { readonly ok: false; readonly problem: string };

/**
 * The login of `registry` among the source's own usable ones, which are all that is ever in force: the entry by that key, or by any other name of Docker
 * Hub, or else the one that a kubelet would try first for an image of that registry (a glob, a host without its path).
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

/** What the controller remembers of one cache proxy, across restarts and replicas. No credential: macs only. */
export interface ProxyRecord {
  /** Of the login and of where it goes; what was applied last. */
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
 * `carried`: whether every target shows the login, or, for a product without targets, undefined.
 * `verifyDue`: whether it is time to look again at what is applied already. `waits`: whether it was refused just now.
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
