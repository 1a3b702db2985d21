/**
 * `npm run test:e2e --`: the scenarios, on real nodes. Without options, on a kind cluster, which needs Docker.
 *
 *   --node FOLDER                           on a node of this machine, of the programs in that folder; needs root
 *   --kubeconfig FILE --registry HOST:PORT  on any cluster. HOST is this machine, as the nodes call it; they must take plain HTTP from it
 *   --keep                                  with --node: no scenarios; the node stays until Ctrl-C or the end of stdin
 *   --logs FOLDER                           with --node: the logs of its programs go there
 *
 * What follows goes to vitest: names of files, `-t PATTERN`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../sandbox/registry/distribution.ts';
import { startKind } from './kind.ts';
import { startNode } from './node/node.ts';
import { ENVIRONMENT } from './settings.ts';
import type { Settings } from './settings.ts';

interface Running {
  readonly settings: Settings;
  stop(): Promise<void>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'string' },
    kubeconfig: { type: 'string' },
    registry: { type: 'string' },
    keep: { type: 'boolean', default: false },
    logs: { type: 'string' },
    'test-name-pattern': { type: 'string', short: 't' },
  },
});

async function start(): Promise<Running> {
  const { node: folder, kubeconfig, registry, logs } = values;
  if (folder !== undefined) {
    const node = await startNode(folder);
    return {
      settings: {
        kubeconfig: node.kubeconfig,
        registry: `${node.addresses.host}:${await freePort(node.addresses.host)}`,
        path: node.programs.path,
        node: { hosts: node.runtime.hosts, socket: node.runtime.socket },
      },
      async stop() {
        if (logs !== undefined)
          for (const file of readdirSync(node.directory).filter((name) => name.endsWith('.log')))
            cpSync(path.join(node.directory, file), path.join(logs, file));
        await node.stop();
      },
    };
  }
  if (kubeconfig === undefined) return startKind();
  if (registry === undefined || !/^[\w.-]+:\d+$/.test(registry))
    throw new Error('--registry HOST:PORT is missing: the address of this machine that the nodes of the cluster reach');
  return { settings: { kubeconfig: path.resolve(kubeconfig), registry }, stop: async () => undefined };
}

async function scenarios(settings: Settings, signal: AbortSignal): Promise<number> {
  const config = path.join(import.meta.dirname, 'vitest.config.ts');
  const pattern = values['test-name-pattern'];
  const args = ['vitest', 'run', '--config', config, ...positionals, ...(pattern === undefined ? [] : ['-t', pattern])];
  const env = { ...process.env, PATH: settings.path ?? process.env['PATH'], [ENVIRONMENT]: JSON.stringify(settings) };
  const vitest = spawn('npx', args, { env, stdio: 'inherit' });
  // Ctrl-C reaches vitest, too: it cleans up by itself.
  signal.addEventListener('abort', () => vitest.kill('SIGTERM'));
  const [status] = (await once(vitest, 'exit')) as [number | null];
  return status ?? 1;
}

async function kept(settings: Settings, signal: AbortSignal): Promise<void> {
  console.log(`export KUBECONFIG=${settings.kubeconfig}   # registries of the scenarios: ${settings.registry}`);
  process.stdin.resume();
  await Promise.race([once(process.stdin, 'end'), once(signal, 'abort')]);
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());
try {
  const { settings, stop } = await start();
  try {
    if (values.keep) await kept(settings, interrupted.signal);
    else process.exitCode = await scenarios(settings, interrupted.signal);
  } finally {
    await stop();
  }
} catch (error) {
  console.error(`test:e2e: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  process.stdin.destroy();
}
