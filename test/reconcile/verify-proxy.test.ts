/** When a cache proxy has settled, and what is remembered of its proofs: with a clock that a test moves. */
import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import type { UpstreamLogin } from '../../src/credentials/upstream.ts';
import type { ProxyRecord } from '../../src/plan/proxy.ts';
import type { ProxyContext, Verdict } from '../../src/proxies/adapter.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import type { ProofMemory } from '../../src/proxies/proof.ts';
import { readMemory, verifyApplied } from '../../src/reconcile/verify-proxy.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import { createMemory } from '../sources/memory.ts';

const START = Date.parse('2030-01-01T00:00:00Z');
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
const login: UpstreamLogin = { registry: 'docker.io', username: 'robot', password: 'hunter2' };
const verified: Verdict = { state: 'verified', why: 'it was told' };
const refused: Verdict = { state: 'refused', why: 'it was not told' };
const SECRET = { namespace: 'cache', name: 'login' };
const KINDS = {
  'distribution-helper': { secret: SECRET },
  distribution: { secret: SECRET },
  zot: { secret: SECRET },
  template: { secret: SECRET, files: { f: '{{password}}' } },
  webhook: { url: 'https://cache.test', admin: { secret: SECRET } },
};

function world(kind: keyof typeof KINDS = 'distribution-helper', more: object = {}) {
  const [proxy] = createProxies(
    configurationSchema.parse({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [{ name: 'hub', secret: { namespace: 'n', name: 'hub' }, copyName: 'c' }],
      cacheProxies: [
        {
          name: 'cache',
          kind,
          source: 'hub',
          registry: 'docker.io',
          probe: { url: 'http://cache.test', repository: 'corp/app' },
          ...KINDS[kind],
          ...more,
        },
      ],
    }),
  );
  if (proxy === undefined) throw new Error('no proxy');
  let saved = 0;
  const memory = createMemory({ save: () => Promise.resolve(void saved++) });
  const w = {
    /** Seconds since {@link START}. */
    now: 0,
    tokenSeconds: 60 as number | undefined,
    askedForToken: 0,
    proofs: 0,
    verdict: verified,
    pods: [] as V1Pod[],
    workload: undefined as object | undefined,
    paths: [] as string[],
    prove: (_: ProofMemory): Promise<Verdict> => Promise.resolve(w.verdict),
    saves: () => saved,
    record: (): ProxyRecord => memory.proxy('cache'),
    set: (record: ProxyRecord): void => memory.setProxy('cache', record),
    memory,
    config: proxy.config,
  };
  const context: ProxyContext = {
    kube: {
      applySecret: () => Promise.reject(new Error('nothing is written here')),
      readSecret: () => Promise.resolve({}),
      patch: () => Promise.reject(new Error('nothing is written here')),
      get: <T>(path: string) => {
        w.paths.push(path);
        return Promise.resolve((path.includes('/pods?') ? { items: w.pods } : w.workload) as T | undefined);
      },
    },
    http: createHttpClient(),
    mac: memory.mac,
    signal: new AbortController().signal,
    copyName: 'c',
  };
  return Object.assign(w, {
    /** The login with this name was written now. */
    write: (mac = 'one'): void => memory.setProxy('cache', { applied: { mac, at: at(w.now) } }),
    verify: (mac = 'one') =>
      verifyApplied(
        { proxy, login, mac, context },
        {
          state: memory,
          now: () => START + w.now * 1000,
          tokenSeconds: () => {
            w.askedForToken++;
            return Promise.resolve(w.tokenSeconds);
          },
          prove: (_, __, proofs) => {
            w.proofs++;
            return w.prove(proofs);
          },
        },
      ),
  });
}
const settling = (why: string): Verdict => ({ state: 'unknown', reason: 'settling', why });

describe('settling', () => {
  test('is counted from the write: the mount, what the helper keeps, and the token before; nothing is asked until then', async () => {
    const w = world();
    w.write();
    w.now = 239;
    expect(await w.verify()).toMatchObject({
      verdict: settling(
        'it may still work with the login before until 2030-01-01T00:04:00Z: ' +
          '120 s until kubelets have updated the mounted Secret, 60 s that it keeps what it read, 60 s that a token of the login before lives',
      ),
      untilMs: START + 240_000,
    });
    expect([w.proofs, w.record().settled, w.record().proven]).toEqual([0, undefined, undefined]);
    w.now = 240;
    expect(await w.verify()).toEqual({ verdict: verified });
    expect(w.record()).toMatchObject({
      settled: { mac: 'one', at: at(240) },
      proven: { mac: 'one', why: 'it was told', at: at(240) },
      verified: { mac: 'one', state: 'verified', at: at(240) },
    });
    expect(JSON.stringify(w.record())).not.toContain('hunter2');
  });

  test.each<[string, keyof typeof KINDS, object, number | undefined, number]>([
    ['a token lives as long as the registry says', 'distribution-helper', {}, 900, 1_080],
    ['it gives none', 'distribution-helper', {}, 0, 180],
    ['that is not known: as long as on Docker Hub', 'distribution-helper', {}, undefined, 480],
    ['a file that is read again has no life of its own', 'template', {}, 60, 180],
    ['behind an API only the token counts', 'webhook', {}, 600, 600],
    [
      'what the configuration says counts for more',
      'distribution-helper',
      { settle: { mountSeconds: 1, lifetimeSeconds: 10, tokenSeconds: 100 } },
      900,
      111,
    ],
    ['also for one part alone', 'distribution-helper', { settle: { lifetimeSeconds: 600 } }, 60, 780],
    ['what restarts at a known time', 'zot', { settle: { lifetimeSeconds: 3_600 } }, 60, 3_780],
  ])('%s', async (_, kind, more, tokenSeconds, seconds) => {
    const w = world(kind, more);
    w.tokenSeconds = tokenSeconds;
    w.write();
    expect((await w.verify()).untilMs).toBe(START + seconds * 1000);
    w.now = seconds - 1;
    expect((await w.verify()).untilMs).toBe(START + seconds * 1000);
    w.now = seconds;
    expect((await w.verify()).verdict).toEqual(verified);
  });

  test('the registry is asked once how long its tokens live, and not where the configuration says it', async () => {
    const w = world();
    w.write();
    await w.verify();
    w.tokenSeconds = 9_999;
    await w.verify();
    expect([w.askedForToken, w.record().applied]).toEqual([1, { mac: 'one', at: at(0), tokenSeconds: 60 }]);
    const told = world('distribution-helper', { settle: { tokenSeconds: 5 } });
    told.write();
    expect(await told.verify()).toMatchObject({ untilMs: START + 185_000 });
    expect(told.askedForToken).toBe(0);
  });

  test('nothing configured to wait for is no wait', async () => {
    const w = world('distribution-helper', { settle: { mountSeconds: 0, lifetimeSeconds: 0, tokenSeconds: 0 } });
    w.write();
    expect(await w.verify()).toEqual({ verdict: verified });
  });

  test('a clock that was wrong at the write: counted anew', async () => {
    const w = world();
    w.set({ applied: { mac: 'one', at: at(86_400) } });
    expect(await w.verify()).toMatchObject({ untilMs: START + 240_000 });
    w.now = 240;
    expect(await w.verify()).toEqual({ verdict: verified });
  });

  test('what it carries although the state was lost, or somebody else wrote it, is counted from now', async () => {
    for (const record of [{}, { applied: { mac: 'another', at: at(-9_999) } }]) {
      const w = world();
      w.set(record);
      w.now = 10;
      expect(await w.verify()).toMatchObject({ untilMs: START + 250_000 });
      w.now = 250;
      expect(await w.verify()).toEqual({ verdict: verified });
    }
  });

  test('the same login written once more is counted anew, and needs a new proof', async () => {
    const w = world();
    w.write();
    w.now = 240;
    await w.verify();
    w.write();
    expect(await w.verify()).toMatchObject({ verdict: { reason: 'settling' }, untilMs: START + 480_000 });
    expect(w.record().proven).toBeUndefined();
    w.now = 480;
    w.verdict = { state: 'unknown', reason: 'upstream', why: 'no answer' };
    await w.verify();
    expect([w.record().settled, w.record().proven]).toEqual([{ mac: 'one', at: at(480) }, undefined]);
  });

  test('once settled is remembered, also by a controller that restarts with a clock that was set back', async () => {
    const w = world();
    w.write();
    w.now = 240;
    await w.verify();
    const after = world();
    after.set(JSON.parse(JSON.stringify(w.record())) as ProxyRecord);
    after.now = -3_600;
    expect(await after.verify()).toEqual({ verdict: verified });
    expect([after.paths, after.askedForToken]).toEqual([[], 0]);
  });
});

describe('what never settles by itself', () => {
  const pod = (mount: object, volume: object = { secret: { secretName: SECRET.name } }, init = false): V1Pod => {
    const container = { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/login', ...mount }] };
    return {
      metadata: { namespace: SECRET.namespace, name: 'cache-0' },
      spec: {
        containers: [{ name: 'other' }, ...(init ? [] : [container])],
        initContainers: init ? [container] : [],
        volumes: [{ name: 'v', ...volume }],
      },
    };
  };

  test.each<[string, V1Pod]>([
    ['subPath', pod({ subPath: 'credentials.json' })],
    ['subPathExpr', pod({ subPathExpr: '$(NAME)' })],
    [
      'subPath of a projected volume',
      pod({ subPath: 'x' }, { projected: { sources: [{ secret: { name: SECRET.name } }] } }),
    ],
    ['subPath in an init container', pod({ subPath: 'x' }, undefined, true)],
  ])('a mount by %s is refused, with what to do', async (_, mounted) => {
    const w = world();
    w.write();
    w.now = 99_999;
    w.pods = [pod({}), mounted];
    expect(await w.verify()).toEqual({
      verdict: {
        state: 'refused',
        why: 'pod "cache/cache-0" mounts Secret "login" by subPath, which kubelets never update: mount the whole volume, without subPath',
      },
    });
    expect([w.proofs, w.record().settled]).toEqual([0, undefined]);
    expect(w.paths).toEqual(['/api/v1/namespaces/cache/pods?limit=500']);
    w.pods = [pod({})];
    expect(await w.verify()).toEqual({ verdict: verified });
  });

  test('a mount of another Secret by subPath is no matter', async () => {
    const w = world();
    w.write();
    w.now = 240;
    w.pods = [pod({ subPath: 'x' }, { secret: { secretName: 'another' } })];
    expect(await w.verify()).toEqual({ verdict: verified });
  });

  test.each(['zot', 'distribution'] as const)(
    'a %s that nothing restarts: it reads its login only when it starts',
    async (kind) => {
      const w = world(kind);
      w.write();
      w.now = 9_999_999;
      expect(await w.verify()).toMatchObject({
        verdict: settling(
          'it reads its login only when it starts, and nothing shows that it was restarted: name its "workload", ' +
            'or set settle.lifetimeSeconds to the time in which something else restarts it',
        ),
      });
      expect(w.proofs).toBe(0);
    },
  );

  test('a workload settles when its pods are new, however long that takes, and needs no other time', async () => {
    const w = world('zot', { workload: { namespace: 'cache', name: 'zot' } });
    w.write();
    w.now = 9_999;
    expect((await w.verify()).verdict).toEqual(settling('Deployment cache/zot: it is not there'));
    const status = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1 };
    w.workload = { metadata: { generation: 3 }, status };
    expect((await w.verify()).verdict).toMatchObject({ reason: 'settling' });
    expect(w.proofs).toBe(0);
    w.workload = { metadata: { generation: 2 }, status: { ...status, availableReplicas: 1 } };
    w.now = 0;
    expect(await w.verify()).toEqual({ verdict: verified });
  });
});

describe('a proof', () => {
  const settled = (): ReturnType<typeof world> => {
    const w = world();
    w.write();
    w.now = 240;
    return w;
  };

  test('stays when the registry is down later; a refusal counts, and so does its end', async () => {
    const w = settled();
    await w.verify();
    const { proven } = w.record();
    w.now = 300;
    w.verdict = { state: 'unknown', reason: 'upstream', why: 'no answer' };
    await w.verify();
    expect(w.record()).toMatchObject({ proven, verified: { state: 'unknown', reason: 'upstream', at: at(300) } });
    w.verdict = refused;
    w.now = 301;
    await w.verify();
    expect(w.record()).toMatchObject({ proven, verified: { state: 'refused', at: at(301) } });
    w.verdict = verified;
    w.now = 302;
    await w.verify();
    expect(w.record()).toMatchObject({ proven, verified: { state: 'verified', at: at(302) } });
  });

  test('a verdict that stays the same keeps its time; another reason is another verdict', async () => {
    const w = settled();
    w.verdict = { state: 'unknown', reason: 'upstream', why: 'no answer' };
    await w.verify();
    w.now = 300;
    w.verdict = { ...w.verdict, why: 'still no answer' };
    await w.verify();
    expect(w.record().verified).toMatchObject({ why: 'still no answer', at: at(240) });
    w.verdict = { ...w.verdict, reason: 'cache' };
    await w.verify();
    expect(w.record().verified).toMatchObject({ reason: 'cache', at: at(300) });
    w.now = 400;
    w.set({ ...w.record(), settled: { mac: 'two', at: at(300) } });
    await w.verify('two');
    expect(w.record().verified).toMatchObject({ mac: 'two', at: at(400) });
  });

  test('is remembered for this login only', async () => {
    const w = settled();
    const told: (string | undefined)[] = [];
    w.prove = ({ proven }) => Promise.resolve((told.push(proven), verified));
    await w.verify();
    await w.verify();
    w.set({ ...w.record(), settled: { mac: 'two', at: at(240) } });
    await w.verify('two');
    expect(told).toEqual([undefined, 'it was told', undefined]);
  });

  test('what was asked for is saved before, survives a new login, and is shown to nobody', async () => {
    const w = settled();
    w.prove = async (memory) => {
      const saves = w.saves();
      expect(memory.wasAsked('1.0')).toBe(false);
      await memory.setAsked('1.0', true);
      await memory.setAsked('1.0', true);
      expect([memory.wasAsked('1.0'), memory.wasAsked('2.0'), w.saves() > saves]).toEqual([true, false, true]);
      await memory.setAsked('2.0', true);
      await memory.setAsked('2.0', false);
      expect([memory.pushed, memory.wasAsked('2.0')]).toEqual([false, false]);
      await memory.setPushed();
      return verified;
    };
    await w.verify();
    expect(w.record()).toMatchObject({ asked: [expect.stringMatching(/^[0-9a-f]{16}$/)], pushed: 'one' });
    w.prove = (memory) => {
      expect([memory.wasAsked('1.0'), memory.wasAsked('2.0'), memory.pushed]).toEqual([true, false, false]);
      return Promise.resolve(verified);
    };
    w.set({ ...w.record(), settled: { mac: 'two', at: at(240) } });
    await w.verify('two');
    expect(w.proofs).toBe(2);
  });

  test('no more than 256 images are asked for: each must be remembered', async () => {
    const w = settled();
    w.prove = async (memory) => {
      for (let i = 0; i < 300; i++) if (!memory.wasAsked(`t${i}`)) await memory.setAsked(`t${i}`, true);
      return verified;
    };
    await w.verify();
    expect(w.record().asked).toHaveLength(256);
  });

  test('a reader that cannot save asks for nothing that would have to be remembered', async () => {
    const w = settled();
    await w.verify();
    const memory = readMemory(w.config, 'one', w.memory);
    expect([memory.wasAsked('new'), memory.pushed, memory.proven]).toEqual([
      true,
      true,
      `proven ${at(240)}: it was told`,
    ]);
    expect(readMemory(w.config, 'two', w.memory).proven).toBeUndefined();
    const before = JSON.stringify(w.memory.proxy(w.config.name));
    await memory.setAsked('new', true);
    expect(JSON.stringify(w.memory.proxy(w.config.name))).toBe(before);
  });
});
