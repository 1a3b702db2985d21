/** Every pull Secret of the cluster, by type: whose it is, and what of it is kept. */
import { expect, test } from 'vitest';
import { readAllPullSecrets } from '../../../src/audit/observe/all-pull-secrets.ts';
import { createContentReader } from '../../../src/audit/observe/secret-facts.ts';
import { ApiError } from '../../../src/kube/api-error.ts';
import { refusal, scriptedClient } from '../../kube/scripted-client.ts';
import type { Call } from '../../kube/scripted-client.ts';
import { base64, dockerConfig } from '../../sources/worlds.ts';

const JSON_TYPE = 'kubernetes.io/dockerconfigjson';

function secret(at: string, metadata: object = {}, password = 'pw-that-must-not-show') {
  const [namespace, name] = at.split('/');
  return {
    metadata: { namespace, name, uid: at, ...metadata },
    type: JSON_TYPE,
    data: { '.dockerconfigjson': base64(dockerConfig(password)) },
  };
}

const read = createContentReader((text) => `#${text.length}`);

/** `pages`: what a list of this type answers, page after page. */
async function readAll(pages: readonly (readonly object[])[], options: object = {}) {
  let page = 0;
  const { client, calls } = scriptedClient(({ query }: Call) => {
    if (query['fieldSelector'] !== `type=${JSON_TYPE}`) return { metadata: {}, items: [] };
    const items = pages[page++];
    return { metadata: { continue: page < pages.length ? String(page) : '' }, items };
  });
  return { ...(await readAllPullSecrets(client, { read, ...options })), calls };
}

test('only the two types of pull Secrets are asked for, in pages', async () => {
  const { calls, secrets } = await readAll([[secret('b/one')], [secret('a/two')]]);
  expect(calls.map(({ path, query }) => [path, query['fieldSelector'], query['continue']])).toEqual([
    ['/api/v1/secrets', `type=${JSON_TYPE}`, undefined],
    ['/api/v1/secrets', `type=${JSON_TYPE}`, '1'],
    ['/api/v1/secrets', 'type=kubernetes.io/dockercfg', undefined],
  ]);
  expect(secrets.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual(['a/two', 'b/one']);
});

test('in an audit of some namespaces, only their Secrets are asked for', async () => {
  const { calls } = await readAll([[], []], { only: ['team-a'] });
  expect(new Set(calls.map(({ path }) => path))).toEqual(new Set(['/api/v1/namespaces/team-a/secrets']));
});

test('no login is kept', async () => {
  expect(JSON.stringify((await readAll([[secret('a/one')]])).secrets)).not.toContain('pw-that-must-not-show');
});

test.each([
  ['copy', { labels: { 'pullpass.dev/source': 'hub' } }],
  ['login', { labels: { 'pullpass.dev/cache-proxy': 'cache' } }],
  ['unknown', { labels: { 'pullpass.dev/source': 'hub', 'pullpass.dev/cache-proxy': 'cache' } }],
  ['kube-image-keeper', { labels: { 'kuik.enix.io/owner-name': 'hub', 'kuik.enix.io/owner-kind': 'ImageSetMirror' } }],
  ['Helm', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }],
  ['Helm', { annotations: { 'meta.helm.sh/release-name': 'app' } }],
  ['OpenShift', { annotations: { 'openshift.io/internal-registry-auth-token.service-account': 'default' } }],
  ['OpenShift', { annotations: { 'openshift.io/token-secret.name': 'default-token-x' } }],
  ['OpenShift', { ownerReferences: [{ kind: 'ServiceAccount', name: 'default' }] }],
  ['OpenShift', { namespace: 'openshift-config' }],
  ['unknown', { namespace: 'openshifters', ownerReferences: [{ kind: 'ExternalSecret', name: 'x' }] }],
  ['unknown', { annotations: { 'openshift.io/description': 'mine' } }],
])('made by %s: %j', async (maker, metadata) => {
  expect((await readAll([[secret('a/one', metadata)]])).secrets.map((each) => each.maker)).toEqual([maker]);
});

test('what is too large or too many is counted, and not looked into', async () => {
  const limits = { secrets: 2, entries: 10, characters: 1_000 };
  const large = secret('a/large', {}, 'x'.repeat(1_000));
  const { secrets, left } = await readAll([[large, secret('a/1'), secret('a/2'), secret('a/3')]], { limits });
  expect([secrets.map(({ name }) => name), left]).toEqual([['1', '2'], 2]);
  expect(await readAll([[secret('a/1'), secret('a/2')]], { limits: { ...limits, entries: 1 } })).toMatchObject({
    secrets: [{ name: '1' }],
    left: 1,
  });
});

test('a list that starts again has each Secret once', async () => {
  let lists = 0;
  const { client } = scriptedClient(({ query }) => {
    if (query['fieldSelector'] !== `type=${JSON_TYPE}`) return { metadata: {}, items: [] };
    lists++;
    if (lists === 2) throw refusal(410);
    return { metadata: { continue: lists === 1 ? 'next' : '' }, items: [secret('a/one')] };
  });
  expect((await readAllPullSecrets(client, { read })).secrets).toHaveLength(1);
});

test('without the right to list it is the error of the server', async () => {
  const { client } = scriptedClient(() => {
    throw refusal(403);
  });
  await expect(readAllPullSecrets(client, { read })).rejects.toThrow(ApiError);
});
