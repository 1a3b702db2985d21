/** Kubeconfig documents with all data inline, so that a client needs only one string. */
import { stringify } from 'yaml';
import type { KeyPair } from './certificates.ts';

export interface Endpoint {
  readonly url: string;
  readonly caPem: string;
}

export function kubeconfig(
  endpoint: Endpoint,
  user: KeyPair | { readonly token: string },
  namespace = 'default',
): string {
  const credentials =
    'token' in user
      ? { token: user.token }
      : { 'client-certificate-data': base64(user.certPem), 'client-key-data': base64(user.keyPem) };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: endpoint.url, 'certificate-authority-data': base64(endpoint.caPem) } },
    ],
    users: [{ name: 'user', user: credentials }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user', namespace } }],
    'current-context': 'test',
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
