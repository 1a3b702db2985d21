/**
 * Globs over names: `*` is any run of characters, `?` is one. In a list, `!` in front excludes.
 * Tenants write these lists, so matching never backtracks: all patterns of a list are one automaton (bit-parallel NFA), and
 * the cost is bounded by the length of the name times the length of the list, with 32 characters of the list at once.
 */
type NameMatcher = (name: string) => boolean;

/** A valid pattern: characters of Kubernetes names, the two wildcards, and `!` in front. */
export const GLOB = /^!?[-a-z0-9.*?]+$/;

/** The guard where a source has none of its own: `namespaces.allow` and `namespaces.deny`. */
export const ALLOWED = ['*'];
export const DENIED = ['kube-*', 'pullpass-system'];
/** The ServiceAccounts of a source that names none: `serviceAccounts`. */
export const SERVICE_ACCOUNTS = ['default'];

/** Matches names that a pattern matches and no `!` pattern excludes. A list of only exclusions matches everything else. */
export function matchNames(patterns: readonly string[]): NameMatcher {
  let matcher = matchers.get(patterns);
  if (matcher === undefined) matchers.set(patterns, (matcher = matcherOf(patterns)));
  return matcher;
}

/** The lists of the configuration are asked for each namespace again. */
const matchers = new WeakMap<readonly string[], NameMatcher>();

function matcherOf(patterns: readonly string[]): NameMatcher {
  const excluded = patterns.filter((p) => p.startsWith('!')).map((p) => p.slice(1));
  const listed = patterns.filter((p) => !p.startsWith('!'));
  const wanted = listed.length === 0 && excluded.length > 0 ? ['*'] : listed;
  const takes = matchAny(wanted);
  const leaves = matchAny(excluded);
  return (name) => takes(name) && !leaves(name);
}

function matchAny(patterns: readonly string[]): NameMatcher {
  if (patterns.includes('*')) return () => true;
  const names = new Set(patterns.filter((p) => !/[*?]/.test(p)));
  const globs = patterns.filter((p) => !names.has(p));
  if (globs.length === 0) return (name) => names.has(name);
  const matches = automaton(globs);
  return (name) => names.has(name) || matches(name);
}

/** Whether `pattern` matches the whole of `name`. */
export function globMatches(pattern: string, name: string): boolean {
  return automaton([pattern])(name);
}

/**
 * Whether one of the patterns matches. A state is one bit: how many characters of a pattern have matched. A character of the
 * name moves a state to the next one if the pattern accepts it; at a `*` the state also stays.
 */
function automaton(patterns: readonly string[]): NameMatcher {
  /** The character that each state accepts, for all patterns one after the other; '' is the end of a pattern: none. */
  const steps: string[] = [];
  const [starts, stars, ends]: [number[], number[], number[]] = [[], [], []];
  for (const pattern of patterns) {
    starts.push(steps.length);
    for (let i = 0; i < pattern.length; i++) {
      if (pattern.charAt(i) === '*') stars.push(steps.length);
      else steps.push(pattern.charAt(i));
    }
    ends.push(steps.length);
    steps.push('');
  }
  const words = Math.ceil(steps.length / 32);
  const [start, stays, end] = [bitsOf(starts, words), bitsOf(stars, words), bitsOf(ends, words)];

  // Computed on demand: names have few different characters.
  const moves = new Map<string, Uint32Array>();
  const movesOn = (character: string): Uint32Array => {
    let bits = moves.get(character);
    if (bits === undefined)
      moves.set(
        character,
        (bits = bitsOf(
          steps.flatMap((step, i) => (step === '?' || step === character ? [i] : [])),
          words,
        )),
      );
    return bits;
  };

  return (name) => {
    const states = start.slice();
    for (let i = 0; i < name.length; i++) {
      const takes = movesOn(name.charAt(i));
      let carry = 0;
      let alive = 0;
      for (let w = 0; w < words; w++) {
        const here = states[w] ?? 0;
        const moved = here & (takes[w] ?? 0);
        const next = (moved << 1) | carry | (here & (stays[w] ?? 0));
        carry = moved >>> 31;
        alive |= next;
        states[w] = next;
      }
      if (alive === 0) return false;
    }
    return states.some((here, w) => (here & (end[w] ?? 0)) !== 0);
  };
}

function bitsOf(states: readonly number[], words: number): Uint32Array {
  const bits = new Uint32Array(words);
  for (const state of states) bits[state >>> 5] = (bits[state >>> 5] ?? 0) | (1 << (state & 31));
  return bits;
}
