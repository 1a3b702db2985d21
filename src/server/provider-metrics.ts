/**
 * The metrics of `pullpass provider`. Names, labels and label values are part of the interface: docs/metrics.md describes each. Not
 * `pullpass_build_info`: by that an alert knows that the controller is there.
 */
import { Registry } from 'prom-client';
import { addProcessMetrics, expose, familiesIn } from './families.ts';
import type { Page } from './listener.ts';

/** Times in milliseconds since 1970; undefined: there is none, and so no series. */
interface Times {
  readonly renewAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly failing: boolean;
}

interface ProviderMetricsOptions {
  /** `namespace/name`. */
  readonly secret: string;
  readonly reasons: readonly string[];
  readonly times: () => Times;
  readonly processMetrics?: boolean;
}

export type ProviderMetrics = ReturnType<typeof createProviderMetrics>;

export function createProviderMetrics({ secret, reasons, times, processMetrics = true }: ProviderMetricsOptions) {
  const registry = new Registry();
  const { gaugeOf, counter } = familiesIn(registry);
  const time = (name: string, help: string, of: (now: Times) => number | undefined): unknown =>
    gaugeOf(name, `${help}, in seconds since 1970.`, ['secret'], () => {
      const at = of(times());
      return at === undefined ? [] : [[{ secret }, at / 1000]];
    });
  time('provider_next_renewal_timestamp_seconds', 'When the login is to be renewed', ({ renewAt }) => renewAt);
  time('provider_expiry_timestamp_seconds', 'When the login in force ends', ({ expiresAt }) => expiresAt);
  gaugeOf('provider_failing', '1 while the last look or renewal failed.', ['secret'], () => [
    [{ secret }, times().failing ? 1 : 0],
  ]);
  const failures = counter('provider_failures_total', 'Looks and renewals that failed.', ['secret', 'reason']);
  // There from the start: a rate needs a value before the first event.
  for (const reason of reasons) failures.inc({ secret, reason }, 0);
  if (processMetrics) addProcessMetrics(registry);
  return {
    countFailure: (reason: string): void => failures.inc({ secret, reason }),
    exposition: (): Promise<Page> => expose([registry]),
  };
}
