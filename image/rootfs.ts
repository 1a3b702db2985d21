/** The files of the image, for one platform. They are only copied: no program of that platform is run. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fetchPackages } from './debian.ts';
import { BuildError, run } from './run.ts';

/** Architectures as Debian and images call them, and as Node does. */
export const ARCHITECTURES: Readonly<Record<string, string>> = { amd64: 'x64', arm64: 'arm64' };

/**
 * The libraries that Node is linked with; base-files for the links from /lib to /usr/lib, and gcc-14-base for the licence of
 * GCC's libraries. Neither time zones nor CA certificates: Node has its own.
 */
const PACKAGES = ['base-files', 'libc6', 'gcc-14-base', 'libgcc-s1', 'libstdc++6'];

/** Nothing of this is read by Node. Licences stay. */
const LEFT_OUT = [
  ...[
    'boot',
    'etc/default',
    'etc/profile.d',
    'etc/skel',
    'etc/update-motd.d',
    'usr/games',
    'usr/include',
    'usr/src',
    'var/backups',
  ],
  ...['base-files', 'dict', 'gcc', 'gdb', 'info', 'lintian', 'man'].map((name) => `usr/share/${name}`),
  ...['NEWS*', 'README*', 'changelog*', 'FAQ', 'gcc', 'test-summaries'].map((name) => `usr/share/doc/*/${name}`),
  'usr/lib/*-linux-gnu/gconv',
];

export interface RootfsOptions {
  readonly root: string;
  readonly architecture: string;
  readonly mirror: string | undefined;
  /** Of the checkout. */
  readonly project: string;
  /** For downloads. */
  readonly work: string;
}

export function createRootfs({ root, architecture, mirror, project, work }: RootfsOptions): void {
  rmSync(root, { recursive: true, force: true });
  const directory = (name: string): string => {
    const found = path.join(root, name);
    mkdirSync(found, { recursive: true });
    return found;
  };
  const write = (name: string, text: string): void =>
    writeFileSync(path.join(directory(path.dirname(name)), path.basename(name)), text);
  const copy = (from: string, name: string, mode = 0o644): void => {
    const to = path.join(directory(path.dirname(name)), path.basename(name));
    copyFileSync(from, to);
    chmodSync(to, mode);
  };

  directory('.');
  for (const deb of fetchPackages({
    packages: PACKAGES,
    architecture,
    mirror,
    directory: path.join(work, `apt-${architecture}`),
  })) {
    const tarball = path.join(work, `${path.basename(deb)}.tar`);
    run('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" >"$2"', '-', deb, tarball]);
    const excludes = LEFT_OUT.map((pattern) => `--exclude=./${pattern}`);
    run('tar', [
      '--extract',
      '--file',
      tarball,
      '--directory',
      root,
      '--no-same-owner',
      '--preserve-permissions',
      '--wildcards',
      ...excludes,
    ]);
    rmSync(tarball);
    // Where scanners look for the packages of an image without a package manager.
    write(
      `var/lib/dpkg/status.d/${run('dpkg-deb', ['--field', deb, 'Package']).trim()}`,
      run('dpkg-deb', ['--field', deb]),
    );
  }
  write(
    'etc/passwd',
    'root:x:0:0:root:/root:/usr/sbin/nologin\nnonroot:x:65532:65532:nonroot:/nonexistent:/usr/sbin/nologin\n',
  );
  write('etc/group', 'root:x:0:\nnonroot:x:65532:\n');
  write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');

  const node = installNode(architecture, project);
  copy(path.join(node, 'bin/node'), 'usr/local/bin/node', 0o755);
  copy(path.join(node, 'LICENSE'), 'usr/local/share/doc/node/LICENSE');

  const dist = path.join(project, 'dist');
  const parts = readdirSync(path.join(dist, 'lib')).filter((name) => name.endsWith('.js'));
  for (const file of ['pullpass.js', 'pullpass.js.LEGAL.txt', ...parts.map((name) => `lib/${name}`)])
    copy(path.join(dist, file), `app/${file}`);
  copy(path.join(project, 'LICENSE'), 'app/LICENSE');
  // The bundle is an ES module: this says so. It also gives scanners name and version.
  const { name, version, license } = JSON.parse(readFileSync(path.join(project, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  write('app/package.json', `${JSON.stringify({ name, version, license, type: 'module' }, undefined, 2)}\n`);
}

/** The folder of the package that has this architecture's Node. npm compares it with the hash in package-lock.json. */
function installNode(architecture: string, project: string): string {
  const cpu = ARCHITECTURES[architecture] ?? '';
  const prefix = path.join(project, 'image');
  run('npm', ['ci', '--prefix', prefix, '--ignore-scripts', '--no-progress', '--os=linux', `--cpu=${cpu}`]);
  const found = path.join(prefix, 'node_modules', `node-linux-${cpu}`);
  try {
    readFileSync(path.join(found, 'package.json'));
  } catch {
    // npm goes on without an optional package that it cannot fetch, or whose hash differs.
    throw new BuildError(
      `npm did not install node-linux-${cpu}: run it by hand: npm ci --prefix image --os=linux --cpu=${cpu}`,
    );
  }
  return found;
}
