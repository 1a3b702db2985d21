/**
 * Proves that a cache proxy pulls with the login that it was given: by something that it has to ask the registry for, because
 * it cannot hold it. What it holds, it serves with any login. `docs/proof.md` has what real products answer.
 */
import { randomBytes } from 'node:crypto';
import { describe, isHtml, isRefusal } from '../registry/answer.ts';
import { askBlob, askManifest } from '../registry/probe.ts';
import { deleteImage, pushImage } from '../registry/push.ts';
import { isDenial } from '../registry/repository.ts';
import type { Repository } from '../registry/repository.ts';
import { listTags } from '../registry/tags.ts';
import type { Verdict } from './adapter.ts';

/** What was asked for through the cache proxy before, across restarts. */
export interface ProofMemory {
  /** How the login in force was proven before; undefined: it was not. */
  readonly proven: string | undefined;
  /** Whether the cache may hold this image because Pullpass asked for it. */
  wasAsked(image: string): boolean;
  /** Saved before the image is asked for: after a crash it counts as held. @throws if it cannot be saved */
  setAsked(image: string, asked: boolean): Promise<void>;
  /** Whether a new image was pushed for the login in force. */
  readonly pushed: boolean;
  setPushed(): Promise<void>;
}

export interface Proof {
  /** The repository as the cache proxy calls it. */
  readonly cache: Repository;
  /** The same repository at the registry: with the login, and without one. */
  readonly upstream: Repository;
  readonly anybody: Repository;
  /** With a login that may push. */
  readonly pusher: Repository | undefined;
  /** A tag or digest to ask for first. */
  readonly reference: string | undefined;
  /** Whether the product says "not found" of a blob only if the registry said so; if the registry refuses it, it says something else. */
  readonly tellsAbsence: boolean;
  /** Whether the product lists the tags that it holds, and no others. */
  readonly listsHeld: boolean;
  readonly memory: ProofMemory;
}

/** How many images are tried, if the cache serves other versions of them. */
const TRIES = 3;
/** How many images are left for the next login, instead of proving the same login once more. */
const RESERVE = 3;

/** Rejects only with the reason of an aborted signal, or if {@link ProofMemory} cannot be saved. */
export async function prove(proof: Proof): Promise<Verdict> {
  const { cache, tellsAbsence } = proof;
  const alive = await cache.enter();
  if (isDenial(alive)) return unknown('cache', `the cache proxy does not let the probe in: ${alive.why}`);
  if (isRefusal(alive)) return unknown('cache', `the cache proxy refuses the probe's own login: ${describe(alive)}`);
  // Every registry answers so. A web server that says "not found" to everything would look like one that was told so.
  if (alive.status !== 200 || isHtml(alive)) return unknown('cache', `the cache proxy answers ${describe(alive)}`);
  return (tellsAbsence ? await byAbsence(proof) : undefined) ?? byImages(proof);
}

/**
 * A blob that cannot exist: the cache proxy can know that only from the registry, which tells it only to a login that may pull
 * there. It takes nothing, leaves nothing, and no pull of anybody can spoil it. Undefined: the registry tells everybody.
 */
async function byAbsence({ cache, upstream, anybody }: Proof): Promise<Verdict | undefined> {
  const digest = `sha256:${randomBytes(32).toString('hex')}`;
  const repository = `${upstream.host}/${upstream.name}`;
  const ours = await askBlob(upstream, digest);
  if (ours.state === 'refused') return refused(ours.why);
  if (ours.state === 'unknown') return unreachable(ours.why);
  const anybodys = await askBlob(anybody, digest);
  if (anybodys.state === 'unknown') return unreachable(anybodys.why);
  if (ours.state === 'served' || anybodys.state !== 'refused') return undefined;
  const { state, status, code, why } = await askBlob(cache, digest);
  if (state === 'missing' && code === 'BLOB_UNKNOWN')
    return {
      state: 'verified',
      why: `it asked the registry for a random blob of ${repository}, and was told that there is none: only a login that may pull there is told so`,
    };
  if (state !== 'refused' && status !== 500) return unknown('cache', why);
  const still = await askBlob(upstream, digest);
  return still.state === 'missing'
    ? {
        state: 'refused',
        why: `the registry tells the login that ${repository} has no such blob, and the cache proxy is not told: ${why}`,
      }
    : unreachable(still.why);
}

/** An image that was never asked for through the cache proxy, by Pullpass. */
async function byImages(proof: Proof): Promise<Verdict> {
  const { upstream, anybody, pusher, memory, reference } = proof;
  const known = await tagsUpstream(proof);
  if ('verdict' in known) return known.verdict;
  const { tags } = known;
  const sample = reference ?? tags[0];
  if (sample !== undefined && (await askManifest(anybody, sample)).state === 'served')
    return unknown('public', `${nameOf(upstream, sample)} is public, and a cache gets that without a login`);
  if (memory.proven !== undefined) {
    const cold = await notHeld(proof, [reference, ...shuffled(tags)]);
    const again = cold.length > RESERVE ? await pull(proof, cold) : undefined;
    return again ?? { state: 'verified', why: memory.proven };
  }
  const fresh = await pushFresh(proof);
  const verdict = await pull(proof, await notHeld(proof, [fresh.tag, reference, ...shuffled(tags)]));
  if (fresh.digest !== undefined && pusher !== undefined) await deleteImage(pusher, fresh.digest);
  return (
    verdict ??
    unknown(
      'held already',
      `all that ${upstream.host}/${upstream.name} has may be in the cache, which then serves it with any login` +
        `${fresh.trouble}: push a new tag to it, or configure probe.push`,
    )
  );
}

/** What the login itself sees at the registry. */
async function tagsUpstream({
  upstream,
  reference,
}: Proof): Promise<{ readonly tags: readonly string[] } | { readonly verdict: Verdict }> {
  const listed = await listTags(upstream);
  if (listed.state === 'listed') return listed;
  // A login may be allowed to pull, and not to list.
  const asked = reference === undefined ? undefined : await askManifest(upstream, reference);
  if (asked?.state === 'served') return { tags: [] };
  if (listed.state === 'refused' && (asked === undefined || asked.state === 'refused'))
    return { verdict: refused(asked?.why ?? listed.why) };
  if (listed.state === 'missing' || asked?.state === 'missing')
    return {
      verdict: unknown('no image', `${asked?.why ?? listed.why}: correct "probe", upstreamRepository among it`),
    };
  return { verdict: unreachable(listed.why) };
}

/** Once for each login: the only proof that a stranger cannot spoil by pulling through the cache before. */
async function pushFresh({
  pusher,
  memory,
}: Proof): Promise<{ readonly tag?: string; readonly digest?: string; readonly trouble: string }> {
  if (pusher === undefined || memory.pushed) return { trouble: '' };
  const tag = `pullpass-${randomBytes(8).toString('hex')}`;
  const pushed = await pushImage(pusher, tag, `${tag}\n`);
  if (pushed.state !== 'pushed') return { trouble: `; a new image could not be pushed (${pushed.why})` };
  await memory.setPushed();
  return { tag, digest: pushed.digest, trouble: '' };
}

/** What the cache surely does not hold if it says so, else what Pullpass never asked it for. */
async function notHeld(
  { cache, listsHeld, memory }: Proof,
  images: readonly (string | undefined)[],
): Promise<readonly string[]> {
  const all = [...new Set(images)].filter((image) => image !== undefined);
  const listed = listsHeld ? await listTags(cache) : undefined;
  if (listed?.state === 'listed' && listed.whole) {
    const held = new Set(listed.tags);
    return all.filter((image) => !image.includes(':') && !held.has(image));
  }
  return all.filter((image) => !memory.wasAsked(image));
}

async function pull({ cache, upstream, memory }: Proof, cold: readonly string[]): Promise<Verdict | undefined> {
  for (const image of cold.slice(0, TRIES)) {
    const there = await askManifest(upstream, image);
    if (there.state === 'missing') continue;
    if (there.state === 'refused') return refused(there.why);
    if (there.state === 'unknown') return unreachable(there.why);
    await memory.setAsked(image, true);
    const { state, digest, why } = await askManifest(cache, image);
    switch (state) {
      case 'served':
        if (digest !== undefined && digest === there.digest)
          return {
            state: 'verified',
            why: `${nameOf(cache, image)} came through it, which the probe never asked for before`,
          };
        // Not what the registry has now: it was held, so it proves nothing.
        continue;
      case 'unknown':
        return unknown('cache', why);
      case 'missing':
      case 'refused': {
        // Not served, so not held either.
        await memory.setAsked(image, false);
        const still = await askManifest(upstream, image);
        return still.state === 'served'
          ? {
              state: 'refused',
              why: `the login gets ${nameOf(upstream, image)} from the registry, and the cache proxy does not: ${why}`,
            }
          : unreachable(still.why);
      }
    }
  }
  return undefined;
}

const refused = (why: string): Verdict => ({ state: 'refused', why: `the registry refuses the login: ${why}` });
/** Of the registry; seen from here. */
const unreachable = (why: string): Verdict => unknown('upstream', `the registry cannot be asked: ${why}`);
const unknown = (reason: NonNullable<Verdict['reason']>, why: string): Verdict => ({ state: 'unknown', reason, why });
const nameOf = ({ host, name }: Repository, image: string): string =>
  `${host}/${name}${image.includes(':') ? '@' : ':'}${image}`;

/** In a random order: a stranger must not know which image is asked for next. */
function shuffled(tags: readonly string[]): string[] {
  return tags
    .map((tag) => ({ tag, at: randomBytes(6).readUIntBE(0, 6) }))
    .sort((a, b) => a.at - b.at)
    .map(({ tag }) => tag);
}
