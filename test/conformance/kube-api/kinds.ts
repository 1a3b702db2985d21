/** Rules of single kinds: Secrets, Namespaces, Events, Pods. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../integration/env/raw-client.ts';
import { APPLY, core, created, MERGE, owners, refusal, until, type Suite } from './api.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export const kinds: Suite = (api) => {
  let ns: string;
  beforeAll(async () => {
    ns = await api().namespace();
  });

  describe('Secrets', () => {
    const make = (name: string, fields: object): Promise<Answer> =>
      api().admin.call('POST', core(ns, 'secrets'), { body: { metadata: { name }, ...fields } });
    test('are Opaque unless they say otherwise, and stringData becomes data', async () => {
      const answer = await make('plain', { stringData: { a: 'b' } });
      expect(answer.body).toMatchObject({ type: 'Opaque', data: { a: base64('b') } });
      expect(answer.body).not.toHaveProperty('stringData');
      expect(owners(answer)).toEqual({ 'raw-client Update': { 'f:data': { '.': {}, 'f:a': {} }, 'f:type': {} } });
    });
    const refused: [what: string, fields: object, code: number, message: string][] = [
      [
        'data that is no base64',
        { data: { a: '%%%' } },
        400,
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
      ],
      [
        'a docker config that is no JSON',
        { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('{"au') } },
        422,
        'Secret "x" is invalid: data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": unexpected end of JSON input',
      ],
      [
        'a docker config without its key',
        { type: 'kubernetes.io/dockerconfigjson' },
        422,
        'Secret "x" is invalid: data[.dockerconfigjson]: Required value',
      ],
      [
        'a legacy docker config without its key',
        { type: 'kubernetes.io/dockercfg' },
        422,
        'Secret "x" is invalid: data[.dockercfg]: Required value',
      ],
      [
        'basic auth without either of its keys',
        { type: 'kubernetes.io/basic-auth' },
        422,
        'Secret "x" is invalid: [data[username]: Required value, data[password]: Required value]',
      ],
      [
        'TLS without its keys',
        { type: 'kubernetes.io/tls' },
        422,
        'Secret "x" is invalid: [data[tls.crt]: Required value, data[tls.key]: Required value]',
      ],
      [
        'a bad key',
        { data: { 'a b': 'YQ==' } },
        422,
        'Secret "x" is invalid: data[a b]: Invalid value: "a b": a valid config key must consist of ' +
          "alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex " +
          "used for validation is '[-._a-zA-Z0-9]+')",
      ],
    ];
    test.for(refused)('refuse %s', async ([, fields, code, message]) => {
      expect(refusal(await make('x', fields))).toMatchObject({ code, message });
    });
    test('keep their type, and when immutable their data', async () => {
      await created(make('fixed', { type: 'test.dev/a', stringData: { a: 'b' }, immutable: true }));
      const patch = async (body: object): Promise<string> =>
        refusal(await api().admin.call('PATCH', core(ns, 'secrets', 'fixed'), { type: MERGE, body })).message;
      expect(await patch({ type: 'test.dev/b' })).toBe(
        'Secret "fixed" is invalid: type: Invalid value: "test.dev/b": field is immutable',
      );
      expect(await patch({ data: { a: base64('c') } })).toBe(
        'Secret "fixed" is invalid: data: Forbidden: field is immutable when `immutable` is set',
      );
      expect(await patch({ immutable: false })).toBe(
        'Secret "fixed" is invalid: immutable: Forbidden: field is immutable when `immutable` is set',
      );
    });
  });

  describe('Namespaces', () => {
    test('carry their name as a label and are Active', async () => {
      const { body } = await api().admin.call('GET', `/api/v1/namespaces/${ns}`);
      expect(body).toMatchObject({
        metadata: { labels: { 'kubernetes.io/metadata.name': ns } },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      });
      const unlabelled = await api().admin.call('PATCH', `/api/v1/namespaces/${ns}`, {
        type: MERGE,
        body: { metadata: { labels: null } },
      });
      expect(unlabelled.body.metadata.labels).toEqual({ 'kubernetes.io/metadata.name': ns });
    });
    test('get a default ServiceAccount', async () => {
      await api().namespaceWithAccount();
    });
    test('have names without dots', async () => {
      expect(
        refusal(await api().admin.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'a.b' } } })).message,
      ).toBe('Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots');
    });
    test('that are system ones stay', async () => {
      expect(refusal(await api().admin.call('DELETE', '/api/v1/namespaces/kube-system'))).toMatchObject({
        code: 403,
        message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
      });
    });
    test('take nothing new while they terminate, and are gone once they are empty', async () => {
      const name = await api().namespaceWithAccount();
      await created(
        api().admin.call('POST', core(name, 'configmaps'), {
          body: { metadata: { name: 'held', finalizers: ['test.dev/hold'] } },
        }),
      );
      const deleted = await api().admin.call('DELETE', `/api/v1/namespaces/${name}`);
      expect([deleted.code, deleted.body.kind, deleted.body.status]).toEqual([
        200,
        'Namespace',
        { phase: 'Terminating' },
      ]);
      const terminating = {
        code: 403,
        reason: 'Forbidden',
        message:
          'secrets "late" is forbidden: unable to create new content in namespace NS because it is being terminated',
        details: {
          name: 'late',
          kind: 'secrets',
          causes: [
            {
              reason: 'NamespaceTerminating',
              message: 'namespace NS is being terminated',
              field: 'metadata.namespace',
            },
          ],
        },
      };
      expect(
        refusal(await api().admin.call('POST', core(name, 'secrets'), { body: { metadata: { name: 'late' } } }), name),
      ).toEqual(terminating);
      expect(
        refusal(
          await api().admin.call('PATCH', `${core(name, 'secrets', 'late')}?fieldManager=m`, {
            type: APPLY,
            body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'late' } },
          }),
          name,
        ),
      ).toEqual(terminating);
      expect((await api().admin.call('GET', `/api/v1/namespaces/${name}`)).code).toBe(200);
      await until(async () => (await api().admin.call('GET', core(name, 'serviceaccounts'))).body.items.length === 0);
      await created(
        api().admin.call('PATCH', core(name, 'configmaps', 'held'), {
          type: MERGE,
          body: { metadata: { finalizers: null } },
        }),
      );
      await until(async () => (await api().admin.call('GET', `/api/v1/namespaces/${name}`)).code === 404);
    });
  });

  describe('Events', () => {
    test('are one object in two groups', async () => {
      const event = {
        metadata: { name: 'e' },
        regarding: { kind: 'ConfigMap', name: 'c', namespace: ns },
        reason: 'R',
        note: 'm',
        type: 'Warning',
        action: 'A',
        reportingController: 'test.dev/c',
        reportingInstance: 'i',
        eventTime: '2026-01-01T00:00:00.123456Z',
      };
      const made = await api().admin.call('POST', `/apis/events.k8s.io/v1/namespaces/${ns}/events`, { body: event });
      expect([made.code, made.body]).toMatchObject([
        201,
        { ...event, deprecatedSource: {}, deprecatedFirstTimestamp: null, deprecatedLastTimestamp: null },
      ]);
      const seen = await api().admin.call(
        'GET',
        `${core(ns, 'events')}?fieldSelector=involvedObject.name%3Dc,type%3DWarning`,
      );
      expect(seen.body.items).toMatchObject([
        {
          involvedObject: event.regarding,
          message: 'm',
          reportingComponent: 'test.dev/c',
          eventTime: event.eventTime,
          firstTimestamp: null,
          source: {},
        },
      ]);
    });
    test('of the old form need little', async () => {
      const make = (name: string, namespace: string): Promise<Answer> =>
        api().admin.call('POST', core(ns, 'events'), {
          body: { metadata: { name }, involvedObject: { kind: 'ConfigMap', name: 'c', namespace } },
        });
      expect((await make('old', ns)).code).toBe(201);
      expect(refusal(await make('old-2', 'other')).message).toBe(
        'Event "old-2" is invalid: involvedObject.namespace: Invalid value: "other": does not match event.namespace',
      );
    });
    test('of the new form need more', async () => {
      expect(
        refusal(
          await api().admin.call('POST', `/apis/events.k8s.io/v1/namespaces/${ns}/events`, {
            body: { metadata: { name: 'n' }, regarding: { namespace: ns } },
          }),
        ).message,
      ).toBe('Event "n" is invalid: [eventTime: Required value, type: Invalid value: "": has invalid value: ]');
    });
  });

  describe('Pods', () => {
    const make = (name: string, spec: object): Promise<Answer> =>
      api().admin.call('POST', core(ns, 'pods'), {
        body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec } },
      });
    const pullSecrets = ({ body }: Answer): unknown => body.spec['imagePullSecrets'];
    beforeAll(async () => {
      await created(
        api().admin.call('POST', core(ns, 'serviceaccounts'), {
          body: { metadata: { name: 'puller' }, imagePullSecrets: [{ name: 'pull' }] },
        }),
      );
    });
    test('take pull secrets from their ServiceAccount only if they name none', async () => {
      const given = await make('given', { serviceAccountName: 'puller' });
      expect([pullSecrets(given), given.body.spec['serviceAccountName'], given.body.spec['serviceAccount']]).toEqual([
        [{ name: 'pull' }],
        'puller',
        'puller',
      ]);
      expect(
        pullSecrets(await make('own', { serviceAccountName: 'puller', imagePullSecrets: [{ name: 'mine' }] })),
      ).toEqual([{ name: 'mine' }]);
    });
    test('need a ServiceAccount', async () => {
      expect(refusal(await make('none', { serviceAccountName: 'nope' }), ns)).toEqual({
        code: 403,
        reason: 'Forbidden',
        message: 'pods "none" is forbidden: error looking up service account NS/nope: serviceaccount "nope" not found',
        details: { name: 'none', kind: 'pods' },
      });
    });
    test('need containers', async () => {
      expect(refusal(await make('empty', { serviceAccountName: 'puller', containers: [] })).message).toBe(
        'Pod "empty" is invalid: spec.containers: Required value',
      );
    });
    test('are evicted exactly as they were seen', async () => {
      const { uid, resourceVersion } = (await created(make('evicted', { serviceAccountName: 'puller' }))).body.metadata;
      const evict = (name: string, preconditions?: object): Promise<Answer> =>
        api().admin.call('POST', `${core(ns, 'pods', 'evicted')}/eviction`, {
          body: {
            ...{ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } },
            ...(preconditions && { deleteOptions: { preconditions } }),
          },
        });
      const conflict = 'Operation cannot be fulfilled on Pod "evicted": the';
      const other = refusal(await evict('evicted', { uid: 'u', resourceVersion }));
      expect([other.code, other.message]).toEqual([
        409,
        `${conflict} UID in the precondition (u) does not match the UID in record (UID). The object might have been deleted and then recreated`,
      ]);
      const older = refusal(await evict('evicted', { uid, resourceVersion: '1' }));
      expect([older.code, older.message]).toEqual([
        409,
        `${conflict} ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
      ]);
      expect(refusal(await evict('another')).code).toBe(400);
      const done = await evict('evicted', { uid, resourceVersion });
      expect([done.code, done.body.kind, done.body['status']]).toEqual([201, 'Status', 'Success']);
      expect((await api().admin.call('GET', core(ns, 'pods', 'evicted'))).code).toBe(404);
      expect((await evict('evicted')).code).toBe(404);
    });
    test('keep their pull secrets', async () => {
      await created(make('fixed', { serviceAccountName: 'puller' }));
      expect(
        refusal(
          await api().admin.call('PATCH', core(ns, 'pods', 'fixed'), {
            type: MERGE,
            body: { spec: { imagePullSecrets: null } },
          }),
        ).message,
      ).toMatch(/^Pod "fixed" is invalid: spec: Forbidden: pod updates may not change fields other than /);
    });
    test('have a status of their own', async () => {
      await created(make('stated', { serviceAccountName: 'puller' }));
      const status = await api().admin.call('PATCH', `${core(ns, 'pods', 'stated')}/status`, {
        type: MERGE,
        body: { spec: { containers: [] }, status: { phase: 'Running' } },
      });
      expect([status.code, status.body.status['phase'], (status.body.spec['containers'] as unknown[]).length]).toEqual([
        200,
        'Running',
        1,
      ]);
      const main = await api().admin.call('PATCH', core(ns, 'pods', 'stated'), {
        type: MERGE,
        body: { metadata: { labels: { a: 'b' } }, status: { phase: 'Failed' } },
      });
      expect([main.body.metadata.labels, main.body.status['phase']]).toEqual([{ a: 'b' }, 'Running']);
    });
  });
};
