/** One cache proxy over a product that a test plays; the state is a plain record, which a "crash" leaves as it was saved. */
import { describe, expect, test } from 'vitest';
import type { CacheProxyConfig } from '../../src/config/schema.ts';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import type { Credential } from '../../src/credentials/docker-config.ts';
import type { ProxyRecord } from '../../src/plan/proxy.ts';
import type { ConfiguredProxy } from '../../src/proxies/kinds.ts';
import { AdminRefusedError, LoginRefusedError } from '../../src/proxies/adapter.ts';
import type { Target, Verdict } from '../../src/proxies/adapter.ts';
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
const UNTRIED: Verdict = { state: 'unknown', why: 'not tried yet' };
const MINUTE = 60_000;

function world(parts: { targets?: boolean; probe?: boolean } = {}) {
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
  };
  const adapter = {
    rights: [],
    targets: parts.targets === true ? [target] : [],
    identity: 'cache.test',
    apply: ({ password }: { password: string }): Promise<void> =>
      Promise.resolve().then(() => {
        log.push(`apply ${password}`);
        w.apply();
        w.holds = password;
      }),
    verify: (): Promise<Verdict> => Promise.resolve(w.own ?? { state: 'unknown', why: 'cannot tell' }),
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
    consumers: { isGoing: () => false, point: (_, apply) => apply().then(() => 'applied') },
    fingerprints: () => (w.read ? adapter.targets.map(() => w.holds) : undefined),
    context: (_, signal) => ({
      kube: createProxyKube({ client, proxy: 'cache', signal }),
      http: createHttpClient(),
      mac: (text) => text,
      signal,
      copyName: 'c',
    }),
    probe: () =>
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
    expect(await w.reconcile()).toEqual({ applied: true, changed: true, verified });
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
    [
      'a pull counts for more than its yes',
      own('verified'),
      { state: 'refused', why: 'pull' },
      { state: 'refused', why: 'pull' },
    ],
    ['its yes counts where no pull says anything', own('verified'), unknown, own('verified')],
    ['a pull counts where it cannot tell', own('unknown'), verified, verified],
  ])('%s', async (_, product, pull, expected) => {
    const w = world();
    w.own = product;
    w.pull = () => pull;
    expect((await w.reconcile()).verified).toEqual(expected);
  });

  test('unknown is looked at again soon where a probe is configured, and only there', async () => {
    for (const probe of [true, false]) {
      const w = world({ probe });
      w.pull = () => unknown;
      expect((await w.reconcile()).waits).toEqual(probe ? { for: 'pull unknown' } : undefined);
    }
  });
});
