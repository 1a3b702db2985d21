/**
 * Random writes, made to the sandbox and to a real kube-apiserver alike: both must answer the same and end up with the same
 * object, ownership of fields included. This found what nobody would have thought of pinning.
 */
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiServer } from '../integration/env/api-server.ts';
import { rawClient, type Answer, type RawClient } from '../integration/env/raw-client.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import { APPLY, core, created, inWordsOfToday, JSON_PATCH, leases, MERGE, STRATEGIC } from './kube-api/api.ts';

interface Write {
  readonly resource: 'configmaps' | 'serviceaccounts' | 'secrets' | 'leases';
  readonly operation: 'post' | 'put' | 'merge' | 'strategic' | 'json' | 'apply' | 'force' | 'delete';
  readonly name: string;
  readonly manager: string;
  readonly body: Record<string, unknown>;
  readonly jsonPatch: object;
}

const KINDS = {
  configmaps: 'ConfigMap',
  serviceaccounts: 'ServiceAccount',
  secrets: 'Secret',
  leases: 'Lease',
} as const;

const some = <T>(...values: T[]): fc.Arbitrary<T[]> => fc.shuffledSubarray(values);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const map = (keys: string[], values: string[]): fc.Arbitrary<Record<string, string>> =>
  fc
    .tuple(some(...keys), fc.constantFrom(...values))
    .map(([chosen, value]) => Object.fromEntries(chosen.map((key) => [key, value])));
const named = (...names: string[]): fc.Arbitrary<{ name: string }[]> =>
  some(...names).map((chosen) => chosen.map((name) => ({ name })));

const metadata = fc.record({
  labels: maybe(map(['a', 'b', 'c'], ['1', '2', ''])),
  annotations: maybe(map(['x', 'y'], ['1', ''])),
  finalizers: maybe(some('t.dev/a', 't.dev/b', 't.dev/c')),
  ownerReferences: maybe(
    some('u1', 'u2').map((uids) => uids.map((uid) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid }))),
  ),
});
const fieldsOf: { readonly [Resource in Write['resource']]: fc.Arbitrary<object> } = {
  configmaps: fc.record({ data: maybe(map(['k', 'l', 'm'], ['1', '2', ''])) }),
  serviceaccounts: fc.record({
    secrets: maybe(named('s', 't', 'u')),
    imagePullSecrets: maybe(named('i', 'j')),
    automountServiceAccountToken: maybe(fc.boolean()),
  }),
  secrets: fc.record({
    data: maybe(map(['k', 'l'], ['YQ==', 'Yg=='])),
    stringData: maybe(map(['sd'], ['1', '2'])),
    type: maybe(fc.constantFrom('Opaque', 'test.dev/a')),
  }),
  leases: fc.record({
    spec: maybe(
      fc.record({
        holderIdentity: maybe(fc.constantFrom('a', 'b', '')),
        leaseDurationSeconds: maybe(fc.constantFrom(15, 0)),
        leaseTransitions: maybe(fc.constantFrom(0, 1)),
      }),
    ),
  }),
};
const jsonPatch = fc.constantFrom<object[]>(
  { op: 'add', path: '/metadata/labels', value: { z: '1' } },
  { op: 'remove', path: '/metadata/labels/a' },
  { op: 'add', path: '/imagePullSecrets/-', value: { name: 'jj' } },
  { op: 'replace', path: '/data/k', value: 'YQ==' },
  { op: 'remove', path: '/secrets/0' },
  { op: 'test', path: '/data', value: null },
  { op: 'add', path: '/metadata/finalizers/0', value: 't.dev/j' },
);
const write: fc.Arbitrary<Write> = fc
  .constantFrom('configmaps', 'serviceaccounts', 'secrets', 'leases')
  .chain((resource) =>
    fc.record({
      resource: fc.constant(resource),
      operation: fc.constantFrom(
        'post',
        'put',
        'merge',
        'merge',
        'strategic',
        'json',
        'apply',
        'apply',
        'force',
        'force',
        'delete',
      ),
      name: fc.constantFrom('one', 'two'),
      manager: fc.constantFrom('m1', 'm2', 'm3'),
      jsonPatch,
      body: fc.tuple(metadata, fieldsOf[resource]).map(([meta, fields]) => ({ metadata: meta, ...fields })),
    }),
  );

const collection = (namespace: string, { resource }: Write): string =>
  resource === 'leases' ? leases(namespace) : core(namespace, resource);

function send(client: RawClient, namespace: string, one: Write): Promise<Answer> {
  const all = collection(namespace, one);
  const path = `${all}/${one.name}`;
  const by = `?fieldManager=${one.manager}`;
  const body = { ...one.body, metadata: { ...(one.body['metadata'] as object), name: one.name } };
  const typed = {
    apiVersion: one.resource === 'leases' ? 'coordination.k8s.io/v1' : 'v1',
    kind: KINDS[one.resource],
    ...body,
  };
  switch (one.operation) {
    case 'post':
      return client.call('POST', `${all}${by}`, { body });
    case 'put':
      return client.call('PUT', `${path}${by}`, { body });
    case 'merge':
      return client.call('PATCH', `${path}${by}`, { body, type: MERGE });
    case 'strategic':
      return client.call('PATCH', `${path}${by}`, { body, type: STRATEGIC });
    case 'json':
      return client.call('PATCH', `${path}${by}`, { body: [one.jsonPatch], type: JSON_PATCH });
    case 'apply':
      return client.call('PATCH', `${path}${by}`, { body: typed, type: APPLY });
    case 'force':
      return client.call('PATCH', `${path}${by}&force=true`, { body: typed, type: APPLY });
    case 'delete':
      return client.call('DELETE', path);
  }
}

/** What is left of an answer without names, times and versions, and with everything unordered in order. */
function essence({ code, text }: Answer): unknown {
  const plain = JSON.parse(
    text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UID')
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
      .replaceAll(/"resourceVersion":"\d+"/g, '"resourceVersion":"N"'),
  ) as Answer['body'];
  const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  plain.metadata.managedFields
    ?.sort((a, b) => byText([a.manager, a.operation], [b.manager, b.operation]))
    .forEach((entry) => {
      entry.time = '';
    });
  // Which of several conflicting managers comes first is chance on the real server.
  plain.details?.causes?.sort(byText);
  return [code, plain];
}

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);
else
  describe('sandbox and kube-apiserver', () => {
    const servers: ApiServer[] = [];
    let clients: RawClient[];
    beforeAll(async () => {
      servers.push(...(await Promise.all([startSandbox(), startRealApi(real.found)])));
      clients = servers.map((server) => rawClient(server, server.admin));
    });
    afterAll(async () => {
      for (const client of clients) client.close();
      await Promise.all(servers.map((server) => server.stop()));
    });

    test('do the same with any sequence of writes', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(write, { minLength: 5, maxLength: 30 }), async (writes) => {
          const namespace = `ns-${randomBytes(4).toString('hex')}`;
          for (const client of clients)
            await created(client.call('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } }));
          for (const one of writes) {
            const [ours, theirs] = await Promise.all(clients.map((client) => send(client, namespace, one)));
            if (ours && theirs)
              expect(essence(ours)).toEqual(essence({ ...theirs, text: inWordsOfToday(theirs.text) }));
          }
        }),
        { numRuns: 25, endOnFailure: true },
      );
    });
  });
