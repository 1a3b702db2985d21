import { describe, expect, test } from 'vitest';
import type { SourceConfig } from '../../src/config/schema.ts';
import { MAX_ANNOTATION, MAX_LISTED } from '../../src/plan/bounds.ts';
import type { ObservedNamespace } from '../../src/plan/observed.ts';
import { noteOf } from '../../src/plan/problem.ts';
import {
  admitsName,
  admitted,
  listProblems,
  selectSources,
  selectsAccount,
  splitList,
} from '../../src/plan/selection.ts';
import { account, namespace, sourceConfig } from './observations.ts';

const HOSTILE = `${'x\u0000\u001b[2J\r\n\u2028\u2029\u202e\ud800"\\'}${'y'.repeat(256 * 1024)}`;

const why = (ns: Partial<ObservedNamespace>, ...sources: Partial<SourceConfig>[]) =>
  Object.fromEntries(
    [...selectSources(namespace(ns), sources.map(sourceConfig)).choices].map(([name, choice]) => [
      name,
      choice.in ? `in: ${choice.why}` : `out: ${choice.why}`,
    ]),
  );
const problems = (ns: Partial<ObservedNamespace>, ...sources: Partial<SourceConfig>[]) =>
  selectSources(namespace(ns), sources.map(sourceConfig)).problems.map(
    (problem) => `${problem.reason}: ${noteOf(problem)}`,
  );

describe('the choice of a namespace', () => {
  test.each<[string, Partial<ObservedNamespace>, Partial<SourceConfig>, string]>([
    ['says nothing', { sync: undefined }, {}, 'out: not opted in'],
    ['says nothing, the source is in by default', { sync: undefined }, { optInByDefault: true }, 'in: default'],
    ['says enabled', { sync: 'enabled' }, {}, 'in: enabled'],
    ['says enabled, the source is in by default', { sync: 'enabled' }, { optInByDefault: true }, 'in: enabled'],
    ['says disabled', { sync: 'disabled' }, {}, 'out: disabled'],
    ['says disabled, the source is in by default', { sync: 'disabled' }, { optInByDefault: true }, 'out: disabled'],
    ['says something else', { sync: 'true' }, {}, 'out: bad annotation'],
    [
      'says something else, the source is in by default',
      { sync: 'Enabled' },
      { optInByDefault: true },
      'out: bad annotation',
    ],
    ['says nothing in the annotation', { sync: '' }, { optInByDefault: true }, 'out: bad annotation'],
    ['says enabled with a space', { sync: 'enabled ' }, {}, 'out: bad annotation'],
    ['is not admitted and says enabled', { name: 'kube-extra', sync: 'enabled' }, {}, 'out: denied'],
    [
      'is not admitted and says nothing',
      { name: 'kube-extra', sync: undefined },
      { optInByDefault: true },
      'out: not opted in',
    ],
    ['lists the source', { sources: ' other ,upstream' }, {}, 'in: enabled'],
    ['lists others', { sources: 'other' }, {}, 'out: not listed'],
    ['lists none', { sources: ' , ' }, {}, 'out: not listed'],
    [
      'lists others and would be in by default',
      { sync: undefined, sources: 'other' },
      { optInByDefault: true },
      'out: not listed',
    ],
    [
      'lists the source and would be in by default',
      { sync: undefined, sources: 'upstream' },
      { optInByDefault: true },
      'in: default',
    ],
    ['lists the source and did not opt in', { sync: undefined, sources: 'upstream' }, {}, 'out: not opted in'],
  ])('that %s', (_, ns, config, expected) => {
    expect(why(ns, config)).toEqual({ upstream: expected });
  });

  test.each<[string, SourceConfig['namespaces'], string, boolean]>([
    ['allow names it', { allow: ['team-*'], deny: [] }, 'team-a', true],
    ['allow does not name it', { allow: ['team-*'], deny: [] }, 'other', false],
    ['allow is empty', { allow: [], deny: [] }, 'team-a', false],
    ['deny wins over allow', { allow: ['team-a'], deny: ['team-*'] }, 'team-a', false],
    ['allow excludes it', { allow: ['*', '!team-a'], deny: [] }, 'team-a', false],
    ['allow excludes others only', { allow: ['!team-b'], deny: [] }, 'team-a', true],
    ['deny spares it', { allow: ['*'], deny: ['*', '!team-a'] }, 'team-a', true],
    ['deny is empty', { allow: ['*'], deny: [] }, 'kube-system', true],
  ])('the guard: %s', (_, namespaces, name, expected) => {
    expect(admitsName(sourceConfig({ namespaces }), name)).toBe(expected);
  });

  const labelled = { namespaces: { allow: ['team-*'], deny: [], selector: { matchLabels: { env: 'prod' } } } };
  test.each<[string, Partial<ObservedNamespace>, boolean]>([
    ['name and label fit', { labels: { env: 'prod' } }, true],
    ['the label is another', { labels: { env: 'test' } }, false],
    ['there is no label', {}, false],
    ['the label fits, and the name does not', { name: 'other', labels: { env: 'prod' } }, false],
  ])('the guard asks for a name and a label: %s', (_, ns, expected) => {
    expect(admitted(sourceConfig(labelled), namespace(ns))).toBe(expected);
    expect(why(ns, labelled)).toEqual({ upstream: expected ? 'in: enabled' : 'out: denied' });
    expect(why({ ...ns, sync: undefined }, { ...labelled, optInByDefault: true })).toEqual({
      upstream: expected ? 'in: default' : 'out: not opted in',
    });
  });

  test('every source has one, whatever it is called', () => {
    const sources = ['__proto__', 'constructor', 'toString'].map((name) => sourceConfig({ name }));
    const { choices, problems: reported } = selectSources(namespace({ sources: '__proto__,constructor' }), sources);
    expect([...choices].map(([name, choice]) => [name, choice.in])).toEqual([
      ['__proto__', true],
      ['constructor', true],
      ['toString', false],
    ]);
    expect(reported).toEqual([]);
  });
});

describe('what a namespace is told', () => {
  test('nothing when all is well, or when it asked for nothing', () => {
    expect(problems({}, {})).toEqual([]);
    expect(problems({ sync: 'disabled', sources: 'nonsense' }, {})).toEqual([]);
    expect(problems({ sync: undefined, sources: 'nonsense' }, {})).toEqual([]);
    expect(problems({ sync: undefined, name: 'kube-extra' }, { optInByDefault: true })).toEqual([]);
    expect(problems({ sync: undefined, name: 'kube-extra', sources: 'nonsense' }, { optInByDefault: true })).toEqual(
      [],
    );
  });

  test('a value that means nothing', () => {
    expect(problems({ sync: 'yes' }, {})).toEqual([
      'InvalidAnnotation: pullpass.dev/sync is "yes": use "enabled" or "disabled". The namespace is treated as not opted in.',
    ]);
    expect(problems({ strays: ['pullpass.dev/synch', 'label pullpass.dev/sync'] }, {})).toEqual([
      'InvalidAnnotation: "pullpass.dev/synch", "label pullpass.dev/sync": means nothing on a namespace; ' +
        'the annotations are pullpass.dev/sync, pullpass.dev/sources, pullpass.dev/service-accounts.',
    ]);
    expect(problems({ sources: ' ,, ' }, {})).toEqual([
      'InvalidAnnotation: pullpass.dev/sources is empty: name sources, or remove it to get all that admit this namespace.',
    ]);
  });

  test('sources that there are not, together and once each', () => {
    expect(problems({ sources: 'upstream,typo' }, {})).toEqual([
      'UnknownSource: pullpass.dev/sources names "typo", which the configuration does not have.',
    ]);
    expect(problems({ sources: 'a,b,a,c,d,e,f,g' }, {})).toEqual([
      'UnknownSource: pullpass.dev/sources names "a", "b", "c", "d", "e" and 2 more, which the configuration does not have.',
    ]);
  });

  test('a typo in the list that takes away what it would get by default', () => {
    expect(problems({ sync: undefined, sources: 'upstraem' }, { optInByDefault: true })).toEqual([
      expect.stringMatching(/^UnknownSource: .*"upstraem"/),
    ]);
  });

  test('that a guard says no, when it asked for that source', () => {
    const guarded = { namespaces: { allow: ['prod-*'], deny: [] } };
    expect(problems({ sources: 'upstream' }, guarded)).toEqual([
      expect.stringMatching(/^OptInDenied: .*guard of source "upstream" does not admit it/),
    ]);
    expect(problems({ sources: 'open,upstream' }, guarded, { name: 'open' })).toEqual([
      expect.stringMatching(/^OptInDenied: .*source "upstream" does/),
    ]);
  });

  test('which labels would do, if only they are missing', () => {
    const guarded = { namespaces: { allow: ['team-*'], deny: [], selector: { matchLabels: { env: 'prod' } } } };
    expect(problems({}, guarded)).toEqual([
      expect.stringMatching(/or to give the namespace the labels that it asks for: "env=prod"\.$/),
    ]);
    expect(problems({ name: 'other' }, guarded)).toEqual([expect.stringMatching(/\(sources\[\]\.namespaces\)\.$/)]);
  });

  test('that every guard says no, when it asked for whatever there is; not that some do', () => {
    const guarded = { namespaces: { allow: ['prod-*'], deny: [] } };
    expect(problems({}, guarded, { ...guarded, name: 'second' })).toEqual([
      expect.stringMatching(/^OptInDenied: .*"upstream", "second"/),
    ]);
    expect(problems({}, guarded, { name: 'open' })).toEqual([]);
  });

  test.each<[string, Partial<ObservedNamespace>]>([
    ['sync', { sync: HOSTILE }],
    ['sources', { sources: HOSTILE }],
    [
      'sources, many',
      {
        sources:
          `${HOSTILE.slice(0, 100)},`.repeat(2_000) + Array.from({ length: 20_000 }, (_, i) => `n${i}`).join(','),
      },
    ],
  ])('in bounded lines, whatever the tenant wrote in %s', (_, ns) => {
    const reported = problems(ns, {});
    expect(reported.map((note) => note.replace(/:.*/, ''))).toEqual(
      ns.sources === undefined ? ['InvalidAnnotation'] : expect.arrayContaining(['InvalidAnnotation']),
    );
    expect(reported.length).toBeLessThanOrEqual(2);
    for (const note of reported) {
      expect(note.length).toBeLessThan(1_000);
      expect(note).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }
  });
});

describe('the ServiceAccounts of a namespace', () => {
  const selected = (annotation: string | undefined, names: string[], config: Partial<SourceConfig> = {}) =>
    names
      .map((name) => account({ name }))
      .filter(selectsAccount(namespace({ serviceAccounts: annotation }), sourceConfig(config)))
      .map(({ name }) => name);

  test('are those of the source unless the namespace says otherwise', () => {
    expect(selected(undefined, ['default', 'builder'])).toEqual(['default']);
    expect(selected(undefined, ['default', 'builder', 'ci-1'], { serviceAccounts: ['!ci-*'] })).toEqual([
      'default',
      'builder',
    ]);
    expect(selected('builder', ['default', 'builder'])).toEqual(['builder']);
    expect(selected(' build*, !builder-2 ,', ['default', 'builder-1', 'builder-2'])).toEqual(['builder-1']);
    expect(selected('!ci-*', ['default', 'ci-1'])).toEqual(['default']);
    expect(selected('', ['default'])).toEqual([]);
  });

  test('decide for themselves with an annotation of their own', () => {
    const selects = selectsAccount(namespace(), sourceConfig());
    expect(selects(account({ name: 'builder', sync: 'enabled' }))).toBe(true);
    expect(selects(account({ name: 'default', sync: 'disabled' }))).toBe(false);
    expect(selects(account({ name: 'default', sync: 'maybe' }))).toBe(true);
    expect(selects(account({ name: 'builder', sync: 'maybe' }))).toBe(false);
  });

  test('a list that means nothing in part is told', () => {
    const notes = (serviceAccounts: string | undefined) => listProblems(namespace({ serviceAccounts })).map(noteOf);
    expect(listProblems(namespace({ serviceAccounts: 'default,Builder,a b,*' }))).toEqual([
      {
        reason: 'InvalidAnnotation',
        object: { kind: 'Namespace', name: 'team-a', uid: 'ns-uid' },
        annotation: 'pullpass.dev/service-accounts',
        what: expect.stringContaining('has "Builder", "a b", which can match no name') as string,
      },
    ]);
    expect(notes(' ,')).toEqual([expect.stringContaining('is empty')]);
    expect(notes(undefined)).toEqual([]);
  });

  test('one pattern that can match no name is enough', () => {
    expect(listProblems(namespace({ serviceAccounts: 'default,A' })).map(noteOf)).toEqual([
      expect.stringContaining('has "A", which can match no name'),
    ]);
  });

  test('a hostile list is reported in bounded lines', () => {
    const reported = listProblems(namespace({ serviceAccounts: 'A,'.repeat(100_000) + HOSTILE })).map(noteOf);
    expect(reported).toEqual([expect.stringContaining('can match no name'), expect.stringContaining('is too long')]);
    for (const note of reported) {
      expect(note.length).toBeLessThan(1_000);
      expect(note).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }
  });

  test.each([256, 257])('a list of %i parts counts whole only up to 256', (length) => {
    const list = Array.from({ length }, (_, i) => `s${i}`).join();
    expect(listProblems(namespace({ serviceAccounts: list }))).toHaveLength(length > 256 ? 1 : 0);
  });

  test('a list that is far too long counts up to a bound, and that is told', () => {
    const tooLong = [
      expect.objectContaining({ what: expect.stringContaining(`only its first ${MAX_LISTED} parts count`) as string }),
    ];
    const names = Array.from({ length: 30_000 }, (_, i) => `sa-${i}`);
    const kept = selected(names.join(','), names);
    expect(kept).toEqual(names.slice(0, MAX_LISTED));
    expect(listProblems(namespace({ serviceAccounts: names.join(',') }))).toEqual(tooLong);
    expect(listProblems(namespace({ serviceAccounts: names.slice(0, MAX_LISTED).join(',') }))).toEqual([]);
    // Empty parts take no room.
    expect(selected(`${','.repeat(1_000)}default`, ['default'])).toEqual(['default']);
  });

  test('a list with too many characters counts up to the last comma before the bound: half a pattern means something else', () => {
    const filler = 'x'.repeat(MAX_ANNOTATION - 10);
    expect(selected(`${filler},sa-*,ci-*-deploy`, ['sa-1', 'ci-1', 'ci-1-deploy', 'ci-'])).toEqual(['sa-1']);
    expect(listProblems(namespace({ serviceAccounts: `${filler},sa-*,ci-*-deploy` }))).toEqual([
      expect.objectContaining({ what: expect.stringContaining(`of its first ${MAX_ANNOTATION} characters`) as string }),
    ]);
    // To the very character.
    expect(selected(`${filler},${'a'.repeat(9)}`, ['a'.repeat(9)])).toEqual(['a'.repeat(9)]);
    expect(selected(`${filler},${'a'.repeat(9)},`, ['a'.repeat(9)])).toEqual(['a'.repeat(9)]);
    expect(selected(`${filler},${'a'.repeat(10)}`, ['a'.repeat(9), 'a'.repeat(10)])).toEqual([]);
    expect(selected('*'.repeat(MAX_ANNOTATION + 1), ['default'])).toEqual([]);
    expect(why({ sources: `upstream,${filler}xxxxxx` }, {})).toEqual({ upstream: 'in: enabled' });
    expect(problems({ sources: `upstream,${filler}xxxxxx` }, {})).toEqual([
      expect.stringMatching(/^InvalidAnnotation: pullpass.dev\/sources is too long/),
    ]);
  });
});

test('what is wrong with a namespace is told on it, in the order of its annotations', () => {
  const told = selectSources(namespace({ strays: ['pullpass.dev/synch'], sync: 'on' }), [sourceConfig()]).problems;
  const object = { kind: 'Namespace', name: 'team-a', uid: 'ns-uid' };
  expect(told.map((problem) => [problem.reason, problem.object, noteOf(problem)])).toEqual([
    ['InvalidAnnotation', object, expect.stringMatching(/^"pullpass.dev\/synch": means nothing/)],
    ['InvalidAnnotation', object, expect.stringMatching(/^pullpass.dev\/sync is "on"/)],
  ]);
});

test('an empty list of sources is told where it takes away even one source that came by default', () => {
  expect(problems({ sync: undefined, sources: ' ' }, {}, { name: 'b', optInByDefault: true })).toEqual([
    expect.stringMatching(/^InvalidAnnotation: pullpass.dev\/sources is empty/),
  ]);
});

test('lists forgive blanks and empty parts', () => {
  expect(splitList(' a,b ,,\tc\n,')).toEqual(['a', 'b', 'c']);
  expect(splitList('')).toEqual([]);
});
