import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStore } from '../../src/kube/store.ts';
import type { Stored } from '../../src/kube/store.ts';
import { isNewer, isOlder } from '../../src/kube/version.ts';

const object = (name: string, resourceVersion: string, { namespace = 'ns', uid = `uid-${name}` } = {}): Stored => ({
  namespace,
  name,
  uid,
  resourceVersion,
});

function watched() {
  const store = createStore();
  const changes: string[] = [];
  store.onChange((now, before) =>
    changes.push(
      `${before === undefined ? '' : `${before.name}@${before.resourceVersion}`}>${now === undefined ? '' : `${now.name}@${now.resourceVersion}`}`,
    ),
  );
  return { store, changes };
}
const contents = (store: ReturnType<typeof createStore>): string[] =>
  [...store.all()].map(({ namespace, name, resourceVersion }) => `${namespace}/${name}@${resourceVersion}`).sort();

describe('put', () => {
  test('takes in what is new and what is newer, and tells it', () => {
    const { store, changes } = watched();
    store.put(object('a', '9'));
    store.put(object('a', '10'));
    expect(store.get('ns', 'a')?.resourceVersion).toBe('10');
    expect(changes).toEqual(['>a@9', 'a@9>a@10']);
    expect(store.size).toBe(1);
  });

  test('an own write put ahead of the watch is not undone by the older events that still come', () => {
    const { store, changes } = watched();
    store.put(object('a', '100'));
    store.put(object('a', '105')); // the answer to our write
    store.put(object('a', '103')); // somebody's write before it, as the watch tells it
    store.put(object('a', '105')); // our write, as the watch tells it
    expect(contents(store)).toEqual(['ns/a@105']);
    expect(changes).toHaveLength(2);
  });

  test('the version of an own write is known until its event comes', () => {
    const store = createStore();
    store.put(object('a', '100'));
    store.put(object('a', '105'), true);
    expect(['100', '105', '105'].map((version) => store.own.delete(version))).toEqual([false, true, false]);
  });

  test('a version is not known when the event came before the answer, nor after a list', () => {
    const store = createStore();
    store.put(object('a', '105'));
    store.put(object('a', '105'), true);
    expect(store.own.delete('105')).toBe(false);
    store.put(object('a', '106'), true);
    // Restored from a backup, the server counts to 106 again, with another object.
    store.replace([], '90');
    expect(store.own.delete('106')).toBe(false);
  });

  test('not more versions are remembered than a watch can be behind', () => {
    const store = createStore();
    for (let version = 1; version <= 5000; version++) store.put(object('a', String(version)), true);
    expect([store.own.delete('900'), store.own.delete('5000')]).toEqual([false, true]);
  });

  test('a late answer to an own write does not bring back what the watch saw deleted since', () => {
    const { store, changes } = watched();
    store.put(object('a', '100'));
    store.remove('ns', 'a', '106');
    store.put(object('a', '105'));
    expect(contents(store)).toEqual([]);
    expect(changes).toEqual(['>a@100', 'a@100>']);
    store.put(object('a', '107', { uid: 'another' }));
    expect(contents(store)).toEqual(['ns/a@107']);
  });

  test('nor what a newer list no longer has', () => {
    const { store } = watched();
    store.put(object('a', '100'));
    store.replace([object('b', '90')], '110');
    store.put(object('a', '105'));
    expect(contents(store)).toEqual(['ns/b@90']);
  });

  test('objects without a namespace are their own', () => {
    const { store } = watched();
    store.put({ name: 'a', uid: 'u', resourceVersion: '1' });
    expect(store.get('', 'a')?.uid).toBe('u');
    expect([...store.in('')]).toHaveLength(1);
  });
});

describe('remove', () => {
  test('a deletion older than a re-created object does not remove it', () => {
    const { store } = watched();
    store.put(object('a', '100'));
    store.put(object('a', '108', { uid: 'again' })); // the answer to our own create
    store.remove('ns', 'a', '104');
    expect(contents(store)).toEqual(['ns/a@108']);
  });

  test('an own deletion is known at once; the events before it bring the object back only until the watch tells of it', () => {
    const { store } = watched();
    store.put(object('a', '100'));
    store.remove('ns', 'a');
    expect(contents(store)).toEqual([]);
    store.put(object('a', '103'));
    store.remove('ns', 'a', '104');
    expect(contents(store)).toEqual([]);
  });

  test('of what is not there changes nothing and tells nothing', () => {
    const { store, changes } = watched();
    store.remove('ns', 'a');
    store.remove('ns', 'a', '5');
    expect(store.size).toBe(0);
    expect(changes).toEqual([]);
  });
});

describe('replace', () => {
  test('makes the store what the list says, deletions too, and tells only what changed', () => {
    const { store, changes } = watched();
    for (const name of ['a', 'b', 'c']) store.put(object(name, '10'));
    changes.length = 0;
    store.replace([object('a', '10'), object('b', '12'), object('d', '11')], '12');
    expect(contents(store)).toEqual(['ns/a@10', 'ns/b@12', 'ns/d@11']);
    expect(changes.sort()).toEqual(['>d@11', 'b@10>b@12', 'c@10>']);
    expect(store.size).toBe(3);
  });

  test('a restored etcd counts from lower: its list counts, and so do the events after it', () => {
    const { store } = watched();
    store.put(object('a', '5000'));
    store.remove('ns', 'x', '5001');
    store.replace([object('a', '300')], '310');
    store.put(object('a', '311'));
    store.put(object('b', '312'));
    expect(contents(store)).toEqual(['ns/a@311', 'ns/b@312']);
  });

  test('the same name in another namespace is another object', () => {
    const { store } = watched();
    store.put(object('a', '1', { namespace: 'one' }));
    store.put(object('a', '2', { namespace: 'two' }));
    store.replace([object('a', '2', { namespace: 'two' })], '3');
    expect(contents(store)).toEqual(['two/a@2']);
    expect([...store.in('one')]).toEqual([]);
  });
});

test('names that mean something to JavaScript are names like any other', () => {
  const store = createStore();
  expect(store.get('__proto__', 'constructor')).toBeUndefined();
  store.put(object('constructor', '1', { namespace: '__proto__' }));
  expect(store.get('__proto__', 'constructor')?.name).toBe('constructor');
  expect(store.size).toBe(1);
});

test('whatever the order of own answers between the events of a watch, the store ends where the server is', () => {
  // One object's life: each version is a write or a deletion. The watch tells it in order; answers to writes come at any time after.
  const life = fc.array(fc.record({ deleted: fc.boolean(), own: fc.boolean(), answerAfter: fc.nat(6) }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(life, (versions) => {
      const { store } = watched();
      const told: (() => void)[] = versions.map(({ deleted }, i) => () => {
        if (deleted) store.remove('ns', 'a', String(101 + i));
        else store.put(object('a', String(101 + i)));
      });
      const answers = versions.flatMap(({ deleted, own, answerAfter }, i) =>
        own && !deleted
          ? [{ at: Math.min(versions.length, i + answerAfter), say: () => store.put(object('a', String(101 + i))) }]
          : [],
      );
      for (let i = 0; i <= versions.length; i++) {
        for (const { at, say } of answers) if (at === i) say();
        told[i]?.();
      }
      const last = versions.at(-1);
      expect(contents(store)).toEqual(last?.deleted ? [] : [`ns/a@${100 + versions.length}`]);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['10', '9', true],
  ['9', '10', false],
  ['10', '10', false],
  ['2', '1', true],
  ['1', '', true],
  ['', '1', false],
  ['9007199254740993', '9007199254740992', true],
  ['18446744073709551615', '9', true],
])('version %j is newer than %j: %j', (a, b, newer) => {
  expect(isNewer(a, b)).toBe(newer);
  expect(isOlder(b, a)).toBe(newer);
});

test.each(['x-1', '-5', '1e9', '0x10', '01', ' 7', '9'.repeat(65)])(
  '%j is no version that could be compared',
  (odd) => {
    expect([isNewer(odd, '5'), isOlder(odd, '5'), isNewer('5', odd), isOlder('5', odd)]).toEqual(Array(4).fill(false));
  },
);

test('with versions that cannot be compared, what the server says last counts', () => {
  const { store } = watched();
  store.replace([object('a', 'x')], 'list-1');
  store.put(object('a', 'w'));
  store.put(object('b', 'a'));
  expect(contents(store)).toEqual(['ns/a@w', 'ns/b@a']);
  store.remove('ns', 'a', '7');
  expect(contents(store)).toEqual(['ns/b@a']);
});
