/** A cluster as its administrator uses it: kubectl, and the program from this checkout. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface Secret {
  readonly data: Readonly<Record<string, string>>;
}

export interface Cluster {
  readonly kubeconfig: string;
  /** What it prints; throws what it says if it fails. */
  kubectl(args: readonly string[], input?: string): string;
  apply(...objects: object[]): void;
  get<T>(...args: string[]): T;
  /** What the command prints, whatever its status. */
  pullpass(...args: string[]): { readonly status: number | null; readonly output: string };
}

export function connect(kubeconfig: string): Cluster {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const kubectl = (args: readonly string[], input?: string): string => run('kubectl', args, env, input);
  return {
    kubeconfig,
    kubectl,
    apply: (...objects) => {
      kubectl(['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
    },
    get: <T>(...args: string[]) => JSON.parse(kubectl(['get', '--output', 'json', ...args])) as T,
    pullpass(...args) {
      const result = spawnSync(process.execPath, [path.join(ROOT, 'src/main.ts'), ...args], { env, encoding: 'utf8' });
      return { status: result.status, output: result.stdout + result.stderr };
    },
  };
}

export function run(program: string, args: readonly string[], env = process.env, input = ''): string {
  const { error, status, stdout, stderr } = spawnSync(program, args, { env, input, encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${program}: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** Asks until it is true; an error counts as not yet. */
export async function eventually(what: string, isTrue: () => boolean, seconds = 60): Promise<void> {
  let last = '';
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await delay(500)) {
    try {
      if (isTrue()) {
        console.log(`ok: ${what}`);
        return;
      }
    } catch (error) {
      last = `: ${(error as Error).message}`;
    }
  }
  throw new Error(`not within ${seconds} s: ${what}${last}`);
}
