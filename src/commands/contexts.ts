/** One command on several clusters: `--context a --context b`. */
import { messageOf, UserError } from '../errors.ts';
import { ApiError, UnreachableError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { loadKubeConfig } from '../kube/kubeconfig.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';

/** What came of it in the cluster of one context. `exitCode` of a failure: what the command ends with for this reason alone. */
export type InContext<T> = { readonly context: string } & (
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string; readonly exitCode: number }
);

/** All at once; what fails in one cluster does not stop the others. Throws UserError at once for a context that there is not. */
export function inContexts<T>(
  env: Environment,
  { kubeconfig, contexts }: { readonly kubeconfig: string | undefined; readonly contexts: readonly string[] },
  use: (client: KubeClient, context: string) => Promise<T>,
): Promise<InContext<T>[]> {
  const flags = contexts.map((context) => ({ ...(kubeconfig !== undefined && { kubeconfig }), context }));
  flags.forEach(loadKubeConfig);
  return Promise.all(
    flags.map(async ({ context, ...rest }): Promise<InContext<T>> => {
      try {
        const value = await withClient(env, { ...rest, context }, (client) => use(client, context));
        return { context, ok: true, value };
      } catch (error) {
        if (!(error instanceof UserError || error instanceof ApiError || error instanceof UnreachableError))
          throw error;
        return {
          context,
          ok: false,
          why: messageOf(error),
          exitCode: error instanceof UserError ? error.exitCode : 1,
        };
      }
    }),
  );
}
