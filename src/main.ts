/**
 * The composition root: the only file that uses the process; commands get an `Environment`. Three libraries use the process
 * too: commander reads the variables that options name, client-node reads $KUBECONFIG, and pino writes the log.
 */
import { CommanderError } from 'commander';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import picocolors from 'picocolors';
import manifest from '../package.json' with { type: 'json' };
import { createProgram } from './cli/program.ts';
import type { Environment } from './commands/environment.ts';
import { messageOf, UserError } from './errors.ts';
import { isForbidden } from './kube/api-error.ts';

const { stdout, stderr } = process;

// Logins are in memory: on Linux, no part of it goes into a core dump. Elsewhere there is no such file.
try {
  writeFileSync('/proc/self/coredump_filter', '0');
} catch {
  // Nothing to do about it: a limit of the machine or container can still forbid core dumps.
}

/** As in Go, of a variable's two spellings the upper case one wins, unless it is empty. */
const variable = (name: string): string | undefined => process.env[name] || process.env[name.toLowerCase()];

const env: Environment = {
  version: manifest.version,
  userAgent: `pullpass/${manifest.version}`,
  logLevel: process.env['LOG_LEVEL'] ?? 'info',
  egress: {
    HTTPS_PROXY: variable('HTTPS_PROXY'),
    HTTP_PROXY: variable('HTTP_PROXY'),
    NO_PROXY: variable('NO_PROXY'),
  },
  variable: (name) => process.env[name],
  identity: `${hostname()}-${process.pid}`,
  colors: stdout.isTTY && picocolors.isColorSupported,
  width: stdout.isTTY ? stdout.columns : undefined,
  readInput: () => text(process.stdin),
  writeOut: (text) => void stdout.write(text),
  writeErr: (text) => void stderr.write(text),
  showProgress: (line) => void (stderr.isTTY && stderr.write(`\r\u001b[K${line}`)),
  async ask(question) {
    if (!process.stdin.isTTY) return undefined;
    const prompt = createInterface({ input: process.stdin, output: stderr });
    try {
      return await prompt.question(question);
    } finally {
      prompt.close();
    }
  },
  async askSecret(question) {
    if (!process.stdin.isTTY) return undefined;
    // In raw mode the terminal shows nothing by itself, and readline writes what is typed to an output that shows nothing.
    const nowhere = new Writable({ write: (_, __, done) => done() });
    const prompt = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
    try {
      stderr.write(question);
      // Ctrl-D closes it without an answer.
      return await Promise.race([prompt.question(''), once(prompt, 'close').then(() => '')]);
    } finally {
      prompt.close();
      stderr.write('\n');
    }
  },
  exitWith(status) {
    process.exitCode = status;
  },
  saveMemory() {
    // The young generation stays as large as it is now, instead of up to 32 MB; no limit: what lives on has all other memory.
    setFlagsFromString('--semi-space-growth-factor=1');
  },
  untilInterrupted() {
    const stop = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stop.signal.aborted) process.exit(1);
        stop.abort();
      });
    }
    return stop.signal;
  },
};

// As a plugin of kubectl it has another name, and the help shows what can be typed.
const root = createProgram(env, process.argv[1]?.endsWith('kubectl-pullpass') ? 'kubectl pullpass' : 'pullpass');

// A reader that closes the pipe early (`pullpass plan | head`) is no error.
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await root.parseAsync();
} catch (error) {
  // commander has already printed its message. Help and version also end here, with status 0.
  if (error instanceof CommanderError) env.exitWith(error.exitCode === 0 ? 0 : 64);
  else fail(error);
}

/** Prints one line that says what is wrong and what to do. */
function fail(error: unknown): void {
  if (env.logLevel === 'debug' && error instanceof Error) env.writeErr(`${error.stack}\n`);
  const hint = isForbidden(error) ? '; ask for that right, or use a kubeconfig that has it' : '';
  env.writeErr(`pullpass: ${messageOf(error)}${hint}\n`);
  env.exitWith(error instanceof UserError ? error.exitCode : 1);
}
