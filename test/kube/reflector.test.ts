/** The reflector against a server that a test plays, under fake time. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UnreachableError } from '../../src/kube/api-error.ts';
import type { WatchEvent } from '../../src/kube/client.ts';
import type { Selector } from '../../src/kube/list.ts';
import { startReflector } from '../../src/kube/reflector.ts';
import type { Reflector, ReflectorTimings } from '../../src/kube/reflector.ts';
import { createStore } from '../../src/kube/store.ts';
import type { Stored } from '../../src/kube/store.ts';
import { createLog } from '../../src/log.ts';
import { refusal, scriptedClient } from './scripted-client.ts';
import type { Call, Stream } from './scripted-client.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }));
const running: Reflector[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((reflector) => reflector.stop()));
  expect(vi.getTimerCount()).toBe(0); // stopping leaves nothing behind
  vi.useRealTimers();
});

interface Raw {
  metadata: { namespace: string; name: string; uid: string; resourceVersion: string };
}
const object = (name: string, resourceVersion: number): Raw => ({
  metadata: { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion: String(resourceVersion) },
});
const event = (type: WatchEvent<object>['type'], name: string, resourceVersion: number): WatchEvent<object> => ({
  type,
  object: object(name, resourceVersion),
});
const bookmark = (resourceVersion: number): WatchEvent<object> => ({
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion: String(resourceVersion) } },
});
const initialEnd = (resourceVersion: number): WatchEvent<object> => ({
  type: 'BOOKMARK',
  object: {
    metadata: { resourceVersion: String(resourceVersion), annotations: { 'k8s.io/initial-events-end': 'true' } },
  },
});
const errorEvent = (code: number, more: object = {}): WatchEvent<object> => ({
  type: 'ERROR',
  object: { kind: 'Status', code, ...more },
});
const page = (resourceVersion: number, names: string[], next?: string) => ({
  metadata: { resourceVersion: String(resourceVersion), ...(next && { continue: next }) },
  items: names.map((name) => object(name, resourceVersion - 1)),
});

const TIMINGS: ReflectorTimings = {
  watchMs: 300_000,
  idleMs: 150_000,
  initialMs: 10_000,
  minBackoffMs: 250,
  maxBackoffMs: 30_000,
  pageSize: 2,
};

interface Setup {
  /** Answers to the first watches, before any stream. */
  refusals?: unknown[];
  answer?: (call: Call) => unknown;
  project?: (raw: Raw) => Stored;
  selector?: Selector;
}

function reflect({ answer, refusals = [], project, selector }: Setup = {}) {
  /** When each watch and list was asked for, in milliseconds since the start. */
  const tries: number[] = [];
  const start = Date.now();
  const asked = (call: Call): unknown => {
    tries.push(Date.now() - start);
    return answer === undefined ? {} : answer(call);
  };
  const server = scriptedClient(asked, () => {
    tries.push(Date.now() - start);
    if (refusals.length > 0) throw refusals.shift() as Error;
  });
  const store = createStore();
  const lines: { level: string; msg: string }[] = [];
  const restarts: string[] = [];
  const reflector = startReflector<Stored>({
    client: server.client,
    resource: 'things',
    selector: selector ?? { path: '/api/v1/things', fieldSelector: 'spec.of=tests' },
    store,
    random: () => 0,
    project: project ?? (({ metadata }: Raw) => metadata),
    log: createLog('debug', { write: (line) => void lines.push(JSON.parse(line) as { level: string; msg: string }) }),
    onRestart: (resource) => restarts.push(resource),
    timings: TIMINGS,
  });
  running.push(reflector);
  const holds = (): string[] =>
    [...store.all()].map(({ name, resourceVersion }) => `${name}@${resourceVersion}`).sort();
  return {
    ...server,
    refusals,
    tries,
    reflector,
    store,
    lines,
    restarts,
    holds,
    stream: (i: number) => at(server.streams, i),
  };
}

function at(streams: readonly Stream[], i: number): Stream {
  const found = streams.at(i);
  if (found === undefined) throw new Error(`no stream ${i}: there were ${streams.length}`);
  return found;
}

async function turn(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A reflector that has its initial list: a@90, b@91, at version 100. */
async function inStep(options: Setup = {}) {
  const r = reflect(options);
  await turn();
  r.stream(0).send(event('ADDED', 'a', 90), event('ADDED', 'b', 91), initialEnd(100));
  await turn();
  expect(r.holds()).toEqual(['a@90', 'b@91']);
  return r;
}

describe('a server with streaming lists', () => {
  test('one stream brings the list and then the changes', async () => {
    const r = reflect();
    let synced = false;
    void r.reflector.synced.then(() => {
      synced = true;
    });
    await turn();
    expect(r.stream(0).query).toEqual({
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
      timeoutSeconds: 300,
      fieldSelector: 'spec.of=tests',
    });

    r.stream(0).send(event('ADDED', 'a', 90), event('ADDED', 'b', 91));
    await turn();
    expect([r.holds(), synced, r.reflector.isSynced]).toEqual([[], false, false]); // nothing before the whole is there
    r.stream(0).send(initialEnd(100));
    await turn();
    expect([r.holds(), synced, r.reflector.isSynced]).toEqual([['a@90', 'b@91'], true, true]);

    r.stream(0).send(event('ADDED', 'c', 101), event('MODIFIED', 'a', 102), event('DELETED', 'b', 103), bookmark(110));
    await turn();
    expect(r.holds()).toEqual(['a@102', 'c@101']);
    expect(r.streams).toHaveLength(1);
    expect(r.calls).toEqual([]);
  });

  test('what changes before the end of the initial events is taken in, deletions too', async () => {
    const r = reflect();
    await turn();
    r.stream(0).send(
      event('ADDED', 'a', 90),
      event('ADDED', 'b', 91),
      event('MODIFIED', 'a', 95),
      event('DELETED', 'b', 96),
      bookmark(97),
      initialEnd(100),
    );
    await turn();
    expect(r.holds()).toEqual(['a@95']);
  });

  test('a stream that ends before the initial events do is started anew, and nothing of it is kept', async () => {
    const r = reflect();
    await turn();
    r.stream(0).send(event('ADDED', 'a', 90));
    await turn(2_000);
    r.stream(0).end();
    await turn(250);
    expect(r.streams).toHaveLength(2);
    r.stream(1).send(event('ADDED', 'b', 91), initialEnd(100));
    await turn();
    expect(r.holds()).toEqual(['b@91']);
  });

  test('when the server closes the stream in its time, the next one goes on where it was', async () => {
    const r = await inStep();
    r.stream(0).send(bookmark(140));
    await turn(300_000 - 150_001);
    r.stream(0).send(bookmark(150));
    await turn(1_000);
    r.stream(0).end();
    await turn();
    expect(r.stream(1).query).toEqual({
      resourceVersion: '150',
      allowWatchBookmarks: true,
      timeoutSeconds: 300,
      fieldSelector: 'spec.of=tests',
    });
    expect(r.restarts).toEqual([]);
    expect(r.reflector.problem).toBeUndefined();
  });
});

describe('a server without streaming lists', () => {
  test.each([400, 422])('answers %i and is listed in pages, then watched', async (code) => {
    const pages = [page(100, ['a', 'b'], 'token-1'), page(100, ['c'])];
    const r = reflect({ refusals: [refusal(code)], answer: () => pages.shift() });
    await turn();
    expect(r.calls.map(({ query }) => query)).toEqual([
      { fieldSelector: 'spec.of=tests', limit: 2 },
      { fieldSelector: 'spec.of=tests', limit: 2, continue: 'token-1' },
    ]);
    expect(r.holds()).toEqual(['a@99', 'b@99', 'c@99']);
    expect(r.reflector.isSynced).toBe(true);
    expect(r.stream(0).query).toMatchObject({ resourceVersion: '100' });
    expect(r.restarts).toEqual([]);
  });

  test('a continue token that runs out starts the list again, and what was read before is let go', async () => {
    const pages = [
      () => page(100, ['gone', 'b'], 'token-1'),
      () => {
        throw refusal(410, { reason: 'Expired' });
      },
      () => page(120, ['b', 'c']),
    ];
    const r = reflect({ refusals: [refusal(400)], answer: () => pages.shift()?.() });
    await turn();
    expect(r.calls.map(({ query }) => query['continue'])).toEqual([undefined, 'token-1', undefined]);
    expect(r.holds()).toEqual(['b@119', 'c@119']);
    expect(r.stream(0).query).toMatchObject({ resourceVersion: '120' });
  });

  test('nothing is taken in of a list that breaks off', async () => {
    const pages = [
      () => page(100, ['a'], 'token-1'),
      () => {
        throw new UnreachableError('reset');
      },
      () => page(100, ['b']),
    ];
    const r = reflect({ refusals: [refusal(400)], answer: () => pages.shift()?.() });
    await turn();
    expect(r.holds()).toEqual([]);
    await turn(250);
    expect(r.holds()).toEqual(['b@99']);
  });

  test('an answer that is no list is a failure, not an empty cluster', async () => {
    for (const answer of [{}, { metadata: {}, items: [] }, { kind: 'Status', message: 'hello' }]) {
      const r = reflect({ refusals: [refusal(400)], answer: () => answer });
      await turn(10_000);
      expect(r.reflector.isSynced).toBe(false);
      expect(r.reflector.problem).toBeDefined();
      expect(r.calls.length).toBeLessThan(10);
    }
  });

  test('a list without items is an empty list', async () => {
    const r = reflect({
      refusals: [refusal(400)],
      answer: () => ({ metadata: { resourceVersion: '5' }, items: null }),
    });
    await turn();
    expect(r.reflector.isSynced).toBe(true);
    expect(r.holds()).toEqual([]);
  });
});

describe('a version that the server does not have', () => {
  test.each<[string, (s: Stream, refusals: unknown[]) => void]>([
    [
      'told as an event',
      (s) => s.send(errorEvent(410, { reason: 'Expired', message: 'too old resource version: 100 (200)' })),
    ],
    [
      'told as the answer to the next watch',
      (s, refusals) => {
        refusals.push(refusal(410, { reason: 'Gone' }));
        s.end();
      },
    ],
    [
      'from the future, told as an event',
      (s) =>
        s.send(errorEvent(504, { reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } })),
    ],
  ])('leads to a new list, with deletions: %s', async (_, happen) => {
    const r = await inStep();
    await turn(6_000);
    happen(r.stream(0), r.refusals);
    await turn(1_000);
    const next = r.stream(-1);
    expect(next.query['resourceVersion']).toBeUndefined();
    expect(r.holds()).toEqual(['a@90', 'b@91']); // kept until the new list is there
    next.send(event('ADDED', 'b', 191), initialEnd(200));
    await turn();
    expect(r.holds()).toEqual(['b@191']);
  });

  test('a server that says so again and again is asked less and less often, and that is told', async () => {
    const r = await inStep();
    for (let i = 0; i < 200; i++) {
      for (const stream of r.streams.filter((s) => !s.isClosed())) {
        if (stream.query['sendInitialEvents'] === true) stream.send(event('ADDED', 'a', 90), initialEnd(100));
        stream.send(errorEvent(410, { reason: 'Expired', message: 'always' }));
      }
      await turn(1_000);
    }
    expect(r.streams.length).toBeLessThan(25);
    expect(r.lines.some(({ level, msg }) => level === 'warn' && msg.includes('always'))).toBe(true);
  });
});

describe('an etcd that was restored from a backup', () => {
  test('keeps silent about our version: after the idle limit everything is listed, and lower versions count', async () => {
    const r = await inStep();
    await turn(150_000);
    await turn(250);
    expect(r.stream(1).query['resourceVersion']).toBeUndefined();
    r.stream(1).send(event('ADDED', 'a', 40), initialEnd(50));
    await turn();
    expect(r.holds()).toEqual(['a@40']);
    r.stream(1).send(event('MODIFIED', 'a', 51), event('ADDED', 'c', 52));
    await turn();
    expect(r.holds()).toEqual(['a@51', 'c@52']);
  });
});

describe('versions that go back', () => {
  test.each<[string, WatchEvent<object>]>([
    ['a bookmark', bookmark(60)],
    ['an event', event('ADDED', 'c', 60)],
    ['a deletion', event('DELETED', 'a', 60)],
  ])('%s with a lower version leads to a new list, and is told', async (_, lower) => {
    const r = await inStep();
    r.stream(0).send(lower);
    await turn(250);
    expect(r.holds()).toEqual(['a@90', 'b@91']); // kept until the new list is there
    expect(r.stream(1).query['sendInitialEvents']).toBe(true);
    expect(r.reflector.problem).toContain('went back from 100 to 60');
    r.stream(1).send(event('ADDED', 'a', 40), initialEnd(60));
    await turn();
    expect(r.holds()).toEqual(['a@40']);
    expect(r.reflector.problem).toBeUndefined();
    r.stream(1).send(event('MODIFIED', 'a', 61));
    await turn();
    expect(r.holds()).toEqual(['a@61']);
  });

  test('a server that is behind when a watch begins again is listed anew at once, without waiting for silence', async () => {
    let newest = 100;
    const r = await inStep({ answer: () => page(newest, []) });
    await turn(6_000);
    newest = 50;
    r.stream(0).end();
    await turn(250);
    expect(r.calls.map(({ query }) => query)).toEqual([{ fieldSelector: 'spec.of=tests', limit: 1 }]);
    expect(r.stream(1).query['sendInitialEvents']).toBe(true);
  });

  test('after an outage everything is listed: meanwhile the server may have been restored, and count beyond our version', async () => {
    const r = await inStep();
    await turn(6_000);
    r.refusals.push(...Array.from({ length: 8 }, () => new UnreachableError('refused')));
    r.stream(0).fail(new UnreachableError('reset'));
    await turn(60_000);
    expect(r.stream(1).query['sendInitialEvents']).toBe(true);
  });

  test('a gateway that sends the past again and again is asked less and less often', async () => {
    const r = await inStep();
    for (let i = 0; i < 120; i++) {
      for (const stream of r.streams.filter((s) => !s.isClosed()))
        stream.send(event('ADDED', 'a', 90), initialEnd(100), event('ADDED', 'a', 90));
      await turn(1_000);
    }
    expect(r.streams.length).toBeLessThan(20);
    expect(r.holds()).toEqual(['a@90']);
  });

  test('versions that are no numbers are taken as they come', async () => {
    const r = reflect();
    await turn();
    const odd = (type: WatchEvent<object>['type'], name: string, resourceVersion: string): WatchEvent<object> => ({
      type,
      object: { metadata: { namespace: 'ns', name, uid: name, resourceVersion } },
    });
    r.stream(0).send(odd('ADDED', 'a', 'x-9'), initialEnd(100));
    r.stream(0).send(odd('MODIFIED', 'a', 'x-1'), odd('ADDED', 'b', '-5'), odd('ADDED', 'c', '1e9'));
    await turn();
    expect(r.holds()).toEqual(['a@x-1', 'b@-5', 'c@1e9']);
    r.stream(0).send(odd('DELETED', 'a', 'x-0'));
    await turn();
    expect(r.holds()).toEqual(['b@-5', 'c@1e9']);
  });
});

describe('a gateway', () => {
  test('that ignores the wish for a streaming list is found out, and listed in pages', async () => {
    const r = reflect({ answer: () => page(100, ['a', 'b']) });
    await turn();
    r.stream(0).send(event('ADDED', 'a', 90), event('ADDED', 'b', 91));
    await turn(9_000);
    r.stream(0).send(event('ADDED', 'b', 92));
    await turn(9_000);
    r.stream(0).send(bookmark(95));
    expect(r.calls).toEqual([]);
    await turn(1_100);
    expect(r.holds()).toEqual(['a@99', 'b@99']);
    expect(r.stream(0).isClosed()).toBe(true);
    expect(r.stream(1).query).toMatchObject({ resourceVersion: '100' });
    expect(r.restarts).toEqual([]);
  });

  test('that does so in a busy cluster, where it is never silent, too', async () => {
    const r = reflect({ answer: () => page(100, ['a']) });
    for (let i = 0; i < 61 && r.calls.length === 0; i++) {
      await turn(1_000);
      r.stream(0).send(event('MODIFIED', 'a', 90 + i));
    }
    await turn();
    expect(r.holds()).toEqual(['a@99']);
  });

  test.each<[string, WatchEvent<object>[]]>([
    ['that closes each watch at once', []],
    [
      'that marks the end without a version',
      [{ type: 'BOOKMARK', object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } }],
    ],
    ['that sends events of nothing', [{ type: 'ADDED', object: {} }]],
    ['that sends no events at all', [null as never]],
  ])('%s is polled by lists, with a pause', async (_, sends) => {
    const r = reflect({ answer: ({ query }) => page(100, query['limit'] === 1 ? [] : ['a', 'b']) });
    for (let i = 0; i < 120; i++) {
      for (const stream of r.streams.filter((s) => !s.isClosed())) {
        stream.send(...sends);
        stream.end();
      }
      await turn(1_000);
    }
    expect(r.reflector.isSynced).toBe(true);
    expect(r.holds()).toEqual(['a@99', 'b@99']);
    expect(r.calls.filter(({ query }) => query['limit'] === 2).length).toBeGreaterThan(2);
    expect(r.calls.length + r.streams.length).toBeLessThan(40);
    expect(r.reflector.problem).toBeDefined();
  });

  test('whose errors have any shape ends no reflector', async () => {
    const r = await inStep();
    for (const object of [undefined, null, 5, 'no', [], { code: 'x', message: {} }, { code: 1e9, details: 5 }]) {
      r.stream(-1).send({ type: 'ERROR', object: object as never });
      await turn(60_000);
    }
    r.stream(-1).send(event('ADDED', 'c', 191), initialEnd(200));
    await turn();
    expect(r.holds()).toContain('c@191');
  });
});

describe('objects that were not asked for', () => {
  const secret = (name: string, more: object = {}, namespace = 'ns'): object => ({
    kind: 'Secret',
    metadata: { namespace, name, uid: name, resourceVersion: '101', labels: { of: 'us' }, ...more },
  });
  const wanted: Selector = {
    path: '/api/v1/namespaces/ns/secrets',
    fieldSelector: 'metadata.name=a',
    labelSelector: 'of=us',
  };
  const others: object[] = [
    secret('b'),
    secret('a', {}, 'other'),
    { ...secret('a'), kind: 'ConfigMap' },
    secret('a', { labels: { of: 'them' } }),
    secret('a', { labels: undefined }),
  ];

  test('enter no store, from a stream or a list, and are told once', async () => {
    const r = reflect({ selector: wanted, answer: () => ({ metadata: { resourceVersion: '100' }, items: others }) });
    await turn();
    r.stream(0).send(...others.map((object) => ({ type: 'ADDED' as const, object })), initialEnd(100));
    r.stream(0).send(...others.map((object) => ({ type: 'MODIFIED' as const, object })));
    await turn();
    expect([r.reflector.isSynced, r.holds()]).toEqual([true, []]);
    expect(r.lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toEqual([
      'the server sends objects that were not asked for as things: they are left out',
    ]);

    const listed = reflect({
      selector: wanted,
      refusals: [refusal(400)],
      answer: () => ({ metadata: { resourceVersion: '100' }, items: [...others, secret('a')] }),
    });
    await turn();
    expect(listed.holds()).toEqual(['a@101']);
  });

  test('one that stops matching has left; a deletion of another removes nothing', async () => {
    const r = reflect({ selector: wanted });
    await turn();
    r.stream(0).send({ type: 'ADDED', object: secret('a') }, initialEnd(100));
    r.stream(0).send(...others.slice(0, 3).map((object) => ({ type: 'DELETED' as const, object })));
    await turn();
    expect(r.holds()).toEqual(['a@101']);
    r.stream(0).send({ type: 'MODIFIED', object: secret('a', { labels: {}, resourceVersion: '102' }) });
    await turn();
    expect(r.holds()).toEqual([]);
  });
});

describe('a stream that breaks', () => {
  test('goes on from the last event', async () => {
    const r = await inStep();
    r.stream(0).send(event('MODIFIED', 'a', 101));
    await turn();
    r.stream(0).fail(new UnreachableError('reset'));
    await turn(250);
    expect(r.stream(1).query).toMatchObject({ resourceVersion: '101' });
    expect(r.restarts).toEqual(['things']);
  });

  test('an event that cannot be taken in is asked for again, with growing patience', async () => {
    let broken = true;
    const r = await inStep({
      project: ({ metadata }) => {
        if (broken && metadata.name === 'c') throw new Error('cannot read c');
        return metadata;
      },
    });
    for (let i = 0; i < 10; i++) {
      const open = r.streams.filter((s) => !s.isClosed());
      for (const stream of open) stream.send(event('ADDED', 'c', 101));
      await turn(1_000);
    }
    expect(r.streams.length).toBeLessThan(8);
    expect(r.stream(-1).query).toMatchObject({ resourceVersion: '100' });
    expect(r.reflector.problem).toBe('cannot read c');
    broken = false;
    await turn(30_000);
    r.stream(-1).send(event('ADDED', 'c', 101));
    await turn();
    expect(r.holds()).toContain('c@101');
    expect(r.reflector.problem).toBeUndefined();
  });

  test('is cut when it has been silent for too long; bookmarks are a sign of life', async () => {
    const r = await inStep();
    for (let i = 0; i < 5; i++) {
      await turn(100_000);
      r.stream(0).send(bookmark(100 + i));
      await turn();
    }
    expect(r.streams).toHaveLength(1);
    expect(r.reflector.silentForMs()).toBeLessThan(1_000);
    await turn(149_999);
    expect(r.stream(0).isClosed()).toBe(false);
    expect(r.reflector.silentForMs()).toBeGreaterThan(149_000);
    await turn(1);
    expect(r.stream(0).isClosed()).toBe(true);
    await turn(250);
    expect(r.streams).toHaveLength(2);
  });

  test('silent again and again, it is told', async () => {
    const r = await inStep();
    for (let i = 1; i <= 3; i++) {
      await turn(150_000 + 1_000 * i);
      r.stream(-1).send(initialEnd(100));
    }
    expect(r.lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toContainEqual(
      'cannot watch things: no event and no bookmark in time',
    );
  });

  test('a server that closes every stream at once, with or without an event, is not asked without a pause', async () => {
    for (const sends of [[], [bookmark(101)]]) {
      const r = await inStep();
      for (let i = 0; i < 600; i++) {
        for (const stream of r.streams.filter((s) => !s.isClosed())) {
          stream.send(...sends);
          stream.end();
        }
        await turn(100);
      }
      expect(r.streams.length).toBeLessThan(20); // in a minute
      expect(r.lines.some(({ level, msg }) => level === 'warn' && msg.includes('closed the watch at once'))).toBe(true);
      await r.reflector.stop();
    }
  });

  test('one that had lasted is tried again soon, however many broke before', async () => {
    const r = await inStep();
    for (let i = 0; i < 10; i++) {
      await turn(10_000);
      r.stream(-1).send(bookmark(100 + i));
      await turn();
      r.stream(-1).fail(new UnreachableError('reset'));
      await turn(250);
      expect(r.streams).toHaveLength(i + 2);
    }
    expect(r.reflector.problem).toBeUndefined();
  });
});

describe('a server that refuses', () => {
  test('a missing right is a problem until it is there, and is told once', async () => {
    const forbidden = refusal(403, {
      reason: 'Forbidden',
      message: 'things is forbidden: User "x" cannot list resource "things"',
    });
    const r = reflect({ refusals: Array.from({ length: 5 }, () => forbidden) });
    await turn();
    expect(r.reflector.problem).toContain('cannot list resource');
    await turn(10_000);
    expect(r.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    expect(r.lines.find(({ level }) => level === 'warn')?.msg).toContain('pullpass rbac');
    r.stream(0).send(initialEnd(100));
    await turn();
    expect([r.reflector.problem, r.reflector.isSynced]).toEqual([undefined, true]);
  });

  test('is asked again after as long as it wants, not before', async () => {
    const r = reflect({ refusals: [refusal(429, {}, '7')] });
    await turn(6_999);
    expect(r.streams).toHaveLength(0);
    await turn(1);
    expect(r.streams).toHaveLength(1);
  });

  test('is asked with a growing pause that has a limit', async () => {
    const refused = new UnreachableError('refused');
    const r = reflect({
      refusals: Array.from({ length: 100 }, () => refused),
      answer: () => {
        throw refused;
      },
    });
    await turn(120_000);
    const pauses = r.tries.slice(1).map((t, i) => t - (r.tries[i] ?? 0));
    expect(pauses.slice(0, 6)).toEqual([125, 250, 500, 1_000, 2_000, 4_000]);
    expect(Math.max(...pauses)).toBe(15_000);
    expect(r.reflector.problem).toBe('refused');
    expect(r.reflector.isStuck()).toBe(false);
  });
});

describe('stop', () => {
  test('ends an open stream and resolves', async () => {
    const r = await inStep();
    await r.reflector.stop();
    expect(r.stream(0).isClosed()).toBe(true);
    await turn(400_000);
    expect(r.streams).toHaveLength(1);
    expect(r.lines).toEqual([]);
    expect(r.restarts).toEqual([]);
  });

  test('ends a pause between two tries', async () => {
    const r = reflect({ refusals: [new UnreachableError('refused')] });
    await turn();
    await r.reflector.stop();
    await turn(60_000);
    expect(r.streams).toHaveLength(0);
  });

  test('ends a list that hangs', async () => {
    const r = reflect({ refusals: [refusal(400)], answer: () => new Promise(() => undefined) });
    await turn();
    expect(r.calls).toHaveLength(1);
    await r.reflector.stop();
  });

  test('before the first answer resolves, too', async () => {
    const r = reflect();
    await r.reflector.stop();
    expect(r.reflector.isSynced).toBe(false);
  });
});

test('is stuck when it neither hears nor tries anything for longer than its limits allow', async () => {
  const r = await inStep();
  expect(r.reflector.isStuck()).toBe(false);
  const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 2 * (150_000 + 30_000) + 1);
  expect(r.reflector.isStuck()).toBe(true);
  now.mockRestore();
});

test.each([-31_536_000_000, -3_600_000, 3_600_000, 31_536_000_000])(
  'a clock that moves by %i ms makes nothing silent, stuck or late',
  async (ms) => {
    const r = await inStep();
    vi.setSystemTime(Date.now() + ms);
    expect([r.reflector.isStuck(), r.reflector.silentForMs() < 1_000]).toEqual([false, true]);
    await turn(6_000);
    r.stream(0).fail(new UnreachableError('reset'));
    await turn(250);
    expect(r.streams).toHaveLength(2);
    r.stream(1).send(event('MODIFIED', 'a', 101));
    await turn();
    expect(r.holds()).toEqual(['a@101', 'b@91']);
  },
);
