/** What `pullpass wait` says at its end: that it is complete, and how that is known. */
import { stateOf } from '../plan/proxy.ts';
import type { RotationProgress } from '../rotation/progress.ts';

export const completeLine = (line: string): string =>
  `complete: the old credential can be revoked, everywhere Pullpass manages (${line})`;

export const NOT_COVERED =
  'Not covered: pulls already under way, and Secrets that Pullpass does not manage (--scan lists some).';

/** How each cache proxy is known to be done. */
export function shown({ proxies }: RotationProgress): string[] {
  return [
    ...proxies.map((proxy) => {
      const { name, proven, verified, reason, why } = proxy;
      const how = !proven
        ? 'not proven'
        : verified === 'verified'
          ? 'proven'
          : `proven, now ${stateOf({ state: verified, reason })}`;
      return `cache proxy ${name}: ${how}: ${why}`;
    }),
    ...(proxies.some(({ proven }) => proven)
      ? ['While the old credential works too, a proof shows that a login works, not which one.']
      : []),
  ];
}
