import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createShares } from '../../src/async/shares.ts';

const anybody = (): boolean => true;

test('shares take turns, however much one of them has', () => {
  const shares = createShares<string>({ perShare: 10, inAll: 100 });
  for (const item of ['a1', 'a2', 'a3', 'a4']) shares.add('a', item);
  shares.add('b', 'b1');
  shares.add('c', 'c1');
  const order = [];
  for (let next = shares.take(anybody); next !== undefined; next = shares.take(anybody)) order.push(next.item);
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', 'a4']);
  expect(shares.size).toBe(0);
});

test('one that may not go now is passed over, and keeps its turn', () => {
  const shares = createShares<string>({ perShare: 10, inAll: 100 });
  shares.add('a', 'a1');
  shares.add('b', 'b1');
  shares.add('b', 'b2');
  expect(shares.take((share) => share === 'b')?.item).toBe('b1');
  expect(shares.take(anybody)?.item).toBe('a1');
  expect(shares.take(() => false)).toBeUndefined();
});

test('a share that is full takes nothing more; the others do', () => {
  const shares = createShares<number>({ perShare: 2, inAll: 100 });
  expect([1, 2, 3].map((item) => shares.add('a', item))).toEqual([undefined, undefined, { item: 3, full: 'share' }]);
  expect(shares.add('b', 4)).toBeUndefined();
});

test('when all are full, the newest of the largest share gives way to a smaller one; among equals the new one has no room', () => {
  const shares = createShares<string>({ perShare: 10, inAll: 4 });
  for (const item of ['a1', 'a2', 'a3']) shares.add('a', item);
  shares.add('b', 'b1');
  expect(shares.add('c', 'c1')).toEqual({ item: 'a3', full: 'all' });
  expect(shares.add('b', 'b2')).toEqual({ item: 'b2', full: 'all' });
  expect(shares.add('a', 'a4')).toEqual({ item: 'a4', full: 'all' });
  expect(shares.size).toBe(4);
});

test('whatever is added and removed: nothing is lost or handed out twice, and the limits hold', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'add', 'take', 'remove'),
    share: fc.nat(4),
    which: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const shares = createShares<number>({ perShare: 5, inAll: 12 });
      const waiting = new Map<number, string>();
      let made = 0;
      for (const { kind, share: n, which } of steps) {
        const share = `share-${n}`;
        if (kind === 'add') {
          waiting.set(++made, share);
          const dropped = shares.add(share, made);
          if (dropped !== undefined) expect(waiting.delete(dropped.item)).toBe(true);
        } else if (kind === 'take') {
          const next = shares.take((name) => name !== share);
          const others = [...waiting.values()].some((name) => name !== share);
          expect(next !== undefined).toBe(others);
          if (next === undefined) continue;
          expect(waiting.get(next.item)).toBe(next.share);
          waiting.delete(next.item);
        } else {
          const item = [...waiting.keys()][which] ?? -1;
          expect(shares.remove(waiting.get(item) ?? share, item)).toBe(waiting.delete(item));
        }
        expect(shares.size).toBe(waiting.size);
        expect(waiting.size).toBeLessThanOrEqual(12);
        for (const name of new Set(waiting.values()))
          expect([...waiting.values()].filter((each) => each === name).length).toBeLessThanOrEqual(5);
      }
    }),
  );
});
