/** Compares what Pullpass says with what is true. Pure. */

/** What Pullpass says after the change. */
export interface Said {
  readonly wait: { readonly exit: number | null; readonly text: string };
  readonly verify: { readonly exit: number | null; readonly state: string; readonly why: string };
  /** The state whose `pullpass_proxy_verified` is 1, as a process that scrapes sees it. */
  readonly metric: string;
}

/** What skopeo sees: each time of an image that nobody pulled before. */
export interface Truth {
  /** Pulled through the cache. */
  readonly cache: boolean;
  /** Pulled from the upstream itself, with a login that is always good. */
  readonly upstream: boolean;
  /** Pulled through the cache after the login before was revoked; undefined where there was none, or that came first. */
  readonly afterRevocation?: boolean;
  readonly why: string;
}

/** What Pullpass should be able to say here. */
export interface Expected {
  /** Exit status of `wait`; undefined: no rotation goes on, so that only what `wait` says has to be true. */
  readonly wait?: number;
  /** States, each with or without `: reason`. */
  readonly verify: readonly string[];
}

/** Every way in which the two differ; none: the row holds. */
export function judge(said: Said, truth: Truth, expected: Expected): string[] {
  const differ: string[] = [];
  const states = { 'pullpass verify': said.verify.state, 'the metric': said.metric };
  if (said.wait.exit === 0) {
    if (!truth.cache) differ.push('wait exits 0, and a new image cannot be pulled through the cache');
    if (truth.afterRevocation === false) differ.push('wait exits 0, and the old login was still needed');
  }
  for (const [who, state] of Object.entries(states)) {
    if (isVerified(state) && !truth.cache) differ.push(`${who} says ${state}, and a new image cannot be pulled`);
    if (isRefused(state) && truth.cache) differ.push(`${who} says ${state}, and a new image is pulled`);
    if (isRefused(state) && !truth.upstream) differ.push(`${who} says ${state}, and the upstream serves nobody`);
    // Also "we do not know" can be wrong: where it could be known, or where nothing was even tried.
    if (!expected.verify.some((prefix) => state === prefix || state.startsWith(`${prefix}:`)))
      differ.push(`${who} says ${state}; here it should be able to say ${expected.verify.join(' or ')}`);
  }
  if (expected.wait !== undefined && said.wait.exit !== expected.wait)
    differ.push(`wait exits ${said.wait.exit}, not ${expected.wait}`);
  if (isRefused(said.verify.state) && said.verify.exit === 0) differ.push('pullpass verify says refused, and exits 0');
  return differ;
}

const isVerified = (state: string): boolean => state === 'verified' || state.startsWith('verified:');
const isRefused = (state: string): boolean => state === 'refused' || state.startsWith('refused:');
