/** Durations as kubectl takes them: `90s`, `10m`, `1h30m`; a plain number is seconds. */
import { InvalidArgumentError } from 'commander';

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;
/** Each unit at most once, the largest first. */
const PATTERN = /^(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s?)?$/;

/** A parser of an option's argument: milliseconds, at most `longest`. */
export function duration(longest: number): (text: string) => number {
  return (text) => {
    const parts = text === '' ? null : PATTERN.exec(text);
    const ms = parts && UNITS.reduce((sum, [, each], i) => sum + Number(parts[i + 1] ?? 0) * each, 0);
    if (ms === null || ms > longest)
      throw new InvalidArgumentError(
        `must be a duration such as 90s, 10m or 1h30m, or a number of seconds, at most ${sayDuration(longest)}.`,
      );
    return ms;
  };
}

/** `1h30m`; seconds are the smallest unit. */
export function sayDuration(ms: number): string {
  let left = ms;
  const parts = UNITS.map(([unit, each]) => {
    const n = Math.floor(left / each);
    left -= n * each;
    return n === 0 ? '' : `${n}${unit}`;
  });
  return parts.join('') || '0s';
}
