/** Long computations leave half of the time to others. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inTurns } from '../../src/async/steps.ts';
import type { Steps } from '../../src/async/steps.ts';
import { createTurns } from '../../src/async/fair.ts';

function* busy(steps: number, log: string[], name = ''): Steps<number> {
  for (let i = 0; i < steps; i++) {
    for (const until = performance.now() + 5; performance.now() < until;);
    log.push(name);
    yield;
  }
  return steps;
}

test('between two steps the event loop goes around often, so that hundreds of connections get in', async () => {
  const log: string[] = [];
  let around = 0;
  let over = false;
  const loop = (async () => {
    for (; !over; around++) await setImmediate();
  })();
  expect(await inTurns(busy(20, log), createTurns())).toBe(20);
  over = true;
  await loop;
  expect(around).toBeGreaterThan(20 * 10);
});

test('several computations take turns', async () => {
  const log: string[] = [];
  const turn = createTurns();
  await Promise.all(['a', 'b', 'c'].map((name) => inTurns(busy(3, log, name), turn)));
  expect(log).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c']);
});
