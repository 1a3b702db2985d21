/** Who is who, and who may do what. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, RawClient } from '../../integration/env/raw-client.ts';
import {
  APPLY,
  core,
  created,
  JSON_PATCH,
  MERGE,
  rbac,
  refusal,
  summary,
  take,
  until,
  WATCH_LIST,
  type Suite,
} from './api.ts';

export const access: Suite = (api) => {
  let ns: string;
  let other: string;
  let limited: RawClient;
  let user: string;
  beforeAll(async () => {
    [ns, other] = [await api().namespace(), await api().namespace()];
    await created(api().admin.call('POST', core(ns, 'serviceaccounts'), { body: { metadata: { name: 'limited' } } }));
    await created(
      api().admin.call('POST', rbac('clusterroles'), {
        body: {
          metadata: { name: `one-name-${ns}` },
          rules: [
            {
              apiGroups: [''],
              resources: ['secrets'],
              resourceNames: ['copy'],
              verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
            },
          ],
        },
      }),
    );
    await created(
      api().admin.call('POST', rbac('clusterrolebindings'), {
        body: {
          metadata: { name: `one-name-${ns}` },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `one-name-${ns}` },
          subjects: [{ kind: 'ServiceAccount', name: 'limited', namespace: ns }],
        },
      }),
    );
    limited = await api().asAccount(ns, 'limited');
    user = `system:serviceaccount:${ns}:limited`;
    await created(api().admin.call('POST', core(ns, 'secrets'), { body: { metadata: { name: 'private' } } }));
    await until(async () => (await limited.call('GET', core(ns, 'secrets', 'copy'))).code === 404);
  });
  const applyCopy = (namespace: string, name = 'copy', data = 'YQ=='): Promise<Answer> =>
    limited.call('PATCH', `${core(namespace, 'secrets', name)}?fieldManager=m&force=true`, {
      type: APPLY,
      body: { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { a: data } },
    });

  describe('a rule that is limited to one name', () => {
    test('allows to apply, read, change and delete that name in every namespace', async () => {
      expect((await applyCopy(ns)).code).toBe(201);
      expect((await applyCopy(other)).code).toBe(201);
      expect((await applyCopy(other, 'copy', 'Yg==')).code).toBe(200);
      expect((await limited.call('GET', core(other, 'secrets', 'copy'))).code).toBe(200);
      expect((await limited.call('DELETE', core(other, 'secrets', 'copy'))).code).toBe(200);
    });
    test('allows to list and watch that name everywhere', async ({ skip }) => {
      await applyCopy(ns);
      const byName = '/api/v1/secrets?fieldSelector=metadata.name%3Dcopy';
      const list = await limited.call('GET', byName);
      expect([list.code, list.body.items.every(({ metadata }) => metadata.name === 'copy')]).toEqual([200, true]);
      expect((await limited.call('GET', `${byName},metadata.namespace%3D${ns}`)).code).toBe(200);
      await api().needsWatchList(skip);
      const events = await take(limited, `${byName}&watch=1${WATCH_LIST}`, 2);
      expect(summary(events)).toEqual(['ADDED copy', 'BOOKMARK']);
    });
    test('denies a plain create, since a POST names nothing', async () => {
      expect(
        refusal(await limited.call('POST', core(ns, 'secrets'), { body: { metadata: { name: 'copy' } } })),
      ).toEqual({
        code: 403,
        reason: 'Forbidden',
        message: `secrets is forbidden: User "${user}" cannot create resource "secrets" in API group "" in the namespace "${ns}"`,
        details: { kind: 'secrets' },
      });
    });
    const denied: [what: string, call: () => Promise<Answer>, message: () => string, details: object][] = [
      [
        'another name',
        () => limited.call('GET', core(ns, 'secrets', 'private')),
        () =>
          `secrets "private" is forbidden: User "${user}" cannot get resource "secrets" in API group "" in the namespace "${ns}"`,
        { name: 'private', kind: 'secrets' },
      ],
      [
        'to apply another name',
        () => applyCopy(ns, 'private'),
        () =>
          `secrets "private" is forbidden: User "${user}" cannot patch resource "secrets" in API group "" in the namespace "${ns}"`,
        { name: 'private', kind: 'secrets' },
      ],
      [
        'an open list',
        () => limited.call('GET', '/api/v1/secrets'),
        () =>
          `secrets is forbidden: User "${user}" cannot list resource "secrets" in API group "" at the cluster scope`,
        { kind: 'secrets' },
      ],
      [
        'an open watch',
        () => limited.call('GET', `${core(ns, 'secrets')}?watch=1`),
        () =>
          `secrets is forbidden: User "${user}" cannot watch resource "secrets" in API group "" in the namespace "${ns}"`,
        { kind: 'secrets' },
      ],
      [
        'a list of every other name',
        () => limited.call('GET', '/api/v1/secrets?fieldSelector=metadata.name!%3Dcopy'),
        () =>
          `secrets is forbidden: User "${user}" cannot list resource "secrets" in API group "" at the cluster scope`,
        { kind: 'secrets' },
      ],
      [
        'to delete them all',
        () => limited.call('DELETE', core(ns, 'secrets')),
        () =>
          `secrets is forbidden: User "${user}" cannot deletecollection resource "secrets" in API group "" in the namespace "${ns}"`,
        { kind: 'secrets' },
      ],
      [
        'another resource of another group',
        () => limited.call('GET', `/apis/coordination.k8s.io/v1/namespaces/${ns}/leases/l`),
        () =>
          `leases.coordination.k8s.io "l" is forbidden: User "${user}" cannot get resource "leases" in API ` +
          `group "coordination.k8s.io" in the namespace "${ns}"`,
        { name: 'l', group: 'coordination.k8s.io', kind: 'leases' },
      ],
      [
        'a subresource',
        () => limited.call('POST', `${core(ns, 'serviceaccounts', 'limited')}/token`, { body: {} }),
        () =>
          `serviceaccounts "limited" is forbidden: User "${user}" cannot create resource "serviceaccounts/token" in API group "" in the namespace "${ns}"`,
        { name: 'limited', kind: 'serviceaccounts' },
      ],
      [
        'a namespace',
        () => limited.call('GET', `/api/v1/namespaces/${ns}`),
        () =>
          `namespaces "${ns}" is forbidden: User "${user}" cannot get resource "namespaces" in API group "" in the namespace "${ns}"`,
        {},
      ],
    ];
    test.for(denied)('denies %s', async ([, call, message, details]) => {
      expect(refusal(await call())).toMatchObject({ code: 403, reason: 'Forbidden', message: message(), details });
    });
    test('denies a path', async () => {
      expect(refusal(await limited.call('GET', '/metrics'))).toEqual({
        code: 403,
        reason: 'Forbidden',
        message: `forbidden: User "${user}" cannot get path "/metrics"`,
        details: {},
      });
    });
    test('needs create for an apply that creates, and not for one that changes', async () => {
      const account = 'patcher';
      await created(api().admin.call('POST', core(ns, 'serviceaccounts'), { body: { metadata: { name: account } } }));
      await created(
        api().admin.call('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${ns}/roles`, {
          body: {
            metadata: { name: account },
            rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['patch', 'get'] }],
          },
        }),
      );
      await created(
        api().admin.call('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${ns}/rolebindings`, {
          body: {
            metadata: { name: account },
            roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: account },
            subjects: [{ kind: 'ServiceAccount', name: account, namespace: ns }],
          },
        }),
      );
      const patcher = await api().asAccount(ns, account);
      await until(async () => (await patcher.call('GET', core(ns, 'secrets', 'private'))).code === 200);
      const apply = (name: string): Promise<Answer> =>
        patcher.call('PATCH', `${core(ns, 'secrets', name)}?fieldManager=m`, {
          type: APPLY,
          body: { apiVersion: 'v1', kind: 'Secret', metadata: { name } },
        });
      expect(refusal(await apply('absent')).message).toBe(
        `secrets "absent" is forbidden: User "system:serviceaccount:${ns}:${account}" cannot create resource ` +
          `"secrets" in API group "" in the namespace "${ns}"`,
      );
      expect((await apply('private')).code).toBe(200);
      expect(
        (
          await patcher.call('PATCH', core(ns, 'secrets', 'private'), {
            type: MERGE,
            body: { metadata: { labels: { a: 'b' } } },
          })
        ).code,
      ).toBe(200);
      expect((await patcher.call('PATCH', core(other, 'secrets', 'x'), { type: JSON_PATCH, body: [] })).code).toBe(403);
    });
  });

  describe('credentials', () => {
    test('that are wrong are 401', async () => {
      expect(refusal(await api().as({ token: 'wrong' }).call('GET', '/api/v1/namespaces'))).toEqual({
        code: 401,
        reason: 'Unauthorized',
        message: 'Unauthorized',
      });
    });
    test('that are missing make one anonymous', async () => {
      const anonymous = api().as({});
      expect(refusal(await anonymous.call('GET', '/api/v1/namespaces')).message).toBe(
        'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope',
      );
      expect((await anonymous.call('GET', '/livez')).text).toBe('ok');
    });
    test('of a deleted ServiceAccount are worth nothing', async () => {
      await created(api().admin.call('POST', core(ns, 'serviceaccounts'), { body: { metadata: { name: 'brief' } } }));
      const client = await api().asAccount(ns, 'brief');
      expect((await client.call('GET', '/version')).code).toBe(200);
      await created(api().admin.call('DELETE', core(ns, 'serviceaccounts', 'brief')));
      // The real server remembers a good token for ten seconds.
      await until(async () => (await client.call('GET', '/version')).code === 401, 30_000);
    });
    test('say who one is', async () => {
      const { code, body } = await limited.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        body: {},
      });
      expect([code, body.status]).toMatchObject([
        201,
        {
          userInfo: {
            username: user,
            groups: ['system:serviceaccounts', `system:serviceaccounts:${ns}`, 'system:authenticated'],
          },
        },
      ]);
    });
  });

  describe('reviews', () => {
    const may = async (client: RawClient, resourceAttributes: object): Promise<unknown> =>
      (
        await client.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
          body: { spec: { resourceAttributes } },
        })
      ).body.status['allowed'];
    const ask = (spec: object): Promise<Answer> =>
      api().admin.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { body: { spec } });
    test('answer for oneself', async () => {
      expect(await may(limited, { verb: 'get', resource: 'secrets', namespace: ns, name: 'copy' })).toBe(true);
      expect(await may(limited, { verb: 'get', resource: 'secrets', namespace: ns, name: 'private' })).toBe(false);
      expect(await may(limited, { verb: 'list', resource: 'secrets', namespace: ns })).toBe(false);
      expect(await may(api().admin, { verb: '*', resource: '*' })).toBe(true);
    });
    test('answer for others, and say why', async () => {
      const { body } = await api().admin.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        body: { spec: { user, resourceAttributes: { verb: 'get', resource: 'secrets', namespace: ns, name: 'copy' } } },
      });
      expect(body.status).toEqual({
        allowed: true,
        reason: `RBAC: allowed by ClusterRoleBinding "one-name-${ns}" of ClusterRole "one-name-${ns}" to ServiceAccount "limited/${ns}"`,
      });
    });
    test('answer for a path that is no resource, with all that a token says of its owner', async () => {
      const viewer = `viewer-${ns}`;
      await created(
        api().admin.call('POST', rbac('clusterroles'), {
          body: { metadata: { name: viewer }, rules: [{ nonResourceURLs: ['/report'], verbs: ['get'] }] },
        }),
      );
      await created(
        api().admin.call('POST', rbac('clusterrolebindings'), {
          body: {
            metadata: { name: viewer },
            roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: viewer },
            subjects: [{ kind: 'ServiceAccount', name: 'limited', namespace: ns }],
          },
        }),
      );
      const may = async (spec: object): Promise<unknown> => (await ask(spec)).body.status;
      const asked = {
        user,
        uid: 'u',
        groups: ['g'],
        extra: { 'example.com/key': ['v'] },
        nonResourceAttributes: { path: '/report', verb: 'get' },
      };
      await until(async () => (await ask(asked)).body.status['allowed'] === true);
      expect(await may(asked)).toEqual({
        allowed: true,
        reason: `RBAC: allowed by ClusterRoleBinding "${viewer}" of ClusterRole "${viewer}" to ServiceAccount "limited/${ns}"`,
      });
      expect((await ask(asked)).body.spec).toEqual(asked);
      for (const nonResourceAttributes of [
        { path: '/report/', verb: 'get' },
        { path: '/report/x', verb: 'get' },
        { path: '/report', verb: 'post' },
      ])
        expect(await may({ ...asked, nonResourceAttributes })).toEqual({ allowed: false });
      expect(await may({ ...asked, user: 'another' })).toEqual({ allowed: false });
      expect(await may({ groups: ['system:masters'], nonResourceAttributes: asked.nonResourceAttributes })).toEqual({
        allowed: true,
      });
    });
    test('say what is wrong with a question', async () => {
      const nonResourceAttributes = { path: '/report', verb: 'get' };
      const one =
        'spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified';
      const nobody = 'spec.user: Invalid value: "": at least one of user or group must be specified';
      const wrong: [spec: object, why: string][] = [
        [{ user }, one],
        [{ nonResourceAttributes }, nobody],
        [{}, `[${one}, ${nobody}]`],
        [
          { user, nonResourceAttributes, resourceAttributes: { verb: 'get', resource: 'pods' } },
          'spec.nonResourceAttributes: Invalid value: {"Path":"/report","Verb":"get"}: cannot be specified in combination with resourceAttributes',
        ],
      ];
      for (const [spec, why] of wrong)
        expect(refusal(await ask(spec))).toMatchObject({
          code: 422,
          reason: 'Invalid',
          message: `.authorization.k8s.io "" is invalid: ${why}`,
          details: { group: 'authorization.k8s.io' },
        });
      expect(
        refusal(
          await api().admin.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
            body: { spec: {} },
          }),
        ).message,
      ).toBe(`.authorization.k8s.io "" is invalid: ${one}`);
    });
    test('of tokens say why one is not good, and to whom it does not belong', async () => {
      await created(api().admin.call('POST', core(ns, 'serviceaccounts'), { body: { metadata: { name: 'passing' } } }));
      const tokenOf = async (audiences?: string[]): Promise<string> =>
        String(
          (
            await created(
              api().admin.call('POST', `${core(ns, 'serviceaccounts', 'passing')}/token`, {
                body: { spec: { ...(audiences && { audiences }) } },
              }),
            )
          ).body.status['token'],
        );
      const reviewed = async (spec: object): Promise<unknown> =>
        (await api().admin.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { spec } })).body.status;
      const own = 'https://kubernetes.default.svc';
      const token = await tokenOf();
      expect(await reviewed({ token: await tokenOf() })).toMatchObject({
        authenticated: true,
        audiences: [own],
        user: {
          username: `system:serviceaccount:${ns}:passing`,
          uid: expect.any(String) as string,
          groups: ['system:serviceaccounts', `system:serviceaccounts:${ns}`, 'system:authenticated'],
          extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/) as string] },
        },
      });
      for (const garbage of ['garbage', 'a.b.c'])
        expect(await reviewed({ token: garbage })).toEqual({ user: {}, error: 'invalid bearer token' });
      const elsewhere = (had: string, wanted: string): object => ({
        user: {},
        error: `[invalid bearer token, token audiences ["${had}"] is invalid for the target audiences ["${wanted}"]]`,
      });
      expect(await reviewed({ token, audiences: ['other'] })).toEqual(elsewhere(own, 'other'));
      expect(await reviewed({ token: await tokenOf(['vault']) })).toEqual(elsewhere('vault', own));
      expect(
        refusal(await api().admin.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: {} })),
      ).toMatchObject({ code: 400, message: 'token is required for TokenReview in authentication' });
      // Not reviewed before for its own audience, for the real server remembers a good token for ten seconds. It hears of the deletion a little later: a
      // review before that is remembered too, and waited for.
      await created(api().admin.call('DELETE', core(ns, 'serviceaccounts', 'passing')));
      await until(
        async () =>
          JSON.stringify(await reviewed({ token })) ===
          JSON.stringify({ user: {}, error: '[invalid bearer token, serviceaccounts "passing" not found]' }),
        20_000,
      );
    });
    test('of tokens', async () => {
      const request = await api().admin.call('POST', `${core(ns, 'serviceaccounts', 'limited')}/token`, {
        body: { spec: { expirationSeconds: 600 } },
      });
      expect([request.code, request.body.kind]).toEqual([201, 'TokenRequest']);
      const { body } = await api().admin.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        body: { spec: { token: request.body.status['token'] } },
      });
      expect(body.status).toMatchObject({ authenticated: true, user: { username: user } });
      expect(
        (
          await api().admin.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
            body: { spec: { token: 'wrong' } },
          })
        ).body.status['authenticated'],
      ).toBeUndefined();
      expect(
        refusal(
          await api().admin.call('POST', `${core(ns, 'serviceaccounts', 'limited')}/token`, {
            body: { spec: { expirationSeconds: 5 } },
          }),
        ).message,
      ).toBe(
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
      );
    });
  });
};
