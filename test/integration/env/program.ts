/** The controller as a process of its own, as users run it. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { PROGRAM } from '../../program.ts';
import type { ApiServer } from './api-server.ts';
import { CONTROLLER_NAMESPACE, eventually } from './cluster.ts';

interface ProgramOptions {
  /** The configuration, as an object or as its text. */
  configuration: unknown;
  /** Name of the replica. Default: `program`. */
  identity?: string;
  /** Where the Lease and the state live. */
  namespace?: string;
  /** Default: the ServiceAccount `pullpass` of that namespace, which must exist and have its rights. */
  kubeconfig?: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** `main.ts` of another version. Default: {@link PROGRAM}. */
  program?: string;
  /** Default: [process.execPath]. */
  runtime?: readonly string[];
}

export interface Program {
  readonly pid: number;
  /** What it wrote to stdout, line by line, parsed where it is JSON. */
  readonly logs: Record<string, unknown>[];
  readonly stderr: string[];
  /** Path of its configuration file. */
  readonly configurationFile: string;
  /** `http://127.0.0.1:port`, once it listens. */
  url(): Promise<string>;
  /** Status of `/readyz` and such, or 0 if it does not answer within two seconds. */
  status(page: string): Promise<number>;
  page(page: string): Promise<{ status: number; text: string }>;
  /** Resolves when it logged a line with this message. */
  logged(message: string | RegExp, timeoutMs?: number): Promise<void>;
  /** Resolves when it is in step with the API server. */
  ready(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Exit status, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** SIGTERM, and SIGKILL after a while; removes its files. */
  stop(): Promise<void>;
}

export async function startProgram(server: ApiServer, options: ProgramOptions): Promise<Program> {
  const { configuration, identity = 'program', namespace = CONTROLLER_NAMESPACE, args = [], env = {} } = options;
  const [runtime = process.execPath, ...runtimeArgs] = options.runtime ?? [];
  const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-program-'));
  const kubeconfig = path.join(directory, 'kubeconfig');
  await writeFile(kubeconfig, options.kubeconfig ?? (await server.kubeconfigFor({ namespace, name: 'pullpass' })));
  const configurationFile = path.join(directory, 'config.yaml');
  await writeFile(configurationFile, typeof configuration === 'string' ? configuration : stringify(configuration));

  const child = spawn(
    runtime,
    [
      ...runtimeArgs,
      options.program ?? PROGRAM,
      'controller',
      ...['--config', configurationFile, '--kubeconfig', kubeconfig, '--address', '127.0.0.1:0'],
      ...['--namespace', namespace, '--identity', identity],
      ...args,
    ],
    {
      env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'debug', NODE_NO_WARNINGS: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  // The test process may end early; this one must not outlive it.
  const killChild = (): void => void child.kill('SIGKILL');
  process.once('exit', killChild);
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => {
      process.removeListener('exit', killChild);
      resolve(code ?? signal ?? 0);
    });
  });

  const logs: Record<string, unknown>[] = [];
  const stderr: string[] = [];
  eachLine(child.stdout, (line) => {
    try {
      logs.push(JSON.parse(line) as Record<string, unknown>);
    } catch {
      logs.push({ msg: line });
    }
  });
  eachLine(child.stderr, (line) => stderr.push(line));

  const saying = (message: string | RegExp): Record<string, unknown> | undefined =>
    logs.find(
      ({ msg }) => typeof msg === 'string' && (typeof message === 'string' ? msg.includes(message) : message.test(msg)),
    );
  const program: Program = {
    pid: child.pid ?? 0,
    logs,
    stderr,
    configurationFile,
    exited,
    async url() {
      await program.logged('serving /livez');
      return String(saying('serving /livez')?.['url']);
    },
    async status(page) {
      return (await program.page(page)).status;
    },
    async page(page) {
      try {
        const answer = await fetch(`${await program.url()}${page}`, { signal: AbortSignal.timeout(2_000) });
        return { status: answer.status, text: await answer.text() };
      } catch {
        return { status: 0, text: '' };
      }
    },
    logged: (message, timeoutMs = 30_000) =>
      eventually(async () => {
        if (saying(message) === undefined)
          throw new Error(
            `never logged: ${String(message)}; last lines: ${[...logs.slice(-5).map((line) => JSON.stringify(line)), ...stderr.slice(-5)].join('\n')}`,
          );
      }, timeoutMs),
    ready: () => program.logged('in step with the API server'),
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(killChild, 30_000);
      await exited;
      clearTimeout(timer);
      await rm(directory, { recursive: true, force: true });
    },
  };
  return program;
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') take(line);
  });
}
