/** How registries and cache proxies are reached: CA, scheme and login; one HTTP client per CA. */
import type { Configuration } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { canonicalRegistry, registryHost } from '../credentials/registry-name.ts';
import { checkLogin } from '../registry/auth.ts';
import type { LoginVerdict } from '../registry/auth.ts';
import { createHttpClient } from '../registry/http.ts';
import type { HttpClient } from '../registry/http.ts';

export interface Reach {
  /** A client that trusts `ca` besides the well-known CAs; kept and shared. */
  http(ca?: string): HttpClient;
  /** Tries one credential at its registry. */
  check(
    configuration: Pick<Configuration, 'registries'>,
    credential: Pick<Credential, 'key' | 'username' | 'password'>,
    signal: AbortSignal,
  ): Promise<LoginVerdict>;
  /** Where and how to ask the registry with this host. */
  registry(configuration: Pick<Configuration, 'registries'>, host: string): { base: string; http: HttpClient };
  close(): Promise<void>;
}

export function createReach({ userAgent }: { userAgent: string }): Reach {
  const clients = new Map<string, HttpClient>();
  const http = (ca = ''): HttpClient => {
    let client = clients.get(ca);
    if (client === undefined)
      clients.set(
        ca,
        (client = createHttpClient({ userAgent, requestMs: 5_000, exchangeMs: 10_000, ...(ca !== '' && { ca }) })),
      );
    return client;
  };

  /** The scheme in a key is ignored: a login is sent in the clear only if the configuration says so. */
  const registry: Reach['registry'] = ({ registries }, host) => {
    const how = registries.find((each) => (canonicalRegistry(each.host) ?? each.host) === host);
    return { base: how?.plainHttp === true ? `http://${host}` : host, http: http(how?.ca) };
  };

  return {
    http,
    registry,
    check(configuration, { key, username, password }, signal) {
      const { base, http: client } = registry(configuration, registryHost(key));
      return checkLogin({ registry: base, login: { username, password }, http: client, signal });
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}
