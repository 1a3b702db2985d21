/** A registry, a cache in front of it, and a probe through that; the memory is a plain record, as the state keeps it. */
import { onTestFinished } from 'vitest';
import type { ProofMemory } from '../../src/proxies/proof.ts';
import { prove } from '../../src/proxies/proof.ts';
import type { Verdict } from '../../src/proxies/adapter.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { Login } from '../../src/registry/login.ts';
import { openRepository } from '../../src/registry/repository.ts';
import type { Repository } from '../../src/registry/repository.ts';
import { startPullThrough } from '../sandbox/registry/pull-through.ts';
import type { PullThrough } from '../sandbox/registry/pull-through.ts';
import { serve } from '../sandbox/registry/server.ts';
import type { Exchange, Reply, RunningServer } from '../sandbox/registry/server.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import type { Upstream, UpstreamOptions } from '../sandbox/registry/upstream.ts';

export const REPOSITORY = 'corp/app';
export const ann: Login = { username: 'ann-the-user', password: 'pass-word-of-ann' };
export const pusher: Login = { username: 'pushing-robot', password: 'pass-word-of-pusher' };
export const strangers: Login = { username: 'old-user', password: 'pass-word-of-old' };

/** What the state keeps, and the memory of the login with this name. */
export interface Kept {
  readonly asked: Set<string>;
  pushed: string | undefined;
  of(login: string, proven?: string): ProofMemory;
}

export function remember(): Kept {
  const kept: Kept = {
    asked: new Set(),
    pushed: undefined,
    of: (login, proven) => ({
      proven,
      wasAsked: (image) => kept.asked.has(image),
      setAsked: (image, asked) => Promise.resolve(void (asked ? kept.asked.add(image) : kept.asked.delete(image))),
      pushed: kept.pushed === login,
      setPushed: () => Promise.resolve(void (kept.pushed = login)),
    }),
  };
  return kept;
}

export interface Ask {
  readonly login?: Login;
  readonly memory?: ProofMemory;
  readonly tellsAbsence?: boolean;
  readonly listsHeld?: boolean;
  readonly reference?: string;
  readonly pusher?: Login;
  readonly cacheLogin?: Login;
  /** Of something in front of the cache. */
  readonly cacheUrl?: string;
}

export interface Proving {
  readonly upstream: Upstream;
  readonly cache: PullThrough;
  /** Tags that anybody has pulled through the cache from now on. */
  pull(...tags: string[]): Promise<number[]>;
  ask(options?: Ask): Promise<Verdict>;
}

/** `cacheLogin`: what the cache pulls with. */
export async function proving({
  cacheLogin = ann,
  ...options
}: UpstreamOptions & { cacheLogin?: Login } = {}): Promise<Proving> {
  const upstream = await startUpstream({
    users: Object.fromEntries(
      [ann, strangers, pusher].map(({ username, password }) => [username, { password, repositories: ['corp/*'] }]),
    ),
    ...options,
  });
  onTestFinished(() => upstream.stop());
  const cache = await startPullThrough({ upstream, login: cacheLogin });
  onTestFinished(() => cache.stop());
  const http = createHttpClient({ requestMs: 20_000 });
  onTestFinished(() => http.close());
  const open = (base: string, login?: Login, push = false): Repository => {
    const opened = openRepository({ base, repository: REPOSITORY, http, login, push });
    if ('why' in opened) throw new Error(opened.why);
    return opened;
  };
  return {
    upstream,
    cache,
    pull: (...tags) =>
      Promise.all(tags.map(async (tag) => (await fetch(`${cache.url}/v2/${REPOSITORY}/manifests/${tag}`)).status)),
    ask: ({
      login = ann,
      memory = remember().of('one'),
      tellsAbsence = true,
      listsHeld = false,
      reference,
      ...more
    } = {}) =>
      prove({
        cache: open(more.cacheUrl ?? cache.url, more.cacheLogin),
        upstream: open(upstream.url, login),
        anybody: open(upstream.url),
        pusher: more.pusher && open(upstream.url, more.pusher, true),
        reference,
        tellsAbsence,
        listsHeld,
        memory,
      }),
  };
}

/** Something in front of a server: answers itself, or lets the request through. */
export async function inFrontOf(
  { url }: RunningServer,
  answer: (exchange: Exchange) => Reply | undefined,
): Promise<RunningServer> {
  const front = await serve({}, async (exchange) => {
    const own = answer(exchange);
    if (own !== undefined) return own;
    const { method, path, query, headers } = exchange;
    const answered = await fetch(`${url}${path}?${query.toString()}`, {
      method,
      headers: { ...(headers.accept !== undefined && { accept: headers.accept }) },
    });
    const body = Buffer.from(await answered.arrayBuffer());
    const digest = answered.headers.get('docker-content-digest');
    return {
      status: answered.status,
      headers: {
        'content-type': answered.headers.get('content-type') ?? 'application/json',
        ...(digest !== null && { 'docker-content-digest': digest }),
      },
      body,
    };
  });
  onTestFinished(() => front.stop());
  return front;
}
