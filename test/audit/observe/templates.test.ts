import { expect, test } from 'vitest';
import { readTemplates } from '../../../src/audit/observe/templates.ts';
import { ApiError } from '../../../src/kube/api-error.ts';
import { scriptedClient } from '../../kube/scripted-client.ts';

const pod = (image: string, name?: string) => ({
  spec: { containers: [{ name: 'app', image }], ...(name !== undefined && { imagePullSecrets: [{ name }] }) },
});
const metadata = (name: string, more = {}) => ({ namespace: 'team-a', name, uid: name, resourceVersion: '1', ...more });
const owned = { ownerReferences: [{ controller: true, kind: 'CronJob', name: 'night' }] };
const ended = (type: string, status = 'True') => ({ conditions: [{ type, status }] });
const template = pod('registry.corp/app', 'old');

const LISTS: Readonly<Record<string, object[]>> = {
  deployments: [
    { metadata: metadata('web'), spec: { template: pod('registry.corp/web') } },
    { metadata: metadata('of-an-operator', owned), spec: { template } },
  ],
  jobs: [
    { metadata: metadata('once'), spec: { template } },
    { metadata: metadata('night-1', owned), spec: { template } },
    { metadata: metadata('done'), spec: { template }, status: ended('Complete') },
    { metadata: metadata('failed'), spec: { template }, status: ended('Failed') },
    { metadata: metadata('going-on'), spec: { template }, status: ended('Failed', 'False') },
  ],
  cronjobs: [{ metadata: metadata('night'), spec: { jobTemplate: { spec: { template } } } }],
};

const read = (refuse = '', namespaces?: string[]) => {
  const { client, calls } = scriptedClient(({ path }) => {
    const kind = path.split('/').at(-1) ?? '';
    if (kind === refuse) throw new ApiError('list', 403, { message: `may not list ${kind}` });
    if (kind === 'daemonsets') throw new ApiError('list', 404, {});
    return { metadata: { resourceVersion: '1' }, items: LISTS[kind] ?? [] };
  });
  return { calls, result: readTemplates({ client, namespaces }) };
};

test('reads what makes pods later: no Job that has ended, and nothing that another object makes', async () => {
  const { templates, refused } = await read().result;
  expect(
    templates.map(({ owner, images, pullSecrets }) => [`${owner.kind}/${owner.name}`, ...images, ...pullSecrets]),
  ).toEqual([
    ['Deployment/web', 'registry.corp/web'],
    ['Job/once', 'registry.corp/app', 'old'],
    ['Job/going-on', 'registry.corp/app', 'old'],
    ['CronJob/night', 'registry.corp/app', 'old'],
  ]);
  expect(refused).toEqual([]);
});

test('a kind that may not be listed is named, and the others are read', async () => {
  const { templates, refused } = await read('jobs').result;
  expect(templates.map(({ owner }) => owner.kind)).toEqual(['Deployment', 'CronJob']);
  expect(refused).toEqual(['Jobs: list: may not list jobs']);
});

test('of some namespaces, asks for these only', async () => {
  const { calls, result } = read('', ['a', 'b']);
  await result;
  expect(new Set(calls.map(({ path }) => /namespaces\/(\w+)/.exec(path)?.[1]))).toEqual(new Set(['a', 'b']));
});
