/** Whose pulls would lose their login if a Secret, a source or a login were gone. Pure. */
import { registryHost } from '../../credentials/registry-name.ts';
import type { Observation, PullEntry } from '../observe/observation.ts';
import { createImageBook, createKeyBook } from '../facts/keys.ts';
import type { PickedKey } from '../facts/keys.ts';
import { isNodeRegistry, isPublicRegistry } from '../facts/well-known.ts';

/** What is imagined to be gone. */
export type Without =
  /** The Secret of that name, in one namespace or in all. */
  | { readonly secret: string; readonly namespace?: string }
  /** The source, and so its copies. */
  | { readonly source: string }
  /** The login that sources have for a registry is revoked there: wherever else it is written down, it is of no use. */
  | { readonly login: string };

/** An image that has a login now. */
export interface WhatIf {
  readonly namespace: string;
  readonly owner: { readonly kind: string; readonly name: string };
  /** Whether pods that exist pull it with this list, pods that are made later from the template do, or both. */
  readonly by: readonly ('pods' | 'template')[];
  readonly image: string;
  readonly now: Login;
  /** `unknown`: a Secret of the list could not be read. */
  readonly then: 'no login' | 'another login' | 'unknown';
  /** The login that takes its place. */
  readonly other?: Login;
  /** Why a pull without a login may succeed all the same. Absent: nothing is known that says so. */
  readonly unless?: 'public' | 'node';
}

export interface Login {
  readonly secret: string;
  /** Absent: the Secret could not be read. */
  readonly key?: string;
}

type Seen = Pick<Observation, 'workloads' | 'templates' | 'scopes' | 'sources' | 'pullSecrets'>;

/** Those that change, sorted by namespace, owner and image. `looked`: pods' and templates' owners that were looked at. */
export function whatIf(seen: Seen, without: Without): { readonly looked: number; readonly changed: WhatIf[] } {
  const keys = createKeyBook(seen);
  const image = createImageBook();
  const isGone = goneSecrets(seen, without);
  const isRevoked = revokedLogins(seen, without);
  const changed = new Map<string, WhatIf>();
  const owners = new Set<string>();
  for (const { namespace, owner, names, images, by } of pullers(seen)) {
    owners.add(JSON.stringify([namespace, owner]));
    const all = keys.of(namespace, names);
    const kept = keys.of(
      namespace,
      names.filter((name) => !isGone(namespace, name)),
    );
    const unseen = all.unseen.find((name) => isGone(namespace, name));
    const unread: Login | undefined = unseen === undefined ? undefined : { secret: unseen };
    for (const reference of images) {
      const parsed = image(reference);
      if (parsed === undefined) continue;
      const [picked] = all.picks(parsed.name);
      const [then] = kept.picks(parsed.name).filter(({ entry }) => !isRevoked(entry));
      const now = picked === undefined ? unread : loginOf(picked);
      if (now === undefined || (then !== undefined && (picked === undefined || isSame(picked, then)))) continue;
      const id = JSON.stringify([namespace, owner, reference, now.secret, then?.secret]);
      const before = changed.get(id)?.by ?? [];
      const unless = isNodeRegistry(parsed.registry)
        ? 'node'
        : isPublicRegistry(parsed.registry)
          ? 'public'
          : undefined;
      changed.set(id, {
        namespace,
        owner,
        by: before.includes(by) ? before : [...before, by],
        image: reference,
        now,
        ...outcome(then, picked === undefined || kept.unseen.length > 0),
        ...(then === undefined && unless !== undefined && { unless }),
      });
    }
  }
  return { looked: owners.size, changed: [...changed.values()].sort(compare) };
}

const isSame = (a: PickedKey, b: PickedKey): boolean => a.secret === b.secret && a.entry === b.entry;

function outcome(then: PickedKey | undefined, isUnsure: boolean): Pick<WhatIf, 'then' | 'other'> {
  if (then !== undefined) return { then: 'another login', other: loginOf(then) };
  return { then: isUnsure ? 'unknown' : 'no login' };
}

const loginOf = ({ secret, entry }: PickedKey): Login => ({ secret, key: entry.key });

/** Pods as they are, and pods as they would be made now: a template without a list gets that of its ServiceAccount. */
function* pullers({ workloads, templates = [], scopes }: Seen) {
  for (const { namespace, owner, pullSecrets, images, isStatic } of workloads)
    if (!isStatic) yield { namespace, owner, names: pullSecrets, images, by: 'pods' as const };
  const accounts = new Map(
    scopes.flatMap(({ serviceAccounts }) =>
      serviceAccounts.map((account) => [`${account.namespace}/${account.name}`, account.pullSecrets ?? []] as const),
    ),
  );
  for (const { namespace, owner, serviceAccount, pullSecrets, images } of templates) {
    const names = pullSecrets.length > 0 ? pullSecrets : (accounts.get(`${namespace}/${serviceAccount}`) ?? []);
    yield { namespace, owner, names, images, by: 'template' as const };
  }
}

function goneSecrets({ scopes }: Seen, without: Without): (namespace: string, name: string) => boolean {
  if ('login' in without) return () => false;
  if ('secret' in without)
    return (namespace, name) =>
      name === without.secret && (without.namespace === undefined || namespace === without.namespace);
  const copies = new Set(
    scopes.flatMap((scope) =>
      [...scope.copies.values()]
        .filter(({ ours, source }) => ours && source === without.source)
        .map(({ namespace, name }) => `${namespace}/${name}`),
    ),
  );
  return (namespace, name) => copies.has(`${namespace}/${name}`);
}

function revokedLogins({ sources }: Seen, without: Without): (entry: PullEntry) => boolean {
  if (!('login' in without)) return () => false;
  const host = registryHost(without.login);
  const revoked = new Set(
    sources.flatMap(({ content, written }) =>
      [...(content?.entries ?? []), ...(written?.entries ?? [])]
        .filter(({ key }) => registryHost(key) === host)
        .map(({ login }) => login),
    ),
  );
  return ({ key, login }) => registryHost(key) === host && revoked.has(login);
}

function compare(a: WhatIf, b: WhatIf): number {
  const id = ({ namespace, owner, image }: WhatIf): string => [namespace, owner.kind, owner.name, image].join('\0');
  return id(a) < id(b) ? -1 : 1;
}
