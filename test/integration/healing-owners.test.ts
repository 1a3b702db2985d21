/** Healing with real owners: kube-controller-manager makes the pods anew. The test says what a kubelet would. */
import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { paths } from '../../src/kube/paths.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { configuration, createCluster, CONTROLLER_NAMESPACE, eventually } from './env/cluster.ts';
import { findRealApi, startRealApi } from './env/real-api.ts';

const IMAGE = 'registry.example.com/team/app:1';
const CONFIG = configuration({ name: 'heal', namespaces: { allow: ['team'] }, healing: { mode: 'evict' } });

const real = findRealApi();
const manager = findOnPath('kube-controller-manager', 'of a release of Kubernetes, or built from its source');
const missing = [real, manager].flatMap((each) => ('missing' in each ? [each.missing] : []))[0];

describe('on kube-apiserver, with kube-controller-manager', () => {
  test.skipIf(missing !== undefined)(
    missing ?? 'the pods of a Deployment and of a Job are made anew with the reference, and the Job goes on',
    { timeout: 120_000 },
    async () => {
      if ('missing' in real || 'missing' in manager) return;
      const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-owners-'));
      const server = await startRealApi(real.found);
      const kubeconfig = path.join(directory, 'kubeconfig');
      await writeFile(kubeconfig, server.adminKubeconfig(), { mode: 0o600 });
      const owners = spawn(
        manager.found,
        [
          `--kubeconfig=${kubeconfig}`,
          '--controllers=deployment-controller,replicaset-controller,job-controller',
          '--leader-elect=false',
          '--secure-port=0',
        ],
        { stdio: 'ignore' },
      );
      const cluster = await createCluster(server);
      try {
        await cluster.applyRbac(CONFIG);
        await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'heal' }, { 'registry.example.com': 'pw' });
        await cluster.namespace('team');
        const spec = { containers: [{ name: 'main', image: IMAGE }] };
        await cluster.admin.create('/apis/apps/v1/namespaces/team/deployments', {
          ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
          spec: {
            selector: { matchLabels: { app: 'web' } },
            template: { metadata: { labels: { app: 'web' } }, spec },
          },
        });
        await cluster.admin.create('/apis/batch/v1/namespaces/team/jobs', {
          ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'once' } },
          spec: { template: { metadata: { labels: { app: 'once' } }, spec: { ...spec, restartPolicy: 'Never' } } },
        });
        const pods = async (): Promise<V1Pod[]> =>
          (await cluster.admin.get<{ items: V1Pod[] }>(paths.pods('team'))).items.filter(
            ({ metadata }) => metadata?.deletionTimestamp === undefined,
          );
        await eventually(async () => expect(await pods()).toHaveLength(2));
        const early = await pods();
        for (const { metadata } of early)
          await cluster.admin.patch(
            `${paths.pods('team')}/${metadata?.name ?? ''}/status`,
            'application/merge-patch+json',
            {
              status: {
                containerStatuses: [
                  {
                    ...{ name: 'main', image: IMAGE, imageID: '', ready: false, restartCount: 0 },
                    state: { waiting: { reason: 'ErrImagePull', message: 'failed to authorize: 401 Unauthorized' } },
                  },
                ],
              },
            },
          );
        const controller = await cluster.controller(CONFIG);
        await cluster.annotateNamespace('team', { 'pullpass.dev/sync': 'enabled' });
        const known = new Set(early.map(({ metadata }) => metadata?.uid));
        await eventually(async () => {
          const now = await pods();
          expect(now.map(({ metadata }) => [known.has(metadata?.uid), metadata?.labels?.['app']]).sort()).toEqual([
            [false, 'once'],
            [false, 'web'],
          ]);
          for (const pod of now) expect(pod.spec?.imagePullSecrets).toEqual([{ name: 'heal-copy' }]);
        }, 60_000);
        // Its own controller counts a little later.
        await eventually(async () => {
          const { status } = await cluster.admin.get<V1Job>('/apis/batch/v1/namespaces/team/jobs/once');
          expect([status?.active, status?.failed, status?.conditions]).toEqual([1, 1, undefined]);
        });
        expect(controller.calls.filter(({ code }) => code === 403)).toEqual([]);
      } finally {
        await cluster.close();
        owners.kill();
        await new Promise((resolve) => owners.once('exit', resolve));
        await server.stop();
        await rm(directory, { recursive: true, force: true });
      }
    },
  );
});
