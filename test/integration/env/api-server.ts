/** What every test asks of an API server, whoever plays it: the sandbox or a real kube-apiserver. */
import type { KeyPair } from '../../sandbox/kube-api/tls/certificates.ts';

export interface ServiceAccountRef {
  readonly namespace: string;
  readonly name: string;
}

export interface ApiServer extends AsyncDisposable {
  /** `https://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string;
  readonly caPem: string;
  /** Client certificate of a member of `system:masters`. */
  readonly admin: KeyPair;
  adminKubeconfig(): string;
  /** A kubeconfig with a fresh token; the ServiceAccount must exist. */
  kubeconfigFor(account: ServiceAccountRef): Promise<string>;
  stop(): Promise<void>;
}
