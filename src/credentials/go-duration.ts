/** Durations as Go writes and reads them (time.ParseDuration), such as `6h0m0s`, `1.5h`, `-300ms`. */

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek letter mu
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const WHOLE = new RegExp(`^[+-]?(?:${PART.source})+$`);
/** Go counts nanoseconds in 64 bits: about 292 years. */
const LONGEST_MS = 2 ** 63 / 1e6;

/** Milliseconds; undefined: Go would not read it. */
export function parseGoDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (text.length > 100 || !WHOLE.test(text)) return undefined;
  const parts = [...text.matchAll(PART)];
  const ms = parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (UNITS[unit] ?? NaN), 0);
  if (!(ms < LONGEST_MS)) return undefined;
  return text.startsWith('-') ? -ms : ms;
}
