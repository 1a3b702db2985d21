import { expect, test } from 'vitest';
import { createUnderWay } from '../../src/async/under-way.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('stops each when its time is over, and not what has ended', async () => {
  const told: string[] = [];
  const underWay = createUnderWay(30);
  underWay.add((why) => told.push(`first ${why}`));
  const end = underWay.add((why) => told.push(`ended ${why}`));
  end();
  await pause(20);
  underWay.add((why) => told.push(`second ${why}`));
  while (told.length < 1) await pause(1);
  expect(told).toEqual(['first timed out']);
  while (told.length < 2) await pause(1);
  expect(told).toEqual(['first timed out', 'second timed out']);
});

test('stops all that a signal is for, and no other', () => {
  const told: string[] = [];
  const underWay = createUnderWay(Infinity);
  const [one, two] = [new AbortController(), new AbortController()];
  underWay.add((why) => told.push(`a ${why}`), one.signal);
  underWay.add((why) => told.push(`b ${why}`), one.signal)();
  underWay.add((why) => told.push(`c ${why}`), one.signal);
  underWay.add((why) => told.push(`d ${why}`), two.signal);
  underWay.add((why) => told.push(`e ${why}`));
  one.abort();
  expect(told).toEqual(['a was stopped', 'c was stopped']);
});

test('leaves no listener behind, and one listener serves all', () => {
  const underWay = createUnderWay(Infinity);
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  const ends = [1, 2, 3].map(() => underWay.add(() => undefined, signal));
  expect(listeners).toBe(1);
  ends.forEach((end) => end());
  expect(listeners).toBe(0);
});
