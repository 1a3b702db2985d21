/** The API server of the demo. */
import type { ApiServer } from '../../integration/env/api-server.ts';
import { HOME } from './cluster.ts';
import { ExpectationError } from './expect.ts';
import { requestsOf } from './requests.ts';
import type { Requests } from './requests.ts';

export interface Playground {
  readonly api: ApiServer;
  readonly name: string;
  /** What a user has asked for outside pullpass-system, as the server saw it; undefined where it keeps no record. */
  readonly requests: ((user: string) => Requests) | undefined;
}

/** An API server in this process: nothing to install, starts at once. */
export async function startSandbox(): Promise<Playground> {
  const { startSandbox: start } = await import('../kube-api/index.ts');
  const api = await start();
  return {
    api,
    name: 'the sandbox, inside this process',
    requests: (user) =>
      requestsOf(api.requests().filter((request) => request.user === user && request.namespace !== HOME)),
  };
}

/** A real kube-apiserver with etcd, if setup-envtest has installed one. Throws one line that says how to get it. */
export async function startReal(): Promise<Playground> {
  const { findRealApi, startRealApi } = await import('../../integration/env/real-api.ts');
  const binaries = findRealApi();
  if ('missing' in binaries) throw new ExpectationError(binaries.missing);
  return { api: await startRealApi(binaries.found), name: 'a real kube-apiserver', requests: undefined };
}
