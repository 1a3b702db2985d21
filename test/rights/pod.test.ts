/** The shipped pod, as a real API server sees it: what Pod Security lets run, and how long its token lives. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { rawClient } from '../integration/env/raw-client.ts';
import type { RawClient } from '../integration/env/raw-client.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import type { ApiServer } from '../integration/env/api-server.ts';

const read = <T>(file: string): T =>
  parse(readFileSync(path.join(import.meta.dirname, '..', '..', 'manifests', file), 'utf8')) as T;
interface Volume {
  projected?: { sources: { serviceAccountToken?: { expirationSeconds: number } }[] };
}
const { spec } = read<{ spec: { template: { spec: { volumes: Volume[]; securityContext: object } } } }>(
  'deployment.yaml',
);
const shipped = spec.template.spec;

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);

describe.skipIf('missing' in real)('on kube-apiserver', () => {
  let server: ApiServer;
  let admin: RawClient;
  const accounts = '/api/v1/namespaces/pullpass-system/serviceaccounts';
  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found);
    admin = rawClient(server, server.admin);
    await admin.call('POST', '/api/v1/namespaces', { body: read('namespace.yaml') });
    await admin.call('POST', accounts, { body: read('service-account.yaml') });
  }, 60_000);
  afterAll(async () => {
    admin.close();
    await server.stop();
  });

  test('Pod Security lets the pod run where it enforces "restricted", and would tell a weaker one', async () => {
    const run = (pod: object): Promise<{ code: number; text: string }> =>
      admin.call('POST', '/api/v1/namespaces/pullpass-system/pods?dryRun=All', {
        body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pullpass' }, spec: pod },
      });
    expect((await run(shipped)).text).toContain('"uid"');
    const { text } = await run({ ...shipped, securityContext: { runAsNonRoot: true } });
    expect(text).toMatch(/violates PodSecurity \\"restricted:latest\\": seccompProfile/);
  });

  test('its token lives for an hour; one that is mounted by default would live for a year', async () => {
    const [seconds] = shipped.volumes.flatMap(({ projected }) =>
      (projected?.sources ?? []).flatMap(({ serviceAccountToken }) => serviceAccountToken?.expirationSeconds ?? []),
    );
    const made = await admin.call('POST', '/api/v1/namespaces/pullpass-system/pods', {
      body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pullpass' }, spec: shipped },
    });
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'pullpass', uid: made.body.metadata.uid };
    const lifetime = async (expirationSeconds: number | undefined): Promise<number> => {
      const spec = { expirationSeconds, boundObjectRef };
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
      const { body: answer } = await admin.call('POST', `${accounts}/pullpass/token`, { body });
      const [, claims = ''] = String(answer.status['token']).split('.');
      const { exp, iat } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number; iat: number };
      return exp - iat;
    };
    expect(await lifetime(seconds)).toBe(3_600);
    // What the ServiceAccount admission of Kubernetes asks for.
    expect(await lifetime(3_607)).toBeGreaterThan(300 * 86_400);
  });
});
