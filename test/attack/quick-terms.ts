/** Preload: the program's leaders hold their Lease for 3 seconds instead of 15, so that a test need not wait as long. */
import { registerHooks } from 'node:module';

const QUICK: Readonly<Record<string, string>> = {
  'leaseDurationMs: 15_000': 'leaseDurationMs: 3_000',
  'renewDeadlineMs: 10_000': 'renewDeadlineMs: 2_000',
  'retryPeriodMs: 2_000': 'retryPeriodMs: 500',
};

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith('/kube/leader-election.ts')) return loaded;
    let source = (loaded.source as Buffer).toString();
    for (const [usual, quick] of Object.entries(QUICK)) {
      if (!source.includes(usual)) throw new Error(`leader-election.ts has no "${usual}" any more`);
      source = source.replace(usual, quick);
    }
    return { ...loaded, source };
  },
});
