/** A kind cluster. No run has seen it yet: kept as thin as it can be. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../sandbox/registry/distribution.ts';
import { run } from './cluster.ts';
import type { ClusterSettings } from './settings.ts';

/** kind makes its nodes read this directory. */
const HOSTS = '/etc/containerd/certs.d';

export async function startKind(
  image: string | undefined,
): Promise<{ settings: ClusterSettings; stop(): Promise<void> }> {
  const directory = mkdtempSync(path.join(tmpdir(), 'pullpass-e2e-'));
  const kubeconfig = path.join(directory, 'kubeconfig');
  const cluster = ['--name', 'pullpass-e2e', '--kubeconfig', kubeconfig];
  const stop = async (): Promise<void> => {
    try {
      run('kind', ['delete', 'cluster', ...cluster]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
  try {
    run('kind', [
      'create',
      'cluster',
      '--wait',
      '180s',
      ...cluster,
      ...(image === undefined ? [] : ['--image', image]),
    ]);
    const template = '{{range .IPAM.Config}}{{.Gateway}} {{end}}';
    const gateway = run('docker', ['network', 'inspect', 'kind', '--format', template])
      .split(' ')
      .find((address) => /^[\d.]+$/.test(address));
    if (gateway === undefined) throw new Error('the Docker network "kind" has no IPv4 gateway');
    const node = { hosts: HOSTS, container: 'pullpass-e2e-control-plane' };
    return { settings: { kubeconfig, registry: `${gateway}:${await freePort(gateway)}`, node }, stop };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}
