/** The manifests of the reference cache: they render, pass "restricted", and a real Distribution 3.1 runs with them. */
import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import type { ConfigOf } from '../../src/config/cache-proxies.ts';
import { distributionHelper } from '../../src/proxies/distribution-helper.ts';
import type { ProxyContext, ProxyKube } from '../../src/proxies/adapter.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import { mac } from './render-fixture.ts';

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  data?: Record<string, string>;
  spec?: Record<string, unknown>;
}
interface PodSpec {
  containers: {
    image: string;
    command: string[];
    env: object[];
    envFrom: { configMapRef: { name: string } }[];
    volumeMounts: { name: string; mountPath: string }[];
    securityContext: object;
  }[];
  volumes: {
    name: string;
    configMap?: { name: string; defaultMode?: number };
    secret?: { secretName: string; optional?: boolean; defaultMode?: number };
  }[];
  securityContext: object;
}

const root = path.join(import.meta.dirname, '..', '..', 'manifests', 'components', 'cache-proxy');
const file = (...name: string[]): string => readFileSync(path.join(root, ...name), 'utf8');
const snippet = (): ConfigOf<'distribution-helper'> => {
  const [first] = (parse(file('docker-hub', 'controller-config.yaml')) as { cacheProxies: unknown[] }).cacheProxies;
  const config = cacheProxySchema.parse(first);
  if (config.kind !== 'distribution-helper') throw new Error(`the snippet is of kind ${config.kind}`);
  return config;
};

const kubectl = findOnPath('kubectl', 'see https://kubernetes.io/docs/tasks/tools/');
if ('missing' in kubectl) test.skip(kubectl.missing, () => undefined);

describe.skipIf('missing' in kubectl)('kustomize', () => {
  // This body runs also where its tests are skipped.
  const build = (directory: string): Manifest[] =>
    'missing' in kubectl
      ? []
      : parseAllDocuments(execFileSync(kubectl.found, ['kustomize', directory], { encoding: 'utf8' })).map(
          (document) => document.toJS() as Manifest,
        );
  const objects = build(root);
  const one = (kind: string): Manifest => {
    const [found, ...others] = objects.filter((object) => object.kind === kind);
    if (found === undefined || others.length > 0) throw new Error(`not exactly one ${kind}`);
    return found;
  };
  const pod = (): PodSpec => (one('Deployment').spec as { template: { spec: PodSpec } }).template.spec;
  const configMap = (name: string): Record<string, string> =>
    objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)?.data ?? {};

  test('renders one instance, all of it in its namespace and under its name', () => {
    expect(objects.map(({ kind }) => kind).sort()).toEqual([
      'ConfigMap',
      'ConfigMap',
      'ConfigMap',
      'Deployment',
      'Namespace',
      'NetworkPolicy',
      'PersistentVolumeClaim',
      'Service',
    ]);
    for (const { kind, metadata } of objects) {
      if (kind === 'Namespace') expect(metadata.name).toBe('registry-cache');
      else
        expect(metadata).toMatchObject({
          namespace: 'registry-cache',
          name: expect.stringMatching(/^docker-hub-cache/) as string,
        });
    }
    expect(objects.filter(({ metadata }) => metadata.namespace === 'registry-cache').length).toBe(objects.length - 1);
  });

  test('passes the "restricted" standard that its namespace enforces', () => {
    expect(pod().securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod().containers).toMatchObject([
      {
        image: 'docker.io/library/registry:3.1.1',
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ]);
  });

  test('what the configuration names is mounted there', () => {
    const [container] = pod().containers;
    const at = (mountPath: string): PodSpec['volumes'][number] | undefined =>
      pod().volumes.find(
        ({ name }) => name === container?.volumeMounts.find((mount) => mount.mountPath === mountPath)?.name,
      );
    expect(container?.command).toEqual(['registry', 'serve', '/etc/distribution/config.yml']);
    expect(configMap(at('/etc/distribution')?.configMap?.name ?? '')).toEqual({
      'config.yml': file('base', 'config.yml'),
    });
    const config = parse(file('base', 'config.yml')) as {
      proxy: { exec: object };
      storage: { filesystem: { rootdirectory: string } };
    };
    expect(config.proxy.exec).toEqual({ command: '/pullpass/bin/helper', lifetime: '60s' });
    expect(at('/pullpass/bin')?.configMap).toMatchObject({ defaultMode: 0o555 });
    expect(configMap(at('/pullpass/bin')?.configMap?.name ?? '')).toEqual({ helper: file('base', 'helper') });
    expect(file('base', 'helper')).toContain('/pullpass/login/credentials.json');
    expect(at('/pullpass/login')?.secret).toEqual({
      secretName: 'docker-hub-login',
      optional: true,
      defaultMode: 0o440,
    });
    expect(at(config.storage.filesystem.rootdirectory)).toMatchObject({
      persistentVolumeClaim: { claimName: 'docker-hub-cache' },
    });
    expect(configMap(container?.envFrom[0]?.configMapRef.name ?? '')).toEqual({
      REGISTRY_PROXY_REMOTEURL: 'https://registry-1.docker.io',
    });
  });

  test("the controller's configuration names the same Secret, Service and key", () => {
    const { secret, key, probe } = snippet();
    expect(secret).toEqual({ namespace: 'registry-cache', name: 'docker-hub-login' });
    expect(key).toBe('credentials.json');
    const service = one('Service');
    expect(probe?.url).toBe(`http://${service.metadata.name}.${service.metadata.namespace}:5000`);
    expect(service.spec).toMatchObject({
      selector: { 'app.kubernetes.io/instance': 'docker-hub' },
      ports: [{ port: 5000 }],
    });
  });

  test('a second instance next to the first is a copy with four other values', () => {
    const directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'two-caches-'));
    try {
      mkdirSync(path.join(directory, 'ghcr'));
      const here = path.relative(directory, realpathSync(root));
      const edited = file('docker-hub', 'kustomization.yaml')
        .replaceAll('docker-hub', 'ghcr')
        .replace('registry-1.docker.io', 'ghcr.io')
        .replace('../base', `../${here}/base`);
      writeFileSync(path.join(directory, 'ghcr', 'kustomization.yaml'), edited);
      writeFileSync(path.join(directory, 'kustomization.yaml'), `resources: [${here}, ghcr]\n`);
      const names = build(directory).flatMap(({ kind, metadata }) =>
        kind === 'Deployment' || kind === 'Service' ? [`${kind} ${metadata.name}`] : [],
      );
      expect(names.sort()).toEqual([
        'Deployment docker-hub-cache',
        'Deployment ghcr-cache',
        'Service docker-hub-cache',
        'Service ghcr-cache',
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

const three = findOnPath('registry3', '');
const registry =
  'found' in three
    ? three
    : findOnPath('registry', 'go install github.com/distribution/distribution/v3/cmd/registry@v3.1.1');

describe('a real Distribution 3.1 with these files', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'reference-cache-'));
  const stops: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** As the kubelet mounts it: the helper executable, the login only once there is one. */
  async function start(
    program: string,
    remoteUrl: string,
    storage = directory,
  ): Promise<{ url: string; login: string; log: () => string }> {
    const helper = path.join(directory, 'helper');
    const login = path.join(directory, 'credentials.json');
    rmSync(helper, { force: true });
    copyFileSync(path.join(root, 'base', 'helper'), helper);
    chmodSync(helper, 0o555);
    const host = `127.0.0.1:${await freePort()}`;
    const child = spawn(program, ['serve', path.join(root, 'base', 'config.yml')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        OTEL_TRACES_EXPORTER: 'none',
        PULLPASS_LOGIN_FILE: login,
        REGISTRY_PROXY_REMOTEURL: remoteUrl,
        REGISTRY_HTTP_ADDR: host,
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: storage,
        REGISTRY_PROXY_EXEC_COMMAND: helper,
        REGISTRY_PROXY_EXEC_LIFETIME: '1s',
      },
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const kill = (): boolean => child.kill('SIGKILL');
    process.once('exit', kill);
    stops.push(async () => {
      process.off('exit', kill);
      kill();
      await gone;
    });
    return { url: `http://${host}`, login, log: () => log };
  }

  test('starts without a login, takes one when it comes, and a rotated one without a restart', async ({ skip }) => {
    if ('missing' in registry) return skip(registry.missing);
    if (!/ v3\.[1-9]/.test(execFileSync(registry.found, ['--version'], { encoding: 'utf8' })))
      return skip('the registry on PATH is not Distribution 3.1 or later');
    const upstream = await startUpstream({
      users: { robot: { password: 'pw-1', repositories: ['corp/*'] } },
      openToAll: ['open/*'],
    });
    stops.push(() => upstream.stop());
    for (const tag of ['1', '2', '3', '4']) upstream.putImage('corp/app', tag);
    upstream.putImage('open/app', '1');
    const cache = await start(registry.found, upstream.url);
    const http = createHttpClient();
    stops.push(() => http.close());
    const get = async (where: string): Promise<number> =>
      (
        await http.request({
          method: 'GET',
          url: `${cache.url}${where}`,
          headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
        })
      ).status;
    const pull = (repository: string, tag: string): Promise<number> => get(`/v2/${repository}/manifests/${tag}`);

    /** Into the mounted file, as the kubelet does it: another file in its place. */
    const kube: Pick<ProxyKube, 'applySecret'> = {
      applySecret: async ({ data }) => writeFileSync(cache.login, data['credentials.json'] ?? ''),
    };
    const forward = (password: string): Promise<void> =>
      distributionHelper(snippet()).apply({ registry: 'docker.io', username: 'robot', password }, {
        mac,
        kube,
      } as ProxyContext);

    await expect.poll(() => get('/v2/').catch(() => 0), { timeout: 20_000 }).toBe(200);
    expect(await pull('open/app', '1')).toBe(200);
    expect(await pull('corp/app', '1')).toBe(404);

    await forward('pw-1');
    // No lifetime to wait for: that there was no login is not kept.
    expect(await pull('corp/app', '1')).toBe(200);

    upstream.setPassword('robot', 'pw-2');
    await delay(1_100);
    expect(await pull('corp/app', '2')).toBe(404);
    await forward('pw-2');
    await delay(1_100);
    expect(await pull('corp/app', '3')).toBe(200);

    rmSync(cache.login);
    await delay(1_100);
    expect(await pull('corp/app', '4')).toBe(404);
    expect(await pull('corp/app', '3')).toBe(200);
    expect(cache.log()).not.toMatch(/pw-[12]/);
    expect(cache.log()).toContain('credentials not found in native keychain');
  });

  test('two of them take their logins from one Secret, each by the host that asks, and one rotates alone', async ({
    skip,
  }) => {
    if ('missing' in registry) return skip(registry.missing);
    if (!/ v3\.[1-9]/.test(execFileSync(registry.found, ['--version'], { encoding: 'utf8' })))
      return skip('the registry on PATH is not Distribution 3.1 or later');
    const http = createHttpClient();
    stops.push(() => http.close());
    const instances = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const upstream = await startUpstream({
          users: { [name]: { password: `${name}-1`, repositories: ['corp/*'] } },
        });
        stops.push(() => upstream.stop());
        for (const tag of ['1', '2', '3']) upstream.putImage('corp/app', tag);
        const cache = await start(registry.found, upstream.url, path.join(directory, name));
        const status = (where: string): Promise<number> =>
          http
            .request({
              method: 'GET',
              url: `${cache.url}${where}`,
              headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
            })
            .then((answer) => answer.status);
        await expect.poll(() => status('/v2/').catch(() => 0), { timeout: 20_000 }).toBe(200);
        const pull = (tag: string): Promise<number> => status(`/v2/corp/app/manifests/${tag}`);
        return { name, upstream, pull, key: `${upstream.host.replace(':', '_')}.json`, registry: upstream.host };
      }),
    );
    const [one, two] = instances;
    if (one === undefined || two === undefined) return expect.fail();
    const configs = instances.map(({ name, key, registry: host }) => distributionConfig({ name, key, registry: host }));
    /** The mounted Secret. */
    let held: Readonly<Record<string, string>> = {};
    const kube: Pick<ProxyKube, 'applySecret'> = {
      applySecret: async ({ data, merge }) => {
        held = merge?.(held) ?? data;
        for (const [key, text] of Object.entries(held)) writeFileSync(path.join(directory, key), text);
      },
    };
    const forward = async (at: number, password: string): Promise<void> => {
      const [config, name] = [configs[at], instances[at]?.name ?? ''];
      if (config === undefined) return expect.fail();
      await distributionHelper(config, configs).apply({ registry: config.registry, username: name, password }, {
        mac,
        kube,
      } as ProxyContext);
    };

    expect([await one.pull('1'), await two.pull('1')]).toEqual([404, 404]);
    await forward(0, 'one-1');
    await forward(1, 'two-1');
    expect([await one.pull('1'), await two.pull('1')]).toEqual([200, 200]);
    two.upstream.setPassword('two', 'two-2');
    await forward(1, 'two-2');
    await delay(1_100);
    expect([await one.pull('2'), await two.pull('2')]).toEqual([200, 200]);
    expect(Object.keys(held).sort()).toEqual([one.key, two.key].sort());
  });
});

function distributionConfig(parts: { name: string; key: string; registry: string }): ConfigOf<'distribution-helper'> {
  const config = cacheProxySchema.parse({
    ...{ ...parts, kind: 'distribution-helper', source: 'upstream' },
    secret: { namespace: 'registry-cache', name: 'logins' },
  });
  if (config.kind !== 'distribution-helper') throw new Error('another kind');
  return config;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
