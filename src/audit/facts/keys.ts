/** Which entry of a pod's pull Secrets a kubelet would pick for an image. Pure, with a cache. */
import type { Credential } from '../../credentials/docker-config.ts';
import { parseImage } from '../../credentials/image-reference.ts';
import type { ImageReference } from '../../credentials/image-reference.ts';
import { lookup, makeKeyring } from '../../credentials/keyring.ts';
import type { Keyring, Match } from '../../credentials/keyring.ts';
import type { Observation, PullContent, PullEntry } from '../observe/observation.ts';

/** An entry that matches an image, and its Secret. */
export interface PickedKey {
  readonly secret: string;
  readonly entry: PullEntry;
  readonly reason: Match['reason'];
}

/** The pull Secrets of one pod or ServiceAccount, as a kubelet sees them. */
interface Keys {
  /** Names of Secrets that could not be read: the other results may be wrong. */
  readonly unseen: readonly string[];
  readonly missing: readonly string[];
  /** Names of Secrets that make every pull fail. */
  readonly broken: readonly string[];
  /** Entries with a usable login, in the order in which they are tried; empty: an anonymous pull. `name`: `ImageReference.name`. */
  picks(name: string): readonly PickedKey[];
  /** Entries that match, but have no usable login. */
  useless(name: string): readonly PickedKey[];
}

export interface KeyBook {
  /** `names`: in the order of `imagePullSecrets`. */
  of(namespace: string, names: readonly string[]): Keys;
  /** Keys of one content, named `secret`. */
  ofContent(secret: string, content: PullContent): Keys;
}

export function createKeyBook({ pullSecrets }: Pick<Observation, 'pullSecrets'>): KeyBook {
  const rings = new Map<string, Pick<Keys, 'picks' | 'useless'>>();
  const known = new Map<string, Keys>();

  function picker(secrets: readonly { secret: string; content: PullContent }[]): Pick<Keys, 'picks' | 'useless'> {
    // Thousands of namespaces have the same copies: compute their picks once.
    const id = secrets.map(({ secret, content }) => `${secret}=${content.id}`).join(',');
    let picks = rings.get(id);
    if (picks === undefined) {
      const matches = remember(ringOf(secrets));
      rings.set(
        id,
        (picks = {
          picks: remember((name) => matches(name).filter(({ entry }) => entry.unusable === undefined)),
          useless: (name) => matches(name).filter(({ entry }) => entry.unusable !== undefined),
        }),
      );
    }
    return picks;
  }

  return {
    of(namespace, names) {
      const id = `${namespace}/${names.join(',')}`;
      const before = known.get(id);
      if (before !== undefined) return before;
      const unseen: string[] = [];
      const missing: string[] = [];
      const broken: string[] = [];
      const read: { secret: string; content: PullContent }[] = [];
      for (const name of new Set(names)) {
        const secret = pullSecrets.get(namespace)?.get(name) ?? { state: 'unseen' };
        if (secret.state === 'unseen') unseen.push(name);
        else if (secret.state === 'missing') missing.push(name);
        else if (secret.content.problem === undefined) read.push({ secret: name, content: secret.content });
        else if (secret.content.problem.breaksPulls) broken.push(name);
      }
      const keys: Keys = { unseen, missing, broken, ...picker(read) };
      known.set(id, keys);
      return keys;
    },
    ofContent: (secret, content) => ({ unseen: [], missing: [], broken: [], ...picker([{ secret, content }]) }),
  };
}

/** Parses image references as kubelets do, with a cache; undefined: not valid. */
export const createImageBook = (): ((image: string) => ImageReference | undefined) =>
  remember((image) => {
    const parsed = parseImage(image);
    return parsed.ok ? parsed.image : undefined;
  });

function ringOf(secrets: readonly { secret: string; content: PullContent }[]): (name: string) => readonly PickedKey[] {
  const entries = new Map<Credential, PullEntry>();
  const ring: Keyring = makeKeyring(
    secrets.map(({ secret, content }) => ({
      secret,
      // Lookups need only the key: no login was kept when the Secret was read.
      credentials: content.entries.map((entry) => {
        const credential = { key: entry.key, username: '', password: '' };
        entries.set(credential, entry);
        return credential;
      }),
    })),
  );
  return (name) =>
    lookup(ring, name).flatMap(({ credential, secret = '', reason }) => {
      const entry = entries.get(credential);
      return entry === undefined ? [] : [{ secret, entry, reason }];
    });
}

function remember<T>(compute: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    let value = known.get(name);
    if (value === undefined) known.set(name, (value = compute(name)));
    return value;
  };
}
