/** Any product with an API of its own: the login goes to a receiver as a JSON POST signed with HMAC-SHA256. */
import { wall } from '../clock.ts';
import { createHmac, randomUUID } from 'node:crypto';
import type { ConfigOf } from '../config/cache-proxies.ts';
import { redactUrl } from '../registry/http-error.ts';
import { adminLogin, answered, check, title } from './api.ts';
import type { CacheProxy } from './adapter.ts';
import { LoginRefusedError } from './adapter.ts';

const SIGNATURE = 'x-pullpass-signature';
const TIMESTAMP = 'x-pullpass-timestamp';

/** 2xx: accepted. 422: the receiver tried the login, and its upstream refused it. */
const EXPECTED = [200, 201, 202, 204, 422];

export const webhook = (config: ConfigOf<'webhook'>): CacheProxy => {
  const product = { name: 'Webhook', object: `"${config.name}"`, login: 'token' } as const;
  const what = title(product);
  const to = 'hand over the login';

  return {
    targets: [],
    settling: { token: 'registry' },
    holders: { unseen: 'unknown: whatever the receiver and its cache made of the login' },
    identity: JSON.stringify(['webhook', config.name, redactUrl(config.url)]),
    async apply({ registry, username, password }, { kube, http, signal }) {
      const login = await adminLogin(product, config, kube);
      const key = 'bearer' in login ? login.bearer : '';
      const timestamp = wall();
      // A new id per delivery: an earlier login that is sent again must not look like a replay.
      const body = JSON.stringify({ proxy: config.name, registry, username, password, id: randomUUID(), timestamp });
      const headers = {
        'content-type': 'application/json',
        [TIMESTAMP]: String(timestamp),
        [SIGNATURE]: `sha256=${sign(key, timestamp, body)}`,
      };
      const response = await answered(what, to, () =>
        http.request({ method: 'POST', url: config.url, headers, body, signal }),
      );
      check(response, {
        what,
        to,
        expect: EXPECTED,
        admin: `the signature with the key in Secret "${config.admin.secret.namespace}/${config.admin.secret.name}"`,
      });
      if (response.status === 422)
        throw new LoginRefusedError(
          `${what}: the receiver's upstream refuses the login of "${registry}": nothing was changed`,
        );
    },
  };
};

/** Includes the timestamp (milliseconds since 1970), so that an old body cannot be replayed as a new one. Hexadecimal. */
const sign = (key: string, timestamp: number, body: string): string =>
  createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex');
