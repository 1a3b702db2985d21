/** The API servers that every integration file runs on: the sandbox always, a real kube-apiserver where there is one. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startSandbox } from '../../sandbox/kube-api/index.ts';
import type { ApiServer } from './api-server.ts';
import { findCrd, NO_CONTRACTS } from '../../sandbox/products/crds.ts';
import { sandboxKind } from '../../sandbox/products/kinds.ts';
import { installCrds } from './crds.ts';
import { findRealApi, startRealApi } from './real-api.ts';

/**
 * Calls `define` once per kind of server; each gets a server of its own for the file. `products`: CRDs that it serves, such
 * as `imagecaches.kubefledged.io`.
 */
export function onEachServer(
  define: (server: () => ApiServer, kind: 'sandbox' | 'kube-apiserver') => void,
  products: readonly string[] = [],
): void {
  const real = findRealApi();
  suite('sandbox', () => startSandbox({ kinds: products.map(sandboxKind) }));
  const crds = products.flatMap((name) => findCrd(name) ?? []);
  const missing = 'missing' in real ? real.missing : crds.length < products.length ? NO_CONTRACTS : undefined;
  if (missing !== undefined) describe('on kube-apiserver', () => test.skip(missing, () => undefined));
  else if ('found' in real) {
    suite('kube-apiserver', async () => {
      const server = await startRealApi(real.found);
      await installCrds(server, crds);
      return server;
    });
  }

  function suite(kind: 'sandbox' | 'kube-apiserver', start: () => Promise<ApiServer>): void {
    describe(`on ${kind}`, () => {
      let server: ApiServer | undefined;
      beforeAll(async () => {
        server = await start();
      });
      afterAll(async () => {
        await server?.stop();
      });
      define(() => {
        if (server === undefined) throw new Error('the server did not start');
        return server;
      }, kind);
    });
  }
}
