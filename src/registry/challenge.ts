/** Parses the challenges of a WWW-Authenticate header, RFC 9110 section 11.6.1: several per field, quoted strings, token68. */

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly params: Readonly<Record<string, string>>;
}

const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const SPACES = /[ \t]+/y;
const COMMAS = /[ \t]*,[ \t,]*/y;
/** No real server sends more; the rest is ignored. */
const MAX_CHALLENGES = 16;

/** Never throws. Stops at the first syntax error, and leaves out the challenge that contains it. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match;
  };

  /** `name = value`; `undefined` and nothing consumed if there is none; `'malformed'` if the value is missing or broken. */
  function param(): [name: string, value: string] | undefined | 'malformed' {
    const start = at;
    const name = take(TOKEN)?.[0];
    if (name === undefined || take(EQUALS) === undefined) {
      at = start;
      return undefined;
    }
    const value = take(QUOTED)?.[1]?.replace(/\\([^])/g, '$1') ?? take(TOKEN)?.[0];
    return value === undefined ? 'malformed' : [name.toLowerCase(), value];
  }

  /** The parameters of one challenge; undefined: malformed, or a duplicate name. */
  function params(): Record<string, string> | undefined {
    const found = new Map<string, string>();
    for (let next = param(); next !== undefined; next = param()) {
      if (next === 'malformed' || found.has(next[0])) return undefined;
      found.set(...next);
      const end = at;
      if (take(COMMAS) === undefined) break;
      // After a comma comes a parameter of this challenge, or the next challenge: only the former has a "=".
      const ahead = at;
      const more = param();
      at = more === undefined ? end : ahead;
      if (more === undefined) break;
    }
    return Object.fromEntries(found);
  }

  take(COMMAS);
  take(SPACES);
  while (at < header.length && challenges.length < MAX_CHALLENGES) {
    const scheme = take(TOKEN)?.[0].toLowerCase();
    if (scheme === undefined) break;
    const spaced = take(SPACES) !== undefined;
    // A token68 looks like the start of a parameter; what follows it tells them apart.
    const read = !spaced || take(TOKEN68) !== undefined ? {} : params();
    if (read === undefined) break;
    take(SPACES);
    if (at < header.length && take(COMMAS) === undefined) break;
    challenges.push({ scheme, params: read });
  }
  return challenges;
}
