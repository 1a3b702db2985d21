/** The API servers that every integration file runs on: the sandbox always, a real kube-apiserver where there is one. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startSandbox } from '../../sandbox/kube-api/index.ts';
import type { ApiServer } from './api-server.ts';
import { findRealApi, startRealApi } from './real-api.ts';

/** Calls `define` once per kind of server; each gets a server of its own for the file. */
export function onEachServer(define: (server: () => ApiServer, kind: 'sandbox' | 'kube-apiserver') => void): void {
  const real = findRealApi();
  suite('sandbox', () => startSandbox());
  if ('found' in real) suite('kube-apiserver', () => startRealApi(real.found));
  else describe('kube-apiserver', () => test.skip(real.missing, () => undefined));

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
