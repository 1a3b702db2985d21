/**
 * Products that pull with our login, each as its own controller: a process on this machine, beside the cluster, with an administrator's
 * kubeconfig. How its program came here is not this repository's business: without it, the scenarios are skipped, with one line.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, test } from 'vitest';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { keep } from '../sandbox/registry/distribution.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { imageOf } from '../sandbox/registry/tiny-image.ts';
import type { TinyImage } from '../sandbox/registry/tiny-image.ts';
import { findCrd, NO_CONTRACTS } from '../sandbox/products/crds.ts';
import type { Upstream } from '../proof/upstream.ts';
import { settings } from './settings.ts';
import { onNodes } from './world.ts';
import type { World } from './world.ts';

interface Needs {
  /** By name, as they are looked for on PATH and in the folder of `--node`. */
  readonly programs: readonly string[];
  /** `imagecaches.kubefledged.io` */
  readonly crds: readonly string[];
}

export interface Product {
  /** The file of one of the programs. */
  program(name: string): string;
  /** Runs until the end of the file. What it said last is printed if a test fails. */
  start(name: string, args: readonly string[], env?: Readonly<Record<string, string>>): void;
}

/** The CRDs are served before what `define` adds runs. */
export function onNodesWith(
  { programs, crds }: Needs,
  define: (world: () => World, product: () => Product) => void,
): void {
  const files = new Map<string, string>();
  for (const name of programs) {
    const program = findOnPath(name, 'and not in the folder of --node', settings()?.path);
    if ('missing' in program) {
      test.skip(program.missing, () => undefined);
      return;
    }
    files.set(name, program.found);
  }
  const found = crds.flatMap((name) => findCrd(name) ?? []);
  if (found.length < crds.length) {
    test.skip(NO_CONTRACTS, () => undefined);
    return;
  }
  onNodes((world) => {
    const log: string[] = [];
    beforeAll(async () => {
      const { cli, cleanUp } = world();
      cleanUp.defer(async () => {
        await cli.kubectl(['delete', 'crd', '--ignore-not-found', '--timeout=120s', ...crds]);
      });
      await cli.apply(...found);
      await cli.kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', ...crds]);
    });
    afterEach(({ task }) => {
      if (task.result?.state === 'fail') console.log(log.join('').split('\n').slice(-40).join('\n'));
    });
    const program = (name: string): string => {
      const file = files.get(name);
      if (file === undefined) throw new Error(`the scenario does not say that it needs ${name}`);
      return file;
    };
    define(world, () => ({
      program,
      start(name, args, env = {}) {
        const { cleanUp, settings } = world();
        const process = keep(program(name), args, { KUBECONFIG: settings.kubeconfig, ...env }, (text) =>
          log.push(text),
        );
        cleanUp.defer(() => process.stop());
      },
    }));
  });
}

/** A static Busybox under each of these names; `programs` are files at the root, by their names. */
export function busybox(
  file: string,
  names: readonly string[],
  { programs = {}, config = {} }: { programs?: Readonly<Record<string, string>>; config?: object } = {},
): TinyImage {
  const files = [...names.map((name) => [`bin/${name}`, file] as const), ...Object.entries(programs)];
  return imageOf(
    files.map(([name, source]) => ({ name, content: readFileSync(source), mode: 0o755 })),
    { Env: ['PATH=/bin'], ...config },
  );
}

/**
 * A namespace of which no ServiceAccount gets the reference: pods without a list of their own would pull by it, and not by the product.
 * The product's own images are not what a scenario is about: these ServiceAccounts get a login for `tools/` of the private registry, and for
 * nothing else of it.
 */
export async function productNamespace(
  { cli, namespace: make, settings, upstream }: World,
  namespace: string,
  ...accounts: string[]
): Promise<void> {
  await make(namespace, { annotations: { 'pullpass.dev/service-accounts': '!*' } });
  const auths = { [`${settings.registry}/tools`]: upstream.admin };
  await cli.apply(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tools', namespace },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
    },
    ...accounts.map((name) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace },
      imagePullSecrets: [{ name: 'tools' }],
    })),
  );
}

/** For TMPDIR of a controller-runtime program: the folder below it where that looks for its webhook's certificate, for this machine's address. */
export async function servingDirectory({
  cleanUp,
  settings,
}: World): Promise<{ directory: string; host: string; caPem: string }> {
  const host = settings.registry.replace(/:\d+$/, '');
  const ca = await createCertificateAuthority('webhook');
  const { certPem, keyPem } = await ca.serving(host);
  const directory = mkdtempSync(path.join(tmpdir(), 'e2e-webhook-'));
  cleanUp.defer(() => rmSync(directory, { recursive: true, force: true }));
  const folder = path.join(directory, 'k8s-webhook-server', 'serving-certs');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'tls.crt'), certPem);
  writeFileSync(path.join(folder, 'tls.key'), keyPem, { mode: 0o600 });
  return { directory, host, caPem: ca.certPem };
}

/** Who got manifests of a repository, from that request on. */
export function pulledBy({ requests }: Upstream, repository: string, from = 0): (string | undefined)[] {
  const manifests = `/v2/${repository}/manifests/`;
  const users = requests
    .slice(from)
    .flatMap(({ path, status, user }) => (path.startsWith(manifests) && status === 200 ? [user] : []));
  return [...new Set(users)];
}
