/**
 * The yardstick: a loop over undici that makes the writes that the controller makes, and nothing else; it reads no object and keeps none.
 * A process of its own, started by `bench/cluster.ts`: takes one job a line on stdin, and answers each with one line.
 */
import { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { createWriteLimit } from '../src/controller/write-limit.ts';

export interface Write {
  readonly method: 'POST' | 'PATCH' | 'PUT';
  readonly path: string;
  readonly type: string;
  readonly body: object;
}

/** `concurrency`: the most writes at once. `0i0` in path and body stands for the number of the namespace. `list`: paths with a `limit`, to be read in pages instead. */
export type Job =
  | { readonly writes: readonly Write[]; readonly from: number; readonly to: number; readonly concurrency: number }
  | { readonly list: readonly string[] }
  /** One write each `everyMs`, until the next line comes, whatever it is. */
  | { readonly write: Write; readonly everyMs: number };

/** `seconds`: wall clock; `cpu`: of this process, in seconds; percentiles of one write, or of all of a namespace, in milliseconds. */
export interface Done {
  readonly seconds: number;
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
}

const config = new KubeConfig();
config.loadFromFile(process.argv[2] ?? '');
const options: RequestOptions = {};
await config.applyToHTTPSOptions(options);
const { ca, cert, key } = options;
const { Authorization: authorization } = (options.headers ?? {}) as Record<string, string>;
const dispatcher = new Agent({ connections: 64, connect: { ca, cert, key }, headersTimeout: 0, bodyTimeout: 0 });
const server = config.getCurrentCluster()?.server ?? '';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
for (;;) {
  const { value: line, done: isOver } = await lines.next();
  if (isOver === true) break;
  const job = JSON.parse(line) as Job;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const took: number[] = [];
  if ('write' in job) {
    let isStopped = false;
    void lines.next().then(() => (isStopped = true));
    while (!isStopped) {
      const at = performance.now();
      await send(job.write, '0');
      took.push(performance.now() - at);
      await delay(job.everyMs);
    }
  } else if ('list' in job) await Promise.all(job.list.map(list));
  else {
    // As many writes at once as the controller would make: with fewer each of them costs more CPU, on both sides.
    const limit = createWriteLimit({ most: job.concurrency });
    let next = job.from;
    await Promise.all(
      Array.from({ length: job.concurrency }, async () => {
        while (next < job.to) {
          const i = String(next++);
          const at = performance.now();
          for (const write of job.writes) await limit(() => send(write, i));
          took.push(performance.now() - at);
        }
      }),
    );
  }
  const { user, system } = process.cpuUsage(cpu);
  took.sort((a, b) => a - b);
  const percentile = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
  const done: Done = {
    seconds: (performance.now() - startedAt) / 1000,
    cpu: (user + system) / 1e6,
    p50: percentile(0.5),
    p99: percentile(0.99),
  };
  process.stdout.write(`${JSON.stringify(done)}\n`);
}

async function send({ method, path, type, body }: Write, i: string): Promise<void> {
  const answer = await request(server + path.replaceAll('0i0', i), {
    method,
    headers: { 'content-type': type, ...(authorization !== undefined && { authorization }) },
    body: JSON.stringify(body).replaceAll('0i0', i),
    dispatcher,
  });
  // Kubernetes makes some objects by itself.
  const isThere = method === 'POST' && answer.statusCode === 409;
  if (answer.statusCode >= 300 && !isThere)
    throw new Error(`${method} ${path}: ${answer.statusCode} ${await answer.body.text()}`);
  await answer.body.dump({ limit: 64 * 2 ** 20 });
}

async function list(path: string): Promise<void> {
  for (let token = ''; ;) {
    const url = `${server}${path}${token && `&continue=${encodeURIComponent(token)}`}`;
    const headers = authorization === undefined ? {} : { authorization };
    const { statusCode, body } = await request(url, { dispatcher, headers });
    const page = (await body.json()) as { metadata: { continue?: string } };
    if (statusCode >= 300) throw new Error(`GET ${path}: ${statusCode}`);
    if (!page.metadata.continue) return;
    token = page.metadata.continue;
  }
}
