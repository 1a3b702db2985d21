/**
 * A process that owns others: it reads one command a line (JSON: `[program, ...arguments]`, or the name of a program to kill)
 * and kills what it started as soon as its stdin ends, which happens however its parent dies. Last it removes the directory named by its only argument.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';

const directory = process.argv[2];
if (directory === undefined) throw new Error('usage: guard.ts DIRECTORY');

const children: ChildProcess[] = [];
const input = createInterface({ input: process.stdin });

input.on('line', (line) => {
  const command = JSON.parse(line) as string | string[];
  if (typeof command === 'string') {
    for (const child of children) if (path.basename(child.spawnfile) === command) child.kill('SIGKILL');
    return;
  }
  const [program = '', ...args] = command;
  const log = openSync(path.join(directory, `${path.basename(program)}.log`), 'a');
  const child = spawn(program, args, { cwd: directory, stdio: ['ignore', log, log] });
  // A child that dies on its own is the launcher's business: its readiness check times out and shows the log.
  child.on('error', (error) => appendFileSync(log, String(error)));
  children.push(child);
});

input.on('close', () => void shutDown());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void shutDown());

let stopping = false;
async function shutDown(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await Promise.all(children.filter((child) => child.exitCode === null && child.signalCode === null).map(kill));
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  process.exit(0);
}

function kill(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    // Nothing in the directory is kept, so nothing is worth a graceful end.
    if (!child.kill('SIGKILL')) resolve();
  });
}
