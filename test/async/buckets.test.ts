import { expect, test } from 'vitest';
import { createBucket, createBuckets } from '../../src/async/buckets.ts';

const RATE = { burst: 3, perSecond: 2 };

test('a burst, then so many in a time; what is given back can be taken again', () => {
  let now = 0;
  const bucket = createBucket(RATE, () => now);
  const take = (n: number): boolean[] => Array.from({ length: n }, () => bucket.take());
  expect(take(4)).toEqual([true, true, true, false]);
  expect(bucket.isEmpty()).toBe(true);
  now = 500;
  expect(take(2)).toEqual([true, false]);
  bucket.giveBack();
  expect(take(2)).toEqual([true, false]);
  now = 60_000;
  expect(bucket.isFull()).toBe(true);
  expect(take(4)).toEqual([true, true, true, false]);
});

test('a clock that is set back takes nothing away', () => {
  let now = 10_000;
  const bucket = createBucket(RATE, () => now);
  now = 0;
  expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false]);
  now = 500;
  expect(bucket.take()).toBe(true);
});

test('each name has a bucket; one that is empty stays so while many other names come and go', () => {
  let now = 0;
  const buckets = createBuckets(RATE, 10, () => now);
  expect([1, 2, 3, 4].map(() => buckets.take('greedy'))).toEqual([true, true, true, false]);
  let granted = 0;
  for (let i = 0; i < 1_000; i++) {
    now += 1;
    expect(buckets.take(`name-${i}`)).toBe(true);
    if (i % 4 === 0 && buckets.take('greedy')) granted++;
  }
  // In a second.
  expect(granted).toBeLessThanOrEqual(2);
});
