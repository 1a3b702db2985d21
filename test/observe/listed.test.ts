/** The list of namespaces as it is remembered, and what is known of each. */
import { describe, expect, test } from 'vitest';
import { otherList } from '../../src/observe/listed.ts';
import { createWorld, feedsOf, isUnread, observeNamespace } from '../../src/observe/world.ts';
import { isSourceRead } from '../../src/observe/feed-ids.ts';
import { projectCopy, projectServiceAccount } from '../../src/observe/projections.ts';
import { readRecords, textOf } from '../../src/observe/records.ts';
import { configuration, source, sourceConfig } from '../plan/observations.ts';

describe('the list of the controller', () => {
  const saved = (namespaces: readonly string[] | undefined, remembered = true) => ({
    state: { namespaces: () => namespaces },
    remembered,
  });

  test('is the same in any order', () => {
    expect(otherList(saved(['a', 'b']), ['b', 'a'])).toBeUndefined();
    expect(otherList(saved(undefined), undefined)).toBeUndefined();
  });

  test.each<[string[] | undefined, string[] | undefined, string]>([
    [['a'], undefined, 'the controller looks after 1 namespace (--namespaces a), and this is about the whole cluster'],
    [undefined, ['a'], 'the controller looks after the whole cluster, and this is about 1 namespace (--namespaces a)'],
    [
      ['a', 'b'],
      ['a'],
      'the controller looks after 2 namespaces (--namespaces a, b), and this is about 1 namespace (--namespaces a)',
    ],
  ])('%j is not %j', (mine, given, words) => {
    expect(otherList(saved(mine), given)).toBe(words);
  });

  test('is not known without a saved state', () => {
    expect(otherList(saved(undefined, false), ['a'])).toBeUndefined();
  });

  test('survives a restart, and a list that was damaged by hand loses nothing else', () => {
    const records = { ...readRecords('{"sources":{}}'), namespaces: ['a', 'b'] };
    expect(readRecords(textOf(records)).namespaces).toEqual(['a', 'b']);
    const damaged = readRecords('{"namespaces":"all","refusals":{"m":{"l":{"times":1,"at":"2026-01-01","why":"no"}}}}');
    expect([damaged.namespaces, damaged.refusals.size]).toEqual([undefined, 1]);
    expect(textOf(readRecords('{}'))).not.toContain('namespaces');
  });
});

describe('a listed namespace', () => {
  const config = sourceConfig();
  function world() {
    const made = createWorld((text) => text, 'pullpass-system', ['team-a', 'team-b']);
    feedsOf(made, configuration([config], ['old']));
    return made;
  }
  const account = projectServiceAccount({
    metadata: { name: 'default', namespace: 'team-a', uid: 'u', resourceVersion: '1' },
  });
  const copy = (name: string, of: ReturnType<typeof world>) =>
    projectCopy({ metadata: { name, namespace: 'team-a', uid: 'u', resourceVersion: '1' } }, of);

  test('has no labels that were read: a source that selects by them is refused, also by commands that look once', () => {
    const selector = { matchLabels: { env: 'prod' } };
    const labelled = configuration([sourceConfig({ namespaces: { allow: ['*'], deny: [], selector } })]);
    expect(() =>
      feedsOf(
        createWorld((text) => text, 'pullpass-system', ['team-a']),
        labelled,
      ),
    ).toThrow(/^--namespaces: take namespaces\.selector out of source upstream: /);
  });

  test('is opted in as if it were annotated, once anything is seen in it', () => {
    const seen = world();
    expect(observeNamespace(seen, 'team-a', [source()], [])).toBeUndefined();
    seen.serviceAccounts.put(account);
    expect(observeNamespace(seen, 'team-a', [source()], [])).toMatchObject({
      namespace: { name: 'team-a', sync: 'enabled', terminating: false },
      serviceAccounts: [{ name: 'default' }],
    });
    expect(observeNamespace(seen, 'team-b', [source()], [])).toBeUndefined();
    expect(observeNamespace(seen, 'team-c', [source()], [])).toBeUndefined();
  });

  test.each(['regcred', 'old'])(
    'with a copy named %s and no ServiceAccount is there, so that the copy can go',
    (name) => {
      const seen = world();
      seen.copies.get(name)?.put(copy(name, seen));
      expect(observeNamespace(seen, 'team-a', [source()], ['old'])?.copies.has(name)).toBe(true);
    },
  );

  test('is not known before its ServiceAccounts were read: nothing is concluded from what is missing', () => {
    const seen = world();
    seen.copies.get('regcred')?.put(copy('regcred', seen));
    const isSynced = (id: string): boolean => id !== 'serviceaccounts in team-a';
    expect(observeNamespace(seen, 'team-a', [source()], [], isSynced)).toBeUndefined();
    expect([isUnread(seen, 'team-a', { isSynced }), isUnread(seen, 'team-b', { isSynced })]).toEqual([true, false]);
  });

  test('whose copies were not read is known but for that source', () => {
    const seen = world();
    seen.serviceAccounts.put(account);
    const isSynced = (id: string): boolean => id !== 'copy/regcred in team-a';
    expect(observeNamespace(seen, 'team-a', [source()], [], isSynced)?.sources).toMatchObject([{ read: false }]);
    expect(observeNamespace(seen, 'team-a', [source()], [])?.sources).toMatchObject([{ read: true }]);
  });

  test('holds up a source until it is read or refused; one of them must have been read', () => {
    const states = (refused: string[], unread: string[] = []) => ({
      isRefused: (id: string) => refused.some((name) => id.endsWith(` in ${name}`)),
      isSynced: (id: string) => ![...refused, ...unread].some((name) => id.endsWith(` in ${name}`)),
    });
    expect(isSourceRead(world(), config, states([]))).toBe(true);
    expect(isSourceRead(world(), config, states(['team-a']))).toBe(true);
    expect(isSourceRead(world(), config, states([], ['team-a']))).toBe(false);
    expect(isSourceRead(world(), config, states(['team-a', 'team-b']))).toBe(false);
    expect(isSourceRead(world(), config, { isRefused: () => false, isSynced: (id) => !id.startsWith('source/') })).toBe(
      false,
    );
  });
});
