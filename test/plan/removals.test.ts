/** What counts as a removal, when it is too large, and what goes on while it is held. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inOneGo } from '../../src/async/steps.ts';
import { brakeSteps, createTally, judgeRemovals, limitOf, sayHeld } from '../../src/plan/removals.ts';
import type { Planned } from '../../src/plan/removals.ts';
import { planNamespace } from '../../src/plan/namespace.ts';
import { account, copy, namespace, scope, source } from './observations.ts';
import type { NamespacePlan } from '../../src/plan/namespace-plan.ts';

const braked = (...given: Parameters<typeof brakeSteps>) => inOneGo(brakeSteps(...given));

const NONE = { value: '0123456789ab', given: 'none' } as const;
const guard = (allow: string[], deny: string[] = []): Parameters<typeof source>[0] => ({
  config: { namespaces: { allow, deny } },
});

/** Namespaces `team-0` ... with a copy and a reference, as they are planned for these sources. */
function cluster(
  count: number,
  sources = [source()],
  parts: { retiredCopyNames?: string[]; terminating?: boolean } = {},
): Planned[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `team-${i}`;
    const observed = scope({
      namespace: namespace({ name, terminating: parts.terminating ?? false }),
      sources,
      retiredCopyNames: parts.retiredCopyNames ?? [],
      serviceAccounts: [
        account({ namespace: name, pullSecrets: ['theirs', 'regcred'], added: 'regcred', annotated: true }),
      ],
      copies: [copy({ namespace: name })],
    });
    return { scope: observed, plan: planNamespace(observed) };
  });
}
const lost = ({ deleteCopies, editReferences }: NamespacePlan): string[] => [
  ...deleteCopies.map(({ name }) => name),
  ...editReferences.flatMap(({ edit }) => edit.remove),
];

test('a namespace has a copy when one of its Secrets is one', () => {
  const theirs = copy({ name: 'theirs', ours: false });
  const observed = scope({ copies: [theirs, copy()] });
  const tally = createTally();
  tally.add({ scope: observed, plan: planNamespace(observed) });
  const without = scope({ copies: [theirs] });
  tally.add({ scope: without, plan: planNamespace(without) });
  expect(tally.removals()).toEqual({ namespaces: [], withCopies: 1 });
});

describe('the limit', () => {
  test.each<[lost: number, withCopies: number, held: boolean]>([
    [1, 1, false],
    [10, 10, false],
    [11, 11, true],
    [10, 5_000, false],
    [11, 219, true],
    [11, 220, false],
    [12, 240, false],
    [13, 240, true],
    [12, 239, true],
    [250, 5_000, false],
    [251, 5_000, true],
    [11, 0, true],
  ])('%i of %i: held %j', (count, withCopies, held) => {
    const namespaces = Array.from({ length: count }, (_, i) => `n${i}`);
    expect(judgeRemovals({ namespaces, withCopies }, NONE) !== undefined).toBe(held);
    expect(judgeRemovals({ namespaces, withCopies }, { ...NONE, given: 'another' }) !== undefined).toBe(held);
    expect(judgeRemovals({ namespaces, withCopies }, { ...NONE, given: 'this' })).toBeUndefined();
    expect(count > limitOf(withCopies)).toBe(held);
  });
});

describe('a slip that is held takes nothing from anybody:', () => {
  test.each<[string, Planned[]]>([
    ['allow: []', cluster(11, [source(guard([]))])],
    ['one bad glob in deny', cluster(11, [source(guard(['*'], ['t*']))])],
    ['serviceAccounts: []', cluster(11, [source({ config: { serviceAccounts: [] } })])],
    [
      'a copy name that was changed, and the old one retired',
      cluster(11, [source({ config: { copyName: 'renamed' } })], { retiredCopyNames: ['regcred'] }),
    ],
    [
      'a copy name that was changed, and the old one forgotten',
      cluster(11, [source({ config: { copyName: 'renamed' } })]),
    ],
    ['a dropped source, its copy name retired', cluster(11, [], { retiredCopyNames: ['regcred'] })],
    ['a dropped source, its copy name forgotten', cluster(11, [])],
  ])('%s', (_, planned) => {
    expect(planned.flatMap(({ plan }) => lost(plan))).not.toEqual([]);
    const { held, plans } = braked(planned, NONE);
    expect(held?.namespaces).toHaveLength(11);
    expect(plans.flatMap(lost)).toEqual([]);
    expect(plans.every((plan) => plan.held !== undefined)).toBe(true);
  });

  test('optInByDefault that becomes false', () => {
    const planned = cluster(11).map(({ scope: each }) => {
      const undecided = { ...each, namespace: { ...each.namespace, sync: undefined } };
      return { scope: undecided, plan: planNamespace(undecided) };
    });
    expect(braked(planned, NONE).held).toMatchObject({ withCopies: 11, limit: 10 });
  });

  test('but ten lose theirs, and all where it is confirmed', () => {
    expect(braked(cluster(10, [source(guard([]))]), NONE).plans.flatMap(lost)).toHaveLength(20);
    expect(braked(cluster(11, [source(guard([]))]), { ...NONE, given: 'this' }).plans.flatMap(lost)).toHaveLength(22);
  });
});

test('namespaces that are being deleted do not count, neither as losing nor as having', () => {
  const going = cluster(30, [source(guard([]))], { terminating: true });
  expect(braked(going, NONE).held).toBeUndefined();
  expect(braked([...cluster(11, [source(guard([]))]), ...going], NONE).held).toMatchObject({ withCopies: 11 });
});

test('what is not a removal goes on: a new copy, a new reference, a rotation; of two sources only the one that slipped is held', () => {
  const slipped = source({ ...guard([]), digest: 'newer' });
  const other = source({ config: { name: 'other', copyName: 'other-copy' } });
  const {
    plans: [plan],
  } = braked(cluster(11, [slipped, other]), NONE);
  expect(plan).toMatchObject({
    standings: [
      { source: 'upstream', choice: { in: false }, copy: 'held' },
      { source: 'other', choice: { in: true }, copy: 'missing' },
    ],
    writeCopies: [{ type: 'createCopy', name: 'other-copy' }],
    editReferences: [{ edit: { add: ['other-copy'], remove: [], record: ['other-copy', 'regcred'] } }],
    held: { copies: [{ name: 'regcred', source: 'upstream', current: false }], accounts: ['default'] },
  });
});

test('a kept copy is current as long as its source has nothing newer', () => {
  const currentOf = (sources: ReturnType<typeof source>[], parts: Parameters<typeof cluster>[2] = {}): unknown =>
    braked(cluster(11, sources, parts), NONE).plans[0]?.held?.copies;
  expect(currentOf([source(guard([]))])).toMatchObject([{ current: true }]);
  expect(currentOf([source({ ...guard([]), digest: 'newer' })])).toMatchObject([{ current: false }]);
  expect(
    currentOf([source({ config: { copyName: 'renamed' }, digest: 'newer' })], { retiredCopyNames: ['regcred'] }),
  ).toMatchObject([{ source: 'upstream', current: false }]);
  // Nobody says any more what it should hold.
  expect(currentOf([], { retiredCopyNames: ['regcred'] })).toMatchObject([{ current: true }]);
  expect(currentOf([source({ ...guard([]), digest: undefined })])).toMatchObject([{ current: true }]);
});

test('a plan that holds removes nothing, whatever there is, and is otherwise the plan that removes', () => {
  const names = fc.constantFrom('regcred', 'other-copy', 'old', 'theirs');
  fc.assert(
    fc.property(
      fc.record({
        allow: fc.subarray(['*', 'x']),
        sync: fc.constantFrom('enabled', 'disabled', undefined),
        serviceAccounts: fc.subarray(['default', 'app']),
        retiredCopyNames: fc.subarray(['old']),
        added: fc.uniqueArray(names),
        pullSecrets: fc.option(fc.array(names), { nil: undefined }),
        copies: fc.uniqueArray(names),
        onOptOut: fc.constantFrom('remove' as const, 'retain' as const),
      }),
      ({ allow, sync, serviceAccounts, retiredCopyNames, added, pullSecrets, copies, onOptOut }) => {
        const observed = scope({
          namespace: namespace({ sync }),
          retiredCopyNames,
          copies: copies.map((name) => copy({ name })),
          sources: [
            source({ config: { namespaces: { allow, deny: [] }, serviceAccounts, onOptOut } }),
            source({ config: { name: 'other', copyName: 'other-copy' } }),
          ],
          serviceAccounts: [account({ pullSecrets, added: added.join(','), annotated: true })],
        });
        const [removing, holding] = [planNamespace(observed), planNamespace(observed, { hold: true })];
        expect(lost(holding)).toEqual([]);
        expect(holding.held !== undefined).toBe(lost(removing).length > 0);
        expect(holding.writeCopies).toEqual(removing.writeCopies);
        expect(holding.editReferences.flatMap(({ edit }) => edit.add)).toEqual(
          removing.editReferences.flatMap(({ edit }) => edit.add),
        );
        for (const { edit } of holding.editReferences)
          expect(edit.record).toEqual([...new Set([...added, ...edit.add])].sort());
      },
    ),
  );
});

test('what is held is said on one line: how many, some of them, and what to do', () => {
  const { held } = braked(cluster(12, [source(guard([]))]), NONE);
  if (held === undefined) throw new Error('the test is wrong');
  expect(sayHeld(held)).toBe(
    'the configuration would take copies or references away from 12 namespaces (team-0, team-1, team-2, ' +
      'team-3, team-4 and 7 more); 12 have a copy, and no more than 10 may lose something without a word. ' +
      'Nothing is removed anywhere until it is changed, or confirmed by this line in it: confirmRemoval: "0123456789ab"',
  );
});
