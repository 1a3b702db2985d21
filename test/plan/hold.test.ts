/** What a plan still does, and what it keeps, while the brake holds its removals. */
import { expect, test } from 'vitest';
import { planNamespace } from '../../src/plan/namespace.ts';
import { account, copy, namespace, scope, source } from './observations.ts';

const held = (parts: Parameters<typeof scope>[0]) => planNamespace(scope(parts), { hold: true });

test('nothing is taken away, and what is to be added is added', () => {
  const ours = { pullSecrets: ['old'], added: 'old', annotated: true };
  const plan = held({
    retiredCopyNames: ['old'],
    copies: [copy(), copy({ name: 'old' })],
    serviceAccounts: [account(ours)],
  });
  expect(plan.deleteCopies).toEqual([]);
  expect(plan.editReferences).toMatchObject([
    { type: 'editReferences', account: ours, edit: { add: ['regcred'], remove: [], record: ['old', 'regcred'] } },
  ]);
  expect(plan.standings.map((standing) => standing.copy)).toEqual(['in sync']);
});

test('what is kept is named: copies with their source and whether they are up to date, accounts that keep references', () => {
  const plan = held({
    sources: [
      source({ config: { serviceAccounts: ['default', 'new'] } }),
      source({ config: { name: 'b', copyName: 'b' } }),
    ],
    namespace: namespace({ sources: 'upstream' }),
    retiredCopyNames: ['stale', 'gone'],
    copies: [
      copy(),
      copy({ name: 'b', source: 'b' }),
      copy({ name: 'stale', digest: 'old' }),
      copy({ name: 'gone', source: 'gone' }),
    ],
    serviceAccounts: [account({ name: 'new' }), account({ name: 'ci', pullSecrets: ['b'], added: 'b' })],
  });
  expect(plan.held).toEqual({
    copies: [
      { name: 'b', source: 'b', current: true },
      { name: 'stale', source: 'upstream', current: false },
      { name: 'gone', source: 'gone', current: true },
    ],
    accounts: ['ci'],
  });
  expect(plan.standings.map((standing) => standing.copy)).toEqual(['in sync', 'held']);
});

test('where nothing is to be taken away nothing is held', () => {
  expect(held({ copies: [copy()] }).held).toBeUndefined();
});
