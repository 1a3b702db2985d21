/** Patterns of other tools as globs of the configuration, where they say the same. */
import { GLOB } from '../config/glob.ts';

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
  if (glob === '' || !GLOB.test(glob)) return undefined;
  return [start === '' && !anchored ? '*' : '', glob, end === '' && !anchored ? '*' : '']
    .join('')
    .replaceAll(/\*{2,}/g, '*');
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
  GLOB.test(pattern) && !pattern.startsWith('!') ? pattern : undefined;
