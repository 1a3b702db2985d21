/** Patterns of other tools as globs of the configuration, where they say the same. */
import { GLOB } from '../config/glob.ts';

/** No name is longer. */
const MAX_GLOB = 253;

/**
 * A regular expression that names match as a whole. undefined: no glob says the same.
 * `anchored`: as if it stood between ^ and $; otherwise it may match anywhere.
 */
export function globOf(regex: string, anchored: boolean): string | undefined {
  const [, start = '', body = '', end = ''] = /^(\^?)(.*?)(\$?)$/s.exec(regex) ?? [];
  const glob = body.replaceAll(/\.\*|\.\+|\.|\\-|[^.]/g, (token) =>
    token === '.*'
      ? '*'
      : token === '.+'
        ? '?*'
        : token === '.'
          ? '?'
          : token === '\\-'
            ? '-'
            : /[-a-z0-9]/.test(token)
              ? token
              : '/',
  );
  if (!GLOB.test(glob)) return undefined;
  const whole = [start === '' && !anchored ? '*' : '', glob, end === '' && !anchored ? '*' : '']
    .join('')
    .replaceAll(/\*{2,}/g, '*');
  return whole.length > MAX_GLOB ? undefined : whole;
}

/** All of them; undefined: one of them cannot be said. */
export function globsOf(
  patterns: readonly string[],
  read: (pattern: string) => string | undefined,
): string[] | undefined {
  const globs = patterns.map(read);
  return globs.every((glob) => glob !== undefined) ? globs : undefined;
}

/** Globs of others: with the same wildcards, and character classes that ours do not have. */
export const sameGlob = (pattern: string): string | undefined =>
  GLOB.test(pattern) && !pattern.startsWith('!') && pattern.length <= MAX_GLOB ? pattern : undefined;
