/** Nexus 3 keeps the upstream login in the HTTP client settings of a docker proxy repository. */
import * as z from 'zod';
import type { ConfigOf } from '../config/cache-proxies.ts';
import { UserError } from '../errors.ts';
import { redactUrl } from '../registry/http-error.ts';
import { type Api, holderVerdict, openApi, type Product, ProductError, title, verdict } from './api.ts';
import type { CacheProxy } from './adapter.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import { leadsTo } from '../credentials/registry-name.ts';

/** Loose: unknown fields are kept as read, because an update replaces the whole repository. */
const repository = z.looseObject({
  proxy: z.looseObject({ remoteUrl: z.string() }),
  httpClient: z
    .looseObject({ authentication: z.looseObject({ type: z.string(), username: z.string().nullish() }).nullish() })
    .nullish(),
  routingRuleName: z.string().nullish(),
});
type Repository = z.output<typeof repository>;

export const nexus = (config: ConfigOf<'nexus'>): CacheProxy => {
  const product: Product = {
    name: 'Nexus',
    object: `repository "${config.repository}"`,
    root: 'service/rest',
    login: 'basic',
  };
  const what = title(product);
  const path = ['v1', 'repositories', 'docker', 'proxy', config.repository];

  async function get(api: Api): Promise<Repository> {
    const answer = await api({ method: 'GET', path, to: 'read it', expect: [200, 404] });
    if (answer.status === 404)
      throw new UserError(
        `${what} is not there as a docker proxy repository (HTTP 404): create it, or correct the name`,
      );
    return answer.read(repository);
  }

  function requireUpstream(url: string, { registry }: UpstreamLogin): void {
    if (!leadsTo(url, registry))
      throw new UserError(
        `${what} does not pull from "${registry}": name another repository, or the registry of its remote URL`,
      );
  }

  return {
    targets: [],
    settling: { token: 'registry' },
    holders: {
      unseen: "Nexus's database, where the new login replaces the one before; upstream tokens, until they expire",
    },
    identity: JSON.stringify(['nexus', redactUrl(config.url), config.repository]),
    async apply(login, context) {
      const api = await openApi(product, config, context);
      const current = await get(api);
      requireUpstream(current.proxy.remoteUrl, login);
      await api({ method: 'PUT', path, body: withLogin(current, login), to: 'update it', expect: [200, 204] });
      // Read again: a concurrent update of another administrator may have undone ours, as ours may have undone theirs.
      if ((await get(api)).httpClient?.authentication?.username !== login.username)
        throw new ProductError(`${what}: the login did not stay in it`);
    },
    verify: (login, context) =>
      verdict(async () => {
        const { proxy, httpClient } = await get(await openApi(product, config, context));
        requireUpstream(proxy.remoteUrl, login);
        // Nexus has no call that tries a login.
        return holderVerdict(what, httpClient?.authentication?.username ?? '', login.username, 'a pull');
      }),
  };
};

/** The body of an update: what GET returned, without derived fields, with the names of a PUT, and with the login. */
function withLogin(
  { format: _format, type: _type, url: _url, routingRuleName, ...settings }: Repository,
  { username, password }: UpstreamLogin,
): object {
  const { authentication, ...httpClient } = settings.httpClient ?? {};
  const kept = authentication?.type === 'username' ? authentication : {};
  return {
    ...settings,
    // GET returns routingRuleName, PUT reads routingRule: sent back unchanged, the repository would lose its rule.
    ...(routingRuleName && { routingRule: routingRuleName }),
    httpClient: { ...httpClient, authentication: { ...kept, type: 'username', username, password } },
  };
}
