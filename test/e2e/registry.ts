/** A private registry in the cluster, which its nodes reach as `localhost`, and pods whose images are in it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { htpasswd } from '../sandbox/registry/htpasswd.ts';
import { ROOT, run } from './cluster.ts';
import type { Cluster } from './cluster.ts';

const NAMESPACE = 'pullpass-e2e-registry';
/** Containerd asks a registry on `localhost` by plain HTTP. */
const PORT = 30_500;
export const REGISTRY = `localhost:${PORT}`;

export type Logins = Readonly<Record<string, string>>;

/** The same image of Distribution as the reference cache's. */
const { spec } = parse(
  readFileSync(path.join(ROOT, 'manifests/components/cache-proxy/base/deployment.yaml'), 'utf8'),
) as { spec: { template: { spec: { containers: { image: string }[] } } } };
const distribution = spec.template.spec.containers[0]?.image;

/** Starts it, or starts it anew with other logins and without images; resolves when the image of `archive` is in it. */
export async function startRegistry(cluster: Cluster, logins: Logins, archive: string): Promise<void> {
  const metadata = { name: 'registry', namespace: NAMESPACE };
  const labels = { app: 'registry' };
  const env = Object.entries({
    REGISTRY_AUTH: 'htpasswd',
    REGISTRY_AUTH_HTPASSWD_REALM: 'e2e',
    REGISTRY_AUTH_HTPASSWD_PATH: '/tmp/htpasswd',
    HTPASSWD: htpasswd(logins),
  }).map(([name, value]) => ({ name, value }));
  const command = [
    'sh',
    '-c',
    'printf %s "$HTPASSWD" >/tmp/htpasswd; exec registry serve /etc/distribution/config.yml',
  ];
  const containers = [{ name: 'registry', image: distribution, command, env, ports: [{ containerPort: 5000 }] }];
  cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        strategy: { type: 'Recreate' },
        template: { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 1 } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'NodePort', selector: labels, ports: [{ port: 5000, nodePort: PORT }] },
    },
  );
  cluster.kubectl(['--namespace', NAMESPACE, 'rollout', 'status', 'deployment/registry', '--timeout=180s']);
  await push(cluster, logins, archive);
}

async function push(cluster: Cluster, logins: Logins, archive: string): Promise<void> {
  const args = ['--namespace', NAMESPACE, 'port-forward', 'deployment/registry', ':5000'];
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  const forward = spawn('kubectl', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(forward.stdout, 'data')) as [Buffer];
    const port = /127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1];
    const [login = ''] = Object.entries(logins).map(([name, password]) => `${name}:${password}`);
    const target = `docker://127.0.0.1:${port}/private/app:1`;
    run('skopeo', ['copy', '--dest-tls-verify=false', '--dest-creds', login, `oci-archive:${archive}`, target]);
  } finally {
    forward.kill();
  }
}

/** Runs a pod of that image, always pulled anew. Returns its phase, or why its container waits, once one of `ends` is reached. */
export function podOutcome(cluster: Cluster, namespace: string, name: string): () => string {
  cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'app', image: `${REGISTRY}/private/app:1`, imagePullPolicy: 'Always', args: ['--help'] }],
    },
  });
  return () => {
    const { status } = cluster.get<{
      status: { phase: string; containerStatuses?: { state: { waiting?: { reason: string } } }[] };
    }>('--namespace', namespace, 'pod', name);
    return status.containerStatuses?.[0]?.state.waiting?.reason ?? status.phase;
  };
}
