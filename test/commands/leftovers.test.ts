/** What `prune` takes for its own: by labels, never by a name. */
import { describe, expect, test } from 'vitest';
import { findLeftovers } from '../../src/commands/leftovers.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';

const LOGIN = '/api/v1/namespaces/caches/secrets/login';
const STATE = '/api/v1/namespaces/pullpass-system/secrets/pullpass-state';
const STATUS = '/api/v1/namespaces/pullpass-system/configmaps/pullpass-status';
const REPORT = '/apis/openreports.io/v1alpha1/clusterreports/pullpass';

const configuration = ({ reportObject = false } = {}) =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'hub-copy' }],
    cacheProxies: [
      {
        name: 'cache',
        kind: 'zot',
        source: 'hub',
        registry: 'docker.io',
        secret: { namespace: 'caches', name: 'login' },
      },
    ],
    audit: { reportObject },
    schedules: { audit: '0 * * * *' },
  });

/** Whatever is not among `objects`, by path with their labels, is not there; or answers with `absent`. */
const find = async (objects: Record<string, Record<string, string>>, { absent = 404, reportObject = false } = {}) => {
  const { client } = scriptedClient(({ path }) => {
    const labels = objects[path];
    if (labels === undefined) throw refusal(absent);
    return { metadata: { name: path.split('/').at(-1), uid: `uid of ${path}`, resourceVersion: '7', labels } };
  });
  return findLeftovers(client, configuration({ reportObject }), 'pullpass-system');
};

const labelled = (name: string, value: string) => ({ [`pullpass.dev/${name}`]: value });

test('the login of a cache proxy, the state and the report are, each as the very object that was looked at', async () => {
  const found = await find({
    [LOGIN]: labelled('cache-proxy', 'cache'),
    [STATE]: labelled('role', 'state'),
    [STATUS]: labelled('role', 'status'),
    [REPORT]: labelled('role', 'report'),
  });
  expect(found.map(({ kind, namespace, path }) => [kind, namespace, path])).toEqual([
    ['Secret', 'caches', LOGIN],
    ['Secret', 'pullpass-system', STATE],
    ['ConfigMap', 'pullpass-system', STATUS],
    ['report object', undefined, REPORT],
  ]);
  expect(found[0]?.preconditions).toEqual({ uid: `uid of ${LOGIN}`, resourceVersion: '7' });
});

describe('an object by the same name is not', () => {
  test.each<[string, string, Record<string, string>]>([
    ['a Secret without a label', LOGIN, {}],
    ['the login of another cache proxy', LOGIN, labelled('cache-proxy', 'another')],
    ['a copy', LOGIN, labelled('source', 'hub')],
    ['a login that is a copy as well', LOGIN, { ...labelled('cache-proxy', 'cache'), ...labelled('source', 'hub') }],
    ['a Secret that others manage', STATE, { 'app.kubernetes.io/managed-by': 'helm' }],
    ['a login in place of the state', STATE, labelled('cache-proxy', 'cache')],
    ['a ConfigMap of somebody else', STATUS, {}],
    ['the report of somebody else', REPORT, {}],
    ['a report in the role of the state', REPORT, labelled('role', 'state')],
  ])('%s', async (_, path, labels) => {
    expect(await find({ [path]: labels })).toEqual([]);
  });
});

test('without the right to see reports there are none, unless the configuration keeps one', async () => {
  const secrets = { [LOGIN]: {}, [STATE]: {}, [STATUS]: {} };
  expect(await find(secrets, { absent: 403 })).toEqual([]);
  await expect(find(secrets, { absent: 403, reportObject: true })).rejects.toThrow('403');
  await expect(find({}, { absent: 403 })).rejects.toThrow('403');
});
