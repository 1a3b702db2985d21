/** Artifactory keeps the upstream login on a remote repository. */
import * as z from 'zod';
import type { ConfigOf } from '../config/cache-proxies.ts';
import { UserError } from '../errors.ts';
import { redactUrl } from '../registry/http-error.ts';
import { type Api, holderVerdict, openApi, type Product, title, verdict } from './api.ts';
import type { CacheProxy } from './adapter.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import { leadsTo } from '../credentials/registry-name.ts';

const repository = z.object({ rclass: z.string(), url: z.string().optional(), username: z.string().nullish() });

export const artifactory = (config: ConfigOf<'artifactory'>): CacheProxy => {
  const product: Product = {
    name: 'Artifactory',
    object: `repository "${config.repository}"`,
    root: 'artifactory',
    login: 'any',
  };
  const what = title(product);
  const path = ['api', 'repositories', config.repository];

  async function get(api: Api): Promise<z.output<typeof repository>> {
    const answer = await api({ method: 'GET', path, to: 'read it', expect: [200, 400, 404] });
    // Artifactory answers 400 for a repository key that it does not know.
    if (answer.status !== 200)
      throw new UserError(`${what} is not there (HTTP ${answer.status}): create it, or correct the name`);
    return answer.read(repository);
  }

  function requireUpstream(url: string, { registry }: UpstreamLogin): void {
    if (!leadsTo(url, registry))
      throw new UserError(
        `${what} does not pull from "${registry}": name another repository, or the registry of its URL`,
      );
  }

  return {
    targets: [],
    settling: { token: 'registry' },
    holders: {
      unseen: "Artifactory's database, where the new login replaces the one before; upstream tokens, until they expire",
    },
    identity: JSON.stringify(['artifactory', redactUrl(config.url), config.repository]),
    async apply(login, context) {
      const api = await openApi(product, config, context);
      const { rclass, url = '' } = await get(api);
      if (rclass !== 'remote') throw new UserError(`${what} is not a remote repository: name one that is`);
      requireUpstream(url, login);
      // Fields that are not sent keep their values. An edition without this call answers 400: it needs Pro.
      await api({
        method: 'POST',
        path,
        body: { username: login.username, password: login.password },
        to: 'update it, which needs Artifactory Pro',
        expect: [200],
      });
    },
    verify: (login, context) =>
      verdict(async () => {
        const { username, url = '' } = await get(await openApi(product, config, context));
        requireUpstream(url, login);
        // Its "test" button has no documented call.
        return holderVerdict(what, username ?? undefined, login.username, 'a pull');
      }),
  };
};
