import { describe, expect, test } from 'vitest';
import type { SourceConfig } from '../../src/config/schema.ts';
import type { Judgement } from '../../src/sources/merge.ts';
import { looked } from '../../src/sources/rollout.ts';
import { createSourceBook } from '../../src/sources/book.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { createMemory } from './memory.ts';
import { base64, digest, dockerConfig, putCopy, putSource, rawSecret, worldFor } from './worlds.ts';
import type { KeeperOptions } from '../../src/sources/keeper.ts';
import type { SourceChange } from '../../src/sources/known-source.ts';

const AT = { namespace: 'pullpass-system', name: 'upstream-registry' };

function book(parts: Partial<SourceConfig> = {}, options: Partial<KeeperOptions> = {}) {
  const config = configuration([sourceConfig(parts)]);
  const world = worldFor(config);
  const state = createMemory();
  const sources = createSourceBook({ world, state, ...options });
  sources.configure(config);
  let version = 1;
  return {
    ...sources,
    world,
    state,
    refresh(): SourceChange[] {
      const changes = sources.refresh();
      sources.publish();
      return changes;
    },
    /** The source Secret changes; undefined: it is deleted. */
    secret(content: string | undefined, more: Parameters<typeof rawSecret>[0] = {}): void {
      if (content === undefined) world.secrets.get('pullpass-system/upstream-registry')?.remove(AT.namespace, AT.name);
      else
        putSource(world, rawSecret({ ...AT, uid: 'source-uid', resourceVersion: String(++version), content, ...more }));
    },
    login(name: string, password: string | undefined): void {
      if (password === undefined) world.secrets.get(`pullpass-system/${name}`)?.remove('pullpass-system', name);
      else
        putSource(
          world,
          rawSecret({
            namespace: 'pullpass-system',
            name,
            uid: name,
            resourceVersion: String(++version),
            type: 'kubernetes.io/basic-auth',
            data: { username: base64('mirror'), password: base64(password) },
          }),
        );
    },
    configure: (next: Partial<SourceConfig>) => sources.configure(configuration([sourceConfig(next)])),
    content: () => {
      const content = sources.content('upstream');
      return content === undefined ? undefined : Buffer.from(content, 'base64').toString('utf8');
    },
  };
}
/** What is told: `accepted`, `accepted first`, `refused ...`, `recovered`. */
const short = (changes: SourceChange[]): string[] =>
  changes.flatMap(({ accepted, problems, isNews, hasLastGood }) => [
    ...(accepted === undefined ? [] : [`accepted${accepted.first ? ' first' : ''}`]),
    ...(!isNews || (problems.length === 0 && accepted !== undefined)
      ? []
      : [
          problems.length === 0
            ? 'recovered'
            : `refused${hasLastGood ? ', last good stays' : ''}: ${problems.join('; ')}`,
        ]),
  ]);

const GOOD = dockerConfig('one');
const BETTER = dockerConfig('two');

describe('the last good content', () => {
  test('is what the source says, once it says something good', () => {
    const b = book();
    expect(b.content()).toBeUndefined();
    b.secret(GOOD);
    expect(b.refresh()).toEqual([
      {
        source: expect.objectContaining({ name: 'upstream' }) as SourceConfig,
        accepted: { first: true, registries: ['registry.test'], warnings: [] },
        problems: [],
        isNews: false,
        hasLastGood: true,
      },
    ]);
    expect(b.content()).toBe(GOOD);
    expect(b.observe()).toEqual([{ config: sourceConfig(), digest: digest(base64(GOOD)), problems: [], read: true }]);
    const { name } = sourceConfig();
    expect([b.inForce(), b.hasOthers(new Set([name])), b.hasOthers(new Set())]).toEqual([[name], false, true]);
    b.secret(BETTER);
    expect(short(b.refresh())).toEqual(['accepted']);
    expect(b.content()).toBe(BETTER);
  });

  test.each<[string, (b: ReturnType<typeof book>) => void, RegExp]>([
    ['is deleted', (b) => b.secret(undefined), /does not exist/],
    ['cannot be parsed', (b) => b.secret('{"auths":'), /upstream-registry: /],
    ['is empty', (b) => b.secret(''), /has nothing under/],
    ['has no entries', (b) => b.secret('{"auths":{}}'), /no registries/],
    ['is of another type', (b) => b.secret(BETTER, { type: 'Opaque' }), /type/],
    [
      'is created anew and empty',
      (b) => {
        b.secret(undefined);
        b.secret('', { uid: 'another' });
      },
      /has nothing under/,
    ],
  ])('stays when the Secret %s, and comes back without news of a new content', (_, breakIt, problem) => {
    const b = book();
    b.secret(GOOD);
    b.refresh();
    breakIt(b);
    expect(short(b.refresh())).toEqual([
      expect.stringMatching(/^refused, last good stays: Secret pullpass-system\/upstream-registry: /),
    ]);
    expect(b.observe()[0]?.problems[0]).toMatch(problem);
    expect(b.content()).toBe(GOOD);
    expect(b.observe()[0]?.digest).toBe(digest(base64(GOOD)));
    b.secret(GOOD, { uid: 'third' });
    expect(short(b.refresh())).toEqual(['recovered']);
    expect(b.observe()[0]?.problems).toEqual([]);
  });

  test('is not there yet when the first is bad', () => {
    const b = book();
    expect(short(b.refresh())).toEqual(['refused: Secret pullpass-system/upstream-registry: does not exist']);
    expect(b.observe()[0]).toMatchObject({
      digest: undefined,
      problems: ['Secret pullpass-system/upstream-registry: does not exist'],
    });
    b.secret(GOOD);
    expect(short(b.refresh())).toEqual(['accepted first']);
  });

  test('problems never hold a credential', () => {
    const b = book();
    b.secret(`{"auths":{"registry.test":{"auth":"${base64('robot:SECRET-PASSWORD')}x","password":"SECRET-PASSWORD"`);
    const text = JSON.stringify(b.refresh());
    expect(text).not.toContain('SECRET-PASSWORD');
    expect(text).not.toContain(base64('robot:SECRET-PASSWORD').slice(0, 12));
  });
});

describe('news', () => {
  test('are told once', () => {
    const b = book();
    b.secret(GOOD);
    expect(b.refresh()).toHaveLength(1);
    expect(b.refresh()).toEqual([]);
    b.secret(undefined);
    expect(b.refresh()).toHaveLength(1);
    expect(b.refresh()).toEqual([]);
  });

  test('a new version with the same content is none', () => {
    const b = book();
    b.secret(GOOD);
    b.refresh();
    b.secret(GOOD);
    expect(b.refresh()).toEqual([]);
  });

  test('the same problem in a new version is none, another problem is', () => {
    const b = book();
    b.secret('');
    b.refresh();
    b.secret('');
    expect(b.refresh()).toEqual([]);
    b.secret('{"auths":{}}');
    expect(short(b.refresh())).toEqual([expect.stringMatching(/^refused: /)]);
  });

  test('a source that was not read whole says nothing, whatever is there', () => {
    let read = false;
    const b = book({}, { isRead: () => read });
    b.secret(GOOD);
    expect(b.refresh()).toEqual([]);
    expect(b.observe()[0]).toMatchObject({ read: false, digest: undefined });
    read = true;
    expect(short(b.refresh())).toEqual(['accepted first']);
  });
});

describe('logins of aliases', () => {
  const aliases: SourceConfig['aliases'] = [{ host: 'mirror.test', login: { secret: 'mirror-login' } }];

  test('are part of the content, and change it when they change', () => {
    const b = book({ aliases });
    b.secret(GOOD);
    expect(short(b.refresh())).toEqual([
      'accepted first',
      expect.stringMatching(/^refused, .*mirror-login.*does not exist/),
    ]);
    b.login('mirror-login', 'm1');
    expect(short(b.refresh())).toEqual(['accepted']);
    expect(JSON.parse(b.content() ?? '')).toMatchObject({
      auths: { 'registry.test': { password: 'one' }, 'mirror.test': { username: 'mirror', password: 'm1' } },
    });
    b.login('mirror-login', 'm2');
    expect(short(b.refresh())).toEqual(['accepted']);
    expect(b.content()).toContain('m2');
  });

  test('that vanish leave the last good content in force', () => {
    const b = book({ aliases });
    b.secret(GOOD);
    b.login('mirror-login', 'm1');
    b.refresh();
    b.login('mirror-login', undefined);
    expect(short(b.refresh())).toEqual([expect.stringMatching(/^refused, last good stays/)]);
    expect(b.content()).toContain('m1');
  });
});

describe('a new configuration', () => {
  test('keeps the last good content of a source that stays, even where its Secret is broken by then', () => {
    const b = book();
    b.secret(GOOD);
    b.refresh();
    b.secret(undefined);
    b.configure({ copyName: 'another' });
    expect(b.content()).toBe(GOOD);
    expect(short(b.refresh())).toEqual([expect.stringMatching(/^refused, last good stays/)]);
    expect(b.content()).toBe(GOOD);
  });

  test('does not take the content of another Secret for the new one', () => {
    const b = book();
    b.secret(GOOD);
    b.refresh();
    b.configure({ secret: { namespace: 'pullpass-system', name: 'elsewhere' } });
    expect(b.content()).toBeUndefined();
    expect(b.observe()[0]).toMatchObject({ digest: undefined, problems: [] });
  });

  test('that mends a source is told, although its content is the one in force', () => {
    const b = book();
    b.secret(GOOD);
    b.refresh();
    b.configure({ aliases: [{ host: 'mirror.test', from: 'nothing.test' }] });
    expect(short(b.refresh())).toEqual([expect.stringMatching(/^refused, last good stays/)]);
    b.configure({});
    expect(short(b.refresh())).toEqual(['recovered']);
  });

  test('looks at everything again', () => {
    const b = book();
    b.secret(GOOD);
    b.refresh();
    b.configure({ aliases: [{ host: 'mirror.test', from: 'registry.test' }] });
    expect(short(b.refresh())).toEqual(['accepted']);
    expect(b.content()).toContain('mirror.test');
  });
});

describe('a content that is judged', () => {
  const held = { state: 'refused', why: 'the registry says no' } as const;
  const accepted = { state: 'accepted' } as const;

  function judged() {
    const verdict = { now: accepted as Judgement, asked: [] as string[] };
    const b = book(
      {},
      {
        judge: (_, __, credentials) =>
          credentials.map(({ password }) => {
            verdict.asked.push(password);
            return verdict.now;
          }),
      },
    );
    b.secret(GOOD);
    b.refresh();
    return Object.assign(b, { verdict });
  }

  test('comes into force when it is accepted, and the last good one stays until then', () => {
    const b = judged();
    b.verdict.now = { state: 'pending' };
    b.secret(BETTER);
    expect([b.refresh(), b.refresh(), b.content(), b.observe()[0]?.problems]).toEqual([[], [], GOOD, []]);
    b.verdict.now = accepted;
    expect(short(b.refresh())).toEqual(['accepted']);
    expect(b.content()).toBe(BETTER);
    expect(b.credentials('upstream')?.[0]?.password).toBe('two');
  });

  test('held back is told once, and the last good one stays in force, for cache proxies too', () => {
    const b = judged();
    b.verdict.now = held;
    b.secret(BETTER);
    expect(short(b.refresh())).toEqual([
      'refused, last good stays: Secret pullpass-system/upstream-registry: registry "registry.test": held ' +
        'back: the registry says no. Its last good login stays in force',
    ]);
    b.verdict.now = { state: 'pending' };
    expect(b.refresh()).toEqual([]);
    b.verdict.now = held;
    expect(b.refresh()).toEqual([]);
    expect([b.content(), b.credentials('upstream')?.[0]?.password]).toEqual([GOOD, 'one']);
    b.verdict.now = accepted;
    expect(short(b.refresh())).toEqual(['accepted']);
    expect(b.observe()[0]?.problems).toEqual([]);
  });

  test('and is the one in force again is not judged again: recovered', () => {
    const b = judged();
    b.verdict.now = held;
    b.secret(BETTER);
    b.refresh();
    b.verdict.asked.length = 0;
    b.secret(GOOD);
    expect(short(b.refresh())).toEqual(['recovered']);
    expect(b.verdict.asked).toEqual([]);
  });
});

test('what an entry falls back to is the login that passed, not one that waits at the canaries', () => {
  const verdict = { now: { state: 'accepted' } as Judgement };
  const canaries = { namespaces: new Set(['team-a']), proxies: new Set<string>() };
  const b = book(
    { canary: { namespaces: 1, proxies: 0, seconds: 60 } },
    {
      judge: (_, __, credentials) => credentials.map(() => verdict.now),
      canaries: (_, __, first) => (first ? undefined : canaries),
    },
  );
  b.secret(GOOD);
  b.refresh();
  b.secret(BETTER);
  b.refresh();
  b.advance('upstream', (rollout) => looked(looked(rollout, []), ['a pull fails']));
  expect(b.rollout('upstream').stage.state).toBe('halted');
  verdict.now = { state: 'refused', why: 'the registry says no' };
  b.secret(dockerConfig('three'));
  b.refresh();
  expect([b.content(), b.rollout('upstream').stage.state]).toEqual([GOOD, 'settled']);
});

test('a content that some copy holds is found again after a restart, however many came after it', async () => {
  const b = book();
  for (const password of ['one', 'two', 'three', 'four', 'five', 'six']) {
    b.secret(dockerConfig(password));
    b.refresh();
    if (password === 'one') putCopy(b.world, rawSecret({ namespace: 'team-a', content: GOOD, source: 'upstream' }));
  }
  const next = createSourceBook({
    world: b.world,
    state: b.state,
    find: (_, wanted) => Promise.resolve(wanted === digest(base64(GOOD)) ? base64(GOOD) : undefined),
  });
  b.secret('{');
  next.configure(configuration([sourceConfig()]));
  await next.recover();
  next.refresh();
  next.publish();
  expect(next.content('upstream')).toBe(base64(GOOD));
});

test('the state of a source, for metrics: nothing before it was read; whoever leads next says the same', async () => {
  let now = 1_000;
  const read = { now: true };
  const b = book({}, { isRead: () => read.now, now: () => now });
  read.now = false;
  b.refresh();
  expect(b.states()).toEqual([]);
  read.now = true;
  b.refresh();
  expect(b.states()).toEqual([{ source: 'upstream', valid: false, changedAt: undefined }]);
  b.secret(GOOD);
  b.refresh();
  const good = { source: 'upstream', valid: true, changedAt: 1_000 };
  expect(b.states()).toEqual([good]);
  now = 2_000;
  b.secret('{');
  b.refresh();
  expect(b.states()).toEqual([{ ...good, valid: false }]);
  const next = createSourceBook({ world: b.world, state: b.state, find: () => Promise.resolve(base64(GOOD)) });
  next.configure(configuration([sourceConfig()]));
  await next.recover();
  next.refresh();
  expect(next.states()).toEqual([]);
  next.publish();
  expect(next.states()).toEqual([{ ...good, valid: false }]);
  now = 3_000;
  b.secret(dockerConfig('another'));
  b.refresh();
  expect(b.states()).toEqual([{ ...good, changedAt: 3_000 }]);
});

test('names that mean something to JavaScript are names like any other', () => {
  const b = book({ name: 'constructor' });
  expect(b.observe()[0]?.config.name).toBe('constructor');
  expect(createSourceBook({ world: b.world, state: createMemory() }).content('constructor')).toBeUndefined();
});

test('warnings about the content come with the change, those of the aliases behind those of the source', () => {
  const host = 'mirror.test';
  const b = book({ aliases: [{ host, login: { secret: 'mirror' } }] });
  b.login('mirror', 'pw\n');
  b.secret(JSON.stringify({ ...(JSON.parse(GOOD) as object), credHelpers: { 'ecr.test': 'ecr-login' } }));
  const [change] = b.refresh();
  expect(change?.accepted?.warnings).toEqual([expect.stringContaining('credHelpers'), expect.stringContaining(host)]);
});

test("the source's own logins and those of its aliases are judged apart", () => {
  const asked: string[] = [];
  const b = book(
    { aliases: [{ host: 'mirror.test', login: { secret: 'mirror' } }] },
    {
      judge: (_, group, credentials) =>
        credentials.map(({ key }) => {
          asked.push(`${group} ${key}`);
          return { state: 'accepted' };
        }),
    },
  );
  b.login('mirror', 'pw');
  b.secret(GOOD);
  b.refresh();
  expect(asked).toEqual(['own registry.test', 'aliases mirror.test']);
});

test('the word that confirms a removal is short enough to be typed', () => {
  const b = book();
  b.secret(
    JSON.stringify({
      auths: {
        ...(JSON.parse(GOOD) as { auths: object }).auths,
        ...(JSON.parse(dockerConfig('b', 'b.test')) as { auths: object }).auths,
      },
    }),
  );
  b.refresh();
  b.secret(GOOD);
  b.refresh();
  expect(b.confirmation('upstream')).toMatch(/^[0-9a-f]{12}$/);
});

test('of a changed content only the registries are named whose login is new', () => {
  const auths = (b: string) => ({
    ...(JSON.parse(GOOD) as { auths: object }).auths,
    ...(JSON.parse(dockerConfig(b, 'b.test')) as { auths: object }).auths,
  });
  const b = book();
  b.secret(JSON.stringify({ auths: auths('old') }));
  expect(b.refresh()[0]?.accepted?.registries).toEqual(['registry.test', 'b.test']);
  b.secret(JSON.stringify({ auths: auths('new') }));
  expect(b.refresh()[0]?.accepted?.registries).toEqual(['b.test']);
});
