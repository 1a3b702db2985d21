/** Preload: the program's leaders hold their Lease for 3 seconds instead of 15, so that a test need not wait as long. */
import { registerHooks } from 'node:module';

/** As in the sources, and as in the bundle. */
const QUICK: readonly (readonly [usual: RegExp, quick: string])[] = [
  [/leaseDurationMs: (15_000|15e3)/, 'leaseDurationMs: 3_000'],
  [/renewDeadlineMs: (10_000|1e4)/, 'renewDeadlineMs: 2_000'],
  [/retryPeriodMs: (2_000|2e3)/, 'retryPeriodMs: 500'],
];
let isQuick = false;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!/\/(kube\/leader-election\.ts|lib\/[^/]+\.js)$/.test(url)) return loaded;
    const source = (loaded.source as Buffer).toString();
    if (!QUICK.every(([usual]) => usual.test(source))) return loaded;
    isQuick = true;
    return { ...loaded, source: QUICK.reduce((text, [usual, quick]) => text.replace(usual, quick), source) };
  },
});

process.on('exit', () => {
  if (!isQuick)
    throw new Error('no file that was loaded has the times of the Lease: look at test/attack/quick-terms.ts');
});
