/** ServiceAccounts as a hostile tenant makes them: too large, too many. */
import { describe, expect, test } from 'vitest';
import { projectServiceAccount } from '../../src/observe/projections.ts';
import { ANNOTATION_ADDED, DEFAULT_NAMESPACE } from '../../src/names.ts';
import { MAX_ANNOTATION, MAX_PULL_SECRETS } from '../../src/plan/bounds.ts';
import { planNamespace, planSteps } from '../../src/plan/namespace.ts';
import type { ObservedServiceAccount } from '../../src/plan/observed.ts';
import { noteOf } from '../../src/plan/problem.ts';
import { planReferences, toJsonPatch } from '../../src/plan/service-account.ts';
import { account, copy, namespace, scope, source } from './observations.ts';

const want = (...names: string[]) => ({
  instance: DEFAULT_NAMESPACE,
  own: new Set<string>(),
  wanted: new Set(names),
  kept: new Set<string>(),
});
const plan = (serviceAccounts: ObservedServiceAccount[], parts: Parameters<typeof scope>[0] = {}) =>
  planNamespace(scope({ serviceAccounts, sources: [source({ config: { serviceAccounts: ['*'] } })], ...parts }));
const told = ({ problems }: ReturnType<typeof plan>) =>
  problems.map((problem) => `${problem.reason} ${problem.object.kind} ${problem.object.name}: ${noteOf(problem)}`);
const seen = (annotations: Record<string, string>, imagePullSecrets?: { name: string }[]) =>
  projectServiceAccount({
    metadata: { name: 'default', namespace: 'team-a', uid: 'sa-uid', resourceVersion: '5', annotations },
    ...(imagePullSecrets && { imagePullSecrets }),
  });

describe('a record that is longer than Pullpass ever writes', () => {
  const names = Array.from({ length: 40_000 }, (_, i) => i.toString(36));
  const added = names.join(',').slice(0, 250 * 1024);

  test('costs next to nothing, in a namespace that opted in and in one that did not', () => {
    const hostile = seen({ [ANNOTATION_ADDED]: added });
    const from = performance.now();
    for (const sync of ['enabled', undefined])
      for (let i = 0; i < 10; i++) plan([hostile], { namespace: namespace({ sync }) });
    // It took 8.5 seconds each.
    expect(performance.now() - from).toBeLessThan(2_000);
  });

  test('is none: nothing in it is ours, so nothing is removed, and what is added is recorded anew', () => {
    const hostile = seen({ [ANNOTATION_ADDED]: `mine,${added}` }, [{ name: 'mine' }]);
    expect(planReferences(hostile, want())).toBeUndefined();
    expect(planReferences(hostile, want('mine'))).toBeUndefined();
    expect(planReferences(hostile, want('a'))).toEqual({ add: ['a'], remove: [], record: ['a'] });
  });

  test('is replaced only while nobody else writes: its text is not known, so the version is tested', () => {
    const hostile = seen({ [ANNOTATION_ADDED]: added }, [{ name: 'mine' }]);
    const edit = planReferences(hostile, want('a'));
    const patch = edit === undefined ? [] : toJsonPatch(hostile, edit);
    expect(patch.filter(({ op }) => op === 'test')).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'sa-uid' },
      { op: 'test', path: '/metadata/resourceVersion', value: '5' },
    ]);
    expect(patch.filter(({ op }) => op !== 'test')).toEqual([
      { op: 'add', path: '/imagePullSecrets/-', value: { name: 'a' } },
      { op: 'add', path: '/metadata/annotations/pullpass.dev~1added-pull-secrets', value: 'a' },
    ]);
  });

  test('is told to its owner, where the namespace opted in', () => {
    const hostile = seen({ [ANNOTATION_ADDED]: added });
    expect(told(plan([hostile]))).toEqual([
      expect.stringMatching(
        /^InvalidAnnotation ServiceAccount default: pullpass.dev\/added-pull-secrets is longer than 4096 characters/,
      ),
    ]);
    expect(told(plan([hostile], { namespace: namespace({ sync: undefined }) }))).toEqual([]);
  });

  test('one of the longest kind that counts is believed', () => {
    const longest = names.join(',').slice(0, MAX_ANNOTATION).split(',').slice(0, -1);
    expect(
      planReferences(seen({ [ANNOTATION_ADDED]: longest.join(',') }, [{ name: longest[0] ?? '' }]), want()),
    ).toMatchObject({ remove: [longest[0]], record: [] });
  });
});

describe('a list of pull secrets that is too long', () => {
  const many = Array.from({ length: MAX_PULL_SECRETS + 1 }, (_, i) => ({ name: `s${i}` }));
  const large = [{ name: 'x'.repeat(MAX_ANNOTATION) }];

  test.each([
    ['entries', many],
    ['characters', large],
  ])('in %s is left alone whether in or out, while the copy comes and goes', (_, list) => {
    const hostile = seen({ [ANNOTATION_ADDED]: 'regcred' }, [...list, { name: 'regcred' }]);
    const into = plan([hostile]);
    expect([into.writeCopies.length, into.editReferences]).toEqual([1, []]);
    expect(told(into)).toEqual([expect.stringMatching(/^TooManyPullSecrets ServiceAccount default: /)]);
    expect(into.standings.map(({ accounts }) => accounts)).toEqual([{ selected: 0, referenced: 0 }]);
    const out = plan([hostile], { namespace: namespace({ sync: undefined }), copies: [copy()] });
    expect([out.deleteCopies.length, out.editReferences, told(out)]).toEqual([1, [], []]);
  });

  test('is one with which ours would make it so: nothing is added, and what is ours goes when it is to go', () => {
    const full = account({ pullSecrets: [...many.slice(2).map(({ name }) => name), 'ours'], added: 'ours' });
    expect(planReferences(full, want('ours'))).toBeUndefined();
    expect(planReferences(full, want('ours', 'more'))).toBeUndefined();
    expect(planReferences(full, want())).toEqual({ add: [], remove: ['ours'], record: [] });
    const planned = plan([full], {
      sources: [
        source({ config: { serviceAccounts: ['*'] } }),
        source({ config: { name: 'own', copyName: 'ours', serviceAccounts: ['*'] } }),
      ],
    });
    expect(planned.editReferences).toEqual([]);
    expect(planned.standings.map(({ accounts }) => accounts)).toEqual([
      { selected: 0, referenced: 0 },
      { selected: 1, referenced: 1 },
    ]);
    expect(told(planned)).toEqual([expect.stringMatching(/^TooManyPullSecrets /)]);
  });

  test('is no matter where nothing is to be added to it', () => {
    expect(told(plan([seen({}, many)], { sources: [source({ config: { serviceAccounts: ['other'] } })] }))).toEqual([]);
  });
});

describe('ServiceAccounts of a namespace that is in one source and out of another', () => {
  const sources = [
    source({ config: { serviceAccounts: ['*'] } }),
    source({ config: { name: 'denied', copyName: 'denied', namespaces: { allow: [], deny: [] } } }),
  ];

  test('are told what is wrong with them, and what is right with them is not', () => {
    expect(told(plan([account({ sync: 'on' })], { sources }))).toHaveLength(1);
    expect(told(plan([account({ sync: 'enabled' }), account({ sync: 'disabled' })], { sources }))).toEqual([]);
  });

  test('are edited in their order', () => {
    const edits = plan([account({ name: 'a' }), account({ name: 'b' })], { sources }).editReferences;
    expect(edits.map(({ account: { name } }) => name)).toEqual(['a', 'b']);
  });
});

test('of a copy that is going away selected accounts keep their reference, and others lose theirs', () => {
  const ours = { pullSecrets: ['regcred'], added: 'regcred', annotated: true };
  const { editReferences } = plan([account(ours), account({ ...ours, name: 'other' }), account({ name: 'new' })], {
    sources: [source({ config: { serviceAccounts: ['default', 'new'] } })],
    copies: [copy({ terminating: true })],
  });
  expect(editReferences.map(({ account: { name }, edit: { remove } }) => [name, remove])).toEqual([
    ['other', ['regcred']],
  ]);
});

test.each([256, 257])('a list of %i entries is looked after only up to 256', (entries) => {
  const list = Array.from({ length: entries - 1 }, (_, i) => `s${i}`);
  expect(plan([account({ pullSecrets: list })]).editReferences).toHaveLength(entries > 256 ? 0 : 1);
});

describe('thousands of ServiceAccounts', () => {
  const thousands = (parts: Parameters<typeof account>[0] = {}) =>
    Array.from({ length: 5_000 }, (_, i) => account({ name: `sa-${i}`, uid: `sa-${i}`, ...parts }));

  test('are planned in steps of few each, to the same plan', () => {
    const all = scope({ serviceAccounts: thousands() });
    const steps = planSteps(all);
    let turns = 0;
    let last = steps.next();
    for (; last.done !== true; last = steps.next()) turns++;
    expect(turns).toBeGreaterThan(50);
    expect(last.value).toEqual(planNamespace(all));
  });

  test('are one step where they are few', () => {
    expect(planSteps(scope({ serviceAccounts: thousands().slice(0, 20) })).next().done).toBe(true);
  });

  test('with something wrong are told in a few lines that stay the same', () => {
    const wrong = told(plan(thousands({ sync: 'on' })));
    expect(wrong.slice(0, 20)).toEqual(
      thousands()
        .slice(0, 20)
        .map(({ name }) => expect.stringMatching(`^InvalidAnnotation ServiceAccount ${name}: .*is "on"`) as string),
    );
    expect(wrong.slice(20)).toEqual([
      'InvalidAnnotation Namespace team-a: More than 20 ServiceAccounts have something wrong with them, ' +
        '"sa-20" for one: only the first 20 are told one by one.',
    ]);
    expect(told(plan([...thousands({ sync: 'on' }), account({ name: 'z', sync: 'on' })]))).toEqual(wrong);
    expect(told(plan(thousands({ sync: 'on' }).slice(0, 20)))).toHaveLength(20);
  });
});
