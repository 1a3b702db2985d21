/** A stand-in for Nexus 3's REST API: docker proxy repositories. GET and PUT have different models, as in Nexus. */
import { z } from 'zod';
import { type Call, jsonOf, loginOf, type ProductServer, type Reply, serveProduct, type Tls } from './server.ts';

/** What a PUT has to carry; an absent optional part goes back to its default. */
const update = z.strictObject({
  name: z.string(),
  online: z.boolean(),
  storage: z.strictObject({ blobStoreName: z.string(), strictContentTypeValidation: z.boolean() }),
  cleanup: z.strictObject({ policyNames: z.array(z.string()) }).nullish(),
  proxy: z.strictObject({ remoteUrl: z.url(), contentMaxAge: z.number(), metadataMaxAge: z.number() }),
  negativeCache: z.strictObject({ enabled: z.boolean(), timeToLive: z.number() }),
  httpClient: z.strictObject({
    blocked: z.boolean(),
    autoBlock: z.boolean(),
    connection: z
      .strictObject({
        retries: z.number().nullish(),
        userAgentSuffix: z.string().nullish(),
        timeout: z.number().nullish(),
        enableCircularRedirects: z.boolean(),
        enableCookies: z.boolean(),
        useTrustStore: z.boolean(),
      })
      .nullish(),
    authentication: z
      .strictObject({
        type: z.enum(['username', 'ntlm', 'bearerToken']),
        username: z.string().nullish(),
        password: z.string().nullish(),
        ntlmHost: z.string().nullish(),
        ntlmDomain: z.string().nullish(),
        bearerToken: z.string().nullish(),
      })
      .nullish(),
  }),
  routingRule: z.string().nullish(),
  replication: z.strictObject({ preemptivePullEnabled: z.boolean(), assetPathRegex: z.string().nullish() }).nullish(),
  docker: z.strictObject({
    v1Enabled: z.boolean(),
    forceBasicAuth: z.boolean(),
    httpPort: z.number().nullish(),
    httpsPort: z.number().nullish(),
    subdomain: z.string().nullish(),
  }),
  dockerProxy: z.strictObject({
    indexType: z.enum(['HUB', 'REGISTRY', 'CUSTOM']),
    indexUrl: z.string().nullish(),
    cacheForeignLayers: z.boolean().nullish(),
    foreignLayerUrlWhitelist: z.array(z.string()).nullish(),
  }),
});
export type NexusRepository = z.output<typeof update>;

export interface FakeNexus extends ProductServer {
  readonly repositories: Map<string, NexusRepository>;
  admin: { username: string; password: string; mayEdit: boolean };
  writes: number;
  readonly violations: string[];
}

export const dockerHubProxy = (name: string): NexusRepository => ({
  name,
  online: true,
  storage: { blobStoreName: 'docker', strictContentTypeValidation: true },
  cleanup: { policyNames: ['old-layers'] },
  proxy: { remoteUrl: 'https://registry-1.docker.io', contentMaxAge: 1440, metadataMaxAge: 720 },
  negativeCache: { enabled: false, timeToLive: 60 },
  httpClient: {
    blocked: false,
    autoBlock: true,
    connection: {
      retries: 3,
      userAgentSuffix: 'corp',
      timeout: 45,
      enableCircularRedirects: false,
      enableCookies: true,
      useTrustStore: true,
    },
    authentication: null,
  },
  routingRule: 'no-latest',
  replication: null,
  docker: { v1Enabled: false, forceBasicAuth: true, httpPort: 8082, httpsPort: null, subdomain: null },
  dockerProxy: { indexType: 'HUB', indexUrl: null, cacheForeignLayers: true, foreignLayerUrlWhitelist: ['.*'] },
});

const ROOT = '/service/rest/v1/repositories/docker/proxy/';

export async function startNexus(tls?: Tls): Promise<FakeNexus> {
  const repositories = new Map<string, NexusRepository>();
  const violations: string[] = [];
  const server = await serveProduct(answer, tls);
  const nexus: FakeNexus = Object.assign(server, {
    repositories,
    admin: { username: 'pullpass', password: 'admin-pw-1', mayEdit: true },
    writes: 0,
    violations,
  });

  function answer(call: Call): Reply {
    const [username, password] = loginOf(call);
    if (username !== nexus.admin.username || password !== nexus.admin.password)
      return { status: 401, headers: { 'www-authenticate': 'BASIC realm="Sonatype Nexus Repository Manager"' } };
    const name = call.path.startsWith(ROOT) ? decodeURIComponent(call.path.slice(ROOT.length)) : '';
    const current = repositories.get(name);
    if (call.query.size > 0) violations.push(`${call.method} ${call.path}: no query is known`);
    if (current === undefined) return { status: 404 };
    if (call.method === 'GET') return { status: 200, body: shown(current, nexus.url) };
    if (call.method !== 'PUT') return { status: 405 };
    if (!nexus.admin.mayEdit) return { status: 403 };
    const parsed = update.safeParse(jsonOf(call));
    if (!parsed.success) {
      violations.push(...parsed.error.issues.map((issue) => `PUT ${issue.path.join('.')}: ${issue.message}`));
      return { status: 400, body: [{ id: 'PARAMETER', message: 'invalid' }] };
    }
    if (parsed.data.name !== name)
      return { status: 400, body: [{ id: 'PARAMETER name', message: 'Renaming a repository is not supported' }] };
    nexus.writes++;
    repositories.set(name, parsed.data);
    return { status: 204 };
  }
  return nexus;
}

/** The model of a GET: the routing rule under another name, derived fields, no secrets. */
function shown({ routingRule, httpClient, ...rest }: NexusRepository, url: string): object {
  const { password: _password, bearerToken: _token, ...authentication } = httpClient.authentication ?? {};
  return {
    ...rest,
    format: 'docker',
    type: 'proxy',
    url: `${url}/repository/${rest.name}`,
    routingRuleName: routingRule ?? null,
    httpClient: { ...httpClient, authentication: httpClient.authentication ? authentication : null },
  };
}
