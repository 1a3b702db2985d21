/** Runs an image as a kubelet does: its own user, a read-only root, no capabilities. Only the network is the machine's. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Part of a `config.json` of the OCI runtime specification. */
interface RuntimeConfig {
  process: {
    terminal: boolean;
    args: string[];
    env: string[];
    capabilities: object;
    noNewPrivileges: boolean;
    user: { uid: number; gid: number };
  };
  root: { path: string; readonly?: boolean };
  mounts: { destination: string; type: string; source: string; options: string[] }[];
  linux: { namespaces: { type: string }[] };
}

export interface Image {
  /** Its files, unpacked. */
  readonly rootfs: string;
  readonly user: { uid: number; gid: number };
  run(options: ContainerOptions): Container;
}

export interface ContainerOptions {
  /** After the entrypoint of the image; or all, with `entrypoint: false`. */
  readonly args: readonly string[];
  readonly entrypoint?: false;
  readonly env?: Readonly<Record<string, string>>;
  /** Folders of this machine by their place in the container, read-only. */
  readonly mounts?: Readonly<Record<string, string>>;
}

export interface Container {
  /** What it has written so far, both outputs. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number | NodeJS.Signals>;
}

/** Unpacks an OCI archive with one image into a folder. */
export function openImage(archive: string, folder: string): Image {
  const layout = path.join(folder, 'layout');
  mkdirSync(layout, { recursive: true });
  execFileSync('tar', ['-xf', archive, '-C', layout]);
  const [tag = ''] = execFileSync('umoci', ['ls', '--layout', layout], { encoding: 'utf8' }).split('\n');
  const unpacked = path.join(folder, 'unpacked');
  execFileSync('umoci', ['unpack', '--image', `${layout}:${tag}`, unpacked], { stdio: 'pipe' });
  const rootfs = path.join(unpacked, 'rootfs');
  // Entrypoint, command, user and environment are the image's.
  const text = readFileSync(path.join(unpacked, 'config.json'), 'utf8');
  const { process: initial } = JSON.parse(text) as RuntimeConfig;
  const entrypoint = initial.args.slice(0, 2);

  return {
    rootfs,
    user: initial.user,
    run({ args, entrypoint: whether, env = {}, mounts = {} }) {
      const config = JSON.parse(text) as RuntimeConfig;
      config.process.terminal = false;
      config.process.args = [...(whether === false ? [] : entrypoint), ...args];
      config.process.env.push(...Object.entries(env).map(([name, value]) => `${name}=${value}`));
      config.process.capabilities = {};
      config.process.noNewPrivileges = true;
      config.root = { path: rootfs, readonly: true };
      for (const [destination, source] of Object.entries(mounts))
        config.mounts.push({ destination, source, type: 'bind', options: ['rbind', 'ro'] });
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
      const bundle = mkdtempSync(path.join(folder, 'container-'));
      writeFileSync(path.join(bundle, 'config.json'), JSON.stringify(config));

      const id = `pullpass-test-${process.pid}-${path.basename(bundle)}`;
      const child = spawn('runc', ['--root', path.join(folder, 'runc'), 'run', '--bundle', bundle, id], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (text: Buffer) => (output += text.toString()));
      return {
        output: () => output,
        kill: (signal) => void child.kill(signal),
        exited: new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? -1))),
      };
    },
  };
}
