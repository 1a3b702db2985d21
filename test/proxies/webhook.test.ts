/** Webhook: a receiver that checks what the documentation says accepts every delivery, and no forged or repeated one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigOf } from '../../src/config/cache-proxies.ts';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import { LoginRefusedError } from '../../src/proxies/adapter.ts';
import { webhook } from '../../src/proxies/webhook.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { type Call, type Tls } from '../sandbox/products/server.ts';
import { type FakeReceiver, startReceiver } from '../sandbox/products/webhook.ts';
import { ADMIN, failureOf, type Played, type Stage, stage, upstreamLogin } from './called-product.ts';
import { describeHostile } from './hostile-product.ts';

const configure = (url: string): ConfigOf<'webhook'> =>
  cacheProxySchema.parse({
    kind: 'webhook',
    name: 'own-cache',
    source: 'upstream',
    registry: 'docker.io',
    url,
    admin: { secret: ADMIN },
  }) as ConfigOf<'webhook'>;

let receiver: FakeReceiver;
const play = async (tls?: Tls): Promise<Played> => {
  receiver = await startReceiver(tls);
  const played = receiver;
  return {
    proxy: webhook(configure(`${played.url}/hooks/pullpass`)),
    server: played,
    admin: { token: played.key },
    holds: () => {
      const last = played.deliveries.at(-1);
      return last && { username: last.username, password: last.password };
    },
    writes: () => played.deliveries.length,
    violations: played.violations,
    refuse: (password) => played.refused.add(password),
  };
};

describeCacheProxy('webhook', () => stage(play));
describeHostile('webhook', play);

describe('webhook', () => {
  let it: Stage;
  beforeEach(async () => {
    it = await stage(play);
  });
  afterEach(async () => it.stop());
  const firstCall = (): Call => {
    const [call] = it.server.calls;
    if (call === undefined) throw new Error('nothing arrived');
    return call;
  };
  /** Sends what was sent before, changed. */
  const again = async (change: { body?: string; headers?: Record<string, string> }): Promise<number> => {
    const { body, headers } = firstCall();
    const http = createHttpClient();
    const sent = {
      'content-type': 'application/json',
      'x-pullpass-signature': String(headers['x-pullpass-signature']),
      'x-pullpass-timestamp': String(headers['x-pullpass-timestamp']),
    };
    const { status } = await http.request({
      method: 'POST',
      url: `${receiver.url}/hooks/pullpass`,
      body,
      ...change,
      headers: { ...sent, ...change.headers },
    });
    await http.close();
    return status;
  };

  test('says whose login it is, and of which cache proxy', async () => {
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(receiver.deliveries).toEqual([
      {
        proxy: 'own-cache',
        registry: 'docker.io',
        username: 'robot',
        password: 'pw-1',
        id: expect.any(String) as string,
        timestamp: expect.any(Number) as number,
      },
    ]);
  });

  test('sends the key never, only what it signed', async () => {
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    const { headers, body } = firstCall();
    expect(JSON.stringify(headers) + body).not.toContain(receiver.key);
    expect(headers['x-pullpass-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);
  });

  test('the signature covers body and timestamp', async () => {
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(await again({ body: firstCall().body.replace('pw-1', 'pw-2') })).toBe(401);
    expect(await again({ headers: { 'x-pullpass-timestamp': String(Date.now() + 1) } })).toBe(401);
    expect(await again({})).toBe(204);
    expect(receiver.deliveries).toHaveLength(1);
  });

  test('every delivery has an id of its own: a login that comes back is no repetition', async () => {
    for (const password of ['pw-1', 'pw-2', 'pw-1']) await it.proxy.apply(upstreamLogin(password), it.context);
    expect(receiver.deliveries.map(({ password }) => password)).toEqual(['pw-1', 'pw-2', 'pw-1']);
  });

  test('the key is read without the line break that editors add', async () => {
    it.secrets.set(`${ADMIN.namespace}/${ADMIN.name}`, { token: `${receiver.key}\n` });
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(receiver.deliveries).toHaveLength(1);
  });

  test('a wrong key, and a refused login, are told apart', async () => {
    receiver.refused.add('pw-bad');
    expect((await failureOf(it.proxy.apply(upstreamLogin('pw-bad'), it.context), 'pw-bad')).message).toBe(
      'Webhook "own-cache": the receiver\'s upstream refuses the login of "docker.io": nothing was changed',
    );
    receiver.key = 'another';
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error).toBeInstanceOf(LoginRefusedError);
    expect(error.message).toBe(
      'Webhook "own-cache": could not hand over the login: the signature with the key in Secret "pullpass-system/cache-admin" is not accepted (HTTP 401)',
    );
  });
});
