/** How registries and cache proxies are reached: CA, scheme, egress proxy and login; one HTTP client per CA. */
import type { Configuration } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { covers, reachOf } from '../credentials/key-cover.ts';
import { canonicalRegistry, registryHost } from '../credentials/registry-name.ts';
import { checkLogin } from '../registry/auth.ts';
import type { LoginVerdict } from '../registry/auth.ts';
import { readEgress } from '../registry/egress.ts';
import type { EgressVariables } from '../registry/egress.ts';
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
  /** Where and how to ask the registry with this host. `repository`: a private one, to try a login on. */
  registry(
    configuration: Pick<Configuration, 'registries'>,
    host: string,
  ): { base: string; http: HttpClient; repository: string | undefined };
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

  /** The scheme in a key is ignored: a login is sent in the clear only if the configuration says so. */
  const registry: Reach['registry'] = ({ registries }, host) => {
    const how = registries.find((each) => (canonicalRegistry(each.host) ?? each.host) === host);
    return {
      base: how?.plainHttp === true ? `http://${host}` : host,
      http: http(how?.ca),
      repository: how?.repository,
    };
  };

  return {
    http,
    registry,
    async check(configuration, { key, username, password }, signal) {
      const host = registryHost(key);
      const { base, http: client, repository } = registry(configuration, host);
      const attempt = { registry: base, login: { username, password }, http: client, signal };
      const verdict = await checkLogin(attempt);
      // A login may be good and still not pull from that repository: it is asked for only where nothing else tells.
      if (verdict.open === undefined) return verdict;
      if (repository === undefined)
        return also(verdict, 'name a private repository to try it on: registries[].repository');
      if (!isFor(key, host, repository))
        return also(verdict, `registries[].repository, ${repository}, is not below this key`);
      const proven = await checkLogin({ ...attempt, repository });
      return proven.open === undefined
        ? proven
        : also(proven, `registries[].repository, ${repository}, is public: name a private one`);
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}
