/**
 * Resource versions. Those of Kubernetes are whole numbers that grow, for all kinds of a cluster together. Any other text can
 * only be compared for equality: it comes from a server that is none of Kubernetes', or from a gateway in between.
 */

/** No version at all is older than any. */
const NUMBER = /^(?:|0|[1-9]\d{0,63})$/;

/** Negative: `a` is older than `b`; 0: the same; positive: newer; undefined: it cannot be told. Longer is larger, so no BigInt is needed. */
export function compareVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!NUMBER.test(a) || !NUMBER.test(b)) return undefined;
  return a.length === b.length ? (a > b ? 1 : -1) : a.length - b.length;
}

export const isNewer = (a: string, b: string): boolean => (compareVersions(a, b) ?? 0) > 0;
export const isOlder = (a: string, b: string): boolean => (compareVersions(a, b) ?? 0) < 0;
