import { describe, expect, test } from 'vitest';
import type { RotationProgress } from '../../src/rotation/progress.ts';
import { isDone } from '../../src/rotation/proxy-progress.ts';
import type { ProxyProgress } from '../../src/rotation/proxy-progress.ts';
import { runWait } from '../../src/commands/wait.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';

const proxy = (parts: Partial<ProxyProgress> = {}): ProxyProgress => ({
  name: 'cache',
  kind: 'zot',
  source: 'hub',
  applied: true,
  verified: 'verified',
  checked: true,
  probed: true,
  why: 'pulled',
  ...parts,
});
const rotation = (parts: Partial<RotationProgress> = {}): RotationProgress => ({
  source: 'hub',
  heldBack: [],
  held: [],
  current: [],
  copies: { total: 3, behind: [], foreign: [] },
  proxies: [proxy()],
  complete: true,
  ...parts,
});
const behind = rotation({ complete: false, copies: { total: 3, behind: ['team-b'], foreign: [] } });

/** Each look costs a second of a clock that nothing else moves. */
async function wait(
  looks: (RotationProgress | Error)[],
  { timeoutMs = 10_000, signal = new AbortController().signal, source = 'hub', paused = false } = {},
) {
  const progress: string[] = [];
  let now = 0;
  const whole: boolean[] = [];
  const result = await runWait({
    source,
    timeoutMs,
    paused,
    intervalMs: 0,
    now: () => now,
    signal,
    progress: (line) => progress.push(line),
    observe: async (all) => {
      const look = looks[Math.min(whole.length, looks.length - 1)];
      whole.push(all);
      now += 1_000;
      if (look instanceof Error) throw look;
      return Promise.resolve(look === undefined ? [] : [look]);
    },
  });
  return { ...result, progress, whole };
}

test('ends with 0 as soon as everything carries the content', async () => {
  expect(await wait([behind, behind, rotation()])).toEqual({
    exitCode: 0,
    text: 'complete: the old credential can be revoked (3/3 copies, 1/1 cache proxies, 1 verified)',
    progress: ['2/3 copies, 1/1 cache proxies, 1 verified'],
    whole: [true, false, false, true],
  });
});

test('one look in ten is whole, and so is the one that says complete', async () => {
  const looks = [...Array.from({ length: 11 }, () => behind), rotation(), behind, rotation()];
  expect((await wait(looks, { timeoutMs: 60_000 })).whole).toEqual([
    ...[true, false, false, false, false, false, false, false, false, false],
    ...[true, false, true, false, true],
  ]);
});

test('without cache proxies speaks of copies only', async () => {
  expect((await wait([rotation({ proxies: [] })])).text).toBe(
    'complete: the old credential can be revoked (3/3 copies)',
  );
});

test('ends with 1 after the time is over, and says what is behind', async () => {
  const { exitCode, text, whole } = await wait(
    [
      rotation({
        complete: false,
        heldBack: ['registry: refused'],
        copies: { total: 12, behind: Array.from({ length: 12 }, (_, i) => `team-${i}`), foreign: [] },
        proxies: [proxy(), proxy({ name: 'late', applied: false, why: 'does not carry the current login yet' })],
      }),
    ],
    { timeoutMs: 3_000 },
  );
  expect([exitCode, whole]).toEqual([1, [true, false, false, true]]);
  expect(text.split('\n')).toEqual([
    'not complete: do not revoke the old credential yet. Behind:',
    '  the source is held back: registry: refused',
    '  12 copies: team-0, team-1, team-2, team-3, team-4, team-5, team-6, team-7, team-8, team-9, ...',
    '  cache proxy late: does not carry the current login yet',
  ]);
});

test('is not complete while the brake keeps copies with the old credential', async () => {
  const kept = rotation({ complete: false, copies: { total: 3, behind: [], foreign: [], kept: ['team-b', 'team-c'] } });
  expect(await wait([kept], { timeoutMs: 0 })).toMatchObject({
    exitCode: 1,
    progress: ['1/3 copies, 1/1 cache proxies, 1 verified'],
    text: expect.stringContaining(
      '2 copies that are to be removed are kept by the brake, with the old credential: team-b, team-c. `pullpass plan` says how to go on',
    ) as string,
  });
});

test('says that a pause is why it does not end', async () => {
  expect(await wait([behind], { timeoutMs: 0, paused: true })).toMatchObject({
    exitCode: 1,
    progress: ['paused; 2/3 copies, 1/1 cache proxies, 1 verified'],
    text: expect.stringContaining('the configuration says paused: true') as string,
  });
  expect(await wait([rotation()], { paused: true })).toMatchObject({ exitCode: 0 });
});

test('where some entries are held back and all else has arrived, it says which old logins may be revoked, and which not', async () => {
  const held = [{ key: 'b.test', cause: 'refused' as const, why: 'no', keeps: true }];
  const some = rotation({
    complete: false,
    heldBack: ['registry "b.test": held back: no'],
    held,
    current: ['a.test', 'c.test'],
  });
  expect((await wait([some], { timeoutMs: 0 })).text.split('\n').at(-1)).toBe(
    '  The old logins of "a.test", "c.test" can be revoked: their new ones are everywhere. Keep those of "b.test".',
  );
  for (const not of [
    { ...some, copies: { total: 3, behind: ['team-b'], foreign: [] } },
    { ...some, copies: { total: 3, behind: [], foreign: [], kept: ['team-b'] } },
    { ...some, proxies: [proxy({ applied: false })] },
  ]) {
    expect((await wait([not], { timeoutMs: 0 })).text).not.toContain('can be revoked');
  }
});

test('what may be revoked is not said after a last look that failed', async () => {
  const held = [{ key: 'b.test', cause: 'refused' as const, why: 'no', keeps: true }];
  const some = rotation({ complete: false, heldBack: ['held'], held, current: ['a.test'] });
  const { text } = await wait([some, some, new UnreachableError('no answer')], { timeoutMs: 2_000 });
  expect(text).toContain('no answer');
  expect(text).not.toContain('can be revoked');
});

test('when the time ends during a look at a part, it is decided by a look at everything', async () => {
  expect(await wait([behind, behind, rotation()], { timeoutMs: 2_000 })).toMatchObject({
    exitCode: 0,
    whole: [true, false, true],
  });
});

test('looks once where no time is given', async () => {
  expect(await wait([behind], { timeoutMs: 0 })).toMatchObject({ exitCode: 1, whole: [true] });
});

test('an API server that is away is waited for, and what was seen before is not taken for now', async () => {
  const away = new UnreachableError('no answer');
  expect(await wait([away, behind, away, rotation()])).toMatchObject({
    exitCode: 0,
    whole: [true, false, false, false, true],
    progress: ['no answer', '2/3 copies, 1/1 cache proxies, 1 verified', 'no answer'],
  });
  expect(await wait([away], { timeoutMs: 2_000 })).toMatchObject({
    exitCode: 1,
    text: expect.stringContaining('no answer') as string,
  });
});

test('another error ends it', async () => {
  await expect(wait([new Error('forbidden')])).rejects.toThrow('forbidden');
});

test('a source that is not there is a mistake in the call', async () => {
  await expect(wait([rotation()], { source: 'hup' })).rejects.toThrow(
    'wait: the configuration has no source "hup"; it has: hub',
  );
});

test('an interrupt ends it with 1', async () => {
  expect(await wait([behind], { signal: AbortSignal.abort() })).toMatchObject({ exitCode: 1, whole: [true] });
});

describe('a cache proxy is done', () => {
  test.each<[boolean, string, Partial<ProxyProgress>]>([
    [true, 'verified by a private pull', {}],
    [false, 'not applied', { applied: false }],
    [false, 'applied or not: unknown', { applied: undefined }],
    [false, 'applied, not looked at yet', { checked: false, verified: 'unknown' }],
    [false, 'a private pull that could not be tried', { verified: 'unknown' }],
    [false, 'refused', { verified: 'refused' }],
    [true, 'without a private pull, looked at, nothing against it', { probed: false, verified: 'unknown' }],
    [false, 'without a private pull, refused by the product', { probed: false, verified: 'refused' }],
  ])('%j: %s', (done, _, parts) => {
    expect(isDone(proxy(parts))).toBe(done);
  });
});
