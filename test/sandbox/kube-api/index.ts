/** An in-memory Kubernetes API over HTTPS: `const sandbox = await startSandbox()`. See README.md. */
import type { ApiServer, ServiceAccountRef } from '../../integration/env/api-server.ts';
import { bootstrap } from './auth/bootstrap.ts';
import { Tokens, ISSUER, type StaticToken } from './auth/tokens.ts';
import { runNamespaceController } from './controllers/namespaces.ts';
import type { Faults } from './faults.ts';
import { builtinKinds, KindTable } from './kinds/index.ts';
import type { Kind } from './kinds/kind.ts';
import type { LoggedRequest } from './request-log.ts';
import { ApiHttpServer } from './serve/server.ts';
import { Store, type Snapshot } from './store/store.ts';
import { createCertificateAuthority } from './tls/certificates.ts';
import { kubeconfig } from './tls/kubeconfig.ts';

export interface SandboxOptions {
  /** Default: any free one. Always on 127.0.0.1. */
  readonly port?: number;
  /** Kinds beyond the built-in ones: a custom resource is one entry. */
  readonly kinds?: readonly Kind[];
  /** How many changes watches can go back. Default: 100,000. */
  readonly historyLimit?: number;
  /** Milliseconds until a new namespace has its `default` ServiceAccount; `null`: never. Default: 10. */
  readonly serviceAccountDelay?: number | null;
  /** Milliseconds that a deleted namespace stays Terminating; `null`: for ever. Default: 20. */
  readonly terminationDelay?: number | null;
  /** Make a `kube-root-ca.crt` ConfigMap in every namespace. Default: false. */
  readonly rootCaConfigMap?: boolean;
  /** How often watches get bookmarks, in milliseconds. Default: a minute, as the real server. */
  readonly bookmarkInterval?: number;
  /** Whether a request without credentials is `system:anonymous`, as in most clusters, or 401. Default: true. */
  readonly anonymous?: boolean;
  readonly tokens?: { readonly [token: string]: StaticToken };
  /** What `/version` says. */
  readonly version?: string;
}

export interface Sandbox extends ApiServer {
  /** Direct, read-only access for assertions; objects in it are shared, do not change them. */
  readonly store: Store;
  readonly faults: Faults;
  /** A fresh token of a ServiceAccount, which must exist. */
  tokenFor(account: ServiceAccountRef): string;
  /** Every request since the start or the last reset, in order of completion; a watch as soon as it is open. */
  requests(): readonly LoggedRequest[];
  resetRequests(): void;
  /** Forgets history: from here on older resourceVersions and continue tokens are answered with 410. */
  compact(): void;
  /** As etcd restored from a backup, with every watch cut: `store.snapshot()` makes one. */
  restore(backup: Snapshot): void;
}

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const ca = await createCertificateAuthority('sandbox');
  const [serving, admin] = await Promise.all([ca.serving(), ca.client('sandbox-admin', ['system:masters'])]);
  const store = new Store(options.historyLimit ?? 100_000);
  const kinds = new KindTable([...builtinKinds, ...(options.kinds ?? [])]);
  const tokens = new Tokens(store, options.tokens ?? {});
  bootstrap(store);
  const controller = {
    serviceAccountDelay: options.serviceAccountDelay === undefined ? 10 : options.serviceAccountDelay,
    terminationDelay: options.terminationDelay === undefined ? 20 : options.terminationDelay,
    ...(options.rootCaConfigMap ? { rootCaPem: ca.certPem } : {}),
  };
  let stopController = runNamespaceController(store, kinds, controller);
  const server = new ApiHttpServer({
    cluster: {
      store,
      kinds,
      tokens,
      version: options.version ?? 'v1.36.2',
      bookmarkInterval: options.bookmarkInterval ?? 60_000,
    },
    certPem: serving.certPem,
    keyPem: serving.keyPem,
    clientCaPem: ca.certPem,
    port: options.port ?? 0,
    anonymous: options.anonymous ?? true,
  });
  const port = await server.listen();

  const sandbox: Sandbox = {
    url: `https://127.0.0.1:${port}`,
    caPem: ca.certPem,
    admin,
    store,
    faults: server.faults,
    adminKubeconfig: () => kubeconfig(sandbox, admin),
    tokenFor({ namespace, name }) {
      const account = store.get('/serviceaccounts', namespace, name);
      if (!account) throw new Error(`no ServiceAccount ${namespace}/${name} in the sandbox: create it first`);
      return tokens.issue(account, 3600, [ISSUER]).token;
    },
    kubeconfigFor: async (account) => kubeconfig(sandbox, { token: sandbox.tokenFor(account) }, account.namespace),
    requests: () => server.log.all(),
    resetRequests: () => server.log.reset(),
    compact: () => store.compact(),
    restore(backup) {
      stopController();
      store.restore(backup);
      stopController = runNamespaceController(store, kinds, controller);
      server.faults.add({ match: {}, kind: 'drop-watch' }).remove();
    },
    async stop() {
      stopController();
      await server.close();
    },
    [Symbol.asyncDispose]: () => sandbox.stop(),
  };
  return sandbox;
}

export { isWrite } from './request-log.ts';
export type { LoggedRequest } from './request-log.ts';
export type { Fault, FaultHandle, FaultKind, RequestMatch } from './faults.ts';
export type { KubeObject } from './json.ts';
export type { Kind } from './kinds/kind.ts';
export { defineKind } from './kinds/kind.ts';
