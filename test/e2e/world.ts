/**
 * What a scenario is played on: a cluster with real nodes, a private registry that they reach, and Pullpass installed in it.
 *
 * A new scenario is a file `scenarios/<name>.test.ts`:
 *
 *     onNodes((world) => {
 *       beforeAll(() => world().install());                    // Pullpass as pods, with the manifests of this checkout
 *       test('a sentence of what is so afterwards', async () => {
 *         await world().namespace('team-a', { optIn: true });  // removed after the file
 *         const image = await world().push('corp/app');        // in the private registry, and on no node
 *         expect(await world().pods.run('team-a', 'first', image)).toBe('ran');
 *       });
 *     });
 *
 * It says what is true of the world: pods that ran or were refused, Secrets, what the registry was asked. Files run one after the other, on
 * one cluster, and each finds it as if it were new. `world().cluster` is that of test/integration/env; `world().cli` has kubectl, `apply` for
 * manifests of other products, and `pullpass`. A scenario that needs the node's own files looks at `settings.node` (none with --kubeconfig).
 * Other objects than namespaces that a scenario makes are its own to remove: `world().cleanUp.defer(...)`.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { readNames } from '../../release/names.ts';
import { createCluster } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startUpstream } from '../proof/upstream.ts';
import type { Login, Upstream } from '../proof/upstream.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { writeLayout } from '../sandbox/registry/tiny-image.ts';
import type { TinyImage } from '../sandbox/registry/tiny-image.ts';
import { commandLine, finished } from './cluster.ts';
import type { CommandLine } from './cluster.ts';
import { install } from './install.ts';
import { programImage } from './node/image.ts';
import { podsOf } from './pods.ts';
import type { Pods } from './pods.ts';
import { settings } from './settings.ts';
import type { Settings } from './settings.ts';

export const HOME = 'pullpass-system';
/** The source's name, and that of its copies: those of the manifests. */
export const COPY = 'upstream-registry';
/** The guard lets these in, and no others. */
const TEAMS = 'team-*';
const TOKEN_SECONDS = 5;

export interface World {
  readonly settings: Settings;
  readonly cluster: Cluster;
  readonly cli: CommandLine;
  readonly pods: Pods;
  readonly upstream: Upstream;
  /** The configuration in force, as a file. */
  readonly config: string;
  readonly cleanUp: AsyncDisposableStack;
  /** A new image in the private registry, which no node has; gives its name. */
  push(repository: string, image?: TinyImage): Promise<string>;
  /** An archive into the private registry. */
  pushArchive(archive: string, name: string): Promise<string>;
  /** Brings this login of the private registry into the source; makes it known there first, unless `isKnown` is false. */
  login(login: Login, options?: { isKnown?: boolean }): Promise<void>;
  /** With its default ServiceAccount. Removed after the file. */
  namespace(name: string, options?: { optIn?: boolean; annotations?: Record<string, string> }): Promise<void>;
  /** A namespace that the scenario makes by itself is removed after the file, too. */
  forgetLater(namespace: string): void;
  /** Resolves when its copy and its default ServiceAccount are as they must be. */
  synced(namespace: string): Promise<void>;
  /** The user of the private registry in the copy of a namespace; undefined: no copy. */
  userIn(namespace: string): Promise<string | undefined>;
  /** Pullpass as pods, from its own image in the private registry. `more` goes into the configuration. */
  install(more?: Readonly<Record<string, unknown>>): Promise<void>;
  /** containerd on the node asks these hosts first, `http://host:port`, for images of the private registry. */
  mirror(...urls: string[]): Promise<void>;
  /** containerd on the node finds the images of the private registry under this host, too. */
  alias(host: string): Promise<void>;
}

export const FIRST: Login = { username: 'robot-1', password: 'first-password' };
export const SECOND: Login = { username: 'robot-2', password: 'second-password' };

export function onNodes(define: (world: () => World, settings: Settings) => void): void {
  const found = settings();
  if (found === undefined) {
    test.skip('no cluster with nodes: npm run test:e2e starts one', () => undefined);
    return;
  }
  describe('on nodes', () => {
    let world: World | undefined;
    beforeAll(async () => {
      world = await createWorld(found);
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail' && world !== undefined) await tellWhatWasSaid(world);
    });
    afterAll(async () => {
      await world?.cleanUp.disposeAsync();
    });
    define(() => {
      if (world === undefined) throw new Error('the world was not made');
      return world;
    }, found);
  });
}

/** For whoever reads why a scenario failed: the cluster is gone by then. */
async function tellWhatWasSaid({ cli }: World): Promise<void> {
  const log = ['logs', '--selector=app.kubernetes.io/name=pullpass', '--all-containers', '--prefix', '--tail=30'];
  for (const args of [log, ['get', 'pods,events']])
    console.log(await cli.kubectl(['--namespace', HOME, ...args]).catch((error: unknown) => String(error)));
}

async function createWorld(found: Settings): Promise<World> {
  const cleanUp = new AsyncDisposableStack();
  try {
    return await makeWorld(found, cleanUp);
  } catch (error) {
    await cleanUp.disposeAsync();
    throw error;
  }
}

async function makeWorld(found: Settings, cleanUp: AsyncDisposableStack): Promise<World> {
  const directory = mkdtempSync(path.join(tmpdir(), 'e2e-world-'));
  cleanUp.defer(() => rmSync(directory, { recursive: true, force: true }));
  const program = (...names: string[]): string => {
    const all = names.map((name) => findOnPath(name, 'Distribution, as Debian has it or newer', found.path));
    const [first] = all.flatMap((each) => ('found' in each ? [each.found] : []));
    if (first === undefined) throw new Error(all.map((each) => ('missing' in each ? each.missing : '')).join('; '));
    return first;
  };
  const registry = found.registry;
  const upstream = await startUpstream(program('registry3', 'docker-registry'), {
    tokenSeconds: TOKEN_SECONDS,
    at: registry,
  });
  cleanUp.defer(() => upstream.stop());
  const cli = commandLine(found.kubeconfig, found.path);
  const cluster = await createCluster({
    adminKubeconfig: () => readFileSync(found.kubeconfig, 'utf8'),
    kubeconfigFor: () => Promise.reject(new Error('here the controller runs as a pod')),
  });
  cleanUp.defer(() => cluster.close());
  const namespaces: string[] = [];
  cleanUp.defer(async () => {
    await cli.kubectl(['delete', 'namespace', '--ignore-not-found', '--timeout=120s', HOME, ...namespaces]);
  });
  const names = readNames();
  const config = path.join(directory, 'config.yaml');
  let pushed = 0;

  const copy = (...args: string[]): ReturnType<typeof finished> =>
    finished(program('skopeo'), [
      ...['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false'],
      ...['--dest-creds', `${upstream.admin.username}:${upstream.admin.password}`],
      ...args,
    ]);
  const pushTo = async (from: string, name: string): Promise<string> => {
    const { status, output } = await copy(from, `docker://${registry}/${name}`);
    if (status !== 0) throw new Error(`skopeo could not push ${name}: ${output}`);
    return `${registry}/${name}`;
  };

  async function writeHosts(name: string, ...mirrors: string[]): Promise<void> {
    if (found.node === undefined) return;
    const url = `http://${registry}`;
    const hosts = [...mirrors, url].map((host) => `[host."${host}"]\n  capabilities = ["pull", "resolve"]\n`);
    const text = `server = "${url}"\n\n${hosts.join('\n')}`;
    const folder = path.join(found.node.hosts, name);
    if (found.node.container === undefined) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'hosts.toml'), text);
      return;
    }
    const script = `mkdir -p ${folder} && cat >${folder}/hosts.toml`;
    const { status, output } = await finished(
      'docker',
      ['exec', '-i', found.node.container, 'sh', '-c', script],
      process.env,
      text,
    );
    if (status !== 0) throw new Error(`the node's hosts.toml was not written: ${output}`);
  }
  await writeHosts(registry);

  let isInstalled = false;
  const world: World = {
    settings: found,
    cluster,
    cli,
    pods: podsOf(cluster.admin),
    upstream,
    config,
    cleanUp,
    async push(repository, image) {
      const tag = `t${++pushed}`;
      const layout = path.join(directory, `layout-${pushed}`);
      await writeLayout(layout, tag, image ?? programImage(`${repository}:${tag} ${Date.now()}`));
      return pushTo(`oci:${layout}:${tag}`, `${repository}:${tag}`);
    },
    pushArchive: (archive, name) => pushTo(`oci-archive:${archive}`, name),
    async login(login, { isKnown = true } = {}) {
      if (isKnown) upstream.add(login);
      const auths = { [registry]: login };
      await cli.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: COPY, namespace: HOME },
        type: 'kubernetes.io/dockerconfigjson',
        data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
      });
    },
    async namespace(name, { optIn = false, annotations = {} } = {}) {
      namespaces.push(name);
      await cluster.namespace(name, {
        annotations: { ...(optIn && { 'pullpass.dev/sync': 'enabled' }), ...annotations },
      });
    },
    forgetLater: (name) => void namespaces.push(name),
    async synced(namespace) {
      const args = ['--config', config, '--namespace', namespace];
      for (let tries = 0; ; tries++) {
        const { status, output } = await cli.pullpass('plan', ...args);
        if (status === 0) return;
        if (tries === 30) throw new Error(`namespace ${namespace} is not in sync:\n${output}`);
      }
    },
    async userIn(namespace) {
      const content = (await cluster.getSecret(namespace, COPY))?.data?.['.dockerconfigjson'];
      if (content === undefined) return undefined;
      const { auths } = JSON.parse(Buffer.from(content, 'base64').toString()) as {
        auths: Record<string, { username?: string; auth?: string }>;
      };
      const { username, auth } = auths[registry] ?? {};
      return (
        username ??
        Buffer.from(auth ?? '', 'base64')
          .toString()
          .split(':')[0]
      );
    },
    async install(more = {}) {
      const configuration = {
        apiVersion: 'pullpass.dev/v1alpha1',
        kind: 'Configuration',
        sources: [
          {
            name: 'upstream',
            secret: { namespace: HOME, name: COPY },
            copyName: COPY,
            namespaces: { allow: [TEAMS] },
          },
        ],
        registries: [{ host: registry, plainHttp: true }],
        ...more,
      };
      writeFileSync(config, JSON.stringify(configuration));
      await world.pushArchive(found.image, `pullpass/pullpass:${names.version}`);
      await cli.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: HOME } });
      await world.login(FIRST);
      const image = { placeholder: names.image, name: `${registry}/pullpass/pullpass` };
      // Its own image is private, too. The source is next to it, and always has the login in force.
      cleanUp.defer(await install({ settings: found, cli, namespace: HOME, configuration, image, pullSecret: COPY }));
      // Pods of an earlier scenario read the new configuration when their kubelet brings it, a minute later.
      if (isInstalled) {
        const ours = ['--namespace', HOME, 'rollout'];
        await cli.kubectl([...ours, 'restart', 'deployment/pullpass']);
        await cli.kubectl([...ours, 'status', 'deployment/pullpass', '--timeout=120s']);
      }
      isInstalled = true;
    },
    mirror: (...urls) => writeHosts(registry, ...urls),
    alias: (host) => writeHosts(host),
  };
  cleanUp.defer(() => writeHosts(registry));
  return world;
}
