import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RotationProgress } from '../../src/rotation/progress.ts';
import { isProxyDone } from '../../src/rotation/proxy-progress.ts';
import type { ProofTerms, ProxyProgress } from '../../src/rotation/proxy-progress.ts';
import { waitCommand } from '../../src/cli/wait.ts';
import { textOf } from '../../src/commands/wait-output.ts';
import { runWait } from '../../src/commands/wait-run.ts';
import type { Elsewhere } from '../../src/rotation/elsewhere.ts';
import { UsageError } from '../../src/errors.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';
import { run } from './environment.ts';

const proxy = (parts: Partial<ProxyProgress> = {}): ProxyProgress => ({
  name: 'cache',
  kind: 'zot',
  source: 'hub',
  applied: true,
  settled: true,
  proven: true,
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
  ...parts,
});
const behind = rotation({ copies: { total: 3, behind: ['team-b'], foreign: [] } });

/** Each look costs a second of a clock that nothing else moves. */
async function wait(
  looks: (RotationProgress | Error)[],
  { timeoutMs = 10_000, signal = new AbortController().signal, source = 'hub', paused = false, terms = {} } = {},
  elsewhere: Partial<Elsewhere>[] = [{}],
) {
  const progress: string[] = [];
  let now = 0;
  const whole: boolean[] = [];
  const result = await runWait({
    source,
    timeoutMs,
    paused,
    terms,
    intervalMs: 0,
    now: () => now,
    signal,
    progress: (line) => progress.push(line),
    elsewhere: () => Promise.resolve({ behind: [], unseen: [], also: [], ...(elsewhere.shift() ?? {}) }),
    observe: async (all) => {
      const look = looks[Math.min(whole.length, looks.length - 1)];
      whole.push(all);
      now += 1_000;
      if (look instanceof Error) throw look;
      return Promise.resolve(look === undefined ? [] : [look]);
    },
  });
  return { exitCode: result.exitCode, text: textOf(result).trimEnd(), progress, whole };
}

test('a blocked copy is no copy that is behind: it is named with what blocks it, and nothing is complete', async () => {
  const blocked = rotation({
    copies: { total: 3, behind: [], foreign: [], blocked: [{ namespace: 'team-b', by: 'finalizer "x/y"' }] },
  });
  const { exitCode, text } = await wait([blocked], { timeoutMs: 1_500 });
  expect(exitCode).toBe(1);
  expect(text).toContain(
    "1 copies that are being deleted cannot be brought up to date before their finalizers are gone, which only the namespace's " +
      'owner can see to: team-b (finalizer "x/y")',
  );
  expect((await wait([blocked, rotation()])).progress).toContain('2/3 copies, 1/1 cache proxies settled, 1 proven');
});

test('ends with 0 as soon as everything carries the content', async () => {
  expect(await wait([behind, behind, rotation()])).toEqual({
    exitCode: 0,
    text: [
      'complete: the old credential can be revoked, everywhere Pullpass manages (3/3 copies, 1/1 cache proxies settled, 1 proven)',
      '  cache proxy cache: proven: pulled',
      '  While the old credential works too, a proof shows that a login works, not which one.',
      '  Not covered: pulls already under way, and Secrets that Pullpass does not manage (--scan lists some).',
    ].join('\n'),
    progress: ['2/3 copies, 1/1 cache proxies settled, 1 proven'],
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

describe('what a product made of the login', () => {
  const line = { proxy: 'cache', line: 'cache proxy cache: 2 of 3 Secrets that it made hold another login' };
  const blind = { proxy: 'cache', line: 'cache proxy cache: Secrets that it made could not be counted: no right' };

  test('holds an old login: not complete until it does not', async () => {
    const { exitCode, text, progress } = await wait([rotation()], {}, [{ behind: [line] }, { also: ['also here'] }]);
    expect(progress[0]).toContain(`; ${line.line}`);
    expect(exitCode).toBe(0);
    expect(text).toContain('\n  also here\n');
    const never = await wait([rotation()], { timeoutMs: 1_500 }, [{ behind: [line] }, { behind: [line] }]);
    expect(never).toMatchObject({ exitCode: 1, text: expect.stringContaining(line.line) as string });
    const accepted = { timeoutMs: 500, terms: { acceptUnproven: ['cache'] } };
    expect(await wait([rotation()], accepted, [{ behind: [line] }])).toMatchObject({ exitCode: 1 });
  });

  test('could not be counted: not complete, unless that is accepted', async () => {
    expect(await wait([rotation()], { timeoutMs: 500 }, [{ unseen: [blind] }])).toMatchObject({
      exitCode: 1,
      text: expect.stringContaining(blind.line) as string,
    });
    const accepted = { timeoutMs: 500, terms: { acceptUnproven: ['cache'] } };
    expect(await wait([rotation()], accepted, [{ unseen: [blind] }])).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining(blind.line) as string,
    });
  });
});

test('without cache proxies speaks of copies only', async () => {
  expect((await wait([rotation({ proxies: [] })])).text).toBe(
    'complete: the old credential can be revoked, everywhere Pullpass manages (3/3 copies)\n' +
      '  Not covered: pulls already under way, and Secrets that Pullpass does not manage (--scan lists some).',
  );
});

test('ends with 1 after the time is over, and says what is behind', async () => {
  const { exitCode, text, whole } = await wait(
    [
      rotation({
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

test('says who wrote a copy that is behind', async () => {
  const undone = [{ namespace: 'team-b', by: 'field manager "replicator"' }];
  const { text } = await wait([rotation({ copies: { total: 3, behind: ['team-b'], foreign: [], undone } })], {
    timeoutMs: 0,
  });
  expect(text).toContain('copy in team-b: another writer wrote it, field manager "replicator": see docs/argo-cd.md');
});

test('is not complete while the brake keeps copies with the old credential', async () => {
  const kept = rotation({ copies: { total: 3, behind: [], foreign: [], kept: ['team-b', 'team-c'] } });
  expect(await wait([kept], { timeoutMs: 0 })).toMatchObject({
    exitCode: 1,
    progress: ['1/3 copies, 1/1 cache proxies settled, 1 proven'],
    text: expect.stringContaining(
      '2 copies that are to be removed are kept by the brake, with the old credential: team-b, team-c. `pullpass plan` says how to go on',
    ) as string,
  });
});

test('says that a pause is why it does not end', async () => {
  expect(await wait([behind], { timeoutMs: 0, paused: true })).toMatchObject({
    exitCode: 1,
    progress: ['paused; 2/3 copies, 1/1 cache proxies settled, 1 proven'],
    text: expect.stringContaining('the configuration says paused: true') as string,
  });
  expect(await wait([rotation()], { paused: true })).toMatchObject({ exitCode: 0 });
});

test('where some entries are held back and all else has arrived, it says which old logins may be revoked, and which not', async () => {
  const held = [{ key: 'b.test', cause: 'refused' as const, why: 'no', keeps: true }];
  const some = rotation({
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
  const some = rotation({ heldBack: ['held'], held, current: ['a.test'] });
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
    progress: ['no answer', '2/3 copies, 1/1 cache proxies settled, 1 proven', 'no answer'],
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

describe('a cache proxy', () => {
  const unproven: Partial<ProxyProgress> = {
    proven: false,
    verified: 'unknown',
    reason: 'held already',
    why: 'all may be in the cache',
  };
  test.each<[boolean, string, Partial<ProxyProgress>, ProofTerms]>([
    [true, 'settled and proven', {}, {}],
    [false, 'not applied', { applied: false }, {}],
    [false, 'applied or not: unknown', { applied: undefined }, {}],
    [false, 'applied, not looked at yet', { checked: false, verified: 'unknown' }, {}],
    [false, 'proven, and not settled', { settled: false }, {}],
    [false, 'with a probe that shows nothing', unproven, {}],
    [false, 'with a probe that shows nothing, where another is accepted', unproven, { acceptUnproven: ['other'] }],
    [true, 'with a probe that shows nothing, accepted', unproven, { acceptUnproven: ['cache'] }],
    [false, 'accepted unproven, and not settled', { ...unproven, settled: false }, { acceptUnproven: ['cache'] }],
    [false, 'accepted unproven, and refused', { ...unproven, verified: 'refused' }, { acceptUnproven: ['cache'] }],
    [true, 'proven, and its registry is down since', { verified: 'unknown', reason: 'upstream' }, {}],
    [false, 'proven, and refused since', { verified: 'refused' }, {}],
    [true, 'without a probe, looked at, nothing against it', { ...unproven, probed: false }, {}],
    [false, 'without a probe, where a proof is asked of all', { ...unproven, probed: false }, { requireProof: true }],
    [
      true,
      'without a probe, where a proof is asked of all but this',
      { ...unproven, probed: false },
      { requireProof: true, acceptUnproven: ['cache'] },
    ],
    [false, 'without a probe, refused by the product', { ...unproven, probed: false, verified: 'refused' }, {}],
  ])('%j: %s', async (done, _, parts, terms) => {
    expect(isProxyDone(proxy(parts), terms)).toBe(done);
    expect((await wait([rotation({ proxies: [proxy(parts)] })], { timeoutMs: 0, terms })).exitCode).toBe(done ? 0 : 1);
  });

  test.each<[string, Partial<ProxyProgress>, string, string]>([
    [
      'held already',
      unproven,
      '1/1 cache proxies settled, 0 proven',
      'cache proxy cache: unknown: held already: all may be in the cache',
    ],
    [
      'settling',
      { ...unproven, settled: false, reason: 'settling', why: 'until 12:00' },
      '0/1 cache proxies settled, 0 proven',
      'cache proxy cache: unknown: settling: until 12:00',
    ],
    [
      'upstream',
      { ...unproven, reason: 'upstream', why: 'no answer' },
      '1/1 cache proxies settled, 0 proven',
      'cache proxy cache: unknown: upstream: no answer',
    ],
    [
      'refused',
      { verified: 'refused', why: 'it cannot' },
      '1/1 cache proxies settled, 0 proven',
      'cache proxy cache: refused: it cannot',
    ],
    [
      'not applied',
      { ...unproven, applied: false, settled: false, checked: false, why: 'does not carry it' },
      '0/1 cache proxies settled, 0 proven',
      'cache proxy cache: does not carry it',
    ],
  ])('that is behind says why: %s', async (_, parts, line, says) => {
    const { exitCode, text, progress } = await wait([rotation({ proxies: [proxy(parts)] })], { timeoutMs: 0 });
    expect([exitCode, progress]).toEqual([1, [`3/3 copies, ${line}`]]);
    expect(text.split('\n')).toEqual(['not complete: do not revoke the old credential yet. Behind:', `  ${says}`]);
  });

  test.each<[string, Partial<ProxyProgress>, ProofTerms, string]>([
    ['not proven', unproven, { acceptUnproven: ['cache'] }, 'cache proxy cache: not proven: all may be in the cache'],
    [
      'proven, and what is known since',
      { verified: 'unknown', reason: 'upstream', why: 'no answer' },
      {},
      'cache proxy cache: proven, now unknown: upstream: no answer',
    ],
  ])('that is done says how: %s', async (_, parts, terms, says) => {
    const { exitCode, text } = await wait([rotation({ proxies: [proxy(parts)] })], { terms });
    expect(exitCode).toBe(0);
    expect(text.split('\n')[1]).toBe(`  ${says}`);
    expect(text.includes('a proof shows that a login works, not which one')).toBe(parts.proven !== false);
  });
});

describe('the command', () => {
  const CONFIGURATION = `apiVersion: pullpass.dev/v1alpha1
kind: Configuration
sources: [{ name: hub, secret: { namespace: n, name: hub }, copyName: c }]
cacheProxies: [{ name: cache, kind: zot, source: hub, registry: docker.io, secret: { namespace: n, name: s } }]
`;
  const command = async (...args: string[]) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-wait-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const config = path.join(directory, 'config.yaml');
    await writeFile(config, CONFIGURATION);
    const flags = ['--config', config, '--kubeconfig', path.join(directory, 'none'), '--source', 'hub'];
    return run(waitCommand, [...flags, ...args]);
  };

  test('to accept a cache proxy that is not there is a mistake in the call', async () => {
    const mistyped: unknown = await command('--accept-unproven', 'cache', 'cahce').catch((error: unknown) => error);
    expect(mistyped).toBeInstanceOf(UsageError);
    expect(String(mistyped)).toContain('wait: there is no cache proxy "cahce"; the configuration has: cache');
    // The names that are there are taken: only the cluster is missing.
    await expect(command('--accept-unproven', 'cache')).rejects.not.toBeInstanceOf(UsageError);
  });
});
