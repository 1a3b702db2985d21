/** GitLab's dependency proxy keeps one Docker Hub login per group; read and written by GraphQL, since 17.10. */
import * as z from 'zod';
import type { ConfigOf } from '../config/cache-proxies.ts';
import { DOCKER_HUB } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import { redactUrl } from '../registry/http-error.ts';
import { type Api, holderVerdict, openApi, type Product, ProductError, title, verdict } from './api.ts';
import type { CacheProxy } from './adapter.ts';

// `enabled` is not sent: Pullpass forwards a login, but never switches a proxy on.
const UPDATE = `mutation pullpassForward($input: UpdateDependencyProxySettingsInput!) {
  updateDependencyProxySettings(input: $input) { dependencyProxySetting { identity } errors }
}`;
const READ =
  'query pullpassVerify($group: ID!) { group(fullPath: $group) { dependencyProxySetting { enabled identity } } }';

const FLAG_OFF = 'its feature flag dependency_proxy_containers_docker_hub_credentials is off';

/** GitLab always answers 200: top-level `errors` are about the request, those below `data` about the change. */
const failures = z.array(z.object({ message: z.string() })).nullish();
const updated = z.object({
  errors: failures,
  data: z
    .object({
      updateDependencyProxySettings: z
        .object({
          dependencyProxySetting: z.object({ identity: z.string().nullish() }).nullish(),
          errors: z.array(z.string()),
        })
        .nullish(),
    })
    .nullish(),
});
const settings = z.object({
  errors: failures,
  data: z
    .object({
      group: z
        .object({
          dependencyProxySetting: z.object({ enabled: z.boolean(), identity: z.string().nullish() }).nullish(),
        })
        .nullish(),
    })
    .nullish(),
});

export const gitlab = (config: ConfigOf<'gitlab'>): CacheProxy => {
  const product: Product = { name: 'GitLab', object: `group "${config.group}"`, root: 'api/graphql', login: 'token' };
  const what = title(product);

  async function ask<T extends { errors?: z.output<typeof failures> }>(
    api: Api,
    query: string,
    variables: object,
    to: string,
    schema: z.ZodType<T>,
  ): Promise<T> {
    const answer = (await api({ method: 'POST', path: [], body: { query, variables }, to, expect: [200] })).read(
      schema,
    );
    const messages = answer.errors?.map(({ message }) => message) ?? [];
    if (messages.length > 0) throw failed(`${what}: could not ${to}`, messages);
    return answer;
  }

  return {
    targets: [],
    settling: { token: 'registry' },
    holders: {
      unseen: "GitLab's database, where the new login replaces the one before; upstream tokens, until they expire",
    },
    identity: JSON.stringify(['gitlab', redactUrl(config.url), config.group]),
    async apply(login, context) {
      if (login.registry !== DOCKER_HUB)
        throw new UserError(
          `${what}: GitLab's dependency proxy pulls from Docker Hub only, not from "${login.registry}"`,
        );
      const api = await openApi(product, config, context);
      const input = { groupPath: config.group, identity: login.username, secret: login.password };
      const change = (await ask(api, UPDATE, { input }, 'update its dependency proxy', updated)).data
        ?.updateDependencyProxySettings;
      if (change && change.errors.length > 0)
        throw failed(`${what}: could not update its dependency proxy`, change.errors);
      if (change?.dependencyProxySetting?.identity !== login.username)
        throw new ProductError(`${what}: GitLab did not keep the identity: it is older than 17.10, or ${FLAG_OFF}`);
    },
    verify: (login, context) =>
      verdict(async () => {
        const { data } = await ask(
          await openApi(product, config, context),
          READ,
          { group: config.group },
          'read its dependency proxy',
          settings,
        );
        const setting = data?.group?.dependencyProxySetting;
        if (!setting)
          return { state: 'unknown', why: `${what} does not show its dependency proxy: the token must be of an Owner` };
        // Without the feature flag GitLab shows no identity, and ignores one that is sent.
        if (typeof setting.identity !== 'string')
          return { state: 'unknown', why: `${what} shows no identity: none is stored, or ${FLAG_OFF}` };
        const { state, why } = holderVerdict(what, setting.identity, login.username, 'a pull');
        return { state, why: setting.enabled ? why : `${why}; its dependency proxy is off` };
      }),
  };
};

/** GitLab's error texts can repeat values of the request: they are matched, and never passed on. */
function failed(what: string, messages: readonly string[]): Error {
  const text = messages.join(' ');
  if (/doesn't (?:exist|accept)|isn't a defined|is not defined/i.test(text))
    return new ProductError(`${what}: GitLab does not know these settings: it needs 17.10 or newer`);
  if (/don't have permission|access denied|not exist/i.test(text))
    return new ProductError(`${what}: there is no such group, or the token is not of its Owner with scope "api"`);
  if (/too long/i.test(text))
    return new ProductError(`${what}: GitLab takes at most 255 characters for user name and password`);
  return new ProductError(`${what}: GitLab reports errors`);
}
