/** What is said after a reconcile. */
import { expect, test } from 'vitest';
import { ApiError } from '../../src/kube/api-error.ts';
import { planNamespace } from '../../src/plan/namespace.ts';
import { noticesOf, standingsAfter } from '../../src/reconcile/outcome.ts';
import { copy, namespace, scope } from '../plan/observations.ts';

const plan = planNamespace(scope());
const [create] = plan.writeCopies;
const after = (code: number, message: string) => {
  if (create === undefined) throw new Error('nothing to write');
  const failure = { action: create, error: new ApiError('PATCH x', code, { message }) };
  return standingsAfter({ plan, done: [], failures: [failure] })[0];
};

test('a copy that was written is in sync', () => {
  expect(standingsAfter({ plan, done: plan.writeCopies, failures: [] })).toMatchObject([{ copy: 'in sync' }]);
});

test('a reference that was added counts', () => {
  const of = (done: Parameters<typeof standingsAfter>[0]['done']) => standingsAfter({ plan, done, failures: [] })[0];
  expect(of(plan.writeCopies)?.accounts).toEqual({ selected: 1, referenced: 0 });
  expect(of([...plan.writeCopies, ...plan.editReferences])?.accounts).toEqual({ selected: 1, referenced: 1 });
});

test('one that the namespace itself refuses is blocked, with why; everything else is still to come', () => {
  expect(after(403, 'HTTP status 403 Forbidden: a ResourceQuota of the namespace is used up')).toMatchObject({
    copy: 'blocked',
    blockedBy: 'copy regcred: PATCH x: HTTP status 403 Forbidden: a ResourceQuota of the namespace is used up',
  });
  expect(after(422, 'HTTP status 422 Invalid')).toMatchObject({ copy: 'blocked' });
  for (const [code, message] of [
    [403, 'HTTP status 403 Forbidden: the right is missing'],
    [403, 'secrets "regcred" is forbidden: User "x" cannot patch resource "secrets"'],
    [409, 'conflict'],
    [500, 'failed calling webhook'],
  ] as const)
    expect(after(code, message)).toMatchObject({ copy: 'missing' });
});

test('only the removal of what somebody else made is told', () => {
  const removed = (parts: Parameters<typeof copy>[0]): string[] =>
    noticesOf({
      done: planNamespace(scope({ namespace: namespace({ sync: undefined }), copies: [copy(parts)] })).deleteCopies,
    });
  expect(removed({})).toEqual([]);
  expect(removed({ handmade: true })).toEqual([
    expect.stringMatching(/^Secret regcred was removed: .*without the labels/),
  ]);
});
