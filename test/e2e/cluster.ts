/** A cluster as its administrator uses it: kubectl, and the program from this checkout. */
import { execFile, spawnSync } from 'node:child_process';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface Finished {
  readonly status: number;
  /** Of both streams. */
  readonly output: string;
}

export interface CommandLine {
  /** What it prints; throws what it says if it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  apply(...objects: object[]): Promise<void>;
  pullpass(...args: string[]): Promise<Finished>;
}

export function commandLine(kubeconfig: string, searchPath = process.env['PATH'] ?? ''): CommandLine {
  const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: searchPath };
  const kubectl = async (args: readonly string[], input = ''): Promise<string> => {
    const { status, output } = await finished('kubectl', args, env, input);
    if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: status ${status}\n${output}`);
    return output;
  };
  return {
    kubectl,
    async apply(...objects) {
      await kubectl(['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
    },
    pullpass: (...args) => finished(process.execPath, [path.join(ROOT, 'src/main.ts'), ...args], env),
  };
}

/** Never waits in a way that would keep the upstream, which answers in this process, from answering. */
export function finished(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  input = '',
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code;
      if (typeof status === 'number') resolve({ status, output: stdout + stderr });
      else reject(error ?? new Error(`${program} did not end`));
    });
    child.stdin?.on('error', () => undefined).end(input);
  });
}

/** For run.ts, which has nothing else to do meanwhile. */
export function run(program: string, args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${program}: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}
