/** What each cache answers by itself, with a good login, with a refused one, and with its upstream down: measured, not read. */
import type { Cache, Content } from './caches.ts';
import type { Oracle } from './oracle.ts';
import type { Login, Upstream } from './upstream.ts';

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
  /** The Secret that gives the cache this login. */
  readonly content: (login: Login) => Content;
}

const ACCEPT = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';

/** The cache must have been started with `login`; it may hold nothing yet. The login is revoked on the way. */
export async function measure({ upstream, cache, oracle, login }: World): Promise<Fact[]> {
  const pulledTag = await oracle.push('facts/warm');
  const movingTag = await oracle.push('facts/moving');
  const lateTags: Record<string, string> = {};
  for (const [repository, tag] of [
    ['facts/warm', pulledTag],
    ['facts/moving', movingTag],
  ]) {
    const { ok, why } = await oracle.pull(cache.host, `${repository}:${tag}`);
    if (!ok) throw new Error(`the cache under measurement does not pull: ${why}`);
  }
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
        headers: { authorization: `Basic ${btoa(`${upstream.admin.username}:${upstream.admin.password}`)}` },
      })
    ).json()) as { token: string };
    const answer = await fetch(`${upstream.url}/v2/${repository}/manifests/${tag}`, {
      headers: { accept: ACCEPT, authorization: `Bearer ${token.token}` },
    });
    const { layers } = (await answer.json()) as { layers: { digest: string }[] };
    return layers[0]?.digest ?? '';
  }

  /** Status, error code or what was served, and how often the upstream was asked. */
  async function ask(path: string, method = 'GET'): Promise<string> {
    const before = upstream.requests.length;
    const startedAt = Date.now();
    const answer = await fetch(`${cache.url}/v2/${path}`, {
      method,
      headers: { accept: ACCEPT },
      signal: AbortSignal.timeout(60_000),
    });
    const body = await answer.text();
    const ms = Date.now() - startedAt;
    const asked = upstream.requests.slice(before).map((r) => `${r.method} ${r.path.replace(/\?.*/, '')} ${r.status}`);
    const parsed = parse(body);
    const what =
      parsed?.errors?.[0]?.code ??
      (parsed?.tags !== undefined ? `tags ${(parsed.tags ?? []).join(',')}` : undefined) ??
      answer.headers.get('docker-content-digest')?.slice(7, 15) ??
      '';
    const link = answer.headers.get('link');
    return `${answer.status} ${what}${link === null ? '' : ` Link ${link}`} [${asked.join('; ')}]${ms > 1000 ? ` ${ms}ms` : ''}`;
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
  await oracle.move('facts/moving', movingTag);
  for (const [i, state] of (['good', 'refused', 'down'] as const).entries()) {
    if (state === 'refused') upstream.revoke(login.username);
    if (state !== 'good') await oracle.move('facts/moving', movingTag);
    if (state === 'down') {
      upstream.add(login);
      await upstream.down();
    }
    for (const fact of measured) fact[state] = (await questions[fact.question]?.(i)) ?? '';
  }
  await upstream.up();
  return facts;
}

function parse(body: string): { errors?: { code: string }[]; tags?: string[] } | undefined {
  try {
    return JSON.parse(body) as { errors?: { code: string }[]; tags?: string[] };
  } catch {
    return undefined;
  }
}
