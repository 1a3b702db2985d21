/** Runs a command without a process: what it writes and its exit status are kept. */
import type { Command } from 'commander';
import type { Environment } from '../../src/commands/environment.ts';

export interface Ran {
  out: string;
  err: string;
  status: number;
  asked: string[];
}

/**
 * `input`: all of standard input. `answer`, `secret`: of whoever is asked; undefined: nobody is there. `meanwhile`: what happens
 * before the secret is typed.
 */
export async function run(
  command: (env: Environment) => Command,
  args: readonly string[],
  given: Given = {},
): Promise<Ran> {
  const { env, ran } = environment(given);
  await command(env).exitOverride().parseAsync(args, { from: 'user' });
  return ran;
}

interface Given {
  input?: string;
  answer?: string;
  secret?: string;
  meanwhile?: () => Promise<void>;
}

export function environment({ input = '', answer, secret, meanwhile }: Given = {}): { env: Environment; ran: Ran } {
  const ran: Ran = { out: '', err: '', status: 0, asked: [] };
  const env: Environment = {
    version: '0.0.0',
    userAgent: 'test',
    logLevel: 'silent',
    egress: {},
    variable: () => undefined,
    identity: 'test',
    colors: false,
    width: undefined,
    readInput: () => Promise.resolve(input),
    writeOut: (text) => void (ran.out += text),
    writeErr: (text) => void (ran.err += text),
    showProgress: () => undefined,
    ask(question) {
      ran.asked.push(question);
      return Promise.resolve(answer);
    },
    async askSecret(question) {
      ran.asked.push(question);
      await meanwhile?.();
      return secret;
    },
    exitWith: (status) => void (ran.status = status),
    saveMemory: () => undefined,
    untilInterrupted: () => new AbortController().signal,
  };
  return { env, ran };
}
