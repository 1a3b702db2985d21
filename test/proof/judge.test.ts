import { expect, test } from 'vitest';
import { judge } from './judge.ts';
import type { Said, Truth } from './judge.ts';

const complete: Said = {
  wait: { exit: 0, text: 'complete' },
  verify: { exit: 0, state: 'verified', why: '' },
  metric: 'verified',
};
const works: Truth = { cache: true, upstream: true, afterRevocation: true, why: '' };
const good = { wait: 0, verify: ['verified'] };
const saying = (state: string, exit: number): Said => ({
  wait: { exit: 1, text: 'not complete' },
  verify: { exit, state, why: '' },
  metric: state,
});

test('what is said and what is true agree', () => {
  expect(judge(complete, works, good)).toEqual([]);
  expect(judge(saying('refused', 3), { ...works, cache: false }, { wait: 1, verify: ['refused'] })).toEqual([]);
  expect(
    judge(saying('unknown: upstream', 0), { cache: false, upstream: false, why: '' }, { wait: 1, verify: ['unknown'] }),
  ).toEqual([]);
});

test('complete is a lie if a new image cannot be pulled, or only until the old login is revoked', () => {
  expect(judge(complete, { ...works, cache: false }, good)).toContain(
    'wait exits 0, and a new image cannot be pulled through the cache',
  );
  expect(judge(complete, { ...works, afterRevocation: false }, good)).toEqual([
    'wait exits 0, and the old login was still needed',
  ]);
});

test('refused is a lie if images are pulled, and if the upstream serves nobody', () => {
  expect(judge(saying('refused', 3), works, { wait: 1, verify: ['refused'] })).toHaveLength(2);
  expect(
    judge(saying('refused', 3), { cache: false, upstream: false, why: '' }, { wait: 1, verify: ['refused'] }),
  ).toHaveLength(2);
  expect(judge(saying('refused', 0), { ...works, cache: false }, { wait: 1, verify: ['refused'] })).toEqual([
    'pullpass verify says refused, and exits 0',
  ]);
});

test('to know nothing is right only where nothing can be known', () => {
  expect(judge(saying('unknown', 0), works, { wait: 1, verify: ['verified'] })).toHaveLength(2);
  expect(judge(saying('nothing', 1), works, { wait: 1, verify: ['unknown'] })).toHaveLength(2);
});

test('a rotation that cannot be proven does not end, and one that is proven does', () => {
  expect(
    judge({ ...complete, verify: { exit: 0, state: 'unknown', why: '' }, metric: 'unknown' }, works, {
      wait: 1,
      verify: ['unknown'],
    }),
  ).toEqual(['wait exits 0, not 1']);
  expect(judge({ ...complete, wait: { exit: 1, text: '' } }, works, good)).toEqual(['wait exits 1, not 0']);
});
