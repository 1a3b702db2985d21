/**
 * Globs as in Go's filepath.Match, which the kubelet applies to each label of a host: `*`, `?`, `[a-z]`, `[^a]` and
 * `\` escapes; `*` and `?` do not match "/". On byte strings: `?` and a class match one UTF-8 character, all else bytes.
 */
import { type ByteString, characterAt, isStray, toText } from './byte-string.ts';

/** False if the pattern is malformed: the kubelet counts that as "no match". */
export function goGlobMatches(pattern: ByteString, name: ByteString): boolean {
  const tokens = compile(pattern);
  return tokens !== undefined && run(tokens, name);
}

type Token =
  | { kind: 'star' | 'any' }
  | { kind: 'byte'; byte: ByteString }
  | { kind: 'class'; negated: boolean; ranges: [low: number, high: number][] };

function compile(pattern: ByteString): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const byte = pattern.charAt(at);
    if (byte === '*') tokens.push({ kind: 'star' });
    else if (byte === '?') tokens.push({ kind: 'any' });
    else if (byte === '[') {
      const found = readClass(pattern, at + 1);
      if (found === undefined) return undefined;
      tokens.push(found.token);
      at = found.last;
    } else if (byte === '\\') {
      at++;
      if (at === pattern.length) return undefined;
      tokens.push({ kind: 'byte', byte: pattern.charAt(at) });
    } else tokens.push({ kind: 'byte', byte });
  }
  return tokens;
}

/** `last` is the offset of the closing bracket. Undefined: empty, unterminated, or with a misplaced "-" or "]". */
function readClass(pattern: ByteString, start: number): { token: Token; last: number } | undefined {
  const negated = pattern.charAt(start) === '^';
  const ranges: [number, number][] = [];
  let at = negated ? start + 1 : start;
  const member = (): number | undefined => {
    if (pattern.charAt(at) === '-' || pattern.charAt(at) === ']') return undefined;
    if (pattern.charAt(at) === '\\') at++;
    const character = characterAt(pattern, at);
    at += character.length;
    return character === '' || isStray(character) ? undefined : codePoint(character);
  };
  while (ranges.length === 0 || pattern.charAt(at) !== ']') {
    const low = member();
    const ranged = pattern.charAt(at) === '-';
    if (ranged) at++;
    const high = ranged ? member() : low;
    if (low === undefined || high === undefined) return undefined;
    ranges.push([low, high]);
  }
  return { token: { kind: 'class', negated, ranges }, last: at };
}

/** Backtracks only to the last star: enough, because the last star can match all that an earlier one could. */
function run(tokens: Token[], name: ByteString): boolean {
  let token = 0;
  let at = 0;
  let star: { token: number; at: number } | undefined;
  while (at < name.length || token < tokens.length) {
    const current = tokens[token];
    if (current?.kind === 'star') {
      star = { token: ++token, at };
      continue;
    }
    const length = current === undefined ? 0 : matchedLength(current, name, at);
    if (length > 0) {
      token++;
      at += length;
      continue;
    }
    if (star === undefined || star.at >= name.length || name.charAt(star.at) === '/') return false;
    star.at++;
    token = star.token;
    at = star.at;
  }
  return true;
}

/** How many bytes of `name` the token matches at `at`; 0: it does not match. */
function matchedLength(token: Token, name: ByteString, at: number): number {
  if (at >= name.length) return 0;
  if (token.kind === 'byte') return name.charAt(at) === token.byte ? 1 : 0;
  const character = characterAt(name, at);
  if (token.kind === 'class') {
    const code = codePoint(character);
    return token.ranges.some(([low, high]) => low <= code && code <= high) === token.negated ? 0 : character.length;
  }
  return character === '/' ? 0 : character.length;
}

function codePoint(character: ByteString): number {
  return toText(character).codePointAt(0) ?? 0;
}
