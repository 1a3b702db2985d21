/** Create, read, replace and delete single objects, and how each of them is refused. */
import { beforeAll, describe, expect, test } from 'vitest';
import { APPLY, core, created, leases, MERGE, refusal, type Suite } from './api.ts';

export const objects: Suite = (api) => {
  let ns: string;
  const config = (name = ''): string => core(ns, 'configmaps', name);
  beforeAll(async () => {
    ns = await api().namespace();
    await created(
      api().admin.call('POST', config(), { body: { metadata: { name: 'one', labels: { a: 'b' } }, data: { k: 'v' } } }),
    );
  });

  describe('create', () => {
    test('fills in what belongs to the server', async () => {
      const { code, body } = await api().admin.call('POST', config(), {
        body: {
          metadata: {
            name: 'filled',
            uid: 'mine',
            selfLink: '/x',
            deletionTimestamp: '2020-01-01T00:00:00Z',
            creationTimestamp: '2020-01-01T00:00:00Z',
          },
        },
      });
      expect(code).toBe(201);
      expect(Object.keys(body)).toEqual(['kind', 'apiVersion', 'metadata']);
      expect(Object.keys(body.metadata).sort()).toEqual(
        expect.arrayContaining(['creationTimestamp', 'name', 'namespace', 'resourceVersion', 'uid']),
      );
      expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(body.metadata.creationTimestamp).not.toBe('2020-01-01T00:00:00Z');
      expect(body.metadata.deletionTimestamp).toBeUndefined();
    });

    test('drops empty values but keeps what is a pointer in Go', async () => {
      const { body } = await api().admin.call('POST', config(), {
        body: { metadata: { name: 'empty', labels: {}, annotations: { x: '' } }, data: {}, immutable: false },
      });
      expect(body.metadata.labels).toBeUndefined();
      expect(body.metadata.annotations).toEqual({ x: '' });
      expect(body['data']).toBeUndefined();
      expect(body['immutable']).toBe(false);
    });

    test('makes a name from generateName', async () => {
      const { body } = await api().admin.call('POST', config(), { body: { metadata: { generateName: 'made-' } } });
      expect(body.metadata.name).toMatch(/^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      expect(body.metadata.generateName).toBe('made-');
    });

    test('takes YAML', async () => {
      const { code, body } = await api().admin.call('POST', config(), {
        type: 'application/yaml',
        body: 'metadata:\n  name: yaml\ndata: {a: "1"}\n',
      });
      expect([code, body.data]).toEqual([201, { a: '1' }]);
    });

    test('as a dry run stores nothing and gives no resourceVersion', async () => {
      const { code, body } = await api().admin.call('POST', `${config()}?dryRun=All`, {
        body: { metadata: { name: 'dry' } },
      });
      expect([code, body.metadata.resourceVersion, typeof body.metadata.uid]).toEqual([201, undefined, 'string']);
      expect((await api().admin.call('GET', config('dry'))).code).toBe(404);
    });

    const refused: [what: string, body: unknown, status: ReturnType<typeof refusal>][] = [
      [
        'of a name that is taken',
        { metadata: { name: 'one' } },
        {
          code: 409,
          reason: 'AlreadyExists',
          message: 'configmaps "one" already exists',
          details: { name: 'one', kind: 'configmaps' },
        },
      ],
      [
        'without a name',
        { metadata: {} },
        {
          code: 422,
          reason: 'Invalid',
          message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
          details: {
            kind: 'ConfigMap',
            causes: [
              {
                reason: 'FieldValueRequired',
                message: 'Required value: name or generateName is required',
                field: 'metadata.name',
              },
            ],
          },
        },
      ],
      [
        'in another namespace than the URL says',
        { metadata: { name: 'x', namespace: 'other' } },
        {
          code: 400,
          reason: 'BadRequest',
          message: 'the namespace of the provided object does not match the namespace sent on the request',
        },
      ],
      [
        'of another kind',
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } },
        {
          code: 400,
          reason: 'BadRequest',
          message:
            'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
        },
      ],
      [
        'of an unknown version',
        { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'x' } },
        {
          code: 400,
          reason: 'BadRequest',
          message:
            'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "FILE"',
        },
      ],
      [
        'with a wrong type',
        { metadata: { name: 'x' }, data: { k: 1 } },
        {
          code: 400,
          reason: 'BadRequest',
          message:
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
        },
      ],
      [
        'with a wrong type in metadata',
        { metadata: { name: 'x', labels: 'a' } },
        {
          code: 400,
          reason: 'BadRequest',
          message:
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go ' +
            'struct field ObjectMeta.metadata.labels of type map[string]string',
        },
      ],
      [
        'with a resourceVersion',
        { metadata: { name: 'x', resourceVersion: '5' } },
        { code: 500, message: 'resourceVersion should not be set on objects to be created' },
      ],
      [
        'from broken JSON',
        '{"a":',
        {
          code: 400,
          reason: 'BadRequest',
          message:
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json " +
            'parse error: unexpected end of JSON input ({"a":)',
        },
      ],
    ];
    test.for(refused)('%s is refused', async ([, body, status]) => {
      expect(refusal(await api().admin.call('POST', config(), { body }), ns)).toEqual(status);
    });

    test('in a namespace that is not there is refused', async () => {
      expect(
        refusal(await api().admin.call('POST', core('nope', 'configmaps'), { body: { metadata: { name: 'x' } } })),
      ).toEqual({
        code: 404,
        reason: 'NotFound',
        message: 'namespaces "nope" not found',
        details: { name: 'nope', kind: 'namespaces' },
      });
    });

    test('names every bad name, key and value', async () => {
      const { code, body } = await api().admin.call('POST', config(), {
        body: {
          metadata: { name: 'Bad_Name', labels: { ok: 'bad value' }, finalizers: ['bad'] },
          data: { 'bad key': 'x' },
        },
      });
      expect(code).toBe(422);
      expect(body.details.causes?.map(({ field, reason }) => [field, reason])).toEqual([
        ['metadata.name', 'FieldValueInvalid'],
        ['metadata.labels', 'FieldValueInvalid'],
        ['metadata.finalizers[0]', 'FieldValueInvalid'],
        ['data[bad key]', 'FieldValueInvalid'],
      ]);
      expect(body.message).toContain(
        'metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower ' +
          "case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character " +
          "(e.g. 'example.com', regex used for validation is",
      );
      expect(body.message).toContain(
        'metadata.finalizers[0]: Invalid value: "bad": name is neither a standard finalizer name nor is it fully qualified',
      );
    });
  });

  describe('field validation', () => {
    const body = { metadata: { name: 'unknown', foo: 1 }, dat: { k: '1' } };
    test('warns by default', async () => {
      const answer = await api().admin.call('POST', config(), { body });
      expect(answer.code).toBe(201);
      expect(answer.headers['warning']).toBe(
        '299 - "unknown field \\"metadata.foo\\"", 299 - "unknown field \\"dat\\""',
      );
    });
    test('refuses when strict', async () => {
      expect(refusal(await api().admin.call('POST', `${config()}?fieldValidation=Strict`, { body })).message).toBe(
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "metadata.foo", unknown field "dat"',
      );
    });
    test('says nothing when told to ignore', async () => {
      const answer = await api().admin.call('POST', `${config()}?fieldValidation=Ignore`, {
        body: { ...body, metadata: { name: 'unknown-2' } },
      });
      expect([answer.code, answer.headers['warning']]).toEqual([201, undefined]);
    });
    test('knows its three values', async () => {
      expect(refusal(await api().admin.call('POST', `${config()}?fieldValidation=Foo`, { body }))).toMatchObject({
        code: 422,
        message:
          'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Foo": supported values: "", "Ignore", "Strict", "Warn"',
      });
    });
  });

  describe('replace', () => {
    const put = (name: string, body: unknown): ReturnType<ReturnType<typeof api>['admin']['call']> =>
      api().admin.call('PUT', config(name), { body });
    test('without a resourceVersion replaces whatever is there', async () => {
      const { code, body } = await put('one', { metadata: { name: 'one' }, data: { z: '1' } });
      expect([code, body.data, body.metadata.labels]).toEqual([200, { z: '1' }, undefined]);
    });
    test('that changes nothing keeps the resourceVersion', async () => {
      const before = await put('one', { metadata: { name: 'one' }, data: { z: '1' } });
      const after = await put('one', { metadata: { name: 'one' }, data: { z: '1' } });
      expect(after.body).toEqual(before.body);
    });
    const refused: [what: string, name: string, body: unknown, status: ReturnType<typeof refusal>][] = [
      [
        'with an old resourceVersion',
        'one',
        { metadata: { name: 'one', resourceVersion: '1' } },
        {
          code: 409,
          reason: 'Conflict',
          message:
            'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes to the latest version and try again',
          details: { name: 'one', kind: 'configmaps' },
        },
      ],
      [
        'with another uid',
        'one',
        { metadata: { name: 'one', uid: 'abc' } },
        {
          code: 409,
          reason: 'Conflict',
          message:
            'Operation cannot be fulfilled on configmaps "one": StorageError: invalid object, Code: 4, Key: ' +
            '/registry/configmaps/NS/one, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in ' +
            'precondition: abc, UID in object meta: UID',
          details: { name: 'one', kind: 'configmaps' },
        },
      ],
      [
        'with another name',
        'one',
        { metadata: { name: 'two' } },
        {
          code: 400,
          reason: 'BadRequest',
          message: 'the name of the object (two) does not match the name on the URL (one)',
        },
      ],
      [
        'without a name',
        'one',
        { metadata: {} },
        {
          code: 400,
          reason: 'BadRequest',
          message: 'the name of the object (one based on URL) was undeterminable: name must be provided',
        },
      ],
      [
        'of what is not there',
        'nope',
        { metadata: { name: 'nope' } },
        {
          code: 404,
          reason: 'NotFound',
          message: 'configmaps "nope" not found',
          details: { name: 'nope', kind: 'configmaps' },
        },
      ],
    ];
    test.for(refused)('%s is refused', async ([, name, body, status]) => {
      expect(refusal(await put(name, body), ns)).toEqual(status);
    });
    test('of a Lease needs a resourceVersion, and makes one that is not there', async () => {
      const made = await api().admin.call('PUT', leases(ns, 'l'), {
        body: { metadata: { name: 'l' }, spec: { holderIdentity: 'a' } },
      });
      expect([made.code, made.body.spec]).toEqual([201, { holderIdentity: 'a' }]);
      expect(
        refusal(
          await api().admin.call('PUT', leases(ns, 'l'), {
            body: { metadata: { name: 'l' }, spec: { holderIdentity: 'b' } },
          }),
        ),
      ).toEqual({
        code: 422,
        reason: 'Invalid',
        message:
          'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
        details: {
          name: 'l',
          group: 'coordination.k8s.io',
          kind: 'leases',
          causes: [
            {
              reason: 'FieldValueInvalid',
              message: 'Invalid value: 0: must be specified for an update',
              field: 'metadata.resourceVersion',
            },
          ],
        },
      });
    });
    test('of a Lease may leave it without a holder, and its apply keeps the resourceVersion', async () => {
      const apply = (fields: object): ReturnType<ReturnType<typeof api>['admin']['call']> =>
        api().admin.call('PATCH', `${leases(ns, 'released')}?fieldManager=m`, {
          type: APPLY,
          body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'released' }, ...fields },
        });
      await created(apply({ metadata: { name: 'released', labels: { a: 'b' } }, spec: { holderIdentity: 'a' } }));
      const { code, body } = await apply({ spec: { holderIdentity: '' } });
      expect([code, body.spec, body.metadata.labels]).toEqual([200, { holderIdentity: '' }, undefined]);
    });
    test('of a Lease wants microseconds', async () => {
      const answer = await api().admin.call('POST', leases(ns), {
        body: { metadata: { name: 'm' }, spec: { renewTime: '2026-01-01T00:00:00Z' } },
      });
      expect(refusal(answer)).toEqual({
        code: 400,
        reason: 'BadRequest',
        message:
          'Lease in version "v1" cannot be handled as a Lease: parsing time "2026-01-01T00:00:00Z" as ' +
          '"2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
      });
    });
  });

  describe('delete', () => {
    const make = async (name: string, finalizers: string[] = []): Promise<void> =>
      void (await created(api().admin.call('POST', config(), { body: { metadata: { name, finalizers } } })));
    test('answers with a Status that names the uid', async () => {
      await make('gone');
      const { code, body } = await api().admin.call('DELETE', config('gone'));
      expect([code, body]).toEqual([
        200,
        {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Success',
          details: { name: 'gone', kind: 'configmaps', uid: expect.any(String) as string },
        },
      ]);
    });
    test('of what is not there is 404', async () => {
      expect(refusal(await api().admin.call('DELETE', config('gone-2')))).toMatchObject({
        code: 404,
        message: 'configmaps "gone-2" not found',
      });
    });
    test('keeps preconditions', async () => {
      await make('kept');
      const remove = async (preconditions: unknown): Promise<unknown> =>
        refusal(
          await api().admin.call('DELETE', config('kept'), {
            body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions },
          }),
        );
      expect(await remove({ uid: 'x' })).toEqual({
        code: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on ConfigMap "kept": the UID in the precondition (x) does not match ' +
          'the UID in record (UID). The object might have been deleted and then recreated',
        details: { name: 'kept', kind: 'ConfigMap' },
      });
      expect(await remove({ resourceVersion: '1' })).toMatchObject({
        code: 409,
        reason: 'Conflict',
        message: expect.stringMatching(
          /^Operation cannot be fulfilled on ConfigMap "kept": the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
        ) as string,
      });
    });
    test('waits for finalizers, and takes no new ones', async () => {
      await make('held', ['test.dev/hold']);
      const deleted = await api().admin.call('DELETE', config('held'));
      expect([deleted.code, deleted.body.kind, deleted.body.metadata['deletionGracePeriodSeconds']]).toEqual([
        200,
        'ConfigMap',
        0,
      ]);
      const again = await api().admin.call('DELETE', config('held'));
      expect(again.body.metadata.resourceVersion).toBe(deleted.body.metadata.resourceVersion);
      expect(
        refusal(
          await api().admin.call('PATCH', config('held'), {
            type: MERGE,
            body: { metadata: { finalizers: ['test.dev/hold', 'test.dev/more'] } },
          }),
        ),
      ).toMatchObject({
        code: 422,
        message:
          'ConfigMap "held" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the ' +
          'object is being deleted, found new finalizers []string{"test.dev/more"}',
      });
      expect(refusal(await api().admin.call('POST', config(), { body: { metadata: { name: 'held' } } })).message).toBe(
        'object is being deleted: configmaps "held" already exists',
      );
      const released = await api().admin.call('PATCH', config('held'), {
        type: MERGE,
        body: { metadata: { finalizers: null } },
      });
      expect([released.code, released.body.metadata.resourceVersion]).toEqual([
        200,
        deleted.body.metadata.resourceVersion,
      ]);
      expect((await api().admin.call('GET', config('held'))).code).toBe(404);
    });
    test('of a collection takes what the selector says', async () => {
      for (const name of ['many-1', 'many-2'])
        await created(api().admin.call('POST', config(), { body: { metadata: { name, labels: { many: 'yes' } } } }));
      const { code, body } = await api().admin.call('DELETE', `${config()}?labelSelector=many%3Dyes`);
      expect([code, body.kind, body.items.map(({ metadata }) => metadata.name)]).toEqual([
        200,
        'ConfigMapList',
        ['many-1', 'many-2'],
      ]);
      expect((await api().admin.call('GET', config('many-1'))).code).toBe(404);
    });
  });

  describe('paths', () => {
    const answers: [method: string, path: string, code: number, message: string][] = [
      ['GET', '/api/v1/namespaces/NS/foos', 404, 'the server could not find the requested resource'],
      ['GET', '/api/v1/namespaces/NS/configmaps/one/status', 404, 'the server could not find the requested resource'],
      [
        'POST',
        '/api/v1/namespaces/NS/configmaps/one',
        405,
        'the server does not allow this method on the requested resource',
      ],
      [
        'PUT',
        '/api/v1/namespaces/NS/configmaps',
        405,
        'the server does not allow this method on the requested resource',
      ],
      ['DELETE', '/api/v1/namespaces', 405, 'the server does not allow this method on the requested resource'],
      [
        'GET',
        '/api/v1/namespaces/NS/configmaps/one?resourceVersion=abc',
        500,
        'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
      ],
    ];
    test.for(answers)('%s %s is %i', async ([method, path, code, message]) => {
      const answer = await api().admin.call(
        method,
        path.replace('NS', ns),
        method === 'POST' || method === 'PUT' ? { body: {} } : {},
      );
      expect([answer.code, answer.body.message]).toEqual([code, message]);
    });
    test('of groups that are not served are plain text', async () => {
      const answer = await api().admin.call('GET', '/apis/foo.example/v1/bars');
      expect([answer.code, answer.text.trim()]).toEqual([404, '404 page not found']);
    });
  });
};
