/** Tries the controller's own token on requests that it must not be allowed to make. */
import type { Act } from '../act.ts';
import { COPY } from '../cluster.ts';
import { expectEqual } from '../expect.ts';

export const rights: Act = {
  title: "The controller's own token, tried on other Secrets",
  async play({ cluster, asController, logins, tell }) {
    await cluster.createSecret('shop', 'payment-gateway', logins.issue('shop'));
    const tries: [method: string, path: string, code: number, says: string][] = [
      ['GET', `/api/v1/namespaces/shop/secrets/${COPY}`, 200, `get secret ${COPY} in shop`],
      ['GET', '/api/v1/namespaces/shop/secrets/payment-gateway', 403, 'get another secret in shop'],
      ['DELETE', '/api/v1/namespaces/shop/secrets/payment-gateway', 403, 'delete another secret in shop'],
      ['GET', '/api/v1/namespaces/shop/secrets', 403, 'list all secrets in shop'],
      ['GET', '/api/v1/secrets', 403, 'list all secrets of the cluster'],
    ];
    for (const [method, path, code, says] of tries) {
      expectEqual(await asController(method, path), code, says);
      tell.holds(`${says.padEnd(44)} ${code === 200 ? 'allowed' : `denied (${code})`}`);
    }
  },
};
