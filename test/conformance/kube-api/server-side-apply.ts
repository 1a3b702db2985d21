/** Server-side apply and the bookkeeping in managedFields. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { Answer } from '../../integration/env/raw-client.ts';
import { APPLY, core, created, MERGE, owners, refusal, type Suite } from './api.ts';

export const serverSideApply: Suite = (api) => {
  let ns: string;
  let count = 0;
  let name: string;
  beforeAll(async () => {
    ns = await api().namespace();
  });
  beforeEach(() => {
    name = `a-${count++}`;
  });
  const apply = (manager: string, fields: Record<string, unknown>, query = ''): Promise<Answer> => {
    const { metadata = {}, ...rest } = fields as { metadata?: object };
    return api().admin.call('PATCH', `${core(ns, 'configmaps', name)}?fieldManager=${manager}${query}`, {
      type: APPLY,
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, ...rest },
    });
  };
  const merge = (manager: string, body: unknown): Promise<Answer> =>
    api().admin.call('PATCH', `${core(ns, 'configmaps', name)}?fieldManager=${manager}`, { type: MERGE, body });

  test('creates, and owns what it says', async () => {
    const answer = await apply('m1', { metadata: { labels: { x: 'y' } }, data: { k: '1', j: '2' } });
    expect(answer.code).toBe(201);
    expect(owners(answer)).toEqual({
      'm1 Apply': { 'f:data': { 'f:j': {}, 'f:k': {} }, 'f:metadata': { 'f:labels': { 'f:x': {} } } },
    });
  });

  test('takes YAML', async () => {
    const answer = await api().admin.call('PATCH', `${core(ns, 'configmaps', name)}?fieldManager=m1`, {
      type: APPLY,
      body: `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  a: "1"\n`,
    });
    expect([answer.code, answer.body.data]).toEqual([201, { a: '1' }]);
  });

  test('conflicts with whoever owns a value that would change', async () => {
    await apply('m1', { data: { k: '1', j: '2' } });
    expect(refusal(await apply('m2', { data: { k: '2' } }))).toEqual({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "m1": .data.k',
      details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.data.k' }] },
    });
    expect(refusal(await apply('m2', { data: { k: '2', j: '9' } }))).toMatchObject({
      message: 'Apply failed with 2 conflicts: conflicts with "m1":\n- .data.j\n- .data.k',
    });
    await merge('u1', { data: { j: '3' } });
    expect(refusal(await apply('m2', { data: { j: '9' } }))).toMatchObject({
      message: 'Apply failed with 1 conflict: conflict with "u1" using v1: .data.j',
    });
  });

  test('shares what is equal, and takes what it forces', async () => {
    await apply('m1', { data: { k: '1', j: '2' } });
    const shared = await apply('m2', { data: { k: '1' } });
    expect(owners(shared)).toEqual({
      'm1 Apply': { 'f:data': { 'f:j': {}, 'f:k': {} } },
      'm2 Apply': { 'f:data': { 'f:k': {} } },
    });
    const forced = await apply('m2', { data: { k: '5' } }, '&force=true');
    expect([forced.body.data, owners(forced)]).toEqual([
      { j: '2', k: '5' },
      { 'm1 Apply': { 'f:data': { 'f:j': {} } }, 'm2 Apply': { 'f:data': { 'f:k': {} } } },
    ]);
  });

  test('removes what it no longer says, unless somebody else owns it too', async () => {
    await apply('m1', { data: { mine: '1', shared: '2', theirs: '3' } });
    await apply('m2', { data: { shared: '2' } });
    await merge('u1', { data: { theirs: '4' } });
    const answer = await apply('m1', { data: {} });
    expect(answer.body.data).toEqual({ shared: '2', theirs: '4' });
  });

  test('a patch takes ownership away and gives back nothing', async () => {
    await apply('m1', { data: { k: '1' } });
    const answer = await merge('u1', { data: { k: '2', n: '1' } });
    expect(owners(answer)).toEqual({ 'u1 Update': { 'f:data': { 'f:k': {}, 'f:n': {} } } });
  });

  test('twice the same changes nothing, not even a time', async () => {
    const first = await apply('m1', { data: { k: '1' } });
    expect((await apply('m1', { data: { k: '1' } })).body).toEqual(first.body);
  });

  test('an object that nobody tracked belongs to before-first-apply', async () => {
    await created(api().admin.call('POST', core(ns, 'configmaps'), { body: { metadata: { name }, data: { k: '1' } } }));
    await api().admin.call('PATCH', core(ns, 'configmaps', name), {
      type: MERGE,
      body: { metadata: { managedFields: [{}] } },
    });
    expect(refusal(await apply('m1', { data: { k: '2' } })).message).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.k',
    );
  });

  test('owns list items by key, sets by value and atomic lists as a whole', async () => {
    const body = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: {
        name,
        finalizers: ['a.dev/b'],
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'c1', uid: 'u1' }],
      },
      secrets: [{ name: 's' }],
      imagePullSecrets: [{ name: 'i' }],
    };
    const path = `${core(ns, 'serviceaccounts', name)}?fieldManager=m1`;
    expect(owners(await api().admin.call('PATCH', path, { type: APPLY, body }))).toEqual({
      'm1 Apply': {
        'f:imagePullSecrets': {},
        'f:secrets': { 'k:{"name":"s"}': {} },
        'f:metadata': { 'f:finalizers': { 'v:"a.dev/b"': {} }, 'f:ownerReferences': { 'k:{"uid":"u1"}': {} } },
      },
    });
    const other = await api().admin.call('PATCH', path.replace('m1', 'm2'), {
      type: APPLY,
      body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name }, imagePullSecrets: [{ name: 'other' }] },
    });
    expect(refusal(other).message).toBe('Apply failed with 1 conflict: conflict with "m1": .imagePullSecrets');
  });

  test('by another manager adds items to a list of items', async () => {
    const path = core(ns, 'serviceaccounts', name);
    const with_ = (manager: string, secret: string): Promise<Answer> =>
      api().admin.call('PATCH', `${path}?fieldManager=${manager}`, {
        type: APPLY,
        body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name }, secrets: [{ name: secret }] },
      });
    await with_('m1', 's');
    expect((await with_('m2', 't')).body['secrets']).toEqual([{ name: 's' }, { name: 't' }]);
    expect((await with_('m1', 'u')).body['secrets']).toEqual([{ name: 't' }, { name: 'u' }]);
  });

  test('of a Secret owns data by key and takes stringData as data', async () => {
    const path = `${core(ns, 'secrets', name)}?fieldManager=m1`;
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') },
    };
    const answer = await api().admin.call('PATCH', path, { type: APPLY, body: secret });
    expect([answer.code, owners(answer)]).toEqual([
      201,
      { 'm1 Apply': { 'f:data': { 'f:.dockerconfigjson': {} }, 'f:type': {} } },
    ]);
    const changed = await api().admin.call('PATCH', path, { type: APPLY, body: { ...secret, type: 'Opaque' } });
    expect(refusal(changed)).toMatchObject({
      code: 422,
      message: `Secret "${name}" is invalid: type: Invalid value: "Opaque": field is immutable`,
    });
  });

  const refused: [what: string, query: string, body: unknown, status: object][] = [
    [
      'without a field manager',
      '',
      {},
      {
        code: 422,
        message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      },
    ],
    [
      'of another kind',
      '?fieldManager=m',
      { apiVersion: 'v1', kind: 'Secret', metadata: {} },
      { code: 400, message: 'invalid object type: /v1, Kind=Secret' },
    ],
    ['of no kind', '?fieldManager=m', { metadata: {} }, { code: 400, message: 'invalid object type: /, Kind=' }],
    [
      'of another name',
      '?fieldManager=m',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'zz' } },
      { code: 400, message: 'the name of the object (zz) does not match the name on the URL (refused)' },
    ],
    [
      'in another namespace',
      '?fieldManager=m',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'zz' } },
      { code: 400, message: 'the namespace of the provided object does not match the namespace sent on the request' },
    ],
    [
      'with managedFields',
      '?fieldManager=m',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { managedFields: [] } },
      { code: 400, message: 'metadata.managedFields must be nil' },
    ],
    [
      'with a uid when there is no object',
      '?fieldManager=m',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { uid: 'zz' } },
      {
        code: 409,
        message:
          'Operation cannot be fulfilled on configmaps "refused": uid mismatch: the provided object specified uid zz, and no existing object was found',
      },
    ],
    [
      'of an unknown field',
      '?fieldManager=m',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, dat: {} },
      {
        code: 500,
        message: 'failed to create typed patch object (/; /v1, Kind=ConfigMap): .dat: field not declared in schema',
      },
    ],
    [
      'of a wrong type',
      '?fieldManager=m',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { a: 5 } },
      {
        code: 500,
        message:
          'failed to create typed patch object (/; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:5}',
      },
    ],
    [
      'of duplicates',
      '?fieldManager=m',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { finalizers: ['a.dev/b', 'a.dev/b'] } },
      {
        code: 500,
        message:
          'failed to create typed patch object (/; /v1, Kind=ConfigMap): .metadata.finalizers: duplicate entries for key [="a.dev/b"]',
      },
    ],
  ];
  test.for(refused)('%s is refused', async ([, query, body, status]) => {
    expect(
      refusal(await api().admin.call('PATCH', `${core(ns, 'configmaps', 'refused')}${query}`, { type: APPLY, body })),
    ).toMatchObject(status);
  });

  test('of another uid or an old resourceVersion is refused when there is an object', async () => {
    await apply('m1', { data: { k: '1' } });
    expect(refusal(await apply('m1', { metadata: { uid: 'zz' } }))).toMatchObject({
      code: 422,
      message: `ConfigMap "${name}" is invalid: metadata.uid: Invalid value: "zz": field is immutable`,
    });
    expect(refusal(await apply('m1', { metadata: { resourceVersion: '1' } }))).toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
  });

  test('as a dry run stores nothing', async () => {
    expect((await apply('m1', { data: { k: '1' } }, '&dryRun=All')).code).toBe(201);
    expect((await api().admin.call('GET', core(ns, 'configmaps', name))).code).toBe(404);
  });

  test('writers without a name are known by their user agent', async () => {
    const answer = await api().admin.call('POST', core(ns, 'configmaps'), {
      headers: { 'user-agent': 'some-tool/1.0 (linux)' },
      body: { metadata: { name }, data: { k: '1' } },
    });
    expect(owners(answer)).toEqual({ 'some-tool Update': { 'f:data': { '.': {}, 'f:k': {} } } });
  });
};
