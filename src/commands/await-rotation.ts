/** Waits for a rotation as `pullpass wait` does. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Environment } from './environment.ts';
import { createLook } from './wait-look.ts';
import { runWait } from './wait.ts';

/** Says how far it is and how it ended; resolves to the exit status. */
export async function awaitRotation(
  env: Environment,
  {
    client,
    configuration,
    source,
    namespace,
    timeoutMs,
    signal,
  }: {
    client: KubeClient;
    configuration: Configuration;
    source: string;
    /** Where the controller keeps its state. */
    namespace: string;
    timeoutMs: number;
    signal: AbortSignal;
  },
): Promise<0 | 1> {
  const { text, exitCode } = await runWait({
    source,
    timeoutMs,
    signal,
    observe: createLook({ client, configuration, namespace }),
    progress: (line) => env.writeErr(`${source}: ${line}\n`),
    paused: configuration.paused,
  });
  (exitCode === 0 ? env.writeOut : env.writeErr)(`${text}\n`);
  return exitCode;
}
