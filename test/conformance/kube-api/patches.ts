/** JSON patch, merge patch and strategic merge patch. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Answer } from '../../integration/env/raw-client.ts';
import { core, created, JSON_PATCH, MERGE, refusal, STRATEGIC, type Suite } from './api.ts';

const REJECTED = {
  code: 422,
  reason: 'Invalid',
  message: 'the server rejected our request due to an error in our request',
  details: {},
};
const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export const patches: Suite = (api) => {
  let ns: string;
  let count = 0;
  let name: string;
  beforeAll(async () => {
    ns = await api().namespace();
  });
  beforeEach(async () => {
    name = `p-${count++}`;
    await created(api().admin.call('POST', core(ns, 'configmaps'), { body: { metadata: { name }, data: { z: '1' } } }));
    await created(
      api().admin.call('POST', core(ns, 'serviceaccounts'), {
        body: { metadata: { name }, secrets: [{ name: 't' }], imagePullSecrets: [{ name: 'x' }] },
      }),
    );
  });
  const config = (type: string, body: unknown, query = ''): Promise<Answer> =>
    api().admin.call('PATCH', `${core(ns, 'configmaps', name)}${query}`, { type, body });
  const account = (type: string, body: unknown): Promise<Answer> =>
    api().admin.call('PATCH', core(ns, 'serviceaccounts', name), { type, body });

  describe('JSON patch', () => {
    const refused: [what: string, operation: unknown][] = [
      ['test of another value', { op: 'test', path: '/data/z', value: '2' }],
      ['test of an absent key against a value', { op: 'test', path: '/data/zz', value: 'x' }],
      ['test below an absent parent, even against null', { op: 'test', path: '/binaryData/zz', value: null }],
      ['remove of an absent key', { op: 'remove', path: '/data/zz' }],
      ['add below an absent parent', { op: 'add', path: '/metadata/annotations/a', value: '1' }],
      ['move from an absent key', { op: 'move', from: '/data/qq', path: '/data/y' }],
      ['remove of the whole', { op: 'remove', path: '' }],
      ['an unknown operation', { op: 'foo', path: '/data/z' }],
      ['an operation without a path', { op: 'add', value: 'x' }],
    ];
    test.for(refused)('%s is refused', async ([, operation]) => {
      expect(refusal(await config(JSON_PATCH, [operation]))).toEqual(REJECTED);
    });

    const laxer: [what: string, operations: unknown[], data: Record<string, string>][] = [
      ['test of an absent key passes against null', [{ op: 'test', path: '/data/zz', value: null }], { z: '1' }],
      ['replace of an absent key adds it', [{ op: 'replace', path: '/data/zz', value: '2' }], { z: '1', zz: '2' }],
      ['copy of an absent key copies null', [{ op: 'copy', from: '/data/qq', path: '/data/y' }], { z: '1', y: '' }],
      ['move moves', [{ op: 'move', from: '/data/z', path: '/data/y' }], { y: '1' }],
      ['no operations change nothing', [], { z: '1' }],
    ];
    test.for(laxer)('%s', async ([, operations, data]) => {
      const answer = await config(JSON_PATCH, operations);
      expect([answer.code, answer.body.data]).toEqual([200, data]);
    });

    test('that is no list is 400', async () => {
      expect(refusal(await config(JSON_PATCH, { op: 'test' }))).toEqual({
        code: 400,
        reason: 'BadRequest',
        message: 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
      });
    });

    test('may test and change a resourceVersion only to what it is', async () => {
      expect(
        refusal(await config(JSON_PATCH, [{ op: 'replace', path: '/metadata/resourceVersion', value: '1' }])).message,
      ).toBe(`Operation cannot be fulfilled on configmaps "${name}": ${MODIFIED}`);
      expect((await config(JSON_PATCH, [{ op: 'remove', path: '/metadata/resourceVersion' }])).code).toBe(200);
    });

    test('cannot change name, namespace or uid', async () => {
      const change = (field: string): Promise<Answer> =>
        config(JSON_PATCH, [{ op: 'replace', path: `/metadata/${field}`, value: 'zz' }]);
      expect(refusal(await change('name')).message).toBe(
        `the name of the object (zz) does not match the name on the URL (${name})`,
      );
      expect(refusal(await change('namespace')).message).toBe(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
      const uid = await change('uid');
      expect(refusal(uid)).toMatchObject({
        code: 422,
        message: `ConfigMap "${name}" is invalid: metadata.uid: Invalid value: "zz": field is immutable`,
      });
      expect(uid.body.details.causes).toHaveLength(2);
      expect(
        (
          await change('creationTimestamp').then(() =>
            config(JSON_PATCH, [{ op: 'replace', path: '/metadata/creationTimestamp', value: '2020-01-01T00:00:00Z' }]),
          )
        ).body.metadata.creationTimestamp,
      ).not.toBe('2020-01-01T00:00:00Z');
    });

    const names = ({ body }: Answer): unknown =>
      (body['imagePullSecrets'] as { name: string }[] | undefined)?.map((item) => item.name);
    test('adds to the list that it was computed from, and to no other', async () => {
      const add = (observed: string[], added: string): Promise<Answer> =>
        account(JSON_PATCH, [
          { op: 'test', path: '/imagePullSecrets', value: observed.map((item) => ({ name: item })) },
          { op: 'add', path: '/imagePullSecrets/-', value: { name: added } },
        ]);
      expect(names(await add(['x'], 'y'))).toEqual(['x', 'y']);
      expect(refusal(await add(['x'], 'z'))).toEqual(REJECTED);
    });
    test('makes a list that is absent, guarded by a test against null', async () => {
      await account(JSON_PATCH, [{ op: 'remove', path: '/imagePullSecrets' }]);
      const guarded = [
        { op: 'test', path: '/imagePullSecrets', value: null },
        { op: 'add', path: '/imagePullSecrets', value: [{ name: 'y' }] },
      ];
      expect(names(await account(JSON_PATCH, guarded))).toEqual(['y']);
      expect(refusal(await account(JSON_PATCH, guarded))).toEqual(REJECTED);
    });
    test('an emptied list is absent', async () => {
      expect((await account(JSON_PATCH, [{ op: 'remove', path: '/imagePullSecrets/0' }])).body).not.toHaveProperty(
        'imagePullSecrets',
      );
    });
    test('counts negative indexes from the end', async () => {
      expect(
        names(await account(JSON_PATCH, [{ op: 'add', path: '/imagePullSecrets/-1', value: { name: 'n' } }])),
      ).toEqual(['x', 'n']);
      expect(names(await account(JSON_PATCH, [{ op: 'remove', path: '/imagePullSecrets/-1' }]))).toEqual(['x']);
      for (const path of ['/imagePullSecrets/9', '/imagePullSecrets/word'])
        expect(refusal(await account(JSON_PATCH, [{ op: 'test', path, value: null }]))).toEqual(REJECTED);
    });
  });

  describe('merge patch', () => {
    test('merges, and null deletes', async () => {
      const { body } = await config(MERGE, { metadata: { annotations: { a: 'b' } }, data: { z: null, y: '2' } });
      expect([body.metadata.annotations, body.data]).toEqual([{ a: 'b' }, { y: '2' }]);
    });
    test('that changes nothing keeps the resourceVersion', async () => {
      const before = await api().admin.call('GET', core(ns, 'configmaps', name));
      expect((await config(MERGE, { data: { z: '1' } })).body).toEqual(before.body);
    });
    test('of a resourceVersion or uid is a condition', async () => {
      expect(refusal(await config(MERGE, { metadata: { resourceVersion: '1' } }))).toMatchObject({
        code: 409,
        reason: 'Conflict',
      });
      expect(refusal(await config(MERGE, { metadata: { uid: '1' } }))).toMatchObject({
        code: 422,
        message: `ConfigMap "${name}" is invalid: metadata.uid: Invalid value: "1": field is immutable`,
      });
    });
    test('that is broken says so', async () => {
      expect(refusal(await config(MERGE, '{"a')).message).toBe('error decoding patch: unexpected end of JSON input');
      expect(refusal(await config(MERGE, '[]')).message).toBe(
        'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
      );
    });
    test('of a wrong type is 422 and shows the result', async () => {
      const { code, body } = await config(MERGE, { data: { a: 1 } });
      expect(code).toBe(422);
      expect(body.message).toMatch(
        /^ "" is invalid: patch: Invalid value: ".*": json: cannot unmarshal number into Go struct field ConfigMap.data of type string$/s,
      );
    });
    test('replaces lists', async () => {
      expect((await account(MERGE, { imagePullSecrets: [{ name: 'y' }] })).body['imagePullSecrets']).toEqual([
        { name: 'y' },
      ]);
    });
    test('takes no force', async () => {
      expect(refusal(await config(MERGE, {}, '?force=true')).message).toBe(
        'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
      );
    });
  });

  describe('strategic merge patch', () => {
    test('merges secrets by name and replaces imagePullSecrets', async () => {
      const { body } = await account(STRATEGIC, { secrets: [{ name: 'n' }], imagePullSecrets: [{ name: 'only' }] });
      expect([body['secrets'], body['imagePullSecrets']]).toEqual([[{ name: 'n' }, { name: 't' }], [{ name: 'only' }]]);
    });
    test('deletes, orders and replaces by directive', async () => {
      expect(
        (
          await account(STRATEGIC, {
            '$setElementOrder/secrets': [{ name: 'n' }, { name: 't' }],
            secrets: [{ name: 'n' }],
          })
        ).body['secrets'],
      ).toEqual([{ name: 'n' }, { name: 't' }]);
      expect((await account(STRATEGIC, { secrets: [{ name: 't', $patch: 'delete' }] })).body['secrets']).toEqual([
        { name: 'n' },
      ]);
      expect((await account(STRATEGIC, { secrets: [{ $patch: 'replace' }, { name: 'r' }] })).body['secrets']).toEqual([
        { name: 'r' },
      ]);
    });
    test('merges finalizers as a set', async () => {
      await account(STRATEGIC, { metadata: { finalizers: ['a.dev/b', 'c.dev/d'] } });
      expect((await account(STRATEGIC, { metadata: { finalizers: ['e.dev/f'] } })).body.metadata.finalizers).toEqual([
        'e.dev/f',
        'a.dev/b',
        'c.dev/d',
      ]);
      expect(
        (await account(STRATEGIC, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a.dev/b'] } })).body.metadata
          .finalizers,
      ).toEqual(['e.dev/f', 'c.dev/d']);
      await account(STRATEGIC, { metadata: { finalizers: null } });
    });
    test('words its refusals in its own way', async () => {
      expect(refusal(await account(STRATEGIC, { secrets: [{ kind: 't' }] }))).toEqual({
        code: 500,
        message: 'map: map[kind:t] does not contain declared merge key: name',
      });
      expect(refusal(await config(STRATEGIC, { data: { a: 1 } })).message).toBe(
        ' "" is invalid: patch: Invalid value: "map[data:map[a:1]]": cannot convert int64 to string',
      );
      expect(refusal(await config(STRATEGIC, { dat: 1 }, '?fieldValidation=Strict')).message).toBe(
        ' "" is invalid: patch: Invalid value: "map[dat:1]": strict decoding error: unknown field "dat"',
      );
      expect(refusal(await account(STRATEGIC, { metadata: { $retainKeys: ['name'], labels: { a: 'b' } } }))).toEqual({
        code: 400,
        reason: 'BadRequest',
        message: 'invalid patch format of retainKeys',
      });
    });
  });

  test('of any other type is 415', async () => {
    expect(refusal(await config('application/json', {}))).toEqual({
      code: 415,
      reason: 'UnsupportedMediaType',
      message: '415: Unsupported Media Type',
      details: {},
    });
  });
  test('of what is not there is 404', async () => {
    expect(
      refusal(await api().admin.call('PATCH', core(ns, 'configmaps', 'nope'), { type: MERGE, body: {} })),
    ).toMatchObject({ code: 404, message: 'configmaps "nope" not found' });
  });
};
