/** What is kept of a pull Secret that was read: how old it is, and whether a platform renews it by itself. */
import { expect, test } from 'vitest';
import type { PullSecret } from '../../../src/audit/observe/observation.ts';
import { createContentReader, readPullSecrets } from '../../../src/audit/observe/secret-facts.ts';
import { scriptedClient } from '../../kube/scripted-client.ts';
import { digest } from '../../sources/worlds.ts';

async function read(type: string, metadata: object): Promise<PullSecret | undefined> {
  const auths = {
    'image-registry.openshift-image-registry.svc:5000': { auth: Buffer.from('<token>:x').toString('base64') },
  };
  const json = type === 'kubernetes.io/dockercfg' ? auths : { auths };
  const data = { [`.${type.slice('kubernetes.io/'.length)}`]: Buffer.from(JSON.stringify(json)).toString('base64') };
  let found: PullSecret | undefined;
  await readPullSecrets({
    client: scriptedClient(() => ({ metadata, type, data })).client,
    wanted: [{ namespace: 'team-a', name: 'own' }],
    read: createContentReader(digest),
    onRead: (_, __, secret) => (found = secret),
  });
  return found;
}

const BOUND = { 'openshift.io/internal-registry-auth-token.service-account': 'default' };
const LEGACY = { 'openshift.io/token-secret.name': 'default-token-x', 'kubernetes.io/service-account.name': 'default' };

test.each([BOUND, LEGACY])('OpenShift renews what it made for a ServiceAccount: %o', async (annotations) => {
  expect(await read('kubernetes.io/dockercfg', { annotations })).toMatchObject({ renewedBy: 'OpenShift' });
});

test.each<[string, string, object]>([
  ['a Secret without annotations', 'kubernetes.io/dockercfg', {}],
  [
    'one of a ServiceAccount of Kubernetes',
    'kubernetes.io/dockercfg',
    { 'kubernetes.io/service-account.name': 'default' },
  ],
  ['one of a type that OpenShift does not make', 'kubernetes.io/dockerconfigjson', BOUND],
])('%s is renewed by whoever made it', async (_, type, annotations) => {
  const secret = await read(type, { annotations });
  expect(secret).toMatchObject({ state: 'read', content: { entries: [{ key: expect.any(String) as string }] } });
  expect(secret).not.toHaveProperty('renewedBy');
});

test('when it was created is kept, if the server says so', async () => {
  const at = { creationTimestamp: '2026-03-01T12:00:00Z' };
  expect(await read('kubernetes.io/dockercfg', at)).toMatchObject({ createdAt: Date.parse('2026-03-01T12:00:00Z') });
  expect(await read('kubernetes.io/dockercfg', {})).not.toHaveProperty('createdAt');
});
