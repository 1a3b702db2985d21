/** One Lease on a server with optimistic locking, and clients that reach it over networks that a test can break. */
import { apiErrorOf, UnreachableError } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client.ts';

export interface Lease {
  metadata: { name: string; namespace: string; resourceVersion: string; annotations?: Record<string, string> };
  spec: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
    strategy?: string;
  };
}

export interface Network {
  /** `refused`: fails at once; `hung`: never arrives; a number: milliseconds each way, and what was sent arrives even if nobody waits. */
  mode: 'up' | 'refused' | 'hung' | number;
  /** The HTTP status that the server answers everything with. */
  answer?: number;
}

export function leaseServer() {
  let lease: Lease | undefined;
  let version = 0;
  const calls: string[] = [];
  const fail = (verb: string, code: number, reason: string) =>
    apiErrorOf(`${verb} lease`, code, JSON.stringify({ reason, message: `says ${reason}` }), undefined, false);
  const store = (body: unknown): Lease => {
    const sent = structuredClone(body) as Lease;
    lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(++version) } };
    return structuredClone(lease);
  };

  function serve(verb: string, body?: object): Lease | Error {
    calls.push(verb);
    if (verb === 'create') {
      if (lease !== undefined) return fail(verb, 409, 'AlreadyExists');
      return store(body);
    }
    if (lease === undefined) return fail(verb, 404, 'NotFound');
    if (verb === 'get') return structuredClone(lease);
    if ((body as Lease).metadata.resourceVersion !== lease.metadata.resourceVersion) return fail(verb, 409, 'Conflict');
    return store(body);
  }

  /** A client with a connection of its own. */
  function client(network: Network): KubeClient {
    const call = <T>(verb: string, signal: AbortSignal | undefined, body?: object): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        const lost = (why: string): void => reject(new UnreachableError(`${verb}: ${why}`));
        if (signal?.aborted === true) return lost('was stopped');
        signal?.addEventListener('abort', () => lost('was stopped'), { once: true });
        const { mode, answer } = network;
        if (mode === 'refused') return lost('connection refused');
        if (mode === 'hung') return;
        const way = mode === 'up' ? (run: () => void) => run() : (run: () => void) => void setTimeout(run, mode);
        way(() => {
          const result =
            answer === undefined
              ? serve(verb, body)
              : fail(verb, answer, answer === 403 ? 'Forbidden' : 'InternalError');
          way(() => (result instanceof Error ? reject(result) : resolve(result as T)));
        });
      });
    const unused = () => Promise.reject(new Error('not a call of leader election'));
    return {
      server: 'fake',
      get: (_path, options) => call('get', options?.signal),
      create: (_path, body, options) => call('create', options?.signal, body),
      replace: (_path, body, options) => call('replace', options?.signal, body),
      patch: unused,
      delete: unused,
      watch: () => {
        throw new Error('not a call of leader election');
      },
    };
  }

  return {
    client,
    /** Verbs that arrived, in order. */
    calls,
    lease: () => structuredClone(lease),
    /** Somebody else's write. */
    edit(change: (lease: Lease) => void): void {
      if (lease === undefined) throw new Error('no Lease yet');
      const edited = structuredClone(lease);
      change(edited);
      store(edited);
    },
    /** Writes a whole spec, whatever is in it. */
    put(spec: object): void {
      store({ metadata: { name: 'pullpass-controller', namespace: 'pullpass-system' }, spec });
    },
    remove(): void {
      lease = undefined;
    },
  };
}
