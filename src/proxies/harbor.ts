/** Harbor keeps upstream logins in its "registry endpoints", and can try a login before it is stored. */
import * as z from 'zod';
import type { ConfigOf } from '../config/cache-proxies.ts';
import { DOCKER_HUB, leadsTo } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import { redactUrl } from '../registry/http-error.ts';
import { type Api, notHeld, openApi, type Product, ProductError, title, verdict } from './api.ts';
import { ensureProject, isProject } from './harbor-project.ts';
import type { CacheProxy, ProxyContext, Verdict } from './adapter.ts';
import { LoginRefusedError } from './adapter.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';

const endpoints = z.array(
  z.object({
    id: z.number().int(),
    name: z.string(),
    url: z.string(),
    credential: z.object({ access_key: z.string().optional() }).optional(),
  }),
);
type Endpoint = z.output<typeof endpoints>[number];

/** The endpoint to try a login at: a stored one, whose URL Harbor reads from its database, or a new one. */
type Tried = { readonly id: number } | { readonly type: string; readonly url: string };

const PAGE = 100;

export const harbor = (config: ConfigOf<'harbor'>): CacheProxy => {
  const product: Product = {
    name: 'Harbor',
    object: `registry endpoint "${config.endpoint}"`,
    root: 'api/v2.0',
    login: 'any',
  };
  const what = title(product);

  /** A login of one registry must not be sent to another; an endpoint URL that the user configured is trusted. */
  function requireUpstream(url: string, { registry }: UpstreamLogin): void {
    const chosen = !leadsTo(url, DOCKER_HUB) && URL.parse(url)?.host === URL.parse(config.endpointUrl)?.host;
    if (!leadsTo(url, registry) && !chosen)
      throw new UserError(`${what} does not pull from "${registry}": set endpointUrl, or name another endpoint`);
  }

  async function store(api: Api, login: UpstreamLogin): Promise<void> {
    const found = await findEndpoint(api, config.endpoint);
    if (found !== undefined) return update(api, found, login);
    requireUpstream(config.endpointUrl, login);
    const endpoint = { type: config.type, url: config.endpointUrl };
    await tryLogin(api, endpoint, login, what);
    const credential = { type: 'basic', access_key: login.username, access_secret: login.password };
    const created = await api({
      method: 'POST',
      path: ['registries'],
      body: { name: config.endpoint, ...endpoint, credential },
      to: 'create it',
      expect: [201, 409],
    });
    if (created.status === 201) return;
    const rival = await findEndpoint(api, config.endpoint);
    if (rival === undefined)
      throw new ProductError(
        `${what}: could not create it: Harbor says that it exists (HTTP 409), and does not list it`,
      );
    return update(api, rival, login);
  }

  async function update(api: Api, { id, url }: Endpoint, login: UpstreamLogin): Promise<void> {
    requireUpstream(url, login);
    await tryLogin(api, { id }, login, what);
    // Flat, unlike in a create; fields that are not sent keep their values.
    const body = { credential_type: 'basic', access_key: login.username, access_secret: login.password };
    await api({ method: 'PUT', path: ['registries', String(id)], body, to: 'update it', expect: [200] });
  }

  const projects = (context: ProxyContext): Promise<Api> =>
    openApi({ ...product, object: `project "${config.project ?? ''}"` }, config, context);

  /** The stored login works. Without the project, still nobody can pull by it. */
  async function withProject(context: ProxyContext, id: number): Promise<Verdict> {
    const works = `${what} logs in to its upstream`;
    const { project } = config;
    if (project === undefined) return { state: 'verified', why: works };
    const { state, why } = await verdict(async () =>
      (await isProject(await projects(context), project, { id, name: config.endpoint }))
        ? { state: 'verified', why: works }
        : { state: 'unknown', why: `Harbor project "${project}" is not there, or is not shown: create it in Harbor` },
    );
    return { state, why: state === 'verified' ? why : `${works}, but ${why}` };
  }

  return {
    targets: [],
    holders: {
      unseen:
        "Harbor's database, where the new login replaces the one before; replication and preheat jobs that run now, until they end",
    },
    identity: JSON.stringify([
      'harbor',
      redactUrl(config.url),
      config.endpoint,
      config.type,
      redactUrl(config.endpointUrl),
      config.project ?? null,
    ]),
    async apply(login, context) {
      const api = await openApi(product, config, context);
      await store(api, login);
      // Last: a problem with a project must not keep the new login from other projects.
      if (config.project === undefined) return;
      const stored = await findEndpoint(api, config.endpoint);
      if (stored === undefined) throw new ProductError(`${what} went away while it was set up`);
      await ensureProject(await projects(context), config.project, { id: stored.id, name: config.endpoint }).catch(
        (error: unknown) => {
          // The login is stored: it counts as applied. What a person must do about the project is for the verification to say.
          if (!(error instanceof LoginRefusedError || error instanceof UserError)) throw error;
        },
      );
    },
    verify: (login, context) =>
      verdict(async () => {
        const api = await openApi(product, config, context);
        const stored = await findEndpoint(api, config.endpoint);
        if (stored === undefined)
          return {
            state: 'refused',
            why: `${what} does not exist: somebody deleted it, so nothing pulls with this login`,
          };
        requireUpstream(stored.url, login);
        const held = stored.credential?.access_key ?? '';
        if (held !== login.username) return { state: 'refused', why: notHeld(what, held) };
        // The stored `status` is only from the last health check: a ping asks now.
        if (await ping(api, { id: stored.id })) return withProject(context, stored.id);
        if (await reaches(api, { id: stored.id }))
          return { state: 'refused', why: `${what}: its upstream refuses the stored login` };
        return { state: 'unknown', why: `${what}: Harbor does not reach its upstream` };
      }),
  };
};

/** Names are unique, and "=" is an exact match; still compared here, since a proxy in front may drop the query. */
async function findEndpoint(api: Api, name: string): Promise<Endpoint | undefined> {
  // In `q`, "," ends a value, "~[{(" start a pattern, and newer versions decode "%" and "+" again: for such names all are listed.
  const query = /^[\w.-][\w. -]*$/.test(name) ? { q: `name=${name}` } : {};
  for (let page = 1; page <= 50; page++) {
    const answer = await api({
      method: 'GET',
      path: ['registries'],
      query: { ...query, page: String(page), page_size: String(PAGE) },
      to: 'look for it',
      expect: [200],
    });
    const listed = answer.read(endpoints.nullable()) ?? [];
    const found = listed.find((endpoint) => endpoint.name === name);
    if (found !== undefined || listed.length < PAGE) return found;
  }
  return undefined;
}

/**
 * Harbor answers 400, "the registry is unhealthy", for a refused login and for an upstream that it cannot reach. A ping without
 * a login takes the same way, also to the upstream's token service, and counts 401 and 403 as healthy: if it works, the login
 * was the reason. Any other status (such as 500 from a failing adapter or from Harbor itself) says nothing about the login:
 * an error to retry, not a refusal.
 */
async function tryLogin(
  api: Api,
  endpoint: Tried,
  { username, password, registry }: UpstreamLogin,
  what: string,
): Promise<void> {
  if (await ping(api, { ...endpoint, access_key: username, access_secret: password })) return;
  if (await reaches(api, endpoint))
    throw new LoginRefusedError(`${what}: its upstream refuses the login of "${registry}": nothing was changed`);
  throw new ProductError(`${what}: Harbor does not reach its upstream, so the login could not be tried`);
}

const reaches = (api: Api, endpoint: Tried): Promise<boolean> =>
  ping(api, { ...endpoint, access_key: '', access_secret: '' });

async function ping(api: Api, body: Tried & { access_key?: string; access_secret?: string }): Promise<boolean> {
  return (
    (await api({ method: 'POST', path: ['registries', 'ping'], body, to: 'try its login', expect: [200, 400] }))
      .status === 200
  );
}
