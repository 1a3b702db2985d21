import { expect, test } from 'vitest';
import { createListed } from '../../src/controller/listed.ts';

function made(namespaces: readonly string[] | undefined, before: readonly string[] | undefined, knows = true) {
  const lines: string[] = [];
  let saved = before;
  const listed = createListed({
    namespaces,
    state: {
      namespaces: () => saved,
      setNamespaces: (next) => {
        saved = next;
      },
      knows: () => knows,
    },
    log: { warn: (line: unknown) => void lines.push(String(line)) },
    tenantLog: { line: (level, namespace, _, text) => void lines.push(`${level} ${namespace}: ${text}`) },
  });
  return { listed, lines, saved: () => saved };
}

test('what an earlier list had and this one has not is told with the command that removes it, once', () => {
  const { listed, lines, saved } = made(['a'], ['a', 'b', 'c']);
  listed.takeOver();
  listed.takeOver();
  expect(lines).toEqual([
    expect.stringMatching(
      /^b, c are no longer listed: copies and references stay there, .*: pullpass prune --namespaces b,c$/,
    ),
  ]);
  expect(saved()).toEqual(['a']);
});

test.each<[string, string[] | undefined, string[] | undefined, boolean]>([
  ['the same list', ['a'], ['a'], true],
  ['a longer list', ['a', 'b'], ['a'], true],
  ['the first start of all', ['a'], undefined, false],
  ['the whole cluster, as before', undefined, undefined, true],
  ['the whole cluster from now on, with rights to see what is left', undefined, ['a'], true],
])('%s leaves nothing behind', (_, now, before, knows) => {
  const { listed, lines, saved } = made(now, before, knows);
  listed.takeOver();
  expect([lines, saved()]).toEqual([[], now]);
});

test('a list after the whole cluster leaves nobody knows what: that is told', () => {
  const { listed, lines } = made(['a'], undefined);
  listed.takeOver();
  expect(lines).toEqual([
    expect.stringMatching(/^until now the whole cluster was looked after: .*pullpass prune --namespaces/),
  ]);
});

test('an absent namespace is told once, and once more when it is there', () => {
  const { listed, lines } = made(['a'], ['a']);
  for (const isThere of [true, false, false, true, true]) listed.saw('a', isThere);
  expect(lines).toEqual([
    expect.stringMatching(/^warn a: the namespace is listed, and is not there/),
    'info a: the listed namespace is there now',
  ]);
});

test('without a list a namespace that is gone is no news', () => {
  const { listed, lines } = made(undefined, undefined);
  listed.saw('a', false);
  expect(lines).toEqual([]);
});
