/** The page /report behind Kubernetes' own rights, as the controller's ServiceAccount checks them, with real tokens. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { missingRights } from '../../src/controller/missing-rights.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { paths } from '../../src/kube/paths.ts';
import { createAccess, secured } from '../../src/server/access.ts';
import { startServer } from '../../src/server/listener.ts';
import type { RunningServer } from '../../src/server/listener.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const COMPONENT = path.resolve(import.meta.dirname, '../../manifests/components/secure-report/rbac.yaml');
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

onEachServer((server) => {
  const config = configuration({ name: 'hub' });
  const signal = new AbortController().signal;
  let cluster: Cluster;
  let client: KubeClient;
  let web: RunningServer;
  const clock = { skipped: 0 };
  const asked: string[] = [];
  const warnings: unknown[] = [];

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.namespace('people');
    for (const name of ['viewer', 'other', 'leaving']) await cluster.serviceAccount('people', name);
    ({ client } = await cluster.asController((verb, resource, code) => asked.push(`${verb} ${resource} ${code}`)));
    const access = createAccess({
      client,
      path: '/report',
      now: () => Date.now() + clock.skipped,
      log: { warn: (...line: unknown[]) => void warnings.push(line) },
    });
    web = await startServer({
      address: '127.0.0.1:0',
      livez: () => [],
      readyz: () => [],
      pages: { '/report': secured(() => ({ contentType: 'text/html', body: '<h1>Report</h1>' }), access) },
    });
  });
  afterAll(async () => {
    await web?.close();
    await cluster.close();
  });

  const tokenOf = async (name: string, spec: object = {}): Promise<string> =>
    (
      await cluster.admin.create<{ status: { token: string } }>(`${paths.serviceAccounts('people', name)}/token`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec,
      })
    ).status.token;
  async function look(
    token?: string,
    scheme = 'Bearer',
  ): Promise<{ status: number; body: string; challenge: string | null }> {
    const response = await fetch(
      `${web.url}/report`,
      token === undefined ? {} : { headers: { authorization: `${scheme} ${token}` } },
    );
    return {
      status: response.status,
      body: await response.text(),
      challenge: response.headers.get('www-authenticate'),
    };
  }
  const bind = async (name: string): Promise<void> => {
    await cluster.admin.create(`${RBAC}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `report-${name}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'pullpass-report-viewer' },
      subjects: [{ kind: 'ServiceAccount', namespace: 'people', name }],
    });
  };

  test('without the rights to ask, nobody sees it, and the self-check and one line say what is missing', async () => {
    expect(await missingRights(client, config, CONTROLLER_NAMESPACE, signal)).toEqual([]);
    expect(await missingRights(client, config, CONTROLLER_NAMESPACE, signal, { secureReport: true })).toEqual([
      expect.stringMatching(/^cannot create tokenreviews, .*`pullpass rbac --secure-report`$/) as string,
      expect.stringMatching(/^cannot create subjectaccessreviews, .*`pullpass rbac --secure-report`$/) as string,
    ]);
    const token = await tokenOf('viewer');
    expect(await look(token)).toMatchObject({ status: 503 });
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).toMatch(
      /cannot check who may see \/report: .*tokenreviews: HTTP status 403 Forbidden: the right is missing/,
    );
    expect(JSON.stringify(warnings)).not.toContain(token);
  });

  test('the component in the manifests brings those rights, as `pullpass rbac --secure-report` does', async () => {
    await cluster.applyRbac(config, { secureReport: true });
    await eventually(async () =>
      expect(await missingRights(client, config, CONTROLLER_NAMESPACE, signal, { secureReport: true })).toEqual([]),
    );
    await cluster.applyRbac(config);
    await eventually(async () =>
      expect(await missingRights(client, config, CONTROLLER_NAMESPACE, signal, { secureReport: true })).toHaveLength(2),
    );
    for (const document of parseAllDocuments(readFileSync(COMPONENT, 'utf8'))) {
      const object = document.toJS() as { kind: string; metadata: { name: string } };
      await cluster.admin.patch(
        `${RBAC}/${object.kind.toLowerCase()}s/${object.metadata.name}`,
        'application/apply-patch+yaml',
        object,
        { query: { fieldManager: 'test' } },
      );
    }
    await eventually(async () =>
      expect(await missingRights(client, config, CONTROLLER_NAMESPACE, signal, { secureReport: true })).toEqual([]),
    );
  });

  describe('with them', () => {
    test('who is bound to the role of the component sees it', async () => {
      await bind('viewer');
      const token = await tokenOf('viewer');
      await eventually(async () => {
        clock.skipped += 10_000;
        expect(await look(token)).toEqual({ status: 200, body: '<h1>Report</h1>', challenge: null });
      });
    });

    test('who is not is known, and refused', async () => {
      expect(await look(await tokenOf('other'))).toMatchObject({
        status: 403,
        body: expect.stringContaining('pullpass-report-viewer') as string,
      });
    });

    test('nobody, garbage, another scheme and a token for another audience are asked for a token', async () => {
      const good = await tokenOf('viewer');
      const challenge = 'Bearer realm="pullpass"';
      expect(await look()).toMatchObject({ status: 401, challenge });
      for (const token of [
        'garbage',
        'a.b.c',
        `${good.slice(0, -8)}AAAAAAAA`,
        await tokenOf('viewer', { audiences: ['vault'] }),
      ])
        expect(await look(token), token).toMatchObject({ status: 401, challenge });
      expect(await look(good, 'Basic')).toMatchObject({ status: 401, challenge });
      // The controller's own rights are nobody else's.
      expect(await look(good)).toMatchObject({ status: 200 });
    });

    test('the API server is asked twice about a token and not again for ten seconds', async () => {
      const token = await tokenOf('viewer');
      asked.length = 0;
      expect(await Promise.all(Array.from({ length: 10 }, () => look(token)))).toEqual(
        Array.from({ length: 10 }, () => expect.objectContaining({ status: 200 }) as object),
      );
      expect(asked).toEqual(['post tokenreviews 201', 'post subjectaccessreviews 201']);
    });

    test('a token ends with its ServiceAccount, a right with its binding', async () => {
      await bind('leaving');
      const token = await tokenOf('leaving');
      const becomes = (status: number): Promise<void> =>
        eventually(async () => {
          clock.skipped += 10_000;
          expect(await look(token)).toMatchObject({ status });
          await delay(100);
        }, 30_000);
      await becomes(200);
      await cluster.admin.delete(`${RBAC}/clusterrolebindings/report-leaving`);
      await becomes(403);
      await cluster.admin.delete(paths.serviceAccounts('people', 'leaving'));
      // The API server itself remembers a good token for ten seconds.
      await becomes(401);
    }, 60_000);
  });
});
