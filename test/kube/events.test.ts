/** The recorder against a server that keeps Events, on a clock that only the test moves. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { apiErrorOf, UnreachableError } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { eventName } from '../../src/kube/event-body.ts';
import { createEventRecorder } from '../../src/kube/events.ts';
import type { RecordedEvent, Regarding } from '../../src/kube/events.ts';
import { createLog } from '../../src/log.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 2, 3, 4, 5, 678) }));
afterEach(() => void vi.useRealTimers());

interface StoredEvent {
  metadata: { name: string; namespace: string };
  note: string;
  reason: string;
  series?: { count: number; lastObservedTime: string };
  regarding: Regarding;
  eventTime: string;
}

/** Keeps Events by path. `answer` decides what a write gets instead of being done; `hold` delays it. */
function setup(
  answer: (verb: 'create' | 'patch', path: string) => Error | 'lost answer' | undefined = () => undefined,
  hold: (path: string) => Promise<void> | undefined = () => undefined,
) {
  const events = new Map<string, StoredEvent>();
  const writes: string[] = [];
  const lines: { level: string; msg: string }[] = [];
  const refuse = (code: number, reason: string) =>
    apiErrorOf('write', code, JSON.stringify({ reason }), undefined, false);
  const write = async <T>(verb: 'create' | 'patch', path: string, run: () => void): Promise<T> => {
    writes.push(`${verb} ${path}`);
    const answered = answer(verb, path);
    await hold(path);
    if (answered instanceof Error) throw answered;
    run();
    if (answered === 'lost answer') throw new UnreachableError('socket closed');
    return {} as T;
  };
  const client: Pick<KubeClient, 'create' | 'patch'> = {
    create: (path, body) => {
      const event = structuredClone(body) as StoredEvent;
      return write('create', path, () => {
        const at = `${path}/${event.metadata.name}`;
        if (events.has(at)) throw refuse(409, 'AlreadyExists');
        events.set(at, event);
      });
    },
    patch: (path, type, body) =>
      write('patch', path, () => {
        const event = events.get(path);
        if (event === undefined) throw refuse(404, 'NotFound');
        expect(type).toBe('application/merge-patch+json');
        Object.assign(event, structuredClone(body));
      }),
  };
  const recorder = createEventRecorder({
    client: client as KubeClient,
    log: createLog('info', {
      write: (line: string) => void lines.push(JSON.parse(line) as { level: string; msg: string }),
    }),
    instance: 'pullpass-controller-7d4b9-x2x4z',
  });
  /** Reports and waits until nothing is being written. */
  const report = async (...reports: RecordedEvent[]) => {
    for (const event of reports) recorder.record(event);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { recorder, report, events, writes, lines, stored: () => [...events.values()], refuse };
}

const namespace = (name: string): Regarding => ({ apiVersion: 'v1', kind: 'Namespace', name, uid: `uid-of-${name}` });
const problem = (over: Partial<RecordedEvent> = {}): RecordedEvent => ({
  regarding: namespace('team-a'),
  type: 'Warning',
  reason: 'OptInDenied',
  action: 'Reconcile',
  note: 'the guard of source upstream does not admit this namespace',
  ...over,
});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('what is written', () => {
  test('an Event has every field that events.k8s.io/v1 asks for', async () => {
    const { report, writes, stored } = setup();
    await report(problem());
    expect(writes).toEqual(['create /apis/events.k8s.io/v1/namespaces/team-a/events']);
    expect(stored()).toEqual([
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: expect.stringMatching(/^team-a\.[0-9a-f]+$/) as string, namespace: 'team-a' },
        eventTime: '2026-01-02T03:04:05.678000Z',
        reportingController: 'pullpass.dev/controller',
        reportingInstance: 'pullpass-controller-7d4b9-x2x4z',
        action: 'Reconcile',
        reason: 'OptInDenied',
        type: 'Warning',
        note: 'the guard of source upstream does not admit this namespace',
        regarding: { apiVersion: 'v1', kind: 'Namespace', namespace: 'team-a', name: 'team-a', uid: 'uid-of-team-a' },
      },
    ]);
  });

  test('an Event on a Namespace is kept in it, where its team can read it; on another cluster-scoped object in default', async () => {
    const { report, stored } = setup();
    await report(
      problem(),
      problem({ regarding: { apiVersion: 'v1', kind: 'Secret', namespace: 'team-b', name: 'x' } }),
      problem({ regarding: { apiVersion: 'v1', kind: 'Node', name: 'n' } }),
    );
    expect(stored().map(({ metadata, regarding }) => [metadata.namespace, regarding.namespace])).toEqual([
      ['team-a', 'team-a'],
      ['team-b', 'team-b'],
      ['default', undefined],
    ]);
  });

  test('a long note is cut to 1024 bytes between characters', async () => {
    for (const letter of ['a', 'é', '€', '🦭']) {
      for (const lead of ['', 'x', 'xx', 'xxx']) {
        const { report, stored } = setup();
        await report(problem({ note: lead + letter.repeat(1100) }));
        const note = stored()[0]?.note ?? '';
        expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
        expect(Buffer.byteLength(note)).toBeGreaterThan(1016);
        expect(note).toMatch(new RegExp(`^${lead}(${letter})+…$`, 'u'));
      }
    }
  });

  test('a note of exactly 1024 bytes stays whole', async () => {
    const { report, stored } = setup();
    await report(problem({ note: 'x'.repeat(1024) }));
    expect(stored()[0]?.note).toBe('x'.repeat(1024));
  });

  test('names are DNS subdomains of at most 253 characters, whatever the object is called', () => {
    for (const name of ['team-a', 'a.b', 'x'.repeat(253), 'y'.repeat(235) + '-'.repeat(5), 'system:node:N1', '_', '']) {
      const made = eventName(name, 0x18f0a1b2c3d4e5n);
      expect(made.length).toBeLessThanOrEqual(253);
      expect(made).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    }
    expect(eventName('team-a', 255n)).toBe('team-a.ff');
  });

  test('two problems of one object in the same millisecond are two Events', async () => {
    const { report, stored } = setup();
    await report(problem(), problem({ reason: 'UnknownSource' }), problem({ note: 'another' }));
    expect(new Set(stored().map(({ metadata }) => metadata.name)).size).toBe(3);
  });
});

describe('what lasts', () => {
  test('costs one write an hour, however often it is reported, and its count goes on', async () => {
    const { report, writes, stored } = setup();
    for (let minute = 0; minute < 240; minute += 10) {
      await report(problem());
      await pass(10 * MINUTE);
    }
    expect(writes.map((write) => write.split(' ')[0])).toEqual(['create', 'patch', 'patch', 'patch']);
    expect(stored()).toHaveLength(1);
    expect(stored()[0]?.series).toEqual({ count: 19, lastObservedTime: '2026-01-02T06:04:05.678000Z' });
  });

  test('is written once, with its count, when it was reported again while it waited', async () => {
    const { recorder, report, writes, stored } = setup();
    await report(problem({ regarding: namespace('team-b') }), problem(), problem(), problem());
    await recorder.flush();
    expect(writes).toHaveLength(2);
    expect(stored()[1]?.series).toMatchObject({ count: 3 });
  });

  test('is written anew, with its count, when the server has forgotten the Event', async () => {
    const { report, events, writes, stored } = setup();
    await report(problem());
    await pass(HOUR);
    events.clear();
    await report(problem());
    expect(writes.map((write) => write.split(' ')[0])).toEqual(['create', 'patch', 'create']);
    expect(stored()[0]).toMatchObject({
      eventTime: '2026-01-02T03:04:05.678000Z',
      series: { count: 2, lastObservedTime: '2026-01-02T04:04:05.678000Z' },
    });
  });

  test('is news again after it was resolved', async () => {
    const { recorder, report, stored } = setup();
    await report(problem(), problem({ reason: 'UnknownSource' }));
    recorder.resolve(namespace('team-a'), 'OptInDenied');
    await pass(MINUTE);
    await report(problem(), problem({ reason: 'UnknownSource' }));
    expect(stored().map(({ reason }) => reason)).toEqual(['OptInDenied', 'UnknownSource', 'OptInDenied']);
    recorder.resolve(namespace('team-a'), 'OptInDenied', 'another note');
    await report(problem(), problem({ reason: 'UnknownSource' }));
    expect(stored()).toHaveLength(3);
    recorder.resolve(namespace('team-a'), 'OptInDenied', problem().note);
    await report(problem(), problem({ reason: 'UnknownSource' }));
    expect(stored()).toHaveLength(4);
  });

  test('is news again after it was not seen for hours', async () => {
    const { report, stored } = setup();
    await report(problem());
    await pass(3 * HOUR);
    await report(problem());
    expect(stored().map(({ series }) => series)).toEqual([undefined, undefined]);
  });

  test('a namespace that was deleted and made again has problems of its own', async () => {
    const { report, stored } = setup();
    await report(problem(), problem({ regarding: { ...namespace('team-a'), uid: 'another' } }));
    expect(stored()).toHaveLength(2);
  });

  test('the resourceVersion of the object does not make a problem another one', async () => {
    const { report, stored } = setup();
    await report(
      problem({ regarding: { ...namespace('team-a'), resourceVersion: '1' } }),
      problem({ regarding: { ...namespace('team-a'), resourceVersion: '2' } }),
    );
    expect(stored()).toHaveLength(1);
  });
});

describe('limits', () => {
  test('an object whose problems change all the time gets 25 Events and then one every five minutes', async () => {
    const { report, recorder, writes } = setup();
    for (let i = 0; i < 100; i++) {
      await report(problem({ note: `${i}` }));
      recorder.resolve(namespace('team-a'), 'OptInDenied');
    }
    expect(writes).toHaveLength(25);
    await pass(5 * MINUTE);
    await report(problem({ note: 'x' }), problem({ note: 'y' }));
    expect(writes).toHaveLength(26);
    await report(problem({ regarding: namespace('team-b') }));
    expect(writes).toHaveLength(27);
  });

  test('a thousand namespaces with a problem are written over time, and one beyond the queue is written when reported again', async () => {
    const { recorder, report, writes, lines } = setup();
    const all = Array.from({ length: 1_200 }, (_, index) => problem({ regarding: namespace(`team-${index}`) }));
    await report(...all);
    expect(writes).toHaveLength(100);
    await pass(10_000);
    expect(writes).toHaveLength(200);
    const flushed = recorder.flush();
    await pass(80_000);
    await flushed;
    expect(writes).toHaveLength(1_000);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'more than 1000 Events wait to be written; dropping further ones',
      }),
    ]);
    await report(...all);
    await pass(20_000);
    expect(writes).toHaveLength(1_200);
    expect(new Set(writes).size).toBe(1_200);
  });

  test('a namespace whose problems always change delays neither another one nor a source, and is written on', async () => {
    const { recorder, report, writes } = setup();
    const account = (name: string): Regarding => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      namespace: 'loud',
      name,
    });
    const loud = (n: number): RecordedEvent => problem({ regarding: account(`sa-${n % 200}`), note: `${n}` });
    let n = 0;
    for (let second = 0; second < 120; second++) {
      await report(...Array.from({ length: 50 }, () => loud(n++)));
      await pass(1_000);
    }
    const before = writes.length;
    // All that it may at once, and then one in five seconds.
    expect(before).toBe(64 + 24);
    const source: Regarding = { apiVersion: 'v1', kind: 'Secret', namespace: 'pullpass-system', name: 'hub' };
    await report(problem(), problem({ regarding: source, reason: 'SourceInvalid' }));
    expect(writes.slice(before)).toEqual([
      'create /apis/events.k8s.io/v1/namespaces/pullpass-system/events',
      'create /apis/events.k8s.io/v1/namespaces/team-a/events',
    ]);
    recorder.stop();
  });

  test('what is said of a source goes before all that waits, also that of the namespace of the source', async () => {
    const { report, writes } = setup();
    const many = (name: string) =>
      Array.from({ length: 60 }, (_, i) =>
        problem({ regarding: { apiVersion: 'v1', kind: 'ServiceAccount', namespace: name, name: `sa-${i}` } }),
      );
    await report(...many('a'), ...many('b'), ...many('pullpass-system'));
    expect(writes).toHaveLength(100);
    await report(
      problem({
        regarding: { apiVersion: 'v1', kind: 'Secret', namespace: 'pullpass-system', name: 'hub' },
        reason: 'SourceInvalid',
      }),
    );
    await pass(200);
    expect(writes.slice(100, 102)[0]).toContain('pullpass-system');
  });

  test('what is mended while it waits is not written, and gives its place back', async () => {
    const { recorder, report, writes, stored } = setup();
    const all = Array.from({ length: 300 }, (_, i) => problem({ regarding: namespace(`team-${i}`) }));
    await report(...all);
    expect(writes).toHaveLength(100);
    for (const { regarding, note } of all.slice(0, 299)) recorder.resolve(regarding, 'OptInDenied', note);
    await pass(300);
    expect(writes).toHaveLength(101);
    expect(stored().at(-1)?.regarding.name).toBe('team-299');
    await recorder.flush();
  });

  test('what was mended while its write is tried again is not tried any more', async () => {
    const { recorder, report, writes } = setup(() => new UnreachableError('connection refused'));
    await report(problem());
    recorder.resolve(namespace('team-a'), 'OptInDenied');
    await pass(MINUTE);
    expect(writes).toHaveLength(1);
  });

  test('an object whose problem comes and goes while it waits may still tell when it stays', async () => {
    const { recorder, report, stored } = setup();
    await report(...Array.from({ length: 100 }, (_, i) => problem({ regarding: namespace(`team-${i}`) })));
    for (let i = 0; i < 100; i++) {
      recorder.record(problem({ note: `${i}` }));
      recorder.resolve(namespace('team-a'), 'OptInDenied', `${i}`);
    }
    await report(problem());
    await pass(1_000);
    expect(stored().at(-1)?.regarding.name).toBe('team-a');
  });

  test('a namespace whose writes hang delays no other', async () => {
    let hang: (() => void) | undefined;
    const hung = new Promise<void>((resolve) => (hang = resolve));
    const { report, writes, recorder } = setup(undefined, (path) => (path.includes('slow') ? hung : undefined));
    await report(...['a', 'b', 'c'].map((note) => problem({ regarding: namespace('slow'), note })));
    await report(problem());
    expect(writes.map((path) => path.split('/')[5])).toEqual(['slow', 'team-a']);
    hang?.();
    await pass(200);
    await recorder.flush();
    expect(writes).toHaveLength(4);
  });

  test('a clock that is set changes no limit and no interval, only the time that an Event states', async () => {
    const { report, writes, stored } = setup();
    await report(problem());
    vi.setSystemTime(Date.UTC(2025, 0, 1));
    for (let i = 0; i < 7; i++) {
      await report(problem());
      await pass(10 * MINUTE);
    }
    expect(writes).toHaveLength(2);
    expect(stored()[0]?.series?.lastObservedTime).toMatch(/^2025-01-01T0[01]:/);
  });

  test('objects of one namespace are forgotten for those of the same only', async () => {
    const { report, writes } = setup();
    await report(problem());
    for (let i = 0; i < 9_000; i++)
      await report(
        problem({ regarding: { apiVersion: 'v1', kind: 'ServiceAccount', namespace: 'loud', name: `${i}` } }),
      );
    await pass(10 * MINUTE);
    const before = writes.filter((path) => path.includes('team-a')).length;
    await report(problem());
    expect(writes.filter((path) => path.includes('team-a')).length - before).toBe(0);
  });

  test('what is remembered is bounded: the objects not reported for the longest time are forgotten', async () => {
    const { report, writes } = setup();
    await report(problem());
    for (let i = 0; i < 4_200; i++) {
      await report(problem({ regarding: namespace(`other-${i}`) }));
      await pass(100);
    }
    await report(problem({ regarding: namespace('other-4199') }));
    const before = writes.length;
    await report(problem());
    expect(writes.length - before).toBe(1);
  });
});

describe('failures', () => {
  test('a namespace that is gone or going is no news', async () => {
    for (const error of [
      apiErrorOf('write', 404, '{"reason":"NotFound"}', undefined, false),
      apiErrorOf(
        'write',
        403,
        '{"reason":"Forbidden","details":{"causes":[{"reason":"NamespaceTerminating"}]}}',
        undefined,
        false,
      ),
    ]) {
      const { report, writes, lines } = setup(() => error);
      await report(problem());
      await pass(MINUTE);
      await report(problem());
      expect([writes.length, lines]).toEqual([1, []]);
    }
  });

  test('a refusal is logged once, not tried again for an hour, and never thrown', async () => {
    const { report, writes, lines } = setup(() =>
      apiErrorOf('create events', 403, '{"reason":"Forbidden","message":"may not create events"}', undefined, false),
    );
    await report(problem(), problem({ regarding: namespace('team-b') }));
    await pass(10 * MINUTE);
    await report(problem(), problem({ regarding: namespace('team-b') }));
    expect(writes).toHaveLength(2);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        err: { type: 'ApiError', message: 'create events: may not create events' },
      }),
    ]);
    await pass(HOUR);
    await report(problem());
    expect(writes).toHaveLength(3);
  });

  test('an API server that cannot be reached is tried three times; the next report tries again', async () => {
    let down = true;
    const { report, writes, lines, stored } = setup(() =>
      down ? new UnreachableError('connection refused') : undefined,
    );
    await report(problem());
    await pass(MINUTE);
    expect(writes).toHaveLength(3);
    expect(lines).toHaveLength(1);
    down = false;
    await report(problem());
    expect(stored()).toHaveLength(1);
  });

  test('a server that asks to wait is left alone for so long', async () => {
    let busy = true;
    const { report, writes, stored } = setup(() => (busy ? apiErrorOf('write', 429, '{}', '30', false) : undefined));
    await report(problem());
    busy = false;
    await pass(29_999);
    expect(writes).toHaveLength(1);
    await pass(1);
    expect(stored()).toHaveLength(1);
  });

  test('an Event whose answer was lost is not written twice', async () => {
    let calls = 0;
    const { report, stored, lines } = setup(() => (calls++ === 0 ? 'lost answer' : undefined));
    await report(problem());
    await pass(MINUTE);
    expect([stored().length, lines]).toEqual([1, []]);
  });

  test('a report that comes in while the last one ends is written too', async () => {
    const { recorder, stored } = setup();
    recorder.record(problem());
    for (let turn = 0; turn < 20; turn++) {
      await Promise.resolve();
      recorder.record(problem({ regarding: namespace(`team-${turn}`) }));
    }
    await recorder.flush();
    expect(stored()).toHaveLength(21);
  });

  test('after stop nothing is taken in or written', async () => {
    const { recorder, report, writes } = setup(() => new UnreachableError('connection refused'));
    await report(problem(), problem({ note: 'second' }));
    recorder.stop();
    recorder.record(problem({ note: 'third' }));
    await pass(MINUTE);
    await recorder.flush();
    expect(writes).toHaveLength(1);
  });
});
