/** Where a registry's API is, and which token server may see the login for it. */
import { DOCKER_HUB_ENDPOINT, isDockerHub } from '../credentials/registry-name.ts';
import { redactUrl } from './http-error.ts';
import { printable } from '../text.ts';

export { isImage, isRepository } from '../credentials/image-reference.ts';

type Located = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly why: string };

/**
 * `registry`: a host with or without port, a URL, or a registry key as in a Docker config (its path, which limits the
 * key to some repositories, is left out). https unless it starts with `http://`. Any name of Docker Hub means its API host.
 */
export function locateRegistry(registry: string): Located {
  if (isDockerHub(registry)) return { ok: true, url: new URL(`https://${DOCKER_HUB_ENDPOINT}`) };
  const located = locateBase(registry);
  return located.ok ? { ok: true, url: new URL(located.url.origin) } : located;
}

/** The same for the base URL of a cache proxy; keeps its path: requests go to `<base>/v2/...`. */
export function locateBase(base: string): Located {
  const url = URL.parse(/^https?:\/\//.test(base) ? base : `https://${base}`);
  // The URL parser removes line breaks and accepts globs: a login is sent to a plain host only.
  if (url === null || !/^[!-~]+$/.test(base) || url.hostname === '')
    return { ok: false, why: 'it is not a host name or URL' };
  if (url.username !== '' || url.password !== '') return { ok: false, why: 'its name holds a login' };
  if (!/^[\w.-]+$|^\[[\da-f:.]+\]$/i.test(url.hostname))
    return { ok: false, why: 'its name is a pattern, not one host' };
  const path = url.pathname.replace(/\/+$/, '');
  return { ok: true, url: new URL(url.origin + path) };
}

/** The URL of an API request. `path`: what follows `/v2/`, made of checked parts. */
export function apiUrl(base: URL, path = ''): string {
  return `${base.origin}${base.pathname.replace(/\/+$/, '')}/v2/${path}`;
}

/**
 * The token server that a challenge names, if a login may go there. Another host is normal (Docker Hub: auth.docker.io),
 * but only over https; plain http only on the registry's own host, if the registry itself is used over plain http.
 */
export function locateRealm(realm: string | undefined, registry: URL): Located {
  if (realm === undefined) return { ok: false, why: 'its challenge names no token server' };
  const url = /^[!-~]{1,2048}$/.test(realm) ? URL.parse(realm) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return { ok: false, why: 'the token server in its challenge is not an http(s) URL' };
  if (url.username !== '' || url.password !== '')
    return { ok: false, why: 'the token server in its challenge has a login in its URL' };
  if (url.protocol === 'http:' && (registry.protocol !== 'http:' || url.hostname !== registry.hostname)) {
    return { ok: false, why: `it names a token server over plain http (${redactUrl(url)}), to which no login is sent` };
  }
  url.hash = '';
  return { ok: true, url };
}

export function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

/** The name of a registry in messages. */
export function registryLabel(registry: string): string {
  const located = locateRegistry(registry);
  return located.ok
    ? located.url.host.slice(0, 300)
    : `"${printable(registry.replace(/^[^]*@/, '***@').slice(0, 200))}"`;
}
