/** Times that people write: how old a login may become, and the instant at which one ends. */
import * as z from 'zod';
import { parseGoDuration } from '../credentials/go-duration.ts';

const DAY_MS = 86_400_000;
/** No login lives longer: a later end is a typing error, or means "never". */
const LONGEST_MS = 20 * 366 * DAY_MS;

const AGE = 'is not an age from 1m to 3650d, such as "90d", "12h" or "1d12h"';

/** Milliseconds. As Go writes durations, and days in front. */
export const maxAge = z
  .string()
  .transform((text) => parseAge(text))
  .pipe(
    z
      .number(AGE)
      .min(60_000, AGE)
      .max(3650 * DAY_MS, AGE),
  );

function parseAge(text: string): number | undefined {
  const [, days = '0', rest] = /^(?:(\d{1,4})d)?([^d+-]*)$/.exec(text) ?? [];
  const ms = rest === '' && text !== '' ? 0 : parseGoDuration(rest ?? '');
  return ms === undefined ? undefined : Number(days) * DAY_MS + ms;
}

const instant = z.iso.datetime({ offset: true });

/** `at`: milliseconds since 1970; else `problem` continues the name of what holds the text, and does not repeat it. */
export function readEnd(text: string, now: number): { readonly at: number } | { readonly problem: string } {
  if (!instant.safeParse(text).success)
    return { problem: 'is not a time with its zone (RFC 3339), such as 2027-01-31T18:00:00Z' };
  const at = Date.parse(text);
  return at > now + LONGEST_MS ? { problem: 'is more than 20 years away, and no login lives so long' } : { at };
}
