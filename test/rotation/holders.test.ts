/** What else holds a login: counted with the rights of whoever asks, and never a zero where nothing could be seen. */
import { expect, test } from 'vitest';
import { createHmac } from 'node:crypto';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import { derivedLine, observeHolders } from '../../src/rotation/holders.ts';
import { refusal, scriptedClient, type Call } from '../kube/scripted-client.ts';

const UID = '7d4f5a1e-0000-4000-8000-000000000001';
const HASH = '182d49977813a14c';
const mac = (text: string): string => createHmac('sha256', 'a key of the tests').update(text).digest('hex');
const login = { username: 'robot', password: 'pw-new' };
const SET = '/apis/kuik.enix.io/v1alpha1/clusterreplicatedimagesets/hub';

const kuik = (parts: object = {}) => ({
  name: 'kuik',
  kind: 'kube-image-keeper',
  source: 'upstream',
  registry: 'docker.io',
  object: { kind: 'ClusterReplicatedImageSet', name: 'hub' },
  copyNamespace: 'kuik-system',
  ...parts,
});
function proxyOf(config: object) {
  const [proxy] = createProxies(
    configurationSchema.parse({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [
        {
          name: 'upstream',
          secret: { namespace: 'pullpass-system', name: 'upstream' },
          copyName: 'regcred',
          aliases: [{ host: 'harbor.corp', from: 'docker.io' }],
        },
      ],
      retiredCopyNames: ['old-regcred'],
      cacheProxies: [config],
    }),
  );
  if (proxy === undefined) throw new Error('no proxy');
  return proxy;
}

const secret = (namespace: string, password: string, name = `kuik-regcred-${HASH}`, key = 'docker.io') => ({
  metadata: { namespace, name, labels: { 'kuik.enix.io/owner-uid': UID } },
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': Buffer.from(
      JSON.stringify({ auths: { [key]: { auth: Buffer.from(`robot:${password}`).toString('base64') } } }),
    ).toString('base64'),
  },
});
const origin = {
  metadata: { name: 'hub', uid: UID },
  spec: {
    upstreams: [
      { registry: 'docker.io', credentialSecret: { name: 'regcred', namespace: 'kuik-system' } },
      { registry: 'quay.io', credentialSecret: { name: 'quay-login', namespace: 'kuik-system' } },
    ],
  },
};

/** The API server: the object, and the Secrets with its label, two to a page. */
function cluster(secrets: object[], answer: (call: Call) => unknown = () => undefined) {
  return scriptedClient((call) => {
    const own = answer(call);
    if (own !== undefined) return own;
    if (call.path === SET) return origin;
    const start = Number(call.query['continue'] ?? 0);
    const next = start + 2;
    return {
      metadata: { ...(next < secrets.length && { continue: String(next) }) },
      items: call.query['labelSelector'] === `kuik.enix.io/owner-uid=${UID}` ? secrets.slice(start, next) : [],
    };
  });
}
const look = async (
  secrets: object[],
  more: { config?: object; answer?: (call: Call) => unknown; only?: string[] } = {},
) => {
  const { client, calls } = cluster(secrets, more.answer);
  const seen = await observeHolders(proxyOf(kuik(more.config)), { client, login, mac, only: more.only });
  expect(calls.every(({ verb }) => verb === 'get')).toBe(true);
  return { ...seen, calls };
};

test('counts the Secrets that kube-image-keeper made, and those with another login', async () => {
  const { derived } = await look([
    secret('team-b', 'pw-old'),
    secret('team-a', 'pw-new'),
    secret('team-c', 'pw-old', `kuik-old-regcred-${HASH}`),
    secret('team-b', 'pw-older', `kuik-kuik-regcred-${HASH}-5d5356fbcd468beb`),
  ]);
  expect(derived).toEqual({
    what: 'Secrets that kube-image-keeper made of the copy',
    total: 4,
    stale: 3,
    namespaces: ['team-b', 'team-c'],
    inNamespaces: 2,
    selector: `kuik.enix.io/owner-uid=${UID}`,
  });
  expect(derived && derivedLine(derived)).toBe(
    '3 of 4 Secrets that kube-image-keeper made of the copy hold another login: namespaces team-b, team-c',
  );
});

test('a login of another user is another login', async () => {
  const other = { client: cluster([secret('a', 'pw-new')]).client, login: { ...login, username: 'somebody' }, mac };
  expect((await observeHolders(proxyOf(kuik()), other)).derived).toMatchObject({ total: 1, stale: 1 });
});

test('a Secret of another registry of the same object does not count, nor what holds no login for this one', async () => {
  expect(
    (
      await look([
        // It holds an entry for docker.io too, of whoever made that Secret.
        secret('a', 'pw-theirs', `kuik-quay-login-${HASH}`),
        secret('b', 'pw', `kuik-regcred-${HASH}`, 'ghcr.io'),
        { metadata: { namespace: 'c', name: `kuik-regcred-${HASH}` }, type: 'Opaque', data: {} },
      ])
    ).derived,
  ).toMatchObject({ total: 0, stale: 0, namespaces: [] });
});

test('a mirror is counted by the host of the mirror', async () => {
  const mirror = { object: { kind: 'ClusterImageSetMirror', name: 'hub' }, host: 'harbor.corp' };
  const { derived, calls } = await look([], {
    config: mirror,
    answer: ({ path }) =>
      path.includes('clusterimagesetmirrors')
        ? { ...origin, spec: { mirrors: [{ registry: 'harbor.corp', credentialSecret: { name: 'regcred' } }] } }
        : { metadata: {}, items: [secret('a', 'pw-old', undefined, 'harbor.corp'), secret('b', 'x')] },
  });
  expect(derived).toMatchObject({ total: 1, stale: 1, namespaces: ['a'] });
  expect(calls[0]?.path).toBe('/apis/kuik.enix.io/v1alpha1/clusterimagesetmirrors/hub');
});

test('only the namespaces that are asked for', async () => {
  const { calls } = await look([secret('a', 'pw-old')], { only: ['a', 'b'] });
  expect(calls.map(({ path }) => path)).toEqual([SET, '/api/v1/namespaces/a/secrets', '/api/v1/namespaces/b/secrets']);
});

test('many namespaces are bounded', async () => {
  const { derived } = await look(Array.from({ length: 70 }, (_, i) => secret(`n-${100 + i}`, 'pw-old')));
  expect(derived).toMatchObject({ total: 70, stale: 70, inNamespaces: 70 });
  expect(derived?.namespaces).toHaveLength(50);
  expect(derived && derivedLine(derived)).toMatch(/namespaces n-100, n-101, n-102, n-103, n-104 and 65 more$/);
});

test.each<[string, (call: Call) => unknown, string]>([
  [
    'Secrets may not be listed',
    ({ path }) => {
      if (path.endsWith('/secrets')) throw refusal(403);
    },
    'no right to list Secrets in all namespaces',
  ],
  [
    'the object may not be read',
    ({ path }) => {
      if (path === SET) throw refusal(403);
    },
    `no right to read ${SET}, by whose UID they are found`,
  ],
  [
    'the object is not there',
    ({ path }) => {
      if (path === SET) throw refusal(404);
    },
    `${SET}, by whose UID they are found, is not there`,
  ],
  [
    'the object has a UID that is none',
    ({ path }) => (path === SET ? { metadata: { name: 'hub', uid: 'x,y in (z)' } } : undefined),
    `${SET} has no UID, by which they are found`,
  ],
])('where %s, nothing is said to be in order', async (_, answer, why) => {
  const { derived } = await look([secret('a', 'pw-old')], { answer });
  expect(derived).toMatchObject({ total: 0, stale: 0, unseen: why });
  expect(derived && derivedLine(derived)).toBe(
    `Secrets that kube-image-keeper made of the copy could not be counted: ${why}`,
  );
});

test('an endless collection is not read to its end, and what was found is told', async () => {
  let pages = 0;
  const page = Array.from({ length: 500 }, () => secret('a', 'pw-old'));
  const { derived, calls } = await look([], {
    answer: ({ path }) => (path === SET ? undefined : { metadata: { continue: `more-${++pages}` }, items: page }),
  });
  expect(derived).toMatchObject({ total: 10_000, stale: 10_000, unseen: 'there are more than 10000 of them' });
  // One page is asked for ahead.
  expect(calls.length).toBe(23);
  expect(derived && derivedLine(derived)).toMatch(/^at least 10000 of 10000 .*; not all could be counted: there are/);
});

test('a list that expired is counted again from its start', async () => {
  let expired = false;
  const { derived } = await look([secret('a', 'pw-old'), secret('b', 'pw-old'), secret('c', 'pw-new')], {
    answer: ({ query }) => {
      if (query['continue'] === undefined || expired) return undefined;
      expired = true;
      throw refusal(410);
    },
  });
  expect(derived).toMatchObject({ total: 3, stale: 2, namespaces: ['a', 'b'] });
});

test('an API server that does not answer is an error, not a count', async () => {
  const down = (): never => {
    throw new UnreachableError('down');
  };
  await expect(look([], { answer: down })).rejects.toThrow('down');
});

test('no login shows in what is returned', async () => {
  const seen = await look([secret('a', 'pw-old'), secret('b', 'pw-new')]);
  expect(JSON.stringify({ ...seen, calls: undefined })).not.toMatch(/pw-|robot|[0-9a-f]{64}/);
});

const admin = { secret: { namespace: 'n', name: 'a' } };
const file = { secret: { namespace: 'n', name: 's' } };
const other = { namespace: 'n', name: 'o' };
const KINDS: Record<string, object> = {
  distribution: file,
  'distribution-helper': file,
  zot: file,
  template: { ...file, files: { a: 'x' } },
  harbor: { url: 'https://x.test', admin, endpoint: 'hub' },
  nexus: { url: 'https://x.test', admin, repository: 'r' },
  artifactory: { url: 'https://x.test', admin, repository: 'r' },
  gitlab: { url: 'https://x.test', admin, group: 'g' },
  webhook: { url: 'https://x.test', admin },
  'kube-image-keeper': { object: { kind: 'ReplicatedImageSet', ...other }, copyNamespace: 'n' },
  'kube-fledged': { object: other },
  'image-puller': { object: other },
  'custom-resource': { object: { apiVersion: 'a.b/v1', resource: 'cs', ...other }, path: '/spec/x' },
};

test.each(cacheProxySchema.options.map(({ shape }) => [...shape.kind.values][0] ?? ''))(
  '%s says what else holds its login, and asks nobody about what cannot be counted',
  async (kind) => {
    const { client, calls } = scriptedClient();
    const proxy = proxyOf({ name: 'p', kind, source: 'upstream', registry: 'docker.io', ...KINDS[kind] });
    const { unseen, derived } = await observeHolders(proxy, { client, login, mac });
    // It completes a sentence.
    expect(unseen).toMatch(/^[^\n]{10,200}[^.\n]$/);
    expect([derived, calls]).toEqual([undefined, []]);
  },
);
