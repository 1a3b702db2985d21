import { expect, test } from 'vitest';
import { Few } from '../src/few.ts';

test('does what a Map does, but for the order', () => {
  const few = new Few<number, number>();
  const map = new Map<number, number>();
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let i = 0; i < 5_000; i++) {
    const key = random(20);
    if (random(2) === 0) {
      few.set(key, i);
      map.set(key, i);
    } else expect(few.delete(key)).toBe(map.delete(key));
    const other = random(20);
    expect(few.get(other)).toBe(map.get(other));
    expect(few.size).toBe(map.size);
  }
  expect(new Map(few.entries())).toEqual(map);
  expect(few.values().toSorted()).toEqual([...map.values()].toSorted());
});
