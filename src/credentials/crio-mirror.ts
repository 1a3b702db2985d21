/**
 * Which login CRI-O sends to a mirror. Its credential provider writes a file with what matches the mirror or the image, from every
 * pull Secret of the namespace; CRI-O then looks the mirror up in it. Semantics of crio-credential-provider 0.1.2 and CRI-O 1.37. Pure.
 */
import { type CrioEntry, crioEntries } from './crio-entries.ts';
import type { SecretContent } from './docker-config.ts';
import { isGlob } from './keyring.ts';
import { quote } from '../text.ts';

/** A Secret of the namespace. `name`: absent if it is the only one. */
export interface NamespaceSecret {
  readonly name?: string;
  readonly secret: SecretContent;
}

export interface CrioPick extends CrioEntry {
  readonly secret?: string;
}

export interface CrioMiss extends CrioPick {
  readonly why: string;
  /** Whether it was probably meant for this mirror. */
  readonly near: boolean;
}

export interface CrioAnswer {
  /** undefined: CRI-O asks the mirror without a login, unless a file on the node has one. */
  readonly pick: (CrioPick & { readonly login: { readonly username: string } }) | undefined;
  readonly misses: readonly CrioMiss[];
  /** Secrets that are left out: one line each. */
  readonly notes: readonly string[];
}

/** `image`: `ImageReference.name`. `mirror`: a location as in registries.conf: `host:port/path`. */
export function crioLogin(secrets: readonly NamespaceSecret[], image: string, mirror: string): CrioAnswer {
  const notes: string[] = [];
  const misses: CrioMiss[] = [];
  /** The file that the provider writes. */
  const file = new Map<string, CrioPick>();
  const sorted = [...secrets].sort((a, b) => compare(a.name ?? '', b.name ?? ''));
  for (const { name, secret } of sorted) {
    const read = crioEntries(secret);
    if ('skipped' in read) {
      notes.push(name === undefined ? read.skipped : `Secret ${quote(name)}: ${read.skipped}`);
      continue;
    }
    for (const entry of read.entries) {
      const found: CrioPick = { ...entry, ...(name !== undefined && { secret: name }) };
      const { trimmed, login } = entry;
      if (!mirror.startsWith(trimmed) && !image.startsWith(trimmed))
        misses.push({ ...found, ...whyNotStart(trimmed, mirror) });
      else if (login === 'not base64')
        misses.push({
          ...found,
          why: 'its "auth" is not base64 with padding, so that the provider leaves it out',
          near: true,
        });
      else {
        const before = file.get(trimmed);
        if (before !== undefined) misses.push({ ...before, ...overwritten(before, found) });
        file.set(trimmed, found);
      }
    }
  }
  const order = lookupOrder(mirror, [...file.keys()]);
  const [first] = order.flatMap((key) => file.get(key) ?? []);
  for (const found of file.values())
    if (found !== first) misses.push({ ...found, ...whyNotFound(found, order, first) });
  const { login } = first ?? {};
  if (first !== undefined && typeof login !== 'object') misses.push({ ...first, why: NO_AUTH, near: true });
  return { pick: first !== undefined && typeof login === 'object' ? { ...first, login } : undefined, misses, notes };
}

const NO_AUTH = 'it has no "auth", so that the provider makes an empty login of it, and CRI-O looks no further';

/** From the longest path to the host: whole parts only. Then names of Docker Hub, which CRI-O takes for one. */
function lookupOrder(mirror: string, keys: readonly string[]): string[] {
  const parts = mirror.split('/');
  const order = parts.map((_, i) => parts.slice(0, parts.length - i).join('/'));
  const host = hubHost(parts[0] ?? '');
  return [...order, ...keys.filter((key) => !order.includes(key) && hubHost(key) === host)];
}

const hubHost = (host: string): string =>
  host === 'docker.io' || host === 'registry-1.docker.io' ? 'index.docker.io' : host;

function overwritten(before: CrioPick, after: CrioPick): { why: string; near: true } {
  const empty = after.login === 'no auth' ? ', though it has no "auth"' : '';
  return {
    near: true,
    why:
      before.secret === after.secret
        ? `the same key as ${quote(after.key)} to the provider, which takes one of them at random`
        : `Secret ${quote(after.secret ?? '')} comes later by name and has the same key: it takes this one's place${empty}`,
  };
}

/** Why an entry that is in the provider's file is not what CRI-O finds. */
function whyNotFound(
  { trimmed }: CrioPick,
  order: readonly string[],
  first: CrioPick | undefined,
): { why: string; near: boolean } {
  if (order.includes(trimmed) && first !== undefined)
    return { why: `${quote(first.key)} comes first, for it has the longer path`, near: true };
  const [mirror = ''] = order;
  if (!mirror.startsWith(trimmed)) return { why: 'for the image itself, not for the mirror', near: false };
  return { ...whyNotPart(trimmed, mirror), near: true };
}

const SLASH = 'it ends with "/", and CRI-O finds no such key; leave the "/" out';

function whyNotPart(trimmed: string, mirror: string): { why: string } {
  if (trimmed.endsWith('/')) return { why: SLASH };
  if (!trimmed.includes('/') && mirror.startsWith(`${trimmed}:`))
    return { why: 'it has no port, and the mirror has one; write the port, too' };
  return { why: 'it ends within a part of the path, and CRI-O looks up whole parts' };
}

/** Why the provider does not take an entry. */
function whyNotStart(trimmed: string, mirror: string): { why: string; near: boolean } {
  const [host = '', ...path] = trimmed.split('/');
  const [wanted = ''] = mirror.split('/');
  if (isGlob(host)) return { why: 'it is a pattern, and the provider compares text', near: true };
  if (trimmed === `${mirror}/`) return { why: SLASH, near: true };
  if (host === wanted)
    return /^v[12]\/?$/.test(path.join('/'))
      ? {
          why: `it ends with /${path.join('/')}, which the provider takes for a path of the mirror; leave it out`,
          near: true,
        }
      : { why: "it is not the start of the mirror's location", near: true };
  if (host.toLowerCase() === wanted.toLowerCase())
    return { why: 'its host differs in upper and lower case', near: true };
  if (withoutPort(host) === withoutPort(wanted)) return { why: 'its port differs', near: true };
  return { why: 'another registry', near: false };
}

/** Why no mirror gets its login under this key, whatever its location; undefined: one can. */
export function crioKeyProblem(key: string): string | undefined {
  const trimmed = key.replace(/^https?:\/\//, '');
  if (isGlob(trimmed.split('/')[0] ?? '')) return 'it is a pattern, and CRI-O compares text';
  return trimmed.endsWith('/') ? 'it ends with "/"' : undefined;
}

const withoutPort = (host: string): string => host.replace(/:\d+$/, '');

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
