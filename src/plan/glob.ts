/**
 * Globs over names: `*` is any run of characters, `?` is one. Where a list is matched, `!` in front excludes.
 * Tenants write these patterns, so matching takes time in proportion to pattern times name, whatever they write;
 * a glob compiled to a regular expression backtracks.
 */
export type NameMatcher = (name: string) => boolean;

/** What a pattern may consist of: the characters of Kubernetes names, the two wildcards, and `!` in front. */
export const GLOB = /^!?[-a-z0-9.*?]+$/;

/** Matches names that some pattern takes and no `!` pattern excludes. A list of exclusions only takes everything else. */
export function matchNames(patterns: readonly string[]): NameMatcher {
  const excluded = patterns.filter((p) => p.startsWith('!')).map((p) => p.slice(1));
  const listed = patterns.filter((p) => !p.startsWith('!'));
  const wanted = listed.length === 0 && excluded.length > 0 ? ['*'] : listed;
  const takes = matchAny(wanted);
  const leaves = matchAny(excluded);
  return (name) => takes(name) && !leaves(name);
}

function matchAny(patterns: readonly string[]): NameMatcher {
  const names = new Set(patterns.filter((p) => !/[*?]/.test(p)));
  const globs = patterns.filter((p) => !names.has(p));
  return (name) => names.has(name) || globs.some((p) => globMatches(p, name));
}

/** Whether `pattern` matches the whole of `name`. */
export function globMatches(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  // Where to go on when the match fails: behind the last star, which then takes one character more.
  let star = -1;
  let taken = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
