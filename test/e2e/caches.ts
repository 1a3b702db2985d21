/** Real pull-through caches as pods: Distribution, with the manifests of the reference cache or with its login in the environment. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { imageOfTar } from '../sandbox/registry/tiny-image.ts';
import { ROOT } from './cluster.ts';
import type { World } from './world.ts';

export const CACHES = 'registry-cache';
const PORT = 5000;

export interface CacheInCluster {
  /** For the configuration's `cacheProxies`. */
  readonly entry: object;
  /** As nodes and pods reach it. */
  readonly url: string;
  start(): Promise<void>;
}

export const REGISTRY3 = 'registry3';
export const findRegistry3 = (searchPath?: string): ReturnType<typeof findOnPath> =>
  findOnPath(REGISTRY3, 'the registry of Distribution 3.1 or later', searchPath);

/**
 * An image of this machine's own Distribution, with the shell and `cat` that a credential helper needs: nothing is fetched. Public in nobody's
 * eyes: pods of the caches pull it with the source's login, too.
 */
async function cacheImage(world: World): Promise<string> {
  const registry = findRegistry3(world.settings.path);
  if ('missing' in registry) throw new Error(registry.missing);
  const root = mkdtempSync(path.join(tmpdir(), 'e2e-cache-'));
  try {
    mkdirSync(path.join(root, 'bin'));
    copyFileSync(registry.found, path.join(root, 'bin/registry'));
    const programs = { sh: '/bin/sh', cat: '/bin/cat' };
    for (const [name, file] of Object.entries(programs)) copyFileSync(file, path.join(root, 'bin', name));
    const libraries = Object.values(programs).flatMap((file) =>
      [...execFileSync('ldd', [file], { encoding: 'utf8' }).matchAll(/\/\S+/g)].map(([library]) => library),
    );
    for (const library of new Set(libraries)) {
      mkdirSync(path.join(root, path.dirname(library)), { recursive: true });
      copyFileSync(library, path.join(root, library));
    }
    // The mount points of the manifests.
    for (const folder of ['etc/distribution', 'pullpass/bin', 'pullpass/login', 'var/lib/registry', 'tmp'])
      mkdirSync(path.join(root, folder), { recursive: true });
    const tar = execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-c', '.'], { maxBuffer: 1024 ** 3 });
    return await world.push(
      'distribution/registry',
      imageOfTar(tar, { Env: ['PATH=/bin'], Entrypoint: ['/bin/registry'] }),
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const imagePull = { name: 'cache-image' };

/** The Secret by which the caches' own pods are pulled: the administrator's, who is never revoked. */
async function namespaceOfCaches({ cli, settings, upstream }: World): Promise<void> {
  const auths = { [settings.registry]: upstream.admin };
  await cli.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: CACHES } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...imagePull, namespace: CACHES },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
    },
  );
}

/** The manifests of this checkout; what is another here: upstream, image, volume (nothing here makes one), and a cluster IP that is known. */
export function referenceCache(world: World, ip: string): CacheInCluster {
  const { cli, cleanUp, settings } = world;
  const secret = { namespace: CACHES, name: 'reference-login' };
  const url = `http://${ip}:${PORT}`;
  return {
    url,
    entry: {
      name: 'reference',
      kind: 'distribution-helper',
      source: 'upstream',
      registry: settings.registry,
      secret,
      probe: { url, repository: 'corp/probe' },
    },
    async start() {
      await namespaceOfCaches(world);
      const image = await cacheImage(world);
      const directory = mkdtempSync(path.join(tmpdir(), 'e2e-reference-'));
      cleanUp.defer(() => rmSync(directory, { recursive: true, force: true }));
      symlinkSync(path.join(ROOT, 'manifests/components/cache-proxy/base'), path.join(directory, 'base'));
      const json = (name: string, kind: string, ...operations: object[]): object => ({
        target: { kind, name },
        patch: JSON.stringify(operations),
      });
      const volumes = '/spec/template/spec/volumes';
      const at = image.lastIndexOf(':');
      writeFileSync(
        path.join(directory, 'kustomization.yaml'),
        JSON.stringify({
          namespace: CACHES,
          namePrefix: 'reference-',
          resources: ['base'],
          labels: [{ pairs: { 'app.kubernetes.io/instance': 'reference' }, includeSelectors: true }],
          images: [{ name: 'docker.io/library/registry', newName: image.slice(0, at), newTag: image.slice(at + 1) }],
          configMapGenerator: [
            {
              name: 'cache-upstream',
              behavior: 'merge',
              literals: [`REGISTRY_PROXY_REMOTEURL=http://${settings.registry}`],
            },
          ],
          patches: [
            json(
              'cache',
              'Deployment',
              { op: 'replace', path: `${volumes}/2/secret/secretName`, value: secret.name },
              { op: 'replace', path: `${volumes}/3`, value: { name: 'storage', emptyDir: {} } },
              { op: 'add', path: '/spec/template/spec/imagePullSecrets', value: [imagePull] },
            ),
            json('cache', 'Service', { op: 'add', path: '/spec/clusterIP', value: ip }),
          ],
        }),
      );
      cleanUp.defer(async () => {
        await cli.kubectl(['delete', 'namespace', CACHES, '--ignore-not-found', '--timeout=120s']);
      });
      await cli.kubectl(['apply', '-k', directory]);
      await cli.kubectl(['--namespace', CACHES, 'rollout', 'status', 'deployment/reference-cache', '--timeout=120s']);
    },
  };
}

/** As charts run it: the login in the environment, rolled by Pullpass at each new one. */
export function environmentCache(world: World, ip: string): CacheInCluster {
  const { cli, cleanUp, settings } = world;
  const name = 'environment-cache';
  const secret = { namespace: CACHES, name: 'environment-login' };
  const url = `http://${ip}:${PORT}`;
  const labels = { app: name };
  return {
    url,
    entry: {
      name: 'environment',
      kind: 'distribution',
      source: 'upstream',
      registry: settings.registry,
      secret,
      workload: { kind: 'Deployment', namespace: CACHES, name },
      probe: { url, repository: 'corp/probe' },
    },
    async start() {
      await namespaceOfCaches(world);
      const image = await cacheImage(world);
      const base = path.join(ROOT, 'manifests/components/cache-proxy/base/config.yml');
      const config = parse(readFileSync(base, 'utf8')) as {
        proxy: { exec?: object };
      };
      delete config.proxy.exec;
      const metadata = { name, namespace: CACHES };
      cleanUp.defer(async () => {
        await cli.kubectl(['delete', 'namespace', CACHES, '--ignore-not-found', '--timeout=120s']);
      });
      await cli.apply(
        { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'config.yml': JSON.stringify(config) } },
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata,
          spec: { clusterIP: ip, selector: labels, ports: [{ port: PORT }] },
        },
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata,
          spec: {
            selector: { matchLabels: labels },
            // The old pod stays until the new one is ready: docs/cache-proxies/distribution.md.
            strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
            template: {
              metadata: { labels },
              spec: {
                imagePullSecrets: [imagePull],
                enableServiceLinks: false,
                automountServiceAccountToken: false,
                containers: [
                  {
                    name: 'registry',
                    image,
                    command: ['registry', 'serve', '/etc/distribution/config.yml'],
                    env: [
                      { name: 'REGISTRY_PROXY_REMOTEURL', value: `http://${settings.registry}` },
                      { name: 'OTEL_TRACES_EXPORTER', value: 'none' },
                    ],
                    envFrom: [{ secretRef: { name: secret.name, optional: true } }],
                    readinessProbe: { httpGet: { path: '/v2/', port: PORT }, periodSeconds: 1 },
                    // It answers until endpoints have forgotten it.
                    lifecycle: { preStop: { sleep: { seconds: 5 } } },
                    volumeMounts: [
                      { name: 'config', mountPath: '/etc/distribution' },
                      { name: 'storage', mountPath: '/var/lib/registry' },
                    ],
                  },
                ],
                volumes: [
                  { name: 'config', configMap: { name } },
                  { name: 'storage', emptyDir: {} },
                ],
              },
            },
          },
        },
      );
      await cli.kubectl(['--namespace', CACHES, 'rollout', 'status', `deployment/${name}`, '--timeout=120s']);
    },
  };
}
