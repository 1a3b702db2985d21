import { describe, expect, test } from 'vitest';
import { createContests } from '../../src/controller/contests.ts';
import type { ObservedScope } from '../../src/plan/observed.ts';
import { noteOf } from '../../src/plan/problem.ts';
import { describeChange } from '../../src/reconcile/describe.ts';
import { reconcileNamespace } from '../../src/reconcile/namespace.ts';
import { account, copy, namespace, scope, source } from '../plan/observations.ts';

const MINUTE = 60_000;

/** A namespace whose writes come to nothing unless the test says otherwise. */
function contesting(whoUndid: (object: string) => string | undefined = () => 'field manager "other"') {
  let now = 0;
  const lines: string[] = [];
  const metrics = new Map<string, number>();
  const asked: string[] = [];
  const contests = createContests({
    whoUndid: (action) => {
      asked.push(describeChange(action));
      return Promise.resolve(whoUndid(describeChange(action)));
    },
    log: { line: (_level: string, _namespace: string, _facts: object, line: string) => void lines.push(line) },
    metrics: {
      contestedObjects: { set: ({ kind }: { kind: string }, n: number) => void metrics.set(kind, n) } as never,
    },
    now: () => now,
  });
  const { signal } = new AbortController();
  async function reconcile(observed: ObservedScope) {
    const { done, waiting } = await reconcileNamespace(observed, { apply: () => Promise.resolve() }, signal, contests);
    const { problems, afterMs } = await contests.settle(observed, waiting, signal);
    return { done: done.map(describeChange), held: waiting.length, notes: problems.map(noteOf), afterMs };
  }
  return {
    contests,
    lines,
    metrics,
    asked,
    reconcile,
    pass: (ms: number) => void (now += ms),
    /** Reconciles as often as it takes until nothing is written any more. */
    async exhaust(observed: ObservedScope) {
      for (let i = 0; i < 4; i++) await reconcile(observed);
      const first = await reconcile(observed);
      now += first.afterMs ?? 0;
      await reconcile(observed);
      return await reconcile(observed);
    },
  };
}

const undone = (name = 'default', uid = 'sa-uid') =>
  account({ name, uid, pullSecrets: ['from-git'], added: 'regcred', annotated: true });
const quiet = account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true });
const selected = namespace({ serviceAccounts: '*' });

describe('a ServiceAccount whose reference is taken out each time', () => {
  test('is held back, told once with the name of the other, and counted', async () => {
    const c = contesting();
    const { done, held, notes, afterMs } = await c.exhaust(scope({ copies: [copy()], serviceAccounts: [undone()] }));
    expect([done, held, afterMs]).toEqual([[], 1, 2_000]);
    expect(notes).toEqual([
      expect.stringMatching(
        /^Another writer undoes each write of Pullpass: imagePullSecrets of ServiceAccount "default"\. It is field manager "other"\. .*docs\/argo-cd\.md$/,
      ),
    ]);
    expect(c.metrics.get('ServiceAccount')).toBe(1);
  });

  test('does not hold back the others of its namespace, nor a rotation there', async () => {
    const c = contesting();
    await c.exhaust(scope({ namespace: selected, copies: [copy()], serviceAccounts: [undone()] }));
    const more = scope({
      namespace: selected,
      sources: [source({ digest: 'rotated' })],
      copies: [copy()],
      serviceAccounts: [undone(), account({ name: 'app', uid: 'app-uid' })],
    });
    expect((await c.reconcile(more)).done).toEqual(['copy regcred', 'ServiceAccount app: +regcred']);
  });

  test('is written at once if it is to have something else', async () => {
    const c = contesting();
    await c.exhaust(scope({ copies: [copy()], serviceAccounts: [undone()] }));
    const optedOut = scope({
      namespace: namespace({ sync: 'disabled' }),
      serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
    });
    expect((await c.reconcile(optedOut)).done).toEqual(['ServiceAccount default: -regcred']);
  });

  test('is written at once if it was made anew', async () => {
    const c = contesting();
    await c.exhaust(scope({ copies: [copy()], serviceAccounts: [undone()] }));
    const anew = scope({ copies: [copy()], serviceAccounts: [undone('default', 'another-uid')] });
    expect((await c.reconcile(anew)).done).toEqual(['ServiceAccount default: +regcred']);
  });

  test('is forgotten after ten quiet minutes, and that is told, too', async () => {
    const c = contesting();
    await c.exhaust(scope({ copies: [copy()], serviceAccounts: [undone()] }));
    const settled = scope({ copies: [copy()], serviceAccounts: [quiet] });
    const lasting = await c.reconcile(settled);
    expect([lasting.notes.length, lasting.held]).toEqual([1, 0]);
    c.pass(lasting.afterMs ?? 0);
    expect(await c.reconcile(settled)).toEqual({ done: [], held: 0, notes: [], afterMs: undefined });
    expect([c.metrics.get('ServiceAccount'), c.lines]).toEqual([
      0,
      ['no other writer undoes the writes of Pullpass here any more'],
    ]);
  });

  test('the other is asked for once after each write, and twice in all: an object may not say', async () => {
    const c = contesting(() => undefined);
    const observed = scope({ copies: [copy()], serviceAccounts: [undone()] });
    for (let i = 0; i < 20; i++) await c.reconcile(observed);
    expect(c.asked).toHaveLength(1);
    for (let i = 0; i < 4; i++) {
      c.pass(MINUTE / 2);
      await c.reconcile(observed);
      await c.reconcile(observed);
    }
    expect(c.asked).toHaveLength(2);
    expect((await c.reconcile(observed)).notes[0]).toContain('a writer that the object does not name');
  });

  test('of many in one namespace three are named and asked for, and the text stays the same', async () => {
    const c = contesting();
    const many = Array.from({ length: 50 }, (_, i) => undone(`app-${i}`, `uid-${i}`));
    const { notes } = await c.exhaust(scope({ namespace: selected, copies: [copy()], serviceAccounts: many }));
    expect(notes).toEqual([expect.stringContaining('ServiceAccount "app-0", "app-1", "app-2" and others. It is')]);
    expect([c.asked.length, c.metrics.get('ServiceAccount')]).toEqual([3, 50]);
    c.contests.drop('team-a');
    expect(c.metrics.get('ServiceAccount')).toBe(0);
  });
});

describe('a copy that is deleted or rewritten each time', () => {
  test('is held back, and so is the reference to it: the copy comes first', async () => {
    const c = contesting();
    const deleted = scope();
    for (let i = 0; i < 4; i++) await c.reconcile(deleted);
    expect(await c.reconcile(deleted)).toMatchObject({ done: [], held: 1 });
    c.pass(1_000);
    expect((await c.reconcile(deleted)).done).toContain('copy regcred');
    const rewritten = scope({ copies: [copy({ digest: 'theirs', uid: 'anew' })] });
    const { done, notes } = await c.reconcile(rewritten);
    expect(done).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/copy "regcred"\. It is field manager "other"/)]);
    expect(c.metrics.get('Secret')).toBe(1);
  });

  test('gets a new content at once', async () => {
    const c = contesting();
    await c.exhaust(scope({ copies: [copy({ digest: 'theirs' })] }));
    const rotated = scope({ sources: [source({ digest: 'rotated' })], copies: [copy({ digest: 'theirs' })] });
    expect((await c.reconcile(rotated)).done).toContain('copy regcred');
  });
});

test('a new leader starts without what the one before knew', async () => {
  const c = contesting();
  await c.exhaust(scope({ copies: [copy()], serviceAccounts: [undone()] }));
  c.contests.clear();
  expect(c.metrics.get('ServiceAccount')).toBe(0);
  expect((await c.reconcile(scope({ copies: [copy()], serviceAccounts: [undone()] }))).done).toHaveLength(1);
});
