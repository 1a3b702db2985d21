/** A release of the chart on a real API server, where the test plays kubelet and Job controller. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { V1ConfigMap, V1Job, V1PodSpec } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { CHART } from '../../charts/build.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { PROGRAM } from '../program.ts';
import { NAMESPACE } from './helm.ts';
import type { Helm, Result } from './helm.ts';

export const JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
export const DEPLOYMENT = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/pullpass`;

export interface Release {
  helm(command: 'install' | 'upgrade', values: object, args?: readonly string[]): Promise<Result>;
  run(...args: string[]): Promise<Result>;
  /** The text that the ConfigMap holds now. */
  configuration(): Promise<string>;
  /** Runs what the pod of a Job would run, with the token of its ServiceAccount, and says how it ended. */
  play(job: string): Promise<{ status: number; output: string }>;
}

export function createRelease(helm: Helm, server: ApiServer, cluster: Cluster): Release {
  const kubeconfig = server.adminKubeconfig();
  const release: Release = {
    helm: (command, values, args = []) =>
      helm.run([command, 'pullpass', CHART, '--namespace', NAMESPACE, ...args], { kubeconfig, values }),
    run: (...args) => helm.run([...args, '--namespace', NAMESPACE], { kubeconfig }),
    async configuration() {
      const { data } = await cluster.admin.get<V1ConfigMap>(
        `/api/v1/namespaces/${NAMESPACE}/configmaps/pullpass-config`,
      );
      return data?.['config.yaml'] ?? '';
    },
    async play(name) {
      const { containers = [], serviceAccountName = '' } = await begun(name);
      const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-job-'));
      const file = (each: string) => path.join(directory, each);
      try {
        await writeFile(file('config.yaml'), await release.configuration());
        await writeFile(
          file('kubeconfig'),
          await server.kubeconfigFor({ namespace: NAMESPACE, name: serviceAccountName }),
        );
        const args = (containers[0]?.args ?? []).map((arg) => arg.replace('/etc/pullpass', directory));
        const ended = await program([...args, '--kubeconfig', file('kubeconfig')]);
        await finish(ended.status === 0 ? 'Complete' : 'Failed', name);
        return ended;
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  };

  /** The pod of a Job that has not ended yet. */
  async function begun(name: string): Promise<Partial<V1PodSpec>> {
    let job: V1Job | undefined;
    await eventually(async () => {
      job = await cluster.admin.get<V1Job>(`${JOBS}/${name}`);
      expect(job.status?.conditions ?? []).toEqual([]);
    }, 60_000);
    return job?.spec?.template.spec ?? {};
  }

  /** As the Job controller would, which is not there. */
  async function finish(type: 'Complete' | 'Failed', name: string): Promise<void> {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const condition = (each: string) => ({ type: each, status: 'True', reason: 'Played', lastTransitionTime: now });
    await cluster.admin.patch(`${JOBS}/${name}/status`, 'application/merge-patch+json', {
      status: {
        startTime: now,
        ...(type === 'Complete' && { completionTime: now, succeeded: 1 }),
        conditions: [condition(type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'), condition(type)],
      },
    });
  }
  return release;
}

function program(args: readonly string[]): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env['PATH'], POD_NAMESPACE: NAMESPACE, NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('close', (code) => resolve({ status: code ?? 1, output }));
  });
}
