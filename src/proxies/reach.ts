/** How registries and cache proxies are reached: CA, scheme, egress proxy and login; one HTTP client per CA. */
import type { Configuration } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { covers, reachOf } from '../credentials/key-cover.ts';
import { canonicalRegistry, registryHost } from '../credentials/registry-name.ts';
import type { ConfiguredProxy } from './kinds.ts';
import type { ProxyKube, Verdict } from './adapter.ts';
import { checkLogin } from '../registry/auth.ts';
import type { LoginVerdict } from '../registry/auth.ts';
import { readEgress } from '../registry/egress.ts';
import type { EgressVariables } from '../registry/egress.ts';
import { createHttpClient } from '../registry/http.ts';
import type { HttpClient } from '../registry/http.ts';
import { probeManifest } from '../registry/probe.ts';

export interface Reach {
  /** A client that trusts `ca` besides the well-known CAs; kept and shared. */
  http(ca?: string): HttpClient;
  /** Tries one credential at its registry. */
  check(configuration: Configuration, credential: Credential, signal: AbortSignal): Promise<LoginVerdict>;
  /** Pulls the probe image's manifest through the cache proxy. */
  probe(proxy: ConfiguredProxy, kube: ProxyKube, signal: AbortSignal): Promise<Verdict>;
  close(): Promise<void>;
}

/** Whether kubelets would use the key for the repository. A key without a path is for all of them. */
function isFor(key: string, host: string, repository: string): boolean {
  const name = canonicalRegistry(key.replace(/^http:/, 'https:'));
  return name === host || covers(reachOf(key), reachOf(`${host}/${repository}`));
}

const also = (verdict: LoginVerdict, what: string): LoginVerdict => ({ ...verdict, why: `${verdict.why}; ${what}` });

interface ReachOptions {
  readonly userAgent: string;
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY; default: none. */
  readonly egress?: EgressVariables | undefined;
}

/** @throws UserError if an egress proxy's URL is malformed */
export function createReach({ userAgent, egress: variables }: ReachOptions): Reach {
  const egress = readEgress(variables);
  const clients = new Map<string, HttpClient>();
  const http = (ca = ''): HttpClient => {
    let client = clients.get(ca);
    if (client === undefined)
      clients.set(
        ca,
        (client = createHttpClient({
          userAgent,
          egress,
          requestMs: 5_000,
          exchangeMs: 10_000,
          ...(ca !== '' && { ca }),
        })),
      );
    return client;
  };

  return {
    http,
    async check({ registries }, { key, username, password }, signal) {
      // The scheme in the key is ignored: a login is sent in the clear only if the configuration says so.
      const host = registryHost(key);
      const how = registries.find((registry) => (canonicalRegistry(registry.host) ?? registry.host) === host);
      const attempt = {
        registry: how?.plainHttp === true ? `http://${host}` : host,
        login: { username, password },
        http: http(how?.ca),
        signal,
      };
      const verdict = await checkLogin(attempt);
      // A login may be good and still not pull from that repository: it is asked for only where nothing else tells.
      if (verdict.open === undefined) return verdict;
      const repository = how?.repository;
      if (repository === undefined)
        return also(verdict, 'name a private repository to try it on: registries[].repository');
      if (!isFor(key, host, repository))
        return also(verdict, `registries[].repository, ${repository}, is not below this key`);
      const proven = await checkLogin({ ...attempt, repository });
      return proven.open === undefined
        ? proven
        : also(proven, `registries[].repository, ${repository}, is public: name a private one`);
    },
    async probe({ config: { probe } }, kube, signal) {
      if (probe === undefined)
        return {
          state: 'unknown',
          why: 'no private probe image is configured, and a public or cached pull proves nothing',
        };
      const { username = '', password = '' } =
        probe.login === undefined ? {} : await kube.readSecret(probe.login.secret);
      const { state, why } = await probeManifest({
        base: probe.url,
        repository: probe.repository,
        reference: probe.reference ?? 'latest',
        http: http(probe.ca),
        signal,
        ...(probe.login && { login: { username, password } }),
      });
      switch (state) {
        case 'served':
          return { state: 'verified', why };
        case 'missing':
          return {
            state: 'refused',
            why: `${why}; an image that exists is "not found" through a cache proxy whose upstream login is refused`,
          };
        case 'refused':
        case 'unknown':
          return { state, why };
      }
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}
