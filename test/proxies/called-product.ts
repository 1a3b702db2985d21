/** Puts an adapter in front of a played product, and finds credentials where they must not be. */
import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { expect } from 'vitest';
import { UserError } from '../../src/errors.ts';
import type { CacheProxy, ProxyContext, ProxyKube } from '../../src/proxies/adapter.ts';
import { createHttpClient, type HttpClientOptions } from '../../src/registry/http.ts';
import type { ProxyFixture } from '../conformance/cache-proxy.ts';
import type { ProductServer, Tls } from '../sandbox/products/server.ts';
import type { UpstreamLogin } from '../../src/credentials/upstream.ts';

/** A product with what it needs to be in front of an adapter. */
export interface Played {
  readonly proxy: CacheProxy;
  readonly server: ProductServer;
  /** Content of the administrator's Secret. */
  readonly admin: Readonly<Record<string, string>>;
  readonly holds: () => { username: string; password: string } | undefined;
  readonly writes: () => number;
  readonly violations: readonly string[];
  readonly refuse?: (password: string) => void;
}
export type Play = (tls?: Tls) => Promise<Played>;

export type Stage = ProxyFixture & {
  readonly server: ProductServer;
  readonly secrets: Map<string, Readonly<Record<string, string>>>;
  readonly violations: readonly string[];
};

export const ADMIN = { namespace: 'pullpass-system', name: 'cache-admin' };
const ADMIN_KEY = `${ADMIN.namespace}/${ADMIN.name}`;

export const upstreamLogin = (password: string, more: Partial<UpstreamLogin> = {}): UpstreamLogin => ({
  registry: 'docker.io',
  username: 'robot',
  password,
  ...more,
});

export async function stage(play: Play, { tls, ...http }: HttpClientOptions & { tls?: Tls } = {}): Promise<Stage> {
  const played = await play(tls);
  const { server, proxy, admin, violations } = played;
  const secrets = new Map([[ADMIN_KEY, admin]]);
  const client = createHttpClient(http);
  const context: ProxyContext = {
    kube: kubeWith(secrets),
    http: client,
    mac: (text) => createHmac('sha256', 'test').update(text).digest('hex'),
    signal: new AbortController().signal,
    copyName: 'upstream-registry',
  };
  return {
    proxy,
    context,
    server,
    secrets,
    violations,
    holds: async () => played.holds(),
    writes: played.writes,
    goDown: () => server.goDown(),
    comeBack: () => server.comeBack(),
    ...(played.refuse && { refuse: played.refuse }),
    observe: async () => [],
    async stop() {
      await client.close();
      await server.goDown();
      expect(violations).toEqual([]);
    },
  };
}

function kubeWith(secrets: ReadonlyMap<string, Readonly<Record<string, string>>>): ProxyKube {
  const no = async (): Promise<never> =>
    Promise.reject(new Error('a called product reads its Secret, and nothing else'));
  return {
    applySecret: no,
    get: no,
    patch: no,
    async readSecret({ namespace, name }) {
      const data = secrets.get(`${namespace}/${name}`);
      if (data === undefined) throw new UserError(`Secret "${namespace}/${name}" does not exist: create it`);
      return data;
    },
  };
}

/** The error of a call that must fail: in one line, without a credential in it or anywhere below it. */
export async function failureOf(call: Promise<unknown>, ...credentials: string[]): Promise<Error> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) throw new Error('it did not fail');
  expect(error.message).not.toMatch(/[\r\n]/);
  expectQuiet(inspect(error, { depth: null, showHidden: true }), ...credentials);
  return error;
}

export function expectQuiet(text: string, ...credentials: string[]): void {
  for (const credential of credentials) {
    for (const form of [
      credential,
      Buffer.from(credential).toString('base64').replace(/=+$/, ''),
      Buffer.from(credential).toString('hex'),
      encodeURIComponent(credential),
      JSON.stringify(credential).slice(1, -1),
    ])
      expect(text).not.toContain(form);
  }
}
