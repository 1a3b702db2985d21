/** One cache proxy over a product that a test plays; the state is a plain record, which a "crash" leaves as it was saved. */
import { describe, expect, test } from 'vitest';
import type { CacheProxyConfig } from '../../src/config/schema.ts';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import type { Credential } from '../../src/credentials/docker-config.ts';
import type { ProxyRecord } from '../../src/plan/proxy.ts';
import type { ConfiguredProxy } from '../../src/proxies/kinds.ts';
import { AdminRefusedError, LoginRefusedError, NotYetError } from '../../src/proxies/adapter.ts';
import type { Target, Unsettled, Verdict } from '../../src/proxies/adapter.ts';
import { createProxyKube } from '../../src/proxies/kube.ts';
import { reconcileProxy } from '../../src/reconcile/proxy.ts';
import type { ProxyDeps } from '../../src/reconcile/proxy.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { createMemory } from '../sources/memory.ts';

const START = Date.parse('2030-01-01T00:00:00Z');
const AT = new Date(START).toISOString();
const credential = (password: string): Credential => ({ key: 'docker.io', username: 'robot', password });
const verified: Verdict = { state: 'verified', why: 'pulled' };
const UNTRIED: Verdict = { state: 'unknown', reason: 'not tried', why: 'not tried yet' };
const MINUTE = 60_000;

function world(parts: { targets?: boolean; probe?: boolean; verifies?: boolean } = {}) {
  const config: CacheProxyConfig = cacheProxySchema.parse({
    kind: 'webhook',
    name: 'cache',
    source: 'hub',
    registry: 'docker.io',
    url: 'https://cache.test',
    admin: { secret: { namespace: 'n', name: 'admin' } },
    ...(parts.probe !== false && { probe: { url: 'https://cache.test', repository: 'corp/app', reference: '1' } }),
  });
  const target: Target = {
    path: '/api/v1/namespaces/n/secrets',
    namespace: 'n',
    name: 'login',
    fingerprint: () => '',
    expected: ({ password }) => password,
  };
  const log: string[] = [];
  const w = {
    log,
    clock: START,
    kept: new Map<string, ProxyRecord>(),
    inMemory: new Map<string, ProxyRecord>(),
    /** What the product holds. */
    holds: '',
    credentials: [credential('one')] as readonly Credential[] | undefined,
    read: true,
    apply: (): void => undefined,
    save: (): void => undefined,
    own: undefined as Verdict | undefined,
    pull: (): Verdict => verified,
    /** The copy that the product's object is to name is about to go. */
    going: false,
    point: async (apply: () => Promise<void>): Promise<'applied' | 'withdrawn' | 'no copy'> => {
      await apply();
      return 'applied';
    },
    unsettled: undefined as Unsettled | undefined,
    verify: (): Verdict => w.own ?? { state: 'unknown', why: 'cannot tell' },
  };
  const adapter = {
    rights: [],
    targets: parts.targets === true ? [target] : [],
    identity: 'cache.test',
    holders: { unseen: 'nothing' },
    apply: ({ password }: { password: string }): Promise<void> =>
      Promise.resolve().then(() => {
        log.push(`apply ${password}`);
        w.apply();
        w.holds = password;
      }),
    unsettled: () => Promise.resolve(w.unsettled),
    ...(parts.verifies !== false && { verify: (): Promise<Verdict> => Promise.resolve().then(() => w.verify()) }),
    consumer: {
      object: 'Thing "x"',
      place: '/spec/secret',
      seat: 'x',
      namespace: 'team',
      copyNames: ['c'] as const,
      named: () => Promise.resolve([]),
      release: () => Promise.resolve(false),
    },
  };
  const proxy: ConfiguredProxy = { config, copyName: 'c', adapter };
  const { client } = scriptedClient();
  // Refusals survive a crash too: they are saved with the rest.
  const memory = createMemory();
  const deps: ProxyDeps = {
    refusals: createRefusals(memory, () => w.clock),
    state: {
      mac: (text) => `mac of ${text.length} ${text.includes('one') ? 'one' : 'two'}`,
      proxy: (name) => w.inMemory.get(name) ?? {},
      setProxy: (name, record) => void w.inMemory.set(name, record ?? {}),
      save: () =>
        Promise.resolve().then(() => {
          w.save();
          log.push('save');
          w.kept = new Map(w.inMemory);
        }),
    },
    credentials: () => w.credentials,
    consumers: { isGoing: () => w.going, point: (_, apply) => w.point(apply) },
    fingerprints: () => (w.read ? adapter.targets.map(() => w.holds) : undefined),
    context: (_, signal) => ({
      kube: createProxyKube({ client, proxy: 'cache', instance: 'pullpass-system', signal }),
      http: createHttpClient(),
      mac: (text) => text,
      signal,
      copyName: 'c',
    }),
    tokenSeconds: () => Promise.resolve(undefined),
    prove: () =>
      Promise.resolve().then(() => {
        log.push('pull');
        return w.pull();
      }),
    now: () => w.clock,
  };
  return Object.assign(w, {
    refusals: deps.refusals,
    reconcile: (verifyDue = false, signal = new AbortController().signal) =>
      reconcileProxy(proxy, deps, verifyDue, signal),
    crash(): void {
      w.inMemory = new Map(w.kept);
    },
    record: () => w.kept.get('cache') ?? {},
    said: () => log.splice(0),
  });
}
const throwing = (error: Error) => (): never => {
  throw error;
};

describe.each([
  ['with targets', true],
  ['behind an API of its own', false],
])('a product %s', (_, targets) => {
  test('is given the login, and what was done is saved before it is verified', async () => {
    const w = world({ targets });
    expect(await w.reconcile()).toEqual({ applied: true, done: true, changed: true, verified });
    expect(w.said()).toEqual(['apply one', 'save', 'pull', 'save']);
    expect(w.record()).toMatchObject({ applied: { at: AT }, verified: { state: 'verified', why: 'pulled', at: AT } });
    expect(JSON.stringify(w.record())).not.toContain('robot');
  });

  test('in sync: nothing is called and nothing is saved', async () => {
    const w = world({ targets });
    await w.reconcile();
    w.said();
    expect(await w.reconcile()).toMatchObject({ applied: true, changed: false, verified });
    w.crash();
    expect(await w.reconcile()).toMatchObject({ applied: true, changed: false });
    expect(w.said()).toEqual([]);
  });

  test('is verified again when that is due, and not given anything', async () => {
    const w = world({ targets });
    await w.reconcile();
    w.said();
    w.pull = () => ({ state: 'refused', why: 'not found' });
    expect(await w.reconcile(true)).toEqual({
      applied: true,
      done: false,
      changed: false,
      verified: { state: 'refused', why: 'not found' },
      problem: { reason: 'ProxyNotVerified', note: 'not found' },
      waits: { for: 'pull refused' },
    });
    expect(w.said()).toEqual(['pull', 'save']);
    expect(await w.reconcile()).toMatchObject({
      applied: true,
      problem: { reason: 'ProxyNotVerified' },
      waits: { for: 'pull refused' },
    });
    expect(w.said()).toEqual([]);
  });

  test('whose verification fails carries the login all the same', async () => {
    const w = world({ targets });
    await w.reconcile();
    for (const error of [new Error('no probe login'), new AdminRefusedError('admin refused')]) {
      w.pull = throwing(error);
      const outcome = await w.reconcile(true);
      expect(outcome).toMatchObject({ applied: true, changed: false, verified: UNTRIED });
      if (!(error instanceof AdminRefusedError)) expect(outcome).toMatchObject({ error });
    }
  });

  test('rotated: gets the new login once', async () => {
    const w = world({ targets });
    await w.reconcile();
    w.said();
    w.credentials = [credential('two')];
    await w.reconcile();
    await w.reconcile();
    expect(w.said()).toEqual(['apply two', 'save', 'pull', 'save']);
  });

  test('a crash, or a save that fails, after the apply and before the save costs one more look or apply, and no more', async () => {
    const w = world({ targets });
    w.save = throwing(new Error('conflict'));
    expect(await w.reconcile()).toMatchObject({ applied: true, changed: true, error: new Error('conflict') });
    w.crash();
    w.save = () => undefined;
    w.said();
    await w.reconcile();
    await w.reconcile();
    // Targets show it; a password behind an API cannot be read back.
    expect(w.said()).toEqual(targets ? ['pull', 'save'] : ['apply one', 'save', 'pull', 'save']);
  });

  test('a login that is refused is tried again after 5 minutes, 30 minutes and 6 hours, also by a controller that restarts', async () => {
    const w = world({ targets });
    w.apply = throwing(new LoginRefusedError('wrong password'));
    const tries: number[] = [];
    for (let minutes = 0; minutes <= 13 * 60; minutes++, w.clock += MINUTE) {
      const outcome = await w.reconcile();
      expect(outcome).toMatchObject({
        applied: false,
        changed: false,
        verified: UNTRIED,
        problem: {
          reason: 'ProxyLoginRefused',
          note: 'the login is refused, and the one before stays: wrong password',
        },
      });
      expect(outcome.error).toBeUndefined();
      if (w.said().includes('apply one')) tries.push(minutes);
      else expect(outcome.waits?.for === 'login refused' && outcome.waits.untilMs).toBeGreaterThan(w.clock);
      w.crash();
    }
    expect(tries).toEqual([0, 5, 35, 395, 755]);
    w.credentials = [credential('two')];
    w.apply = () => undefined;
    expect(await w.reconcile()).toMatchObject({ applied: true });
  });

  test('a login that a registry or another product refused just now is not tried by this one', async () => {
    const w = world({ targets });
    w.refusals.refused({ host: 'docker.io', username: 'robot', password: 'one' }, 'somebody else was refused');
    expect(await w.reconcile()).toMatchObject({
      applied: false,
      problem: { reason: 'ProxyLoginRefused', note: expect.stringContaining('somebody else was refused') as string },
      waits: { for: 'login refused', untilMs: w.clock + 5 * MINUTE },
    });
    expect(w.said()).toEqual([]);
    w.credentials = [credential('two')];
    expect(await w.reconcile()).toMatchObject({ applied: true });
  });

  test('our administrator being refused says nothing about the login', async () => {
    const w = world({ targets });
    w.apply = throwing(new AdminRefusedError('admin refused'));
    expect(await w.reconcile()).toEqual({
      applied: false,
      done: false,
      changed: false,
      verified: UNTRIED,
      problem: { reason: 'ProxyNotApplied', note: 'admin refused' },
      waits: { for: 'administrator refused' },
    });
    expect(w.record()).toEqual({});
  });

  test('another error is told and left to the queue', async () => {
    const w = world({ targets });
    const error = new Error('no answer');
    w.apply = throwing(error);
    expect(await w.reconcile()).toEqual({
      applied: false,
      done: false,
      changed: false,
      verified: UNTRIED,
      error,
      problem: { reason: 'ProxyNotApplied', note: 'no answer' },
    });
    expect(w.said()).toEqual(['apply one']);
  });

  test('nothing is written once the signal has aborted', async () => {
    const w = world({ targets });
    expect((await w.reconcile(false, AbortSignal.abort(new Error('not leading')))).error).toEqual(
      new Error('not leading'),
    );
    expect(w.said()).toEqual([]);
  });

  test('a stop takes nothing away: what it carries it carries', async () => {
    const w = world({ targets });
    await w.reconcile();
    for (const due of [false, true])
      expect(await w.reconcile(due, AbortSignal.abort(new Error('not leading')))).toMatchObject({
        applied: true,
        changed: false,
      });
  });
});

describe('nothing is called', () => {
  test('while the source has no good content', async () => {
    const w = world();
    w.credentials = undefined;
    expect(await w.reconcile()).toMatchObject({ applied: false, changed: false, verified: UNTRIED });
    expect(w.said()).toEqual([]);
  });

  test('where the source has no login that fits: a problem', async () => {
    const w = world();
    w.credentials = [{ key: 'ghcr.io', username: 'u', password: 'p' }];
    expect(await w.reconcile()).toMatchObject({
      applied: false,
      problem: { reason: 'ProxyNotApplied', note: 'the source has no usable login for "docker.io"; it has: "ghcr.io"' },
    });
    expect(w.said()).toEqual([]);
  });

  test('while a target was not read: an absent object means nothing before that', async () => {
    const w = world({ targets: true });
    w.read = false;
    expect(await w.reconcile()).toMatchObject({ applied: false, changed: false, verified: UNTRIED });
    expect(w.said()).toEqual([]);
  });
});

test('drift is put right', async () => {
  const w = world({ targets: true });
  await w.reconcile();
  w.said();
  w.holds = 'by hand';
  expect(await w.reconcile()).toMatchObject({ applied: true, changed: true });
  expect(w.said()[0]).toBe('apply one');
});

describe('the verdict', () => {
  const unknown: Verdict = { state: 'unknown', why: 'pull: no answer' };
  const own = (state: Verdict['state']): Verdict => ({ state, why: `product: ${state}` });
  test.each<[string, Verdict | undefined, Verdict, Verdict]>([
    ['a no of the product counts', own('refused'), verified, own('refused')],
    ['a yes of the product counts: it tried the login itself', own('verified'), unknown, own('verified')],
    [
      'a refused proof counts before a yes of the product',
      own('verified'),
      { state: 'refused', why: 'pull' },
      { state: 'refused', why: 'pull' },
    ],
    ['a proof counts where it cannot tell', own('unknown'), verified, verified],
    [
      'a refused proof counts where it cannot tell',
      own('unknown'),
      { state: 'refused', why: 'pull' },
      { state: 'refused', why: 'pull' },
    ],
    ['a proof that was tried says why there is none', own('unknown'), unknown, unknown],
    [
      'where none is configured, the product says why',
      own('unknown'),
      { state: 'unknown', reason: 'no probe', why: 'no probe' },
      { ...own('unknown'), reason: 'no probe' },
    ],
  ])('%s', async (_, product, pull, expected) => {
    const w = world();
    w.own = product;
    w.pull = () => pull;
    expect((await w.reconcile()).verified).toEqual(expected);
  });

  test('of a product that cannot check a login is that of the pull', async () => {
    for (const pull of [verified, unknown]) {
      const w = world({ verifies: false });
      w.pull = () => pull;
      expect((await w.reconcile()).verified).toEqual(pull);
    }
  });

  test('unknown is looked at again soon where a probe is configured, and only there', async () => {
    for (const probe of [true, false]) {
      const w = world({ probe });
      w.pull = () => unknown;
      expect((await w.reconcile()).waits).toEqual(probe ? { for: 'pull unknown' } : undefined);
    }
  });
});

describe('while the copy that its object names is about to go', () => {
  const note =
    'namespace "team" is to have no copy "c" for Thing "x": ' +
    "opt the namespace in (pullpass.dev/sync=enabled), and let the source's guard admit it";

  test.each([
    ['the reference is taken back, and that is no problem yet', 'withdrawn', true],
    ['where there is none nothing is done', 'no copy', false],
  ] as const)('%s', async (_, pointed, withdrawn) => {
    const w = world();
    w.going = true;
    w.point = () => Promise.resolve(pointed);
    expect(await w.reconcile()).toEqual({
      applied: false,
      done: false,
      changed: false,
      withdrawn,
      verified: UNTRIED,
      waits: { for: 'not yet', note },
    });
    expect(w.said()).toEqual([]);
  });

  test('the product is given no login, not even one that the source has no more', async () => {
    const w = world();
    w.going = true;
    w.credentials = undefined;
    w.point = () => Promise.resolve('withdrawn');
    expect(await w.reconcile()).toMatchObject({ withdrawn: true });
  });

  test('a copy that stays after all is named as ever', async () => {
    const w = world();
    w.going = true;
    expect(await w.reconcile()).toEqual({ applied: true, done: true, changed: true, verified });
    expect(w.said()).toEqual(['apply one', 'save', 'pull', 'save']);
  });

  test('what keeps the reference there is told: a problem, unless it passes by itself', async () => {
    const w = world();
    w.going = true;
    const error = new Error('no answer');
    w.point = throwing(error);
    expect(await w.reconcile()).toEqual({
      applied: false,
      done: false,
      changed: false,
      verified: UNTRIED,
      error,
      problem: { reason: 'ProxyNotApplied', note: 'no answer' },
    });
    w.point = throwing(new NotYetError('being processed'));
    expect(await w.reconcile()).toEqual({
      applied: false,
      done: false,
      changed: false,
      verified: UNTRIED,
      waits: { for: 'not yet', note: 'being processed' },
    });
  });

  test('nothing is taken back once the signal has aborted', async () => {
    const w = world();
    w.going = true;
    let pointed = 0;
    w.point = () => Promise.resolve((pointed++, 'withdrawn' as const));
    const stopped = new Error('not leading');
    expect(await w.reconcile(false, AbortSignal.abort(stopped))).toMatchObject({ error: stopped });
    expect(pointed).toBe(0);
  });

  test('a copy that turns out to go only when the object is to be pointed at it is given nothing, and nothing is saved', async () => {
    const w = world();
    w.point = () => Promise.resolve('withdrawn');
    expect(await w.reconcile()).toMatchObject({ applied: false, changed: false, withdrawn: true, waits: { note } });
    expect([w.said(), w.record()]).toEqual([[], {}]);
  });
});

test('what must happen first is waited for, and is no problem', async () => {
  const w = world();
  w.apply = throwing(new NotYetError('the copy is not there yet'));
  expect(await w.reconcile()).toEqual({
    applied: false,
    done: false,
    changed: false,
    verified: UNTRIED,
    waits: { for: 'not yet', note: 'the copy is not there yet' },
  });
});

test('a target that was not read is waited for', async () => {
  const w = world({ targets: true });
  w.read = false;
  expect((await w.reconcile()).waits).toEqual({ for: 'not yet', note: 'what it was given before was not read yet' });
});

test('while pods with the old login are left nothing is pulled: they could prove the wrong one', async () => {
  const w = world();
  w.unsettled = { why: '1 of 2 pods is old' };
  const settling: Verdict = { state: 'unknown', reason: 'settling', why: '1 of 2 pods is old' };
  expect(await w.reconcile()).toEqual({
    applied: true,
    done: false,
    changed: true,
    verified: settling,
    waits: { for: 'pull unknown' },
  });
  expect(w.said()).toEqual(['apply one', 'save', 'save']);
  expect(w.record()).toMatchObject({ verified: settling });
  expect(w.record()).not.toHaveProperty('settled');
  w.unsettled = undefined;
  expect(await w.reconcile()).toEqual({ applied: true, done: true, changed: false, verified });
  expect(w.said()).toEqual(['pull', 'save']);
});

describe('what fails after the login was given', () => {
  test('our administrator being refused: the login is there', async () => {
    const w = world();
    w.verify = throwing(new AdminRefusedError('admin refused'));
    expect(await w.reconcile()).toMatchObject({
      applied: true,
      changed: true,
      problem: { reason: 'ProxyNotApplied', note: 'admin refused' },
      waits: { for: 'administrator refused' },
    });
    expect(await w.reconcile()).toMatchObject({ applied: true, changed: false });
  });

  test('another error is no problem of the login', async () => {
    const w = world();
    w.pull = throwing(new Error('no answer'));
    const first = await w.reconcile();
    expect(first).toEqual({
      applied: true,
      done: false,
      changed: true,
      verified: UNTRIED,
      error: new Error('no answer'),
    });
    expect(await w.reconcile()).toEqual({ ...first, changed: false });
  });

  test('a refused login that cannot be remembered is told all the same', async () => {
    const w = world();
    w.apply = throwing(new LoginRefusedError('wrong password'));
    w.save = throwing(new Error('conflict'));
    expect(await w.reconcile()).toMatchObject({
      applied: false,
      changed: false,
      problem: { reason: 'ProxyLoginRefused' },
      waits: { for: 'login refused', untilMs: START + 5 * MINUTE },
    });
  });

  test('a refusal by the product at the check: something was written, and it does not count as applied', async () => {
    const w = world();
    w.verify = throwing(new LoginRefusedError('wrong password'));
    expect(await w.reconcile()).toMatchObject({
      applied: false,
      changed: true,
      problem: { reason: 'ProxyLoginRefused' },
    });
  });
});
