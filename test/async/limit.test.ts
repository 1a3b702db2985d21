import { expect, test } from 'vitest';
import { createLimit } from '../../src/async/limit.ts';

test('no more run at a time than there are places, whoever comes while one ends; the others wait in order', async () => {
  const limit = createLimit(2);
  const open: (() => void)[] = [];
  const begun: number[] = [];
  let most = 0;
  let running = 0;
  const run = (n: number): Promise<void> =>
    limit(async () => {
      begun.push(n);
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => open.push(resolve));
      running--;
      if (n === 2) throw new Error('a place is given back after a failure, too');
    });
  const all = [0, 1, 2, 3, 4, 5].map((n) => run(n).catch(() => undefined));
  const late: Promise<void>[] = [];
  while (begun.length < 8) {
    open.shift()?.();
    // In the very moment at which the place becomes free.
    await Promise.resolve();
    if (late.length < 2) late.push(run(6 + late.length));
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const end of open) end();
  await Promise.all([...all, ...late]);
  expect([begun, most, running]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7], 2, 0]);
});
