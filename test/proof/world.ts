/** One world per row: an upstream, one cache in front of it, an API server, and Pullpass as processes of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import type { ApiServer } from '../integration/env/api-server.ts';
import { rawClient } from '../integration/env/raw-client.ts';
import type { RawClient } from '../integration/env/raw-client.ts';
import { COPY, createCluster, HOME } from '../sandbox/demo/cluster.ts';
import type { Cluster } from '../sandbox/demo/cluster.ts';
import { startController } from '../sandbox/demo/controller.ts';
import type { Controller } from '../sandbox/demo/controller.ts';
import { createPullpass } from '../sandbox/demo/pullpass.ts';
import type { Finished } from '../sandbox/demo/pullpass.ts';
import { createCache } from './caches.ts';
import type { Cache, ProductName } from './caches.ts';
import { createHarborCache } from './harbor.ts';
import type { Harbor, HarborCache } from './harbor.ts';
import { NAME, NAMESPACE, playKubelet, SECRET } from './kubelet.ts';
import type { Kubelet } from './kubelet.ts';
import { createOracle } from './oracle.ts';
import type { Oracle } from './oracle.ts';
import { startUpstream } from './upstream.ts';
import type { Login, Upstream } from './upstream.ts';

/** A product under proof: a program to run, or a Harbor that runs. */
export type Subject =
  | {
      readonly title: string;
      readonly kind: 'distribution' | 'distribution-helper' | 'zot';
      readonly product: ProductName;
      readonly program: string;
    }
  | { readonly title: string; readonly kind: 'harbor'; readonly harbor: Harbor };

export interface Programs {
  readonly upstream: string;
  readonly skopeo: string;
  readonly startApi: () => Promise<ApiServer>;
}

/**
 * How slow the world is, and what Pullpass is told of it. Much slower than a command: a `wait` that did not wait for a mounted
 * file and what its reader keeps would exit 0 while the old login is still in use, and the puller would see it.
 */
export const TIMES = { mountSeconds: 8, lifetimeSeconds: 6, tokenSeconds: 5 };
const MARGIN_SECONDS = 1;
const HARBOR_ADMIN = 'harbor-admin';

/** Where only Pullpass pulls, and where nodes do. */
export const PROBED = 'corp/probe';
export const PULLED = 'corp/app';
/** Of a second registry in the source; nobody answers there. */
export const OTHER = '127.0.0.1:1';

export interface World {
  readonly subject: Subject;
  readonly upstream: Upstream;
  readonly cache: Cache;
  readonly kubelet: Kubelet;
  readonly oracle: Oracle;
  readonly cluster: Cluster;
  readonly controller: Controller;
  /** Sources with this login for the upstream and the second registry, or for the second registry only. */
  both(login: Login): Readonly<Record<string, Login>>;
  otherOnly(login: Login): Readonly<Record<string, Login>>;
  /** What the source holds, by registry key. */
  setSource(logins: Readonly<Record<string, Login>>): Promise<void>;
  run(...args: string[]): Promise<Finished>;
  /** Why the cache's pod did not start, if it did not. */
  readonly crashes: readonly string[];
}

export interface WorldOptions {
  readonly subject: Subject;
  readonly programs: Programs;
  readonly verify: 'off' | 'auto';
  readonly first: Login;
  readonly signal: AbortSignal;
  /** Takes what has to be taken down again, whatever happens. */
  readonly cleanUp: AsyncDisposableStack;
}

export async function createWorld({ subject, programs, verify, first, signal, cleanUp }: WorldOptions): Promise<World> {
  const directory = await mkdtemp(path.join(tmpdir(), 'proof-world-'));
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  const [api, upstream] = await Promise.all([
    programs.startApi(),
    startUpstream(programs.upstream, { tokenSeconds: TIMES.tokenSeconds }),
  ]);
  cleanUp.defer(() => api.stop());
  cleanUp.defer(() => upstream.stop());
  const oracle = await createOracle(programs.skopeo, upstream);
  cleanUp.defer(() => oracle.stop());
  let cache: Cache;
  let harbor: HarborCache | undefined;
  if (subject.kind === 'harbor') cache = harbor = await createHarborCache(subject.harbor);
  else {
    const { product, program } = subject;
    const { lifetimeSeconds } = TIMES;
    cache = await createCache(product, { program, upstreamUrl: upstream.url, lifetimeSeconds });
  }
  cleanUp.defer(() => cache.remove());
  const admin = rawClient(api, api.admin);
  cleanUp.defer(() => admin.close());
  const cluster = createCluster(admin, signal);
  const isRolled = subject.kind === 'distribution' || subject.kind === 'zot';

  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(path.join(directory, name), text, { mode: 0o600 });
    return path.join(directory, name);
  };
  const config = await file(
    'config.yaml',
    stringify(configuration(subject, { upstream, cache, harbor: harbor?.name, verify })),
  );
  const connection = ['--config', config, '--kubeconfig', await file('kubeconfig', api.adminKubeconfig())];
  const pullpass = createPullpass({ signal, color: false });

  const both = (login: Login): Record<string, Login> => ({ [upstream.host]: login, [OTHER]: login });
  upstream.add(first);
  await oracle.move(PROBED, 'latest');
  await cluster.namespaces([HOME, NAMESPACE]);
  await cluster.createAccount(HOME, 'pullpass');
  const rbac = await pullpass(['rbac', '--config', config]);
  if (rbac.code !== 0) throw new Error(rbac.stderr);
  await cluster.apply(rbac.stdout);
  await cluster.createSecret(HOME, COPY, dockerConfig(both(first)));
  if (harbor !== undefined) await basicAuthSecret(admin, HARBOR_ADMIN, harbor.login);
  await cluster.namespace('team', { 'pullpass.dev/sync': 'enabled' });
  if (isRolled) await cluster.createDeployment(NAMESPACE, NAME);
  const crashes: string[] = [];
  const kubelet = playKubelet({
    cluster,
    cache,
    kind: harbor !== undefined ? 'elsewhere' : isRolled ? 'rolled' : 'mounted',
    mountSeconds: TIMES.mountSeconds,
    onCrash: (why) => crashes.push(why),
  });
  cleanUp.defer(() => kubelet.stop());
  const controller = startController({
    config,
    kubeconfig: await file('controller', await api.kubeconfigFor({ namespace: HOME, name: 'pullpass' })),
    signal,
  });
  cleanUp.defer(() => controller.kill());

  return {
    subject,
    upstream,
    cache,
    kubelet,
    oracle,
    cluster,
    controller,
    crashes,
    both,
    otherOnly: (login) => ({ [OTHER]: login }),
    async setSource(logins) {
      await cluster.setSecret(HOME, COPY, dockerConfig(logins));
    },
    run: (...args) => pullpass([...args, ...connection]),
  };
}

/** A Secret of type kubernetes.io/basic-auth. */
async function basicAuthSecret(admin: RawClient, name: string, stringData: Login): Promise<void> {
  const body = { metadata: { name }, type: 'kubernetes.io/basic-auth', stringData };
  const { code, text } = await admin.call('POST', `/api/v1/namespaces/${NAMESPACE}/secrets`, { body });
  if (code !== 201) throw new Error(text);
}

function configuration(
  { kind }: Subject,
  { upstream, cache, harbor, verify }: { upstream: Upstream; cache: Cache; harbor: string | undefined; verify: string },
): object {
  const { mountSeconds, lifetimeSeconds, tokenSeconds } = TIMES;
  const admin = { secret: { namespace: NAMESPACE, name: HARBOR_ADMIN } };
  const target =
    harbor === undefined
      ? {
          secret: { namespace: NAMESPACE, name: SECRET },
          ...(kind === 'distribution-helper'
            ? { settle: { mountSeconds: mountSeconds + MARGIN_SECONDS, lifetimeSeconds, tokenSeconds } }
            : { workload: { namespace: NAMESPACE, name: NAME }, settle: { tokenSeconds } }),
        }
      : {
          url: cache.url,
          admin,
          endpoint: harbor,
          endpointUrl: upstream.url,
          project: harbor,
          settle: { tokenSeconds },
        };
  return {
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'upstream', secret: { namespace: HOME, name: COPY }, copyName: COPY, verify }],
    registries: [{ host: upstream.host, plainHttp: true }],
    cacheProxies: [
      {
        name: 'cache',
        kind,
        source: 'upstream',
        registry: upstream.host,
        ...target,
        probe: {
          url: cache.url,
          repository: cache.imageOf(PROBED),
          upstreamRepository: PROBED,
          ...(harbor !== undefined && { login: admin }),
        },
      },
    ],
    schedules: { probe: '*/10 * * * * *' },
  };
}

function dockerConfig(logins: Readonly<Record<string, Login>>): string {
  const auths = Object.fromEntries(
    Object.entries(logins).map(([registry, { username, password }]) => [registry, { username, password }]),
  );
  return Buffer.from(JSON.stringify({ auths })).toString('base64');
}
