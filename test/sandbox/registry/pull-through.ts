/**
 * A pull-through cache in memory that behaves like Distribution in proxy mode: a login of its own upstream, no login to pull
 * from it. If the upstream refuses that login, cached images are still served; any other tag gives "404 MANIFEST_UNKNOWN",
 * any other digest 500 (tried on 2.8.2, and compared with it in test/conformance).
 */
import { readFile } from 'node:fs/promises';
import { blobReply, isPush, manifestReply, routeOf } from './api.ts';
import type { Route } from './api.ts';
import { createImages } from './images.ts';
import { failure, json, serve } from './server.ts';
import type { Reply, RunningServer, ServerOptions } from './server.ts';
import { createUpstreamClient } from './upstream-client.ts';
import type { UpstreamLogin } from './upstream-client.ts';

/** A login, or a file with the output of a Docker credential helper: `{"ServerURL":"","Username":"u","Secret":"p"}`. */
export type CacheLogin = UpstreamLogin | { readonly helperFile: string };

export interface PullThroughOptions extends ServerOptions {
  readonly upstream: { readonly url: string; readonly caPem?: string };
  /** None: it pulls upstream as anybody. */
  readonly login?: CacheLogin;
  /** How long a login read from a file is kept, in milliseconds. Default: 0, the file is read for every pull. */
  readonly helperLifetime?: number;
}

export interface PullThrough extends RunningServer {
  /** A new login, the cache kept: as when a Deployment with a volume is rolled. */
  restart(login: CacheLogin | undefined): void;
}

export async function startPullThrough(options: PullThroughOptions): Promise<PullThrough> {
  const upstream = createUpstreamClient(options.upstream.url, options.upstream.caPem);
  const images = createImages();
  let source = options.login;
  let read: { login: UpstreamLogin | undefined; until: number } | undefined;

  /** Undefined, hence anonymous, when the file cannot be used. */
  async function login(): Promise<UpstreamLogin | undefined> {
    if (source === undefined || 'username' in source) return source;
    if (read === undefined || performance.now() >= read.until) {
      read = {
        login: await readHelperFile(source.helperFile),
        until: performance.now() + (options.helperLifetime ?? 0),
      };
    }
    return read.login;
  }

  /** A tag is looked up upstream each time, and here when that fails; a digest cannot change. */
  async function manifest(repository: string, reference: string): Promise<Reply> {
    const cached = images.manifest(repository, reference);
    if (cached !== undefined && reference.includes(':')) return manifestReply(cached);
    const answer = await upstream.get(repository, `/v2/${repository}/manifests/${reference}`, await login());
    if (answer.type === 'found')
      return manifestReply(images.putManifest(repository, reference, answer.mediaType, answer.content));
    return answer.type !== 'missing' && reference.includes(':')
      ? failure(500, 'UNKNOWN', 'unknown error')
      : manifestReply(cached);
  }

  async function blob(repository: string, digest: string): Promise<Reply> {
    const cached = images.blob(repository, digest);
    if (cached !== undefined) return blobReply(cached, digest);
    const answer = await upstream.get(repository, `/v2/${repository}/blobs/${digest}`, await login());
    if (answer.type === 'denied' || answer.type === 'down') return failure(500, 'UNKNOWN', 'unknown error');
    if (answer.type === 'found') images.putBlob(repository, answer.content);
    return blobReply(images.blob(repository, digest), digest);
  }

  async function tags(repository: string): Promise<Reply> {
    const answer = await upstream.get(repository, `/v2/${repository}/tags/list`, await login());
    if (answer.type === 'found')
      return { status: 200, headers: { 'content-type': 'application/json' }, body: answer.content };
    const cached = images.tags(repository);
    return cached === undefined
      ? failure(404, 'NAME_UNKNOWN', 'repository name not known to registry')
      : json(200, { name: repository, tags: cached });
  }

  function answer(route: Route): Reply | Promise<Reply> {
    switch (route.type) {
      case 'root':
        return json(200, {});
      case 'tags':
        return tags(route.repository);
      case 'manifest':
        return manifest(route.repository, route.id);
      case 'blob':
        return blob(route.repository, route.id);
      default:
        return failure(405, 'UNSUPPORTED', 'The operation is unsupported.');
    }
  }

  const server = await serve(options, ({ method, path }) => {
    const route = routeOf(path);
    if (route === undefined) return failure(404, 'NAME_UNKNOWN', 'no such path');
    return isPush(method) ? failure(405, 'UNSUPPORTED', 'The operation is unsupported.') : answer(route);
  });

  return {
    ...server,
    restart(next) {
      source = next;
      read = undefined;
    },
    async stop() {
      await server.stop();
      await upstream.close();
    },
  };
}

async function readHelperFile(file: string): Promise<UpstreamLogin | undefined> {
  try {
    const { Username, Secret } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    return typeof Username === 'string' && typeof Secret === 'string'
      ? { username: Username, password: Secret }
      : undefined;
  } catch {
    return undefined;
  }
}
