/** Lists in pages, of objects that a tenant made as large as the API server takes. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { TooLargeError } from '../../src/kube/api-error.ts';
import { createClient } from '../../src/kube/client.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { listPages } from '../../src/kube/list.ts';
import type { ApiObject } from '../../src/kube/list.ts';
import { httpsServer, json } from './https-server.ts';
import { scriptedClient } from './scripted-client.ts';

const MiB = 2 ** 20;
let server: Awaited<ReturnType<typeof httpsServer>>;
let connection: Connection;
let client: KubeClient;
/** Sizes of the objects that there are, in bytes, and of the pages that were asked for. */
let sizes: number[];
let limits: number[];
let largest: number;

beforeAll(async () => {
  server = await httpsServer();
  connection = connect(server.config());
  client = createClient(connection);
  server.on(({ url }, response) => {
    const query = new URL(url, server.url).searchParams;
    const [limit, from] = [Number(query.get('limit')), Number(query.get('continue') ?? 0)];
    limits.push(limit);
    const items = sizes
      .slice(from, from + limit)
      .map((size, i) => ({ metadata: { name: `o${from + i}` }, text: 'x'.repeat(size) }));
    const bytes = items.reduce((sum, { text }) => sum + text.length, 0);
    json(response, 200, {
      metadata: { resourceVersion: '7', ...(from + limit < sizes.length && { continue: String(from + limit) }) },
      items,
    });
    // What a page that is taken in holds; of the others no more than a bounded part is read.
    if (bytes <= 16 * MiB || limit === 1) largest = Math.max(largest, bytes);
  });
});
beforeEach(() => {
  limits = [];
  largest = 0;
});
afterAll(async () => {
  await connection.close();
  await server.close();
});

async function list(): Promise<string[]> {
  const names: string[] = [];
  expect(
    await listPages(
      client,
      { path: '/api/v1/things' },
      {
        each: ({ metadata }) => names.push(metadata.name),
        restart: () => {
          names.length = 0;
        },
      },
    ),
  ).toBe('7');
  return names;
}

test('pages of large objects shrink until they are small enough, and grow again behind them; each object comes once, in order', async () => {
  sizes = [
    ...Array.from({ length: 600 }, () => 100),
    ...Array.from({ length: 40 }, () => 1.5 * MiB),
    ...Array.from({ length: 1_500 }, () => 100),
  ];
  expect(await list()).toEqual(sizes.map((_, i) => `o${i}`));
  expect(largest).toBeLessThanOrEqual(16 * MiB);
  expect(limits[0]).toBe(500);
  expect(Math.min(...limits)).toBeLessThan(12);
  expect(limits.at(-1)).toBe(500);
  // Not one by one.
  expect(limits.length).toBeLessThan(30);
});

test('an object that is larger than a page is a page', async () => {
  sizes = [20 * MiB, 100];
  expect(await list()).toEqual(['o0', 'o1']);
});

test('ordinary pages are asked for once', async () => {
  sizes = Array.from({ length: 1_200 }, () => 10_000);
  expect((await list()).length).toBe(1_200);
  expect(limits).toEqual([500, 500, 500]);
});

test('pages of pods are smaller: they are twenty times as large as other objects', async () => {
  sizes = Array.from({ length: 250 }, () => 10);
  for (const path of ['/api/v1/pods', '/api/v1/namespaces/ns/pods', '/apis/apps/v1/deployments'])
    await listPages(client, { path }, { each: () => undefined, restart: () => undefined });
  expect(limits).toEqual(Array.from({ length: 9 }, () => 100));
});

test('the next page is asked for before this one is worked on, and no page after it', async () => {
  sizes = Array.from({ length: 1_600 }, () => 10);
  const asked: number[] = [];
  await listPages(
    client,
    { path: '/api/v1/things' },
    {
      each: ({ metadata: { name } }) => {
        if (Number(name.slice(1)) % 500 === 0) asked.push(limits.length);
      },
      restart: () => undefined,
    },
  );
  expect(limits).toHaveLength(4);
  // The server, in this process, may not have had its turn yet.
  asked.forEach((pages, i) => expect(pages).toBeLessThanOrEqual(Math.min(i + 2, 4)));
  const { client: scripted, calls } = scriptedClient(({ query }) => ({
    metadata: { continue: query['continue'] === undefined ? 'more' : '' },
    items: [{ metadata: { name: `of ${String(query['continue'])}` } }],
  }));
  const taken: [string, number][] = [];
  const each = ({ metadata: { name } }: ApiObject): unknown => taken.push([name, calls.length]);
  await listPages(scripted, { path: '/p' }, { each, restart: () => undefined });
  expect(taken).toEqual([
    ['of undefined', 2],
    ['of more', 2],
  ]);
});

test('an object that is no JSON: the error shows nothing of it', async () => {
  const text = '{"metadata":{},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"},"data":pass-word}]}';
  const names: string[] = [];
  const { client: scripted } = scriptedClient();
  const broken: KubeClient = {
    ...scripted,
    get: (_, options) => {
      const page = options?.into?.page(1_000);
      page?.take(Buffer.from(text));
      return Promise.resolve(page?.parse() as never);
    },
  };
  const list = listPages(
    broken,
    { path: '/p' },
    { each: ({ metadata }) => names.push(metadata.name), restart: () => undefined },
  );
  await expect(list).rejects.toThrow(/^GET \/p: an object of the list is not JSON$/);
  expect(names).toEqual(['a']);
});

test('an answer that is larger than the caller takes is an error of its own', async () => {
  sizes = [2 * MiB];
  await expect(client.get('/api/v1/things?limit=1', { maxBytes: MiB })).rejects.toThrow(TooLargeError);
  await expect(client.get('/api/v1/things?limit=1', { maxBytes: MiB })).rejects.toThrow(
    /^GET .*: the answer is larger than 1048576 bytes$/,
  );
});

test.each<[string, (page: number) => object]>([
  ['gives the same token again and again', () => ({ metadata: { resourceVersion: '7', continue: 'more' }, items: [] })],
  ['gives new tokens for nothing', (n) => ({ metadata: { resourceVersion: '7', continue: String(n) }, items: [] })],
  ['is no list', () => ({ kind: 'Status', metadata: {}, items: 'many' })],
  ['is nothing', () => [null] as object],
  ['has objects without a name', () => ({ metadata: { resourceVersion: '7' }, items: [{ metadata: {} }] })],
])('a server whose answer %s is not asked for ever', async (_, answer) => {
  let pages = 0;
  const { client: scripted } = scriptedClient(() => answer(++pages));
  await expect(
    listPages(scripted, { path: '/p' }, { each: () => undefined, restart: () => undefined }),
  ).rejects.toThrow(/^GET \/p: /);
  expect(pages).toBeLessThan(200);
});

test('a list without an end fills no memory', async () => {
  let pages = 0;
  const items = Array.from({ length: 5_000 }, (_, i) => ({ metadata: { name: `o${i}` } }));
  const { client: scripted } = scriptedClient(() => ({ metadata: { continue: String(++pages) }, items }));
  let taken = 0;
  const list = listPages(scripted, { path: '/p' }, { each: () => void taken++, restart: () => undefined });
  await expect(list).rejects.toThrow('GET /p: more than 500000 objects');
  expect(taken).toBeLessThanOrEqual(500_000);
});

test('objects that were not asked for are in no list', async () => {
  const of = (namespace: string, name: string, labels?: object) => ({
    type: 'Opaque',
    metadata: { namespace, name, labels },
  });
  const all = [of('ns', 'a', { us: 'x' }), of('ns', 'b'), of('other', 'a', { us: 'x' })];
  const { client: scripted } = scriptedClient(() => ({ metadata: {}, items: all }));
  const names = async (selector: object): Promise<string[]> => {
    const found: string[] = [];
    const each = ({ metadata }: ApiObject) => void found.push(`${metadata.namespace}/${metadata.name}`);
    await listPages(scripted, { path: '/api/v1/secrets', ...selector }, { each, restart: () => undefined });
    return found;
  };
  expect(await names({})).toEqual(['ns/a', 'ns/b', 'other/a']);
  expect(await names({ path: '/api/v1/namespaces/ns/secrets' })).toEqual(['ns/a', 'ns/b']);
  expect(await names({ labelSelector: 'us' })).toEqual(['ns/a', 'other/a']);
  expect(await names({ labelSelector: '!us' })).toEqual(['ns/b']);
  expect(await names({ labelSelector: 'us!=x' })).toEqual(['ns/b']);
  expect(await names({ labelSelector: 'us in (y,z)' })).toHaveLength(3); // left to the server
  expect(await names({ fieldSelector: 'metadata.name=b' })).toEqual(['ns/b']);
  expect(await names({ fieldSelector: 'metadata.namespace!=ns' })).toEqual(['other/a']);
  expect(await names({ fieldSelector: 'type=kubernetes.io/dockercfg' })).toEqual([]);
  expect(await names({ fieldSelector: 'status.phase=Bound' })).toHaveLength(3); // it cannot be seen here
});
