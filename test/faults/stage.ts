/** What a run needs of an API server beyond the API: faults of the server itself, and every committed write for the judge. */
import type { ApiServer } from '../integration/env/api-server.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Snapshot } from '../sandbox/kube-api/store/store.ts';
import { now } from './clock.ts';
import type { Resource, Seen, Write } from './write.ts';

export interface Stage {
  readonly kind: 'sandbox' | 'kube-apiserver';
  readonly server: ApiServer;
  /** A watch without bookmarks for so long is dead. */
  readonly idleMs: number;
  /** Keeps a backup of all that is there now. */
  backup(): Promise<void>;
  /** Goes back to the last backup; resolves to what is there then. */
  restore(): Promise<readonly (readonly [Resource, Seen])[]>;
  compact(): Promise<void>;
  /** The server is killed, and comes again after so many milliseconds. */
  kill(downMs: number): Promise<void>;
  /** Resolves when every write so far was given to the listener. */
  caughtUp(): Promise<void>;
  /** What is there now. */
  objects(): Promise<readonly (readonly [Resource, Seen])[]>;
  stop(): Promise<void>;
}

const STORAGES: readonly (readonly [storage: string, Resource])[] = [
  ['/namespaces', 'namespaces'],
  ['/serviceaccounts', 'serviceaccounts'],
  ['/secrets', 'secrets'],
  ['coordination.k8s.io/leases', 'leases'],
];

export async function sandboxStage(onWrite: (write: Write) => void): Promise<Stage> {
  const sandbox = await startSandbox({ bookmarkInterval: 400, historyLimit: 20_000 });
  const { store } = sandbox;
  let kept: Snapshot = store.snapshot();
  const requests = setInterval(() => sandbox.resetRequests(), 1_000);
  for (const [storage, resource] of STORAGES)
    store.listen(storage, '', ({ revision, type, object, previous, author }) => {
      const at = now();
      const { agent, arrivedAt } = parseAgent(author?.userAgent ?? '', at);
      onWrite({
        revision,
        at,
        arrivedAt,
        by: author && { user: author.user, agent },
        resource,
        namespace: object.metadata.namespace ?? '',
        name: object.metadata.name,
        before: previous,
        after: type === 'DELETED' ? undefined : object,
      });
    });
  const objects: Stage['objects'] = () =>
    Promise.resolve(
      STORAGES.flatMap(([storage, resource]) =>
        store.list(storage).map((object): readonly [Resource, Seen] => [resource, object as Seen]),
      ),
    );
  return {
    kind: 'sandbox',
    server: sandbox,
    idleMs: 1_500,
    async backup() {
      kept = store.snapshot();
    },
    async restore() {
      sandbox.restore(kept);
      return objects();
    },
    async compact() {
      sandbox.compact();
    },
    // It lives in this process: the proxy in front plays its death.
    kill: () => Promise.resolve(),
    caughtUp: () => Promise.resolve(),
    objects,
    async stop() {
      clearInterval(requests);
      await sandbox.stop();
    },
  };
}

/** The user agent that the proxy completes: `replica-1/arrived-1796….123`. */
export function parseAgent(userAgent: string, otherwise: number): { agent: string; arrivedAt: number } {
  const [agent = '', arrived] = userAgent.split('/arrived-');
  return { agent, arrivedAt: arrived === undefined ? otherwise : Number(arrived) };
}
