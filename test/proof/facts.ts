/** What each cache answers by itself, with a good login, with a refused one, and with its upstream down: measured, not read. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { digestOf } from '../sandbox/registry/images.ts';
import { CONTENT, createCache } from './caches.ts';
import type { Cache } from './caches.ts';
import { basic, createHarborCache } from './harbor.ts';
import { createOracle } from './oracle.ts';
import type { Oracle } from './oracle.ts';
import { startUpstream } from './upstream.ts';
import type { Login, Upstream } from './upstream.ts';
import type { Programs, Subject } from './world.ts';

export interface Fact {
  readonly question: string;
  /** By state of the upstream login. */
  readonly good: string;
  readonly refused: string;
  readonly down: string;
}

interface World {
  readonly upstream: Upstream;
  readonly cache: Cache;
  readonly oracle: Oracle;
  readonly login: Login;
}

/** Caches store in the background. */
const BACKGROUND_MS = 200;
const ACCEPT = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';

/** The cache must have been started with `login`; it may hold nothing yet. The login is revoked on the way. */
async function measure({ upstream, cache, oracle, login }: World): Promise<Fact[]> {
  const pulledTag = await oracle.push('facts/warm');
  const movingTag = await oracle.push('facts/moving');
  const lateTags: Record<string, string> = {};
  for (const { repository, tag } of [
    { repository: 'facts/warm', tag: pulledTag },
    { repository: 'facts/moving', tag: movingTag },
  ]) {
    const { ok, why } = await oracle.pull(cache, repository, tag);
    if (!ok) throw new Error(`the cache under measurement does not pull: ${why}`);
    await cache.stored(repository);
  }
  let newest = '';
  const newTags: string[] = [];
  const blobs: string[] = [];
  for (const state of ['good', 'refused', 'down']) {
    newTags.push(await oracle.push('facts/warm'));
    blobs.push(await layerOf('facts/warm', newTags.at(-1) ?? ''));
    lateTags[state] = await oracle.push(`facts/cold-${state}`);
  }

  async function layerOf(repository: string, tag: string): Promise<string> {
    const token = (await (
      await fetch(`${upstream.url}/token?scope=repository:${repository}:pull`, {
        headers: { authorization: basic(upstream.admin) },
      })
    ).json()) as { token: string };
    const answer = await fetch(`${upstream.url}/v2/${repository}/manifests/${tag}`, {
      headers: { accept: ACCEPT, authorization: `Bearer ${token.token}` },
    });
    const { layers } = (await answer.json()) as { layers: { digest: string }[] };
    return layers[0]?.digest ?? '';
  }

  /** Status, error code or what was served, and in brackets what the upstream was asked. */
  async function ask(path: string, method = 'GET'): Promise<string> {
    const before = upstream.requests.length;
    const answer = await fetch(`${cache.url}/v2/${cache.imageOf(path)}`, {
      method,
      headers: { accept: ACCEPT, ...(cache.login !== undefined && { authorization: basic(cache.login) }) },
      signal: AbortSignal.timeout(60_000),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const body = parse(bytes.toString());
    await delay(BACKGROUND_MS);
    const asked = upstream.requests
      .slice(before)
      .map(({ method, path, status }) => `${method} ${partOf(path)} ${status}`);
    const code = body?.errors?.[0]?.code;
    const tags = body?.tags === undefined ? undefined : `${(body.tags ?? []).length} tags`;
    // Of the content: Harbor's header may be empty.
    const isMoving = answer.status === 200 && path.startsWith('facts/moving/');
    const moved = isMoving ? (digestOf(bytes) === newest ? 'the new one' : 'the old one') : '';
    const link = answer.headers.has('link') ? 'with Link' : '';
    return `${[answer.status, code ?? tags ?? moved, link].filter((part) => part !== '').join(' ')} [${asked.join(', ')}]`;
  }

  const questions: Record<string, (state: number) => Promise<string>> = {
    'tags/list, repository never asked for': (i) => ask(`facts/cold-${['good', 'refused', 'down'][i]}/tags/list`),
    'the same once more': (i) => ask(`facts/cold-${['good', 'refused', 'down'][i]}/tags/list`),
    'tags/list, some tags held': () => ask('facts/warm/tags/list'),
    'tags/list?n=1, some tags held': () => ask('facts/warm/tags/list?n=1'),
    'tags/list?n=100': () => ask('facts/warm/tags/list?n=100'),
    'tags/list, no such repository': (i) => ask(`facts/none-${i}/tags/list`),
    'HEAD of a blob never pulled': (i) => ask(`facts/warm/blobs/${blobs[i]}`, 'HEAD'),
    'HEAD of it once more': (i) => ask(`facts/warm/blobs/${blobs[i]}`, 'HEAD'),
    'GET of a blob that cannot exist': () => ask(`facts/warm/blobs/sha256:${randomBytes(32).toString('hex')}`),
    'HEAD of a blob that cannot exist': () => ask(`facts/warm/blobs/sha256:${randomBytes(32).toString('hex')}`, 'HEAD'),
    'GET of such a blob, repository never asked for': (i) =>
      ask(`facts/cold-${['good', 'refused', 'down'][i]}/blobs/sha256:${randomBytes(32).toString('hex')}`),
    'HEAD of a manifest never pulled': (i) => ask(`facts/warm/manifests/${newTags[i]}`, 'HEAD'),
    'GET of a manifest never pulled': (i) => ask(`facts/warm/manifests/${newTags[i]}`),
    'GET of a manifest held': () => ask(`facts/warm/manifests/${pulledTag}`),
    'GET of a tag held that moved upstream': () => ask(`facts/moving/manifests/${movingTag}`),
    'tags/list, after all this': () => ask('facts/warm/tags/list'),
    'GET of a manifest of a repository never asked for': (i) =>
      ask(`facts/cold-${['good', 'refused', 'down'][i]}/manifests/${lateTags[['good', 'refused', 'down'][i] ?? '']}`),
    'GET of a manifest that upstream does not have': () => ask('facts/warm/manifests/never-there'),
  };
  const facts: Fact[] = Object.keys(questions).map((question) => ({ question, good: '', refused: '', down: '' }));
  const measured = facts as { -readonly [K in keyof Fact]: Fact[K] }[];
  newest = await oracle.move('facts/moving', movingTag);
  for (const [i, state] of (['good', 'refused', 'down'] as const).entries()) {
    if (state === 'refused') upstream.revoke(login.username);
    if (state !== 'good') newest = await oracle.move('facts/moving', movingTag);
    if (state === 'down') {
      upstream.add(login);
      await upstream.down();
    }
    for (const fact of measured) fact[state] = (await questions[fact.question]?.(i)) ?? '';
  }
  await upstream.up();
  return facts;
}

/** Without names: `token`, `tags`, `manifest`, `blob`. */
function partOf(path: string): string {
  return /\/(tags|manifest|blob|referrers)s?\//.exec(path)?.[1] ?? path.replace(/\?.*/, '').replace('/token', 'token');
}

function parse(body: string): { errors?: { code: string }[]; tags?: string[] } | undefined {
  try {
    return JSON.parse(body) as { errors?: { code: string }[]; tags?: string[] };
  } catch {
    return undefined;
  }
}

export interface Measured {
  readonly subject: string;
  readonly facts: readonly Fact[];
}

export async function measureProduct(
  subject: Subject,
  programs: Pick<Programs, 'upstream' | 'skopeo'>,
): Promise<Measured> {
  const login = { username: 'robot', password: 'pw-of-robot' };
  await using cleanUp = new AsyncDisposableStack();
  const upstream = await startUpstream(programs.upstream, { tokenSeconds: 60 });
  cleanUp.defer(() => upstream.stop());
  const oracle = await createOracle(programs.skopeo, upstream);
  cleanUp.defer(() => oracle.stop());
  upstream.add(login);
  const cache = await startCache(subject, upstream, login);
  cleanUp.defer(() => cache.remove());
  return { subject: subject.title, facts: await measure({ upstream, cache, oracle, login }) };
}

/** With this login, and without Pullpass. */
async function startCache(subject: Subject, upstream: Upstream, login: Login): Promise<Cache> {
  if (subject.kind === 'harbor') {
    const harbor = await createHarborCache(subject.harbor);
    await harbor.setUp(upstream.url, login);
    return harbor;
  }
  const { product, program } = subject;
  const cache = await createCache(product, { program, upstreamUrl: upstream.url, lifetimeSeconds: 1 });
  await cache.start(CONTENT[product](upstream.host, login));
  return cache;
}
