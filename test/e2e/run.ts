/** `npm run test:e2e --`: starts a cluster with real nodes, plays the scenarios on it, and takes it away. docs/e2e.md has the three ways. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { readNames, ROOT } from '../../release/names.ts';
import { freePort } from '../sandbox/registry/distribution.ts';
import { startKind } from './kind.ts';
import { startNode } from './node/node.ts';
import { ENVIRONMENT, INSTALLS } from './settings.ts';
import type { ClusterSettings, Install, Settings } from './settings.ts';

interface Flags {
  node?: string;
  kubeconfig?: string;
  registry?: string;
  kindImage?: string;
  image: string;
  install: Install;
  logs?: string;
  keep: boolean;
  testNamePattern?: string;
}

interface Running {
  readonly settings: ClusterSettings;
  stop(): Promise<void>;
}

async function start({ node: folder, kubeconfig, registry, kindImage, logs }: Flags): Promise<Running> {
  if (folder !== undefined) return startHere(folder, logs);
  if (kubeconfig === undefined) return startKind(kindImage);
  if (registry === undefined)
    throw new Error('--registry HOST:PORT is missing: the address of this machine that the nodes of the cluster reach');
  return { settings: { kubeconfig: path.resolve(kubeconfig), registry }, stop: async () => undefined };
}

async function startHere(folder: string, logs: string | undefined): Promise<Running> {
  const node = await startNode(folder);
  const { host } = node.addresses;
  return {
    settings: {
      kubeconfig: node.kubeconfig,
      registry: `${host}:${await freePort(host)}`,
      path: node.programs.path,
      node: { hosts: node.runtime.hosts, socket: node.runtime.socket },
    },
    async stop() {
      if (logs !== undefined) {
        mkdirSync(logs, { recursive: true });
        for (const file of readdirSync(node.directory).filter((name) => name.endsWith('.log')))
          cpSync(path.join(node.directory, file), path.join(logs, file));
      }
      await node.stop();
    },
  };
}

async function scenarios(settings: Settings, files: readonly string[], pattern: string | undefined): Promise<number> {
  const args = [
    path.join(ROOT, 'node_modules/vitest/vitest.mjs'),
    ...['run', '--config', path.join(import.meta.dirname, 'vitest.config.ts'), ...files],
    ...(pattern === undefined ? [] : ['--testNamePattern', pattern]),
  ];
  const env = { ...process.env, PATH: settings.path ?? process.env['PATH'], [ENVIRONMENT]: JSON.stringify(settings) };
  const vitest = spawn(process.execPath, args, { env, stdio: 'inherit' });
  interrupted.signal.addEventListener('abort', () => vitest.kill('SIGTERM'));
  const [status] = (await once(vitest, 'exit')) as [number | null];
  return status ?? 1;
}

async function kept({ kubeconfig, registry }: ClusterSettings): Promise<void> {
  console.log(`export KUBECONFIG=${kubeconfig}   # scenarios would have their registry at ${registry}`);
  process.stdin.resume();
  await Promise.race([once(process.stdin, 'end'), once(interrupted.signal, 'abort')]);
}

async function play(files: readonly string[], flags: Flags): Promise<number> {
  const { image, install, keep, testNamePattern } = flags;
  if (!keep && !existsSync(image))
    throw new Error(`there is no image ${image}: make it with \`npm run image\`, or name one with --image ARCHIVE`);
  const { settings, stop } = await start(flags);
  try {
    if (!keep) return await scenarios({ ...settings, image, install }, files, testNamePattern);
    await kept(settings);
    return 0;
  } finally {
    await stop();
  }
}

function hostAndPort(value: string): string {
  if (/^[\w.-]+:\d+$/.test(value)) return value;
  throw new InvalidArgumentError('It must be HOST:PORT.');
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());

const command = new Command('npm run test:e2e --')
  .description('Plays the scenarios of test/e2e on real nodes. Without options on a kind cluster, which needs Docker.')
  .argument('[files...]', 'scenarios, by part of their name; otherwise all')
  .addOption(
    new Option('--node <folder>', 'a node on this machine, of the programs in that folder; as root').conflicts(
      'kubeconfig',
    ),
  )
  .addOption(new Option('--kubeconfig <file>', 'a cluster that was made for this'))
  .addOption(
    new Option(
      '--registry <host:port>',
      'with --kubeconfig: this machine, as the nodes reach it by plain HTTP',
    ).argParser(hostAndPort),
  )
  .addOption(new Option('--kind-image <image>', "the nodes' image for kind; otherwise its own"))
  .addOption(
    new Option('--image <archive>', "Pullpass's own image")
      .argParser((file) => path.resolve(file))
      .default(path.join(ROOT, `dist/image/pullpass-${readNames().version}.oci.tar`), 'what `npm run image` makes'),
  )
  .addOption(new Option('--install <way>', 'how Pullpass is installed').choices(INSTALLS).default('kustomize'))
  .addOption(new Option('--logs <folder>', "with --node: where its programs' logs are copied to"))
  .addOption(
    new Option('--keep', 'start the cluster, and play nothing, until Ctrl-C or the end of stdin').default(false),
  )
  .addOption(new Option('-t, --test-name-pattern <pattern>', 'only tests of that name'))
  .action(async (files: string[], flags: Flags) => {
    process.exitCode = await play(files, flags);
  });

try {
  await command.parseAsync();
} catch (error) {
  console.error(`test:e2e: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  // Else it would keep a stopped program alive.
  process.stdin.destroy();
}
