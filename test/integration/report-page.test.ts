/** The whole way: faults in a cluster, the controller that audits it, its page in a browser, and the page once they are mended. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONTROLLER_NAMESPACE, configuration, createCluster, dockerConfig, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';
import { DESKTOP, inBrowser, textsOf } from '../page/browser.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const OPT_IN = { annotations: { 'pullpass.dev/sync': 'enabled' } };
const FIVE = [
  "A Secret that Pullpass did not make has a copy's name",
  'Pods cannot pull an image',
  'A namespace opted in where the guard says no',
  'An annotation has a value that means nothing',
  'A namespace names a source that does not exist',
];

onEachServer((server) => {
  let cluster: Cluster;
  let url = '';
  let bearer = '';
  const base = configuration({ name: 'corp' });
  const config = { ...base, schedules: { ...base.schedules, audit: '0 * * * *' } };
  const pods = '/api/v1/namespaces/shop/pods';

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source(
      { namespace: CONTROLLER_NAMESPACE, name: 'corp' },
      { 'registry.corp': 'pw-that-must-not-show' },
    );
    await cluster.namespace('legacy');
    await cluster.secret('legacy', 'corp-copy', {
      type: 'kubernetes.io/dockerconfigjson',
      data: dockerConfig({ 'registry.corp': 'the-tenants-own' }),
    });
    await cluster.annotateNamespace('legacy', OPT_IN.annotations);
    await cluster.namespace('kube-extra', OPT_IN);
    await cluster.namespace('shop', { annotations: { 'pullpass.dev/sync': 'yes' } });
    await cluster.namespace('mobile', { annotations: { ...OPT_IN.annotations, 'pullpass.dev/sources': 'crop' } });
    await cluster.admin.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'app', image: 'registry.corp/shop/web:1' }] },
    });
    await cluster.admin.patch(`${pods}/web/status`, 'application/merge-patch+json', {
      status: {
        phase: 'Pending',
        containerStatuses: [
          {
            name: 'app',
            image: 'x',
            imageID: '',
            ready: false,
            restartCount: 0,
            state: { waiting: { reason: 'ImagePullBackOff', message: '401 Unauthorized' } },
          },
        ],
      },
    });
    await cluster.controller(config, {
      address: '127.0.0.1:0',
      secureReport: true,
      onListening: (at) => {
        url = `${at}/report`;
      },
      timings: { reportAgeMs: 0 },
    });

    await cluster.serviceAccount(CONTROLLER_NAMESPACE, 'viewer');
    // The role came with the rights.
    const name = 'pullpass-report-viewer';
    await cluster.admin.create(`${RBAC}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', namespace: CONTROLLER_NAMESPACE, name: 'viewer' }],
    });
    const { status } = await cluster.admin.create<{ status: { token: string } }>(
      `/api/v1/namespaces/${CONTROLLER_NAMESPACE}/serviceaccounts/viewer/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    );
    bearer = `Bearer ${status.token}`;
  });
  afterAll(() => cluster.close());

  inBrowser('the page of the controller', (_, visit) => {
    test('shows the five faults at first sight to whom the cluster lets see it, and nothing of them once they are mended', async () => {
      const stranger = await visit(url);
      expect([stranger.status, await stranger.page.locator('body').innerText()]).toEqual([
        401,
        expect.stringContaining('a bearer token is needed'),
      ]);

      const { page, incidents, status } = await visit(url, { extraHTTPHeaders: { authorization: bearer } });
      expect(status).toBe(200);
      for (const title of FIVE) {
        const box = await page.locator('.wrong a').filter({ hasText: title }).boundingBox();
        expect(box, title).not.toBeNull();
        expect((box?.y ?? Infinity) + (box?.height ?? 0), title).toBeLessThan(DESKTOP.height);
      }
      const html = await page.content();
      for (const secret of ['pw-that-must-not-show', 'the-tenants-own']) expect(html).not.toContain(secret);

      // As the page says.
      await cluster.deleteSecret('legacy', 'corp-copy');
      await cluster.annotateNamespace('kube-extra', { 'pullpass.dev/sync': null });
      await cluster.annotateNamespace('shop', { 'pullpass.dev/sync': 'enabled' });
      await cluster.annotateNamespace('mobile', { 'pullpass.dev/sources': null });
      await cluster.admin.delete(`${pods}/web`, { gracePeriodSeconds: 0 });
      await eventually(async () => {
        await page.reload();
        expect(await textsOf(page, '.wrong a')).toEqual([]);
        expect(await page.locator('h1, h2').allInnerTexts()).toEqual(
          expect.arrayContaining([expect.stringMatching(/^Nothing is wrong/)]),
        );
      });
      expect(incidents).toEqual([]);
    });
  });
});
