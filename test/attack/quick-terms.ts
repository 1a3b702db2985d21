/** Preload: the program's leaders hold their Lease for 3 seconds instead of 15, so that a test need not wait as long. */
import { registerHooks } from 'node:module';

/** As in the sources, and as in the bundle. */
const QUICK: readonly (readonly [usual: RegExp, quick: string])[] = [
  [/leaseDurationMs: (15_000|15e3)/, 'leaseDurationMs: 3_000'],
  [/renewDeadlineMs: (10_000|1e4)/, 'renewDeadlineMs: 2_000'],
  [/retryPeriodMs: (2_000|2e3)/, 'retryPeriodMs: 500'],
];

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!/\/(kube\/leader-election\.ts|pullpass\.js)$/.test(url)) return loaded;
    let source = (loaded.source as Buffer).toString();
    for (const [usual, quick] of QUICK) {
      if (!usual.test(source)) throw new Error(`${url} has no ${String(usual)} any more`);
      source = source.replace(usual, quick);
    }
    return { ...loaded, source };
  },
});
