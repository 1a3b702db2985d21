/** What only the sandbox has: faults, compaction, delays, counters, custom kinds, and its speed. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rawClient, type RawClient, type WatchEvent } from '../../integration/env/raw-client.ts';
import { defineKind, isWrite, startSandbox, type Sandbox, type SandboxOptions } from './index.ts';
import { objectShape } from './schema/metadata.ts';
import { string, struct } from './schema/shape.ts';

let running: { sandbox: Sandbox; admin: RawClient } | undefined;
let sandbox: Sandbox;
let admin: RawClient;
async function close(): Promise<void> {
  running?.admin.close();
  await running?.sandbox.stop();
  running = undefined;
}
async function open(options: SandboxOptions = {}): Promise<void> {
  await close();
  sandbox = await startSandbox(options);
  admin = rawClient(sandbox, sandbox.admin);
  running = { sandbox, admin };
}
beforeEach(() => open());
afterEach(close);

const configs = '/api/v1/namespaces/default/configmaps';
const make = (name: string): ReturnType<RawClient['call']> =>
  admin.call('POST', configs, { body: { metadata: { name } } });

/** Collects a watch's events in the background. */
function follow(path: string): { events: WatchEvent[]; ended: Promise<unknown>; stop: () => void } {
  const abort = new AbortController();
  const events: WatchEvent[] = [];
  const read = async (): Promise<void> => {
    for await (const event of admin.watch(path, { signal: abort.signal })) events.push(event);
  };
  return {
    events,
    ended: read().then(
      () => 'end',
      () => 'error',
    ),
    stop: () => abort.abort(),
  };
}

describe('faults', () => {
  test('answer with a status, as often as they are told to', async () => {
    const fault = sandbox.faults.add({
      match: { verb: 'create', resource: 'configmaps' },
      kind: 'status',
      code: 429,
      retryAfterSeconds: 1,
      times: 2,
    });
    const answers = [await make('a'), await make('a'), await make('a')];
    expect(answers.map(({ code }) => code)).toEqual([429, 429, 201]);
    expect(answers[0]?.headers['retry-after']).toBe('1');
    expect(answers[0]?.body).toMatchObject({
      kind: 'Status',
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 1 },
    });
    expect(fault.hits).toBe(2);
  });
  test('hit only what they match, until they are removed', async () => {
    const fault = sandbox.faults.add({ match: { name: 'a', verb: 'get' }, kind: 'status', code: 500 });
    await make('a');
    await make('b');
    expect([(await admin.call('GET', `${configs}/a`)).code, (await admin.call('GET', `${configs}/b`)).code]).toEqual([
      500, 200,
    ]);
    fault.remove();
    expect((await admin.call('GET', `${configs}/a`)).code).toBe(200);
  });
  test('cut the connection before or after the write', async () => {
    sandbox.faults.add({ match: { verb: 'create' }, kind: 'reset', times: 1 });
    await expect(make('before')).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(sandbox.store.get('/configmaps', 'default', 'before')).toBeUndefined();
    sandbox.faults.add({ match: { verb: 'create' }, kind: 'reset-after-write', times: 1 });
    await expect(make('after')).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(sandbox.store.get('/configmaps', 'default', 'after')).toBeDefined();
    expect(
      sandbox
        .requests()
        .filter(({ resource }) => resource === 'configmaps')
        .map(({ code }) => code),
    ).toEqual([0, 0]);
  });
  test('slow answers down', async () => {
    sandbox.faults.add({ match: {}, kind: 'slow', milliseconds: 200 });
    const started = Date.now();
    await make('a');
    expect(Date.now() - started).toBeGreaterThanOrEqual(195);
  });
  test('drop watches that are open', async () => {
    const watch = follow(`${configs}?watch=1`);
    await delay(100);
    sandbox.faults.add({ match: { resource: 'configmaps' }, kind: 'drop-watch', times: 1 });
    expect(await watch.ended).toBe('error');
    const next = follow(`${configs}?watch=1`);
    await delay(50);
    await make('a');
    await expect.poll(() => next.events.length).toBe(1);
    next.stop();
  });
  test('stall watches, which then stay open in silence', async () => {
    const watch = follow(`${configs}?watch=1&timeoutSeconds=1`);
    await delay(100);
    sandbox.faults.add({ match: { resource: 'configmaps' }, kind: 'stall-watch', times: 1 });
    await make('unseen');
    expect(await Promise.race([watch.ended, delay(1500, 'still open')])).toBe('still open');
    expect(watch.events).toEqual([]);
    watch.stop();
  });
});

describe('compaction', () => {
  test('ends watches from an old resourceVersion with 410', async () => {
    const from = (await make('a')).body.metadata.resourceVersion;
    await make('b');
    sandbox.compact();
    const answer = await admin.call('GET', `${configs}?watch=1&resourceVersion=${from}`);
    expect(answer.code).toBe(200);
    expect(answer.body).toMatchObject({
      type: 'ERROR',
      object: {
        kind: 'Status',
        code: 410,
        reason: 'Expired',
        message: expect.stringMatching(/^too old resource version: \d+ \(\d+\)$/) as string,
      },
    });
  });
  test('ends pages with 410 and a token to go on with', async () => {
    for (const name of ['a', 'b', 'c']) await make(name);
    const token = (await admin.call('GET', `${configs}?limit=1`)).body.metadata.continue ?? '';
    await make('aa');
    sandbox.compact();
    const expired = await admin.call('GET', `${configs}?limit=1&continue=${token}`);
    expect(expired.body).toMatchObject({
      code: 410,
      reason: 'Expired',
      message: expect.stringMatching(/^The provided continue parameter is too old/) as string,
    });
    const rest = await admin.call('GET', `${configs}?continue=${expired.body.metadata.continue}`);
    expect(rest.body.items.map(({ metadata }) => metadata.name)).toEqual(['aa', 'b', 'c']);
  });
  test('ends lists of the past with 410', async () => {
    const from = (await make('a')).body.metadata.resourceVersion;
    await make('b');
    sandbox.compact();
    expect(
      (await admin.call('GET', `${configs}?resourceVersion=${from}&resourceVersionMatch=Exact`)).body,
    ).toMatchObject({ code: 410, reason: 'Expired' });
  });
  test('comes by itself when history is full', async () => {
    await open({ historyLimit: 10 });
    const from = (await make('a')).body.metadata.resourceVersion;
    for (let count = 0; count < 30; count++) await make(`b${count}`);
    expect((await admin.call('GET', `${configs}?watch=1&resourceVersion=${from}`)).body).toMatchObject({
      type: 'ERROR',
    });
  });
});

test('bookmarks keep a quiet watch up to date', async () => {
  await open({ bookmarkInterval: 50 });
  const watch = follow(`${configs}?watch=1&allowWatchBookmarks=true`);
  await admin.call('POST', '/api/v1/namespaces/default/secrets', { body: { metadata: { name: 'elsewhere' } } });
  await expect
    .poll(() =>
      watch.events.find(
        ({ type, object }) => type === 'BOOKMARK' && object.metadata.resourceVersion === String(sandbox.store.revision),
      ),
    )
    .toBeDefined();
  watch.stop();
});

test('a watch whose time is over says nothing more to a client that has not read it all yet', async () => {
  await open({ bookmarkInterval: 10 });
  for (let i = 0; i < 20; i++)
    await admin.call('POST', configs, { body: { metadata: { name: `big-${i}` }, data: { k: 'x'.repeat(500_000) } } });
  const watch = admin.watch(`${configs}?watch=1&allowWatchBookmarks=true&timeoutSeconds=1`);
  await watch.next();
  await delay(1500);
  await make('late');
  const names: string[] = [];
  for await (const { object } of watch) names.push(object.metadata.name);
  expect(names).toContain('big-9');
  expect(names).not.toContain('late');
});

describe('namespaces', () => {
  test('can stay Terminating', async () => {
    await open({ terminationDelay: null });
    await admin.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'stuck' } } });
    await admin.call('DELETE', '/api/v1/namespaces/stuck');
    await delay(100);
    expect((await admin.call('GET', '/api/v1/namespaces/stuck')).body.status).toEqual({ phase: 'Terminating' });
  });
  test('can be without a default ServiceAccount, and get back one that is deleted', async () => {
    await expect.poll(() => sandbox.store.get('/serviceaccounts', 'default', 'default')).toBeDefined();
    await admin.call('DELETE', '/api/v1/namespaces/default/serviceaccounts/default');
    await expect.poll(() => sandbox.store.get('/serviceaccounts', 'default', 'default')).toBeDefined();
    await open({ serviceAccountDelay: null });
    await delay(50);
    expect(sandbox.store.get('/serviceaccounts', 'default', 'default')).toBeUndefined();
  });
});

test('every request is on record', async () => {
  sandbox.resetRequests();
  await make('a');
  await admin.call('GET', `${configs}/a`);
  await admin.call('PATCH', `${configs}/a`, { type: 'application/merge-patch+json', body: {} });
  expect(
    sandbox
      .requests()
      .map(({ verb, resource, namespace, name, code, user, contentType }) => [
        verb,
        resource,
        namespace,
        name,
        code,
        user,
        contentType,
      ]),
  ).toEqual([
    ['create', 'configmaps', 'default', '', 201, 'sandbox-admin', 'application/json'],
    ['get', 'configmaps', 'default', 'a', 200, 'sandbox-admin', ''],
    ['patch', 'configmaps', 'default', 'a', 200, 'sandbox-admin', 'application/merge-patch+json'],
  ]);
  expect(sandbox.requests().filter(isWrite)).toHaveLength(2);
});

test('static tokens and a cluster without anonymous access', async () => {
  await open({ anonymous: false, tokens: { 'let-me-in': { user: 'jane', groups: ['system:masters'] } } });
  const [jane, nobody] = [rawClient(sandbox, { token: 'let-me-in' }), rawClient(sandbox, {})];
  expect([(await jane.call('GET', '/api/v1/namespaces')).code, (await nobody.call('GET', '/livez')).code]).toEqual([
    200, 401,
  ]);
  jane.close();
  nobody.close();
});

test('another kind is one entry', async () => {
  const widget = defineKind({
    group: 'test.dev',
    version: 'v1',
    kind: 'Widget',
    resource: 'widgets',
    shape: objectShape('Widget', { spec: struct('WidgetSpec', { size: string }) }),
  });
  await open({ kinds: [widget] });
  const widgets = '/apis/test.dev/v1/namespaces/default/widgets';
  expect(
    (await admin.call('POST', widgets, { body: { metadata: { name: 'w' }, spec: { size: 'l' } } })).body,
  ).toMatchObject({ kind: 'Widget', apiVersion: 'test.dev/v1', spec: { size: 'l' } });
  expect((await admin.call('GET', widgets)).body).toMatchObject({
    kind: 'WidgetList',
    items: [{ metadata: { name: 'w' } }],
  });
  expect((await admin.call('GET', '/apis/test.dev/v1')).body['resources']).toMatchObject([{ name: 'widgets' }]);
});

test('five thousand namespaces are no burden', { timeout: 240_000 }, async () => {
  const watch = follow('/api/v1/secrets?watch=1');
  /** CPU time, of client and server both: on a busy machine the clock on the wall says nothing. */
  const create = async (from: number, count: number): Promise<number> => {
    const queue = Array.from({ length: count }, (_, index) => `many-${String(from + index).padStart(4, '0')}`);
    const before = process.cpuUsage();
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
          await admin.call('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
          await admin.call('POST', `/api/v1/namespaces/${name}/secrets`, {
            body: { metadata: { name: 'copy' }, data: { a: 'YQ==' } },
          });
        }
      }),
    );
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count / 1000;
  };
  await create(0, 500);
  const early = await create(500, 1000);
  await create(1500, 2500);
  const late = await create(4000, 1000);
  expect(late).toBeLessThan(early * 3);
  await expect.poll(() => watch.events.length, { timeout: 10_000 }).toBe(5000);
  await expect.poll(() => sandbox.store.count('/serviceaccounts'), { timeout: 10_000 }).toBe(5004);
  watch.stop();

  const names: string[] = [];
  for (let token: string | undefined = ''; token !== undefined;) {
    const page = await admin.call('GET', `/api/v1/secrets?limit=500&continue=${token}`);
    names.push(...page.body.items.map(({ metadata }) => metadata.namespace));
    token = page.body.metadata.continue;
  }
  expect([names.length, names[0], names.at(-1), new Set(names).size]).toEqual([5000, 'many-0000', 'many-4999', 5000]);
});
