import { describe, expect, test } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import type { PlanOptions } from '../../src/plan/namespace.ts';
import type { ObservedScope } from '../../src/plan/observed.ts';
import { describeDone as words, describeFailure } from '../../src/reconcile/describe.ts';
import { reconcileNamespace } from '../../src/reconcile/namespace.ts';
import { refusal } from '../kube/scripted-client.ts';
import { account, copy, namespace, scope, source } from '../plan/observations.ts';

const short = (action: Action): string =>
  action.type === 'editReferences'
    ? `${action.account.name}: ${words(action).replace(/^[^:]*: /, '')}`
    : `${action.type} ${action.name}`;

/** Carries out everything but what `fails` says. */
async function reconcile(
  observed: ObservedScope,
  fails: (action: string) => unknown = () => undefined,
  options: PlanOptions = {},
) {
  const tried: string[] = [];
  const outcome = await reconcileNamespace(
    observed,
    {
      apply: async (action) => {
        tried.push(short(action));
        const error = fails(short(action));
        if (error !== undefined) throw error as Error;
      },
    },
    new AbortController().signal,
    options,
  );
  return { tried, done: outcome.done.map(short), failed: outcome.failures.map(({ action }) => short(action)), outcome };
}

const two = [
  source({ config: { name: 'first', copyName: 'one' } }),
  source({ config: { name: 'second', copyName: 'two' } }),
];
const accounts = [account(), account({ name: 'builder', sync: 'enabled' })];
const referenced = { pullSecrets: ['one', 'two'], added: 'one,two', annotated: true };

describe('carrying out a plan', () => {
  test('copies first, then references', async () => {
    const { tried, done, failed } = await reconcile(scope({ sources: two, serviceAccounts: accounts }));
    expect(tried).toEqual(['createCopy one', 'createCopy two', 'default: +one +two', 'builder: +one +two']);
    expect(done).toEqual(tried);
    expect(failed).toEqual([]);
  });

  test('references to a copy that could not be written are not added; the other source goes on', async () => {
    const { tried, failed } = await reconcile(scope({ sources: two, serviceAccounts: accounts }), (action) =>
      action === 'createCopy one' ? refusal(500) : undefined,
    );
    expect(tried).toEqual(['createCopy one', 'createCopy two', 'default: +two', 'builder: +two']);
    expect(failed).toEqual(['createCopy one']);
  });

  test('a copy that only lacks a label is referenced, although it cannot be given the label', async () => {
    const labelled = source({ config: { copyMetadata: { labels: { team: 'a' } } } });
    const { tried, failed } = await reconcile(scope({ sources: [labelled], copies: [copy()] }), (action) =>
      action.endsWith('regcred') && action.startsWith('updateCopy') ? refusal(403) : undefined,
    );
    expect([tried, failed]).toEqual([['updateCopy regcred', 'default: +regcred'], ['updateCopy regcred']]);
  });

  test('an edit of which nothing is left is not tried', async () => {
    const { tried } = await reconcile(scope({}), () => refusal(500));
    expect(tried).toEqual(['createCopy regcred']);
  });

  test('references that are there stay while their copy cannot be updated', async () => {
    const { tried } = await reconcile(
      scope({
        sources: two,
        copies: [copy({ name: 'one', source: 'first', digest: 'old' }), copy({ name: 'two', source: 'second' })],
        serviceAccounts: [account({ pullSecrets: ['one'], added: 'one', annotated: true })],
      }),
      (action) => (action === 'updateCopy one' ? refusal(409) : undefined),
    );
    expect(tried).toEqual(['updateCopy one', 'default: +two']);
  });

  test('references that are there, or are kept for another reason, stay while what is to be added has to wait', async () => {
    const [first, second] = two;
    if (first === undefined || second === undefined) throw new Error('no sources');
    const fails = (action: string): unknown => (action.endsWith(': +two') ? undefined : refusal(500));
    const referencing = account({ pullSecrets: ['one'], added: 'one', annotated: true });
    const behind = copy({ name: 'one', source: 'first', digest: 'old' });
    expect(
      (await reconcile(scope({ sources: two, copies: [behind], serviceAccounts: [referencing] }), fails)).tried,
    ).toEqual(['updateCopy one', 'createCopy two']);
    const retained = source({ config: { ...first.config, onOptOut: 'retain' } });
    const chosen = namespace({ sources: 'second' });
    expect(
      (
        await reconcile(
          scope({ namespace: chosen, sources: [retained, second], copies: [behind], serviceAccounts: [referencing] }),
          fails,
        )
      ).tried,
    ).toEqual(['createCopy two']);
  });

  test('a reference that is to go goes, although its copy cannot be updated for others', async () => {
    const { tried } = await reconcile(
      scope({
        copies: [copy({ digest: 'old' })],
        serviceAccounts: [
          account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true, sync: 'disabled' }),
          account({ name: 'app', pullSecrets: ['regcred'], added: 'regcred', annotated: true, sync: 'enabled' }),
        ],
      }),
      (action) => (action === 'updateCopy regcred' ? refusal(500) : undefined),
    );
    expect(tried).toEqual(['updateCopy regcred', 'default: -regcred']);
  });

  test('while removals are held nothing is removed, also when what is to be added has to wait', async () => {
    const observed = scope({
      sources: two,
      retiredCopyNames: ['old'],
      copies: [copy({ name: 'old' })],
      serviceAccounts: [account({ pullSecrets: ['old', 'unknown'], added: 'old,unknown', annotated: true })],
    });
    const fails = (action: string): unknown => (action === 'createCopy one' ? refusal(500) : undefined);
    expect((await reconcile(observed, fails)).tried).toEqual([
      'createCopy one',
      'createCopy two',
      'default: +two -old -unknown',
      'deleteCopy old',
    ]);
    expect((await reconcile(observed, fails, { hold: true })).tried).toEqual([
      'createCopy one',
      'createCopy two',
      'default: +two',
    ]);
  });

  test('what is to be removed is removed, although what is to be added has to wait', async () => {
    const { tried } = await reconcile(
      scope({
        sources: two.slice(0, 1),
        retiredCopyNames: ['old'],
        copies: [copy({ name: 'old' })],
        serviceAccounts: [account({ pullSecrets: ['old'], added: 'old', annotated: true })],
      }),
      (action) => (action === 'createCopy one' ? refusal(500) : undefined),
    );
    expect(tried).toEqual(['createCopy one', 'default: -old', 'deleteCopy old']);
  });

  test('one ServiceAccount that fails does not stop the others', async () => {
    const { tried, done, failed } = await reconcile(scope({ sources: two, serviceAccounts: accounts }), (action) =>
      action.startsWith('default') ? refusal(403) : undefined,
    );
    expect(tried).toContain('builder: +one +two');
    expect(done).toEqual(['createCopy one', 'createCopy two', 'builder: +one +two']);
    expect(failed).toEqual(['default: +one +two']);
  });

  test('a copy is not deleted while a reference to it is left; others are', async () => {
    const { tried, failed } = await reconcile(
      scope({
        namespace: namespace({ sync: 'disabled' }),
        sources: two,
        copies: [copy({ name: 'one', source: 'first' }), copy({ name: 'two', source: 'second' })],
        serviceAccounts: [
          account({ ...referenced, pullSecrets: ['one'], added: 'one' }),
          account({ ...referenced, name: 'builder', pullSecrets: ['two'], added: 'two' }),
        ],
      }),
      (action) => (action === 'default: -one' ? refusal(500) : undefined),
    );
    expect(tried).toEqual(['default: -one', 'builder: -two', 'deleteCopy two']);
    expect(failed).toEqual(['default: -one']);
  });

  test('a namespace that goes away under our hands is no failure', async () => {
    const terminating = refusal(403, { details: { causes: [{ reason: 'NamespaceTerminating' }] } });
    const { done, failed, tried } = await reconcile(scope({}), () => terminating);
    expect([tried, done, failed]).toEqual([['createCopy regcred'], [], []]);
  });

  test('never throws, whatever is thrown at it', async () => {
    const { outcome } = await reconcile(scope({}), () => 'a string');
    expect(outcome.failures[0]?.error).toBe('a string');
    expect(outcome.failures.map(describeFailure)).toEqual(['copy regcred: a string']);
  });

  test('in sync means that nothing is tried', async () => {
    const inSync = scope({
      copies: [copy()],
      serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
    });
    expect((await reconcile(inSync)).tried).toEqual([]);
  });
});

test('what was done is told in the words of the vocabulary', async () => {
  const guard = { uid: 'u', resourceVersion: '1' };
  const target = { namespace: 'n', name: 'regcred' };
  const content = { source: 's', digest: 'd' };
  const edit = (add: string[], remove: string[]): Action => ({
    type: 'editReferences',
    account: account(),
    edit: { add, remove, record: add },
    wanted: { instance: 'pullpass-system', own: new Set(), wanted: new Set(), kept: new Set() },
  });
  const actions: Action[] = [
    { type: 'createCopy', ...target, ...content },
    { type: 'updateCopy', ...target, ...content, ...guard },
    { type: 'replaceCopy', why: 'type', ...target, ...content, ...guard },
    { type: 'deleteCopy', ...target, ...guard },
    edit(['a'], ['b']),
    edit([], []),
  ];
  expect(actions.map(words)).toEqual([
    'copy regcred created',
    'copy regcred updated',
    'copy regcred replaced (its type was wrong)',
    'copy regcred removed',
    'ServiceAccount default: +a -b',
    'ServiceAccount default: record corrected',
  ]);
});
