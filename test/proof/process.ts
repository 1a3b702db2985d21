/** A product as a process of its own on a port of its own; it ends with the harness, however that ends. */
import { answers, freePort, keep } from '../sandbox/registry/distribution.ts';
import type { Keeper } from '../sandbox/registry/distribution.ts';

export interface Process {
  readonly log: readonly string[];
  gone(): boolean;
  stop(): Promise<void>;
}

export interface Launch {
  /** How errors call it. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `127.0.0.1:port`, where it answers once it is up. */
  readonly host: string;
}

/** Resolves once it answers. @throws with its last lines, if it ends before that. */
export async function launch({ name, program, args, env = {}, host }: Launch): Promise<Process> {
  const log: string[] = [];
  const keeper: Keeper = keep(program, args, { PATH: process.env['PATH'] ?? '', ...env }, (text) => log.push(text));
  if (await answers(host, keeper)) return { log, gone: keeper.gone, stop: keeper.stop };
  await keeper.stop();
  throw new Error(`${name} did not start: ${log.join('').trim().split('\n').slice(-3).join(' | ')}`);
}

export const freeHost = async (): Promise<string> => `127.0.0.1:${await freePort()}`;
