/** The canaries of a source: who goes first, whether they have the new content, and whether it does them harm. */
import { describe, expect, test } from 'vitest';
import type { Configuration, SourceConfig } from '../../src/config/schema.ts';
import { projectNamespace } from '../../src/observe/projections.ts';
import { createSourceBook } from '../../src/sources/book.ts';
import { createCanaries } from '../../src/sources/canaries.ts';
import type { CarrierProxy } from '../../src/sources/canaries.ts';
import { createLog } from '../../src/log.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { createMemory } from './memory.ts';
import { dockerConfig, putCopy, putSource, rawSecret, worldFor } from './worlds.ts';

const UNKNOWN: CarrierProxy['verified'] = { state: 'unknown', reason: 'no probe', why: 'w' };

const ONE = { namespaces: 1, proxies: 1, seconds: 10 };
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const cache = (name: string, source = 'upstream') => ({
  name,
  kind: 'zot' as const,
  source,
  registry: 'registry.test',
  secret: { namespace: 'caches', name },
  key: 'credentials.json',
});

/** The source has the login `one`, and the copies have it too, unless `held` says otherwise; `turn` gives it another one. */
function play(
  parts: Partial<SourceConfig> = {},
  caches: readonly string[] = [],
  copies = ['team-a', 'team-b'],
  held = 'one',
) {
  const source = sourceConfig({ canary: ONE, ...parts });
  let config: Configuration = {
    ...configuration([source]),
    cacheProxies: [...caches.map((name) => cache(name)), cache('of-another', 'another')],
  };
  const world = worldFor(config);
  const w = {
    paused: false,
    moved: 0,
    version: 0,
    clock: 0,
    proxies: [] as CarrierProxy[],
    failing: {} as Record<string, string[]>,
    lines: [] as Record<string, unknown>[],
  };
  const timers = new Map<object, { run: () => void; at: number }>();
  const { client } = scriptedClient(({ path }) => ({
    metadata: {},
    items: (w.failing[path.split('/')[4] ?? ''] ?? []).map((image) => ({
      metadata: { namespace: path.split('/')[4], name: 'web' },
      spec: { containers: [{ name: 'web', image }] },
      status: { containerStatuses: [{ name: 'web', image, state: { waiting: { reason: 'ErrImagePull' } } }] },
    })),
  }));
  const book = createSourceBook({
    world,
    state: createMemory(),
    canaries: (of, digest, first) => canaries.choose(of, digest, first),
  });
  const canaries = createCanaries({
    client,
    world,
    book,
    configuration: () => config,
    proxies: () => w.proxies,
    isPaused: () => w.paused,
    onMoved: () => {
      w.moved++;
      watch();
    },
    log: createLog('info', {
      write: (line) => void w.lines.push(JSON.parse(line) as Record<string, unknown>),
    }),
    timers: {
      set: (run, ms) => {
        const timer = {};
        timers.set(timer, { run, at: w.clock + ms });
        return timer;
      },
      clear: (timer) => {
        timers.delete(timer as object);
      },
    },
  });
  book.configure(config);
  const watch = (): void => canaries.watch(source, book.rollout('upstream'));
  const play = Object.assign(w, {
    world,
    canaries,
    source,
    stage: () => book.rollout('upstream').stage.state,
    passed: () => /"password":"(\w+)"/.exec(book.rollout('upstream').passed?.digest ?? '')?.[1],
    /** The carriers that go first now. */
    first(): string[] {
      const { stage } = book.rollout('upstream');
      return stage.state === 'settled' ? [] : [...stage.canaries.namespaces, ...stage.canaries.proxies];
    },
    choose: (digest = 'another', first = false, after?: Parameters<typeof canaries.choose>[3]) => {
      const chosen = canaries.choose(source, digest, first, after);
      return chosen && [...chosen.namespaces, ...chosen.proxies];
    },
    namespace(name: string, annotations: Record<string, string> = { 'pullpass.dev/sync': 'enabled' }): void {
      world.namespaces.put(
        projectNamespace({ metadata: { name, uid: name, resourceVersion: String(++w.version), annotations } }),
      );
    },
    copy: (namespace: string, content: string) =>
      putCopy(
        world,
        rawSecret({
          namespace,
          resourceVersion: String(++w.version),
          content: dockerConfig(content),
          source: 'upstream',
        }),
      ),
    copyNewest(namespace: string): void {
      const content = Buffer.from(book.rollout('upstream').newest?.base64 ?? '', 'base64').toString();
      putCopy(world, rawSecret({ namespace, resourceVersion: String(++w.version), content, source: 'upstream' }));
    },
    problems: () => book.observe()[0]?.problems,
    confirmation: () => book.confirmation('upstream'),
    secret(content: string, confirm?: string): void {
      const raw = rawSecret({ ...source.secret, resourceVersion: String(++w.version), content });
      const annotations = confirm === undefined ? {} : { 'pullpass.dev/confirm-removal': confirm };
      putSource(world, { ...raw, metadata: { ...raw.metadata, annotations } } as never);
      book.refresh();
      watch();
    },
    turn(password = 'two'): void {
      play.secret(dockerConfig(password));
    },
    unconfigure(): void {
      config = configuration([]);
    },
    async pass(seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second++) {
        w.clock += 1_000;
        for (const [timer, { run, at }] of [...timers]) if (at <= w.clock && timers.delete(timer)) run();
        for (let i = 0; i < 12; i++) await tick();
      }
    },
  });
  for (const namespace of copies) {
    play.namespace(namespace);
    play.copy(namespace, held);
  }
  play.turn('one');
  return play;
}

describe('first go', () => {
  test('the first namespaces by name, and the first cache proxies by the order of the configuration', () => {
    const p = play({ canary: { ...ONE, namespaces: 2, proxies: 2 } }, ['z', 'a', 'm'], ['team-c', 'team-a', 'team-b']);
    expect(p.choose()).toEqual(['team-a', 'team-b', 'z', 'a']);
  });

  test('no copies of somebody else, and none that hold the content already', () => {
    const p = play({ canary: { ...ONE, namespaces: 5 } });
    putCopy(p.world, rawSecret({ namespace: 'theirs', content: dockerConfig('theirs') }));
    p.copy('team-a', 'two');
    const digest = p.world.copies.get('regcred')?.get('team-a', 'regcred')?.digest;
    expect(p.choose(digest)).toEqual(['team-b']);
  });

  test('nobody, where the source asks for no canaries or nobody is there to go', () => {
    expect(play({ canary: undefined }, ['a']).choose()).toBeUndefined();
    expect(play({}, [], []).choose()).toBeUndefined();
    expect(play({}, ['a'], []).choose()).toEqual(['a']);
  });

  test('no cache proxies with a first content, unless copies hold another one', () => {
    expect(play({}, ['a'], []).choose('first', true)).toBeUndefined();
    expect(play({}, ['a']).choose('first', true)).toEqual(['team-a', 'a']);
  });

  test('the next ones after those before, in a circle', () => {
    const p = play({ canary: { ...ONE, namespaces: 2 } }, ['x', 'y'], ['team-a', 'team-b', 'team-c']);
    const after = (namespaces: string[], proxies: string[]) =>
      p.choose('another', false, { namespaces: new Set(namespaces), proxies: new Set(proxies) });
    expect(after(['team-a', 'team-b'], ['x'])).toEqual(['team-c', 'team-a', 'y']);
    expect(after(['team-c'], ['y'])).toEqual(['team-a', 'team-b', 'x']);
    expect(after(['gone'], [])).toEqual(['team-a', 'team-b', 'x']);
  });
});

describe('the time of the canaries begins', () => {
  /** Seconds until the rollout settles after the canaries were given their part. */
  const started = async (p: ReturnType<typeof play>): Promise<boolean> => {
    await p.pass(13);
    return p.stage() === 'settled';
  };

  test('when the copy of the canary is the new one, and not with that of somebody else', async () => {
    const p = play();
    p.turn();
    await p.pass(1);
    expect([p.stage(), p.first()]).toEqual(['canary', ['team-a']]);
    p.copy('team-b', 'two');
    expect(await started(p)).toBe(false);
    p.copy('team-a', 'two');
    expect([await started(p), p.passed()]).toEqual([true, 'two']);
    expect(p.lines).toMatchObject([
      { level: 'info', source: 'upstream', msg: 'no pull fails at the canaries: the rest follows' },
    ]);
  });

  test('not while the canary has no copy at all', async () => {
    const p = play();
    p.turn();
    await p.pass(1);
    p.world.copies.get('regcred')?.remove('team-a', 'regcred');
    expect(await started(p)).toBe(false);
  });

  test('when the cache proxies among them have it too', async () => {
    const p = play({}, ['a', 'b']);
    p.proxies = [
      { name: 'a', applied: false, verified: UNKNOWN },
      { name: 'b', applied: true, verified: UNKNOWN },
    ];
    p.turn();
    await p.pass(1);
    p.copy('team-a', 'two');
    expect([p.first(), await started(p)]).toEqual([['team-a', 'a'], false]);
    p.proxies = [
      { name: 'a', applied: true, verified: UNKNOWN },
      { name: 'b', applied: false, verified: UNKNOWN },
    ];
    expect(await started(p)).toBe(true);
  });

  test('when the cache proxies among them do not work with the login before any more', async () => {
    const p = play({}, ['a']);
    p.proxies = [{ name: 'a', applied: true, verified: { state: 'unknown', reason: 'settling', why: 'w' } }];
    p.turn();
    await p.pass(1);
    p.copy('team-a', 'two');
    await p.pass(600);
    expect(p.stage()).toBe('canary');
    p.proxies = [{ name: 'a', applied: true, verified: { state: 'verified', why: 'w' } }];
    expect(await started(p)).toBe(true);
    expect(p.lines.at(-1)).toMatchObject({
      cacheProxies: ['a: verified'],
      msg: 'no pull fails at the canaries: the rest follows',
    });
  });

  test('after half an hour with a cache proxy that never settles, and the log says so', async () => {
    const p = play({}, ['a']);
    p.proxies = [{ name: 'a', applied: true, verified: { state: 'unknown', reason: 'settling', why: 'w' } }];
    p.turn();
    await p.pass(1);
    p.copy('team-a', 'two');
    await p.pass(1_780);
    expect(p.stage()).toBe('canary');
    await p.pass(60);
    expect([p.stage(), p.passed()]).toEqual(['settled', 'two']);
    expect(p.lines.at(-1)).toMatchObject({ cacheProxies: ['a: unknown: settling'] });
  });

  test('after five minutes with those that have it: one that cannot be written to delays no one for good', async () => {
    const p = play({ canary: { ...ONE, namespaces: 2 } });
    p.turn();
    await p.pass(1);
    p.copy('team-a', 'two');
    await p.pass(290);
    expect(p.stage()).toBe('canary');
    await p.pass(30);
    expect([p.stage(), p.passed()]).toEqual(['settled', 'two']);
  });
});

describe('a canary that is no more is not waited for', () => {
  const others = async (p: ReturnType<typeof play>): Promise<string[]> => {
    await p.pass(3);
    return p.first();
  };

  test.each<[string, (p: ReturnType<typeof play>) => void]>([
    ['its namespace is gone', (p) => p.world.namespaces.remove('', 'team-a')],
    ['its namespace opted out', (p) => p.namespace('team-a', {})],
    [
      'its namespace is going',
      (p) =>
        p.world.namespaces.put(
          projectNamespace({
            metadata: {
              name: 'team-a',
              uid: 'team-a',
              resourceVersion: '1000',
              annotations: { 'pullpass.dev/sync': 'enabled' },
              deletionTimestamp: '2030-01-01T00:00:00Z',
            },
          }),
        ),
    ],
  ])('%s', async (_, happens) => {
    const p = play();
    p.turn();
    await p.pass(1);
    happens(p);
    expect(await others(p)).toEqual(['team-b']);
    expect(p.lines).toMatchObject([
      {
        level: 'warn',
        source: 'upstream',
        namespaces: ['team-a'],
        proxies: [],
        msg: expect.stringMatching(/others go first/) as string,
      },
    ]);
    expect(p.moved).toBeGreaterThan(1);
  });

  test('a cache proxy that is configured no more, with only others left', async () => {
    const p = play({ canary: { ...ONE, namespaces: 0 } }, ['a', 'b']);
    p.proxies = [{ name: 'b', applied: true, verified: UNKNOWN }];
    p.turn();
    expect([p.first(), await others(p)]).toEqual([['a'], ['b']]);
    expect(p.lines).toMatchObject([{ namespaces: [], proxies: ['a'] }]);
  });

  test('with others that are still there, the time begins with those', async () => {
    const p = play({ canary: { ...ONE, namespaces: 2 } });
    p.turn();
    await p.pass(1);
    p.world.namespaces.remove('', 'team-a');
    p.copy('team-b', 'two');
    await p.pass(13);
    expect([p.stage(), p.passed()]).toEqual(['settled', 'two']);
  });

  test('the content is for all, where nobody else is left to go first', async () => {
    const p = play({}, [], ['team-a']);
    p.turn();
    await p.pass(1);
    p.world.namespaces.remove('', 'team-a');
    p.world.copies.get('regcred')?.remove('team-a', 'regcred');
    await p.pass(3);
    expect([p.stage(), p.passed()]).toEqual(['settled', 'two']);
  });

  test('nobody is chosen for a source that is configured no more', async () => {
    const p = play();
    p.turn();
    await p.pass(1);
    p.unconfigure();
    p.world.namespaces.remove('', 'team-a');
    expect([await others(p), p.lines]).toEqual([['team-a'], []]);
  });
});

describe('the rollout halts', () => {
  const failAt = async (p: ReturnType<typeof play>, namespace: string, image: string): Promise<void> => {
    p.turn();
    await p.pass(1);
    p.copy('team-a', 'two');
    p.failing[namespace] = [image];
    await p.pass(13);
  };

  test('when a pull with a login of the source starts to fail at a canary', async () => {
    const p = play();
    await failAt(p, 'team-a', 'registry.test/app:1');
    expect([p.stage(), p.passed()]).toEqual(['halted', 'one']);
    expect(p.lines).toMatchObject([
      {
        level: 'warn',
        source: 'upstream',
        msg: expect.stringMatching(/^rotation halted: pulls started to fail/) as string,
      },
    ]);
    p.failing = {};
    await p.pass(31);
    expect([p.stage(), p.passed(), p.lines.at(-1)?.['msg']]).toEqual([
      'settled',
      'two',
      'no pull fails at the canaries: the rest follows',
    ]);
  });

  test.each([
    ['from a registry that the source has no login for', 'team-a', 'elsewhere.test/app:1'],
    ['of something that is no image', 'team-a', 'registry.test/APP'],
    ['in a namespace that is no canary', 'team-b', 'registry.test/app:1'],
  ])('not for a pull %s', async (_, namespace, image) => {
    const p = play();
    await failAt(p, namespace, image);
    expect([p.stage(), p.passed()]).toEqual(['settled', 'two']);
  });

  test('for a login that only the new content has, and for one that it no longer has', async () => {
    const auths = (...registries: string[]) =>
      JSON.stringify({ auths: Object.fromEntries(registries.map((host) => [host, { username: 'u', password: 'p' }])) });
    const p = play();
    p.secret(auths('registry.test', 'added.test'));
    await p.pass(1);
    p.copyNewest('team-a');
    p.failing['team-a'] = ['added.test/app:1'];
    await p.pass(13);
    expect(p.stage()).toBe('halted');
    p.failing = {};
    await p.pass(31);
    expect(p.stage()).toBe('settled');

    p.secret(auths('registry.test'));
    p.secret(auths('registry.test'), p.confirmation());
    await p.pass(1);
    expect(p.stage()).toBe('canary');
    p.copyNewest('team-a');
    p.failing['team-a'] = ['added.test/app:1'];
    await p.pass(13);
    expect(p.stage()).toBe('halted');
  });

  test('when a cache proxy among the canaries is refused, and not for another one', async () => {
    const p = play({ canary: { ...ONE, namespaces: 0 } }, ['a', 'b']);
    const proxy = (name: string, state: CarrierProxy['verified']['state']) => ({
      name,
      applied: true,
      verified: { state, why: 'w' },
    });
    p.proxies = [proxy('a', 'verified'), proxy('b', 'verified')];
    p.turn();
    await p.pass(2);
    p.proxies = [proxy('a', 'unknown'), proxy('b', 'refused')];
    await p.pass(13);
    expect([p.stage(), p.passed()]).toEqual(['settled', 'two']);
    p.turn('three');
    await p.pass(2);
    p.proxies = [proxy('a', 'refused'), proxy('b', 'verified')];
    await p.pass(13);
    expect([p.stage(), p.passed()]).toEqual(['halted', 'two']);
    expect(p.problems()).toEqual([
      expect.stringMatching(/halted at the canaries: cache proxy a: it cannot pull with the new login$/),
    ]);
  });
});

test('a first content among copies of another one is tried at the canaries like any other', async () => {
  const p = play({}, [], ['team-a', 'team-b'], 'unknown');
  await p.pass(1);
  expect([p.stage(), p.first(), p.passed()]).toEqual(['canary', ['team-a'], undefined]);
  p.copy('team-a', 'one');
  await p.pass(13);
  expect([p.stage(), p.passed()]).toEqual(['settled', 'one']);
});

describe('in a pause', () => {
  test('what is seen at the canaries moves nothing', async () => {
    const p = play();
    p.turn();
    p.paused = true;
    await p.pass(60);
    expect([p.stage(), p.moved, p.lines]).toEqual(['looking', 0, []]);
  });

  test('no others are chosen for canaries that are no more', async () => {
    const p = play();
    p.turn();
    await p.pass(1);
    p.paused = true;
    p.world.namespaces.remove('', 'team-a');
    await p.pass(3);
    expect([p.first(), p.moved, p.lines]).toEqual([['team-a'], 1, []]);
  });
});

test('each look and each change of canaries is told', async () => {
  const p = play();
  p.turn();
  await p.pass(1);
  expect([p.stage(), p.moved, p.lines]).toEqual(['canary', 1, []]);
  p.copy('team-a', 'two');
  await p.pass(13);
  expect([p.stage(), p.moved]).toEqual(['settled', 2]);
});
