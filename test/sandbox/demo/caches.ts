/** A private registry with pull-through caches in front of it: real Distribution if it is installed. */
import { setTimeout as delay } from 'node:timers/promises';
import { findDistribution, startDistributionCache } from '../registry/distribution.ts';
import type { DistributionCache } from '../registry/distribution.ts';
import { startPullThrough } from '../registry/pull-through.ts';
import { startUpstream } from '../registry/upstream.ts';
import type { Upstream } from '../registry/upstream.ts';
import type { Stage } from './act.ts';
import type { Login } from './logins.ts';

/** Namespace of the caches. */
export const CACHES = 'registry-cache';
/** Deployment of the cache that Pullpass manages. */
export const CACHE = 'corp-cache';
/** The Secret that its container reads as environment. */
export const CACHE_LOGIN = 'corp-cache-login';
export const IMAGE = 'corp/app';

export type Cache = Pick<DistributionCache, 'url'> & { restart(login: Login): Promise<void> };

export interface Caches {
  readonly upstream: Upstream;
  /** Starts without a login: Pullpass is to bring it. */
  readonly forwarded: Cache;
  /** Has the first login, and nobody brings it another. */
  readonly control: Cache;
  /** What the caches are, for people. */
  readonly name: string;
}

export async function startCaches({ cleanUp }: Pick<Stage, 'cleanUp'>, first: Login): Promise<Caches> {
  const upstream = await startUpstream({ lockAfter: 5 });
  cleanUp.defer(() => upstream.stop());
  addUser(upstream, first);
  const found = findDistribution();
  const start = async (login?: Login): Promise<Cache> => {
    const options = login === undefined ? {} : { login };
    if ('found' in found) {
      const cache = await startDistributionCache(found.found, { remoteUrl: upstream.url, ...options });
      cleanUp.defer(() => cache.stop());
      return cache;
    }
    const cache = await startPullThrough({ upstream, ...options });
    cleanUp.defer(() => cache.stop());
    return { url: cache.url, restart: async (next) => cache.restart(next) };
  };
  const [forwarded, control] = await Promise.all([start(), start(first)]);
  return {
    upstream,
    forwarded,
    control,
    name: 'found' in found ? 'real Distribution' : "the sandbox's own, for docker-registry is not installed",
  };
}

/** Adds a user that may pull the private images. */
export function addUser(upstream: Upstream, { username, password }: Login): void {
  upstream.add(username, { password, repositories: ['corp/*'] });
}

/** Pulls an image that no cache holds: only that proves the cache's login. `200`, or the status with the registry's error code. */
export async function pullNew(upstream: Upstream, { url }: Cache, signal: AbortSignal): Promise<string> {
  const tag = `build-${++builds}`;
  upstream.putImage(IMAGE, tag);
  const answer = await fetch(`${url}/v2/${IMAGE}/manifests/${tag}`, {
    signal,
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  const body = (await answer.json()) as { errors?: { code: string }[] };
  return [answer.status, ...(body.errors ?? []).map(({ code }) => code)].join(' ');
}
let builds = 0;

/**
 * Does what a Deployment controller and a kubelet do: restarts after a changed pod template, with the Secret as environment.
 * `settled` resolves once the container runs with the newest template.
 */
export function playKubelet({ cluster, cleanUp, signal }: Stage, cache: Cache): { settled: () => Promise<void> } {
  const stopping = new AbortController();
  const until = AbortSignal.any([stopping.signal, signal]);
  let running = '{}';

  async function newest(): Promise<{ wanted: string; generation: number }> {
    const deployment = await cluster.deployment(CACHES, CACHE);
    return {
      wanted: JSON.stringify(deployment?.spec?.template.metadata?.annotations ?? {}),
      generation: deployment?.metadata?.generation ?? 0,
    };
  }
  async function play(): Promise<void> {
    for (; !until.aborted; await delay(20, undefined, { signal: until })) {
      const { wanted, generation } = await newest();
      if (wanted === running) continue;
      const { data = {} } = (await cluster.secret(CACHES, CACHE_LOGIN)) ?? {};
      const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
      await cache.restart({ username: text('REGISTRY_PROXY_USERNAME'), password: text('REGISTRY_PROXY_PASSWORD') });
      await cluster.reportRolled(CACHES, CACHE, generation);
      running = wanted;
    }
  }
  let failure: unknown;
  const playing = play().catch((error: unknown) => {
    if (!until.aborted) failure = error;
  });
  cleanUp.defer(async () => {
    stopping.abort();
    await playing;
  });
  return {
    async settled() {
      await cluster.until(`Deployment ${CACHES}/${CACHE} rolled`, async () => {
        if (failure !== undefined) throw new Error('the kubelet of the demo failed', { cause: failure });
        return (await newest()).wanted === running;
      });
    },
  };
}
