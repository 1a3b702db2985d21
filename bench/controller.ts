/** The controller as it is shipped: the bundle, with the Node flags of the manifest, in a process of its own. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseAllDocuments } from 'yaml';

const ROOT = path.join(import.meta.dirname, '..');
const LOOP_LAG = path.join(import.meta.dirname, 'loop-lag.ts');
export const SOURCE = { namespace: 'pullpass-system', name: 'bench-source' };
export const COPY = 'bench-copy';

export interface Controller {
  readonly pid: number;
  /** Resolves with the first log line of this message from now on. */
  said(message: RegExp): Promise<Record<string, unknown>>;
  /** A sample of its /metrics: the sum over all series of the family, labels narrowed by `where`. */
  metric(name: string, where?: string): Promise<number>;
  /** The 99th percentile of the event loop's delay while `work` is done, in milliseconds. */
  loopDelay(work: () => Promise<unknown>): Promise<number>;
  stop(): Promise<void>;
}

type Env = readonly { readonly name: string; readonly value?: string }[];
const [DEPLOYMENT] = parseAllDocuments(readFileSync(path.join(ROOT, 'manifests/deployment.yaml'), 'utf8')).map(
  (document) => document.toJS() as { spec: { template: { spec: { containers: { env: Env }[] } } } },
);
const valueOf = (name: string): string =>
  DEPLOYMENT?.spec.template.spec.containers[0]?.env.find((each) => each.name === name)?.value ?? '';

/** NODE_OPTIONS of manifests/deployment.yaml. */
export const shippedFlags = (): string => valueOf('NODE_OPTIONS');

/** `folder`: with the bundle, and for the configuration. */
export async function startController(kubeconfig: string, folder: string, flags = shippedFlags()): Promise<Controller> {
  const config = path.join(folder, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [{ name: 'bench', secret: SOURCE, copyName: COPY, verify: 'off' }],
    }),
  );
  const args = [
    'controller',
    '--config',
    config,
    '--kubeconfig',
    kubeconfig,
    '--no-leader-election',
    '--address',
    '127.0.0.1:0',
  ];
  const child = spawn(
    process.execPath,
    [
      '--require',
      LOOP_LAG,
      ...flags.split(' ').filter((flag) => flag !== ''),
      path.join(folder, 'pullpass.js'),
      ...args,
    ],
    {
      env: { ...process.env, LOG_LEVEL: 'info', MALLOC_ARENA_MAX: valueOf('MALLOC_ARENA_MAX') },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const waiting = new Set<(line: Record<string, unknown>) => void>();
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (!text.startsWith('{')) return void process.stderr.write(`${text}\n`);
    const line = JSON.parse(text) as Record<string, unknown>;
    if (line['level'] === 'warn' || line['level'] === 'error') process.stderr.write(`${text}\n`);
    for (const take of waiting) take(line);
  });
  const said = (message: RegExp): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const take = (line: Record<string, unknown>): void => {
        if (!message.test(String(line['msg']))) return;
        waiting.delete(take);
        resolve(line);
      };
      waiting.add(take);
      void ended.then(() => reject(new Error(`the controller ended before it said ${String(message)}`)));
    });
  const [{ url }] = await Promise.all([said(/^serving/), said(/^in step/)]);
  return {
    pid: child.pid ?? 0,
    said,
    async metric(name, where = '') {
      const text = await (await fetch(`${String(url)}/metrics`)).text();
      return text
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => line.includes(where))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
    async loopDelay(work) {
      child.kill('SIGUSR2');
      await work();
      const line = said(/^event loop$/);
      child.kill('SIGUSR2');
      return Number((await line)['p99']);
    },
    async stop() {
      child.kill();
      await ended;
    },
  };
}
