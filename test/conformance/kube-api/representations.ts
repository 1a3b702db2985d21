/** Which forms of an object a client can ask for. */
import { beforeAll, expect, test } from 'vitest';
import { core, created, refusal, type Suite } from './api.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const PARTIAL = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const PARTIAL_LIST = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

export const representations: Suite = (api) => {
  let ns: string;
  const get = (path: string, accept: string): ReturnType<ReturnType<typeof api>['admin']['call']> =>
    api().admin.call('GET', path, { accept });
  beforeAll(async () => {
    ns = await api().namespace();
    await created(
      api().admin.call('POST', core(ns, 'secrets'), { body: { metadata: { name: 's' }, data: { a: 'YQ==' } } }),
    );
  });

  test('tables have the columns of kubectl get', async () => {
    const { body } = await get(core(ns, 'secrets', 's'), TABLE);
    expect([body.kind, body.apiVersion]).toEqual(['Table', 'meta.k8s.io/v1']);
    expect(
      (body['columnDefinitions'] as { name: string; type: string; format: string; priority: number }[]).map(
        ({ name, type, format, priority }) => [name, type, format, priority],
      ),
    ).toEqual([
      ['Name', 'string', 'name', 0],
      ['Type', 'string', '', 0],
      ['Data', 'string', '', 0],
      ['Age', 'string', '', 0],
    ]);
    const [row] = body['rows'] as { cells: unknown[]; object: { kind: string; metadata: { name: string } } }[];
    expect([row?.cells.slice(0, 3), row?.object.kind, row?.object.metadata.name]).toEqual([
      ['s', 'Opaque', 1],
      'PartialObjectMetadata',
      's',
    ]);
  });
  test('tables can hold whole objects or none', async () => {
    const objectOf = async (include: string): Promise<unknown> =>
      (
        (await get(`${core(ns, 'secrets')}?includeObject=${include}`, TABLE)).body['rows'] as {
          object?: { kind: string };
        }[]
      )[0]?.object?.kind;
    expect([await objectOf('None'), await objectOf('Metadata'), await objectOf('Object')]).toEqual([
      undefined,
      'PartialObjectMetadata',
      'Secret',
    ]);
  });
  test('metadata alone, of one and of many', async () => {
    const one = await get(core(ns, 'secrets', 's'), PARTIAL);
    expect([one.body.kind, one.body.apiVersion, Object.keys(one.body)]).toEqual([
      'PartialObjectMetadata',
      'meta.k8s.io/v1',
      ['kind', 'apiVersion', 'metadata'],
    ]);
    const many = await get(`${core(ns, 'secrets')}?limit=1`, PARTIAL_LIST);
    expect([many.body.kind, many.body.apiVersion, many.body.items.map(({ kind }) => kind)]).toEqual([
      'PartialObjectMetadataList',
      'meta.k8s.io/v1',
      ['PartialObjectMetadata'],
    ]);
  });
  test('YAML', async () => {
    const answer = await get(core(ns, 'secrets', 's'), 'application/yaml');
    expect([answer.code, answer.headers['content-type'], answer.text.split('\n')[0]]).toEqual([
      200,
      'application/yaml',
      'apiVersion: v1',
    ]);
  });
  test('what cannot be served is passed over for what can', async () => {
    const answer = await get(core(ns, 'secrets', 's'), 'application/json;as=Foo;v=v1;g=meta.k8s.io,application/json');
    expect([answer.code, answer.body.kind]).toEqual([200, 'Secret']);
  });

  const refused: [path: string, accept: string, message: string][] = [
    [
      's',
      'text/plain',
      '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    ],
    [
      's',
      'application/json;as=Foo;v=v1;g=meta.k8s.io',
      'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    ],
    ['', PARTIAL, 'you requested PartialObjectMetadata, but the requested object is a list (*core.SecretList)'],
    [
      's',
      PARTIAL_LIST,
      'you requested PartialObjectMetadataList, but the requested object is not a list (*core.Secret)',
    ],
  ];
  test.for(refused)('of "%s" as %s is 406', async ([name, accept, message]) => {
    expect(refusal(await get(core(ns, 'secrets', name), accept))).toMatchObject({
      code: 406,
      reason: 'NotAcceptable',
      message,
    });
  });
  test('a body of an unknown type is 415', async () => {
    expect(refusal(await api().admin.call('POST', core(ns, 'secrets'), { type: 'text/plain', body: 'x' }))).toEqual({
      code: 415,
      reason: 'UnsupportedMediaType',
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json, ' +
        'application/yaml, application/vnd.kubernetes.protobuf',
    });
  });

  test('discovery lists each kind once, plain and aggregated', async () => {
    const plain = await api().admin.call('GET', '/api/v1');
    expect(plain.body.kind).toBe('APIResourceList');
    expect(plain.body['resources']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'secrets',
          singularName: 'secret',
          namespaced: true,
          kind: 'Secret',
          verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
        }),
        expect.objectContaining({
          name: 'serviceaccounts/token',
          kind: 'TokenRequest',
          group: 'authentication.k8s.io',
          version: 'v1',
          verbs: ['create'],
        }),
      ]),
    );
    const aggregated = await get('/apis', 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect([aggregated.body.kind, aggregated.headers['content-type']]).toEqual([
      'APIGroupDiscoveryList',
      'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
    ]);
    expect(aggregated.body.items.map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(['apps', 'coordination.k8s.io', 'rbac.authorization.k8s.io']),
    );
  });
  test('health', async () => {
    for (const path of ['/livez', '/readyz', '/healthz']) expect((await api().admin.call('GET', path)).text).toBe('ok');
  });
};
