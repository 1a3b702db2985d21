/** The sources of a controller: who asks registries, who writes down what they said, and who tells. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { SourceConfig } from '../../src/config/schema.ts';
import { createSources } from '../../src/sources/loop.ts';
import { endBy, isOver } from '../../src/async/term.ts';
import { createLog } from '../../src/log.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import type { LoginVerdict } from '../../src/registry/auth.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { createMemory } from './memory.ts';
import type { Memory } from './memory.ts';
import { dockerConfig, putCopy, putSource, rawSecret, worldFor } from './worlds.ts';

const AT = { namespace: 'pullpass-system', name: 'upstream-registry', uid: 'u' };
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function play(
  parts: Partial<SourceConfig> = {},
  says: (password: string) => LoginVerdict['state'] = () => 'accepted',
  {
    state = createMemory(),
    save = () => Promise.resolve(),
    others = [],
    read,
  }: { state?: Memory; save?: () => Promise<void>; others?: SourceConfig[]; read?: (path: string) => object } = {},
) {
  const config = configuration([sourceConfig({ verify: 'auto', ...parts }), ...others]);
  const world = worldFor(config);
  const w = {
    onChange: (): void => undefined,
    leading: true,
    saves: 0,
    version: 0,
    pods: [] as object[] | undefined,
    paused: false,
    over: Promise.resolve(),
    changes: 0,
    lists: 0,
    term: new AbortController().signal,
    savedWithin: undefined as AbortSignal | undefined,
  };
  const listed = (): object => {
    w.lists++;
    if (w.pods === undefined) throw refusal(500);
    return { metadata: {}, items: w.pods };
  };
  const asked: string[] = [];
  const accepted: string[] = [];
  const events: string[] = [];
  const stopping = new AbortController();
  let signal: AbortSignal | undefined;
  const sources = createSources({
    client: scriptedClient(({ path }) =>
      path.includes('/pods')
        ? listed()
        : read !== undefined
          ? read(path)
          : rawSecret({ content: dockerConfig(path.includes('team-a') ? 'two' : 'one') }),
    ).client,
    world,
    state: {
      ...state,
      save: (within) => {
        w.saves++;
        w.savedWithin = within;
        return save();
      },
    },
    refusals: createRefusals(state),
    stop: stopping.signal,
    reach: {
      check: async (_, { password }, cut) => {
        signal = cut;
        asked.push(password);
        await tick();
        return { state: says(password), why: `registry.test: ${says(password)}` };
      },
    },
    events: {
      record: ({ reason, note }) => void events.push(`${reason}: ${note}`),
      resolve: () => undefined,
      flush: () => Promise.resolve(),
      stop: () => undefined,
    },
    log: createLog('silent'),
    configuration: () => config,
    leading: () => w.leading,
    term: () => w.term,
    pause: {
      get on() {
        return w.paused;
      },
      over: () => w.over,
    },
    isRead: () => true,
    proxies: () => [],
    onAccepted: (_, digest, first) =>
      accepted.push(`${first ? 'first' : 'then'} ${/"password":"(\w+)"/.exec(digest)?.[1] ?? ''}`),
    onChange: () => {
      w.changes++;
      w.onChange();
    },
  });
  sources.book.configure(config);
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 25; i++) await tick();
    await delay(15);
  };
  return {
    w,
    world,
    state,
    sources,
    asked,
    accepted,
    events,
    stopping,
    cut: () => signal?.aborted,
    askedInTerm: () => !isOver(signal),
    passwords: (namespace?: string) => /"password":"(\w+)"/.exec(sources.book.observe(namespace)[0]?.digest ?? '')?.[1],
    async holds(content: string, more: Parameters<typeof rawSecret>[0] = {}): Promise<void> {
      putSource(world, rawSecret({ ...AT, resourceVersion: String(++w.version), content, ...more }));
      await this.look();
    },
    async look(): Promise<void> {
      sources.look();
      await settle();
    },
    async takeOver(): Promise<void> {
      sources.takeOver();
      await settle();
    },
  };
}

test('the leader asks the registry once', async () => {
  const p = play();
  await p.holds(dockerConfig('one'));
  await p.look();
  expect([p.asked, p.accepted, p.passwords(), p.w.saves > 0]).toEqual([['one'], ['first one'], 'one', true]);
});

test('a login is tried, and what is in force written down, only in the term', async () => {
  const p = play();
  let over = false;
  endBy(p.w.term, () => over);
  await p.holds(dockerConfig('one'));
  await p.look();
  expect(p.w.savedWithin).toBe(p.w.term);
  expect(p.askedInTerm()).toBe(true);
  over = true;
  expect(p.askedInTerm()).toBe(false);
});

test('what is in force is written down before anybody is given it', async () => {
  let written = Promise.withResolvers<void>();
  const p = play({ verify: 'off' }, undefined, { save: () => written.promise });
  await p.holds(dockerConfig('one'));
  expect([p.accepted, p.passwords(), p.w.saves]).toEqual([[], undefined, 1]);
  written.resolve();
  await p.look();
  expect([p.accepted, p.passwords()]).toEqual([['first one'], 'one']);
  written = Promise.withResolvers<void>();
  await p.holds(dockerConfig('two'));
  expect([p.accepted, p.passwords(), p.state.source('upstream')?.passed.length]).toEqual([['first one'], 'one', 2]);
  written.resolve();
  await p.look();
  expect([p.accepted, p.passwords()]).toEqual([['first one', 'then two'], 'two']);
});

test('a state that may not be written for good holds nothing up; one that cannot be written just now is waited for', async () => {
  const refused = play({}, undefined, { save: () => Promise.reject(refusal(403)) });
  await refused.holds(dockerConfig('one'));
  expect(refused.passwords()).toBe('one');
  const away = play({}, undefined, { save: () => Promise.reject(new UnreachableError('no answer')) });
  await away.holds(dockerConfig('one'));
  expect(away.passwords()).toBeUndefined();
  away.stopping.abort();
});

test('a replica that does not lead asks nobody, writes nothing and says nothing; when it leads, it does', async () => {
  const p = play();
  p.w.leading = false;
  await p.holds(dockerConfig('one'));
  await p.holds('{');
  p.sources.remind();
  await p.sources.recheck();
  expect([p.asked, p.accepted, p.events, p.w.saves]).toEqual([[], [], [], 0]);
  await p.holds(dockerConfig('two'));
  p.w.leading = true;
  await p.takeOver();
  expect([p.asked, p.accepted]).toEqual([['two'], ['first two']]);
});

test('in a pause nothing is tried, written down or taken in force, and no canary is followed; then it is', async () => {
  const p = play({ canary: { namespaces: 1, proxies: 0, seconds: 1 } });
  await p.holds(dockerConfig('one'));
  for (const namespace of ['team-a', 'team-b'])
    putCopy(p.world, rawSecret({ namespace, content: dockerConfig('one'), source: 'upstream' }));
  await p.holds(dockerConfig('two'));
  expect([p.passwords('team-a'), p.passwords('team-b'), p.sources.settled()]).toEqual(['two', 'one', true]);
  const over = Promise.withResolvers<void>();
  Object.assign(p.w, { paused: true, over: over.promise });
  const { saves } = p.w;
  await delay(1_100);
  await p.holds(dockerConfig('three'));
  const again = p.sources.recheck();
  await delay(20);
  expect([p.asked, p.passwords('team-b'), p.w.saves - saves]).toEqual([['one', 'two'], 'one', 0]);
  p.w.paused = false;
  over.resolve();
  await again;
  await p.look();
  expect([p.asked.at(-1), p.passwords('team-a'), p.passwords('team-b')]).toEqual(['three', 'three', 'one']);
  p.sources.stop();
});

test('the probe schedule tries what is in force again, and writes down what it found', async () => {
  let says: LoginVerdict['state'] = 'accepted';
  const p = play({}, () => says);
  await p.holds(dockerConfig('one'));
  says = 'refused';
  const before = p.w.saves;
  await p.sources.recheck();
  await p.sources.whenLooked();
  expect([p.asked, p.w.saves > before]).toEqual([['one', 'one'], true]);
  expect(p.sources.standings()).toMatchObject([{ key: 'registry.test', state: 'refused' }]);
  expect([...p.state.refusals().values()].flatMap((logins) => [...logins.values()])).toMatchObject([{ times: 1 }]);
});

test('while a new login is refused, what is tried again is the one in force', async () => {
  const p = play({}, (password) => (password === 'bad' ? 'refused' : 'accepted'));
  await p.holds(dockerConfig('one'));
  await p.holds(dockerConfig('bad'));
  p.asked.length = 0;
  await p.sources.recheck();
  expect([p.asked, p.accepted]).toEqual([['one'], ['first one']]);
  p.sources.stop();
});

describe('a canary', () => {
  const canary = { namespaces: 1, proxies: 0, seconds: 60 };
  const copies = (p: ReturnType<typeof play>, content: string): void => {
    for (const namespace of ['team-a', 'team-b'])
      putCopy(p.world, rawSecret({ namespace, content, source: 'upstream' }));
  };
  const held = (p: ReturnType<typeof play>) =>
    ['team-a', 'team-b', 'team-new'].map((namespace) => p.passwords(namespace));

  test('gets a change first; the content that is there at the start is for everybody at once', async () => {
    const p = play({ verify: 'off', canary });
    copies(p, dockerConfig('one'));
    await p.holds(dockerConfig('one'));
    expect(held(p)).toEqual(['one', 'one', 'one']);
    const { changes } = p.w;
    await p.holds(dockerConfig('two'));
    expect(held(p)).toEqual(['two', 'one', 'one']);
    // Once for the content, and once for what the look at the canaries changed.
    expect(p.w.changes).toBe(changes + 2);
    p.sources.stop();
  });

  test('goes on as the canary after a restart, and nobody else gets what it has', async () => {
    const p = play({ verify: 'off', canary });
    copies(p, dockerConfig('one'));
    await p.holds(dockerConfig('one'));
    await p.holds(dockerConfig('two'));
    p.sources.stop();
    const next = play({ verify: 'off', canary }, undefined, { state: p.state });
    putCopy(next.world, rawSecret({ namespace: 'team-a', content: dockerConfig('two'), source: 'upstream' }));
    putCopy(next.world, rawSecret({ namespace: 'team-b', content: dockerConfig('one'), source: 'upstream' }));
    await next.takeOver();
    expect(held(next)).toEqual(['two', 'one', 'one']);
    await next.holds(dockerConfig('two'));
    expect(held(next)).toEqual(['two', 'one', 'one']);
    await next.holds(dockerConfig('one'));
    expect(held(next)).toEqual(['one', 'one', 'one']);
    next.sources.stop();
  });

  test('with copies of another content and nothing remembered, the first content is a change too', async () => {
    const p = play({ verify: 'off', canary });
    copies(p, dockerConfig('unknown'));
    await p.holds(dockerConfig('one'));
    expect(held(p)).toEqual(['one', undefined, undefined]);
    p.sources.stop();
  });
});

describe('after a restart', () => {
  test('with a bad source a new namespace still gets the last good content', async () => {
    const p = play();
    await p.holds(dockerConfig('one'));
    const next = play({}, undefined, { state: p.state });
    putCopy(next.world, rawSecret({ namespace: 'team-b', content: dockerConfig('one'), source: 'upstream' }));
    putSource(next.world, rawSecret({ ...AT, content: '{' }));
    await next.takeOver();
    expect([next.passwords('team-new'), next.asked, next.events]).toEqual([
      'one',
      [],
      [expect.stringMatching(/^SourceInvalid: .*The last good content stays in force/)],
    ]);
  });

  describe('a copy is believed only as far as it can be read', () => {
    const copies = (p: ReturnType<typeof play>, content: string, ...namespaces: string[]): void => {
      for (const namespace of namespaces) putCopy(p.world, rawSecret({ namespace, content, source: 'upstream' }));
    };
    const remembered = async (...others: SourceConfig[]): Promise<Memory> => {
      const p = play({ verify: 'off' }, undefined, { others });
      for (const { secret } of others) putSource(p.world, rawSecret({ ...secret, content: dockerConfig('of-other') }));
      await p.holds(dockerConfig('one'));
      return p.state;
    };

    test('one that is refused, or that changed meanwhile, is passed over for the next', async () => {
      const read = (path: string): object => {
        if (path.includes('team-a')) throw refusal(403);
        return rawSecret({ content: dockerConfig(path.includes('team-b') ? 'forged' : 'one') });
      };
      const next = play({ verify: 'off' }, undefined, { state: await remembered(), read });
      copies(next, dockerConfig('one'), 'team-a', 'team-b', 'team-c');
      putSource(next.world, rawSecret({ ...AT, content: '{' }));
      await next.takeOver();
      expect(next.passwords()).toBe('one');
      next.stopping.abort();
    });

    test('where the only one is refused nothing is taken for lost, and another source goes on', async () => {
      const other = sourceConfig({
        name: 'other',
        copyName: 'other',
        verify: 'off',
        secret: { namespace: 'pullpass-system', name: 'other' },
      });
      const w = { refuses: true };
      const read = (path: string): object => {
        if (path.endsWith('/other')) return rawSecret({ content: dockerConfig('of-other') });
        if (w.refuses) throw refusal(403);
        return rawSecret({ content: dockerConfig('one') });
      };
      const next = play({ verify: 'off' }, undefined, { state: await remembered(other), others: [other], read });
      copies(next, dockerConfig('one'), 'team-a');
      putSource(next.world, rawSecret({ ...AT, content: '{' }));
      putCopy(
        next.world,
        rawSecret({ namespace: 'team-a', name: 'other', content: dockerConfig('of-other'), source: 'other' }),
      );
      putSource(next.world, rawSecret({ ...AT, name: 'other', content: '{' }));
      await next.takeOver();
      expect(
        next.sources.book.observe().map(({ read: isRead, digest }) => [isRead, digest?.includes('of-other')]),
      ).toEqual([
        [false, undefined],
        [true, true],
      ]);
      w.refuses = false;
      await delay(1_050);
      expect(next.passwords()).toBe('one');
      next.stopping.abort();
    });
  });

  test('a registry that vanishes is kept; a word that is bound to this very content lets it go, once', async () => {
    const two = JSON.stringify({
      auths: {
        ...(JSON.parse(dockerConfig('one')) as { auths: object }).auths,
        ...(JSON.parse(dockerConfig('b', 'b.test')) as { auths: object }).auths,
      },
    });
    const p = play();
    await p.holds(two);
    await p.holds(dockerConfig('one'));
    const keys = () =>
      Object.keys(
        (JSON.parse(Buffer.from(p.sources.book.content('upstream') ?? '', 'base64').toString()) as { auths: object })
          .auths,
      );
    expect(keys()).toEqual(['b.test', 'registry.test']);
    const word = p.sources.book.confirmation('upstream') ?? '';
    expect(p.events.at(-1)).toMatch(
      new RegExp(
        `^SourceInvalid: .*registry "b\\.test" is gone from the source; the last good login stays in force, ` +
          'for 0 pods and 0 copies. If it shall go: kubectl --namespace pullpass-system annotate secret ' +
          `upstream-registry --overwrite pullpass\\.dev/confirm-removal=${word}`,
      ),
    );
    const confirmed = (content: string, confirm: string): Promise<void> => {
      const raw = rawSecret({ ...AT, resourceVersion: String(++p.w.version), content });
      putSource(p.world, {
        ...raw,
        metadata: { ...raw.metadata, annotations: { 'pullpass.dev/confirm-removal': confirm } },
      } as never);
      return p.look();
    };
    await confirmed(dockerConfig('two'), word);
    expect(keys()).toEqual(['b.test', 'registry.test']);
    await confirmed(dockerConfig('one'), word);
    expect(keys()).toEqual(['registry.test']);
    // The annotation stays on the Secret; the same removal once more is another one.
    const standing =
      p.world.secrets.get('pullpass-system/upstream-registry')?.get('pullpass-system', 'upstream-registry')
        ?.confirmed ?? '';
    await confirmed(two, standing);
    expect(keys()).toEqual(['b.test', 'registry.test']);
    await confirmed(dockerConfig('one'), standing);
    expect(keys()).toEqual(['b.test', 'registry.test']);
  });
});

test('what is wrong with a source is told when it is found, and again when somebody asks', async () => {
  const p = play();
  await p.holds('{');
  p.sources.remind();
  expect(p.events.map((event) => event.split(':')[0])).toEqual(['SourceInvalid', 'SourceInvalid']);
});

test('a stop cuts a check that is under way, and nothing comes into force after it', async () => {
  const p = play();
  const looking = p.holds(dockerConfig('one'));
  p.sources.stop();
  await looking;
  expect([p.cut(), p.accepted, p.passwords()]).toEqual([true, [], undefined]);
});

test('carriers are looked at again when something changed, and not after each look', async () => {
  const p = play();
  await p.look();
  expect(p.w.changes).toBe(1);
  await p.look();
  expect(p.w.changes).toBe(1);
  await p.holds(dockerConfig('one'));
  const { changes } = p.w;
  await p.look();
  expect([changes > 1, p.w.changes]).toEqual([true, changes]);
  await p.holds('{');
  expect(p.w.changes).toBe(changes + 1);
});

test('pods are listed only to say who uses a registry that vanished; if that fails, the rest is told', async () => {
  const two = JSON.stringify({
    auths: {
      'registry.test': { username: 'robot', password: 'one' },
      'b.test': { username: 'robot', password: 'b' },
    },
  });
  const p = play({ verify: 'off' });
  await p.holds(two);
  await p.holds('{');
  await p.holds(two);
  expect(p.w.lists).toBe(0);
  p.w.pods = undefined;
  await p.holds(dockerConfig('one'));
  expect(p.w.lists).toBe(1);
  expect(p.events.at(-1)).toMatch(
    /registry "b\.test" is gone from the source; the last good login stays in force\. If/,
  );
  p.stopping.abort();
});

describe('a replica that leads again', () => {
  test('has to look before anything counts, and then all carriers are looked at', async () => {
    const p = play();
    await p.holds(dockerConfig('one'));
    const { changes } = p.w;
    p.sources.takeOver();
    expect(p.sources.settled()).toBe(false);
    await p.sources.whenLooked();
    expect([p.sources.settled(), p.w.changes]).toEqual([true, changes + 1]);
    expect(p.accepted).toEqual(['first one', 'first one']);
  });

  test('goes by what another one saved meanwhile, not by what it knew', async () => {
    const p = play({ verify: 'off' }, undefined, { read: () => rawSecret({ content: dockerConfig('two') }) });
    await p.holds(dockerConfig('one'));
    const other = play({ verify: 'off' }, undefined, { state: p.state });
    await other.holds(dockerConfig('two'));
    putCopy(p.world, rawSecret({ namespace: 'team-a', content: dockerConfig('two'), source: 'upstream' }));
    p.w.leading = false;
    await p.holds('{');
    p.w.leading = true;
    await p.takeOver();
    expect([p.passwords(), p.accepted]).toEqual(['two', ['first one', 'first two']]);
  });
});

test('a look that is asked for at whatever moment another one ends is not lost', async () => {
  for (let moments = 0; moments < 12; moments++) {
    const p = play({ verify: 'off' });
    p.w.onChange = () => {
      p.w.onChange = () => undefined;
      let asked = Promise.resolve();
      for (let i = 0; i < moments; i++) asked = asked.then(() => undefined);
      void asked.then(() => p.sources.look());
    };
    await p.holds(dockerConfig('one'));
    expect([moments, p.w.saves]).toEqual([moments, 2]);
  }
});
