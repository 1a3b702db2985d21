/** A source of Pullpass for each spread, under names that nothing has yet. */
import { matchNames } from '../config/glob.ts';
import { LISTS } from '../config/limits.ts';
import { plural, some } from '../text.ts';
import type { Place, Spread } from './model.ts';
import { at } from './observed.ts';
import type { Seen } from './observed.ts';
import { accountNames, namespacesOf, usersOf } from './users.ts';
import type { Users } from './users.ts';

export interface PlannedSource {
  readonly spread: Spread;
  readonly users: Users;
  /** As in the configuration; everything else has its default. */
  readonly source: {
    readonly name: string;
    readonly secret: Place;
    readonly copyName: string;
    readonly namespaces: { readonly allow: readonly string[]; readonly deny: readonly string[] };
    readonly optInByDefault?: true;
    readonly serviceAccounts: readonly string[];
  };
  /** To be annotated; empty where the source is for all that its guard admits. */
  readonly optIn: readonly string[];
}

export interface SourcesPlan {
  readonly sources: readonly PlannedSource[];
  readonly notes: readonly string[];
  readonly gaps: readonly string[];
}

/** `home`: namespace of the controller. */
export function planSources(seen: Seen, spreads: readonly Spread[], home: string): SourcesPlan {
  const notes: string[] = [];
  const gaps: string[] = [];
  const taken = new Set<string>();
  const sources = spreads.map((spread): PlannedSource => {
    const old = spread.copies[0]?.name ?? 'login';
    const name = free(old.replaceAll('.', '-').slice(0, 50).replace(/-+$/, ''), (each) => taken.has(each));
    taken.add(name);
    const copyName = free(`pullpass-${name}`, (each) => seen.secretNames.has(each));
    const users = usersOf(seen, spread);
    const guard = guardOf(seen, spread, home, users);
    notes.push(...guard.notes.map((note) => `source ${name}: ${note}`));
    gaps.push(...[...guard.gaps, ...differing(seen, spread)].map((gap) => `source ${name}: ${gap}`));
    const accounts = spread.accounts ?? accountNames(users);
    if (spread.accounts === undefined && accounts.length > 0 && accounts.join() !== 'default')
      notes.push(
        `source ${name}: ServiceAccounts ${some(accounts, 5)} get the reference in each of its namespaces; pullpass.dev/service-accounts on a namespace narrows that`,
      );
    return {
      spread,
      users,
      source: {
        name,
        secret: 'secret' in spread.origin ? spread.origin.secret : { namespace: home, name: `${copyName}-source` },
        copyName,
        namespaces: { allow: guard.allow, deny: guard.deny },
        ...(guard.byDefault && { optInByDefault: true as const }),
        serviceAccounts: accounts.length === 0 ? ['default'] : accounts.length > LISTS.globs ? ['*'] : accounts,
      },
      optIn: guard.byDefault ? [] : guard.members,
    };
  });
  return { sources, notes, gaps };
}

/** The first of `name`, `name-2`, ... that nothing has. */
function free(name: string, isTaken: (name: string) => boolean): string {
  let candidate = name;
  for (let n = 2; isTaken(candidate); n++) candidate = `${name}-${n}`;
  return candidate;
}

interface Guard {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly byDefault: boolean;
  /** Namespaces that have a copy now. */
  readonly members: readonly string[];
  readonly notes: readonly string[];
  readonly gaps: readonly string[];
}

function guardOf(seen: Seen, { copies, reach, origin }: Spread, home: string, users: Users): Guard {
  const members = namespacesOf(copies);
  const pulling = new Set([...users.accounts, ...users.templates, ...users.pods].map(({ namespace }) => namespace));
  const isDenied = matchNames(reach.deny);
  const stuck = members.filter((name) => isDenied(name) && pulling.has(name));
  const gaps =
    stuck.length === 0
      ? []
      : [
          `${some(stuck)} ${stuck.length === 1 ? 'is' : 'are'} excluded, and use a copy all the same: take them out of "deny", or keep that copy`,
        ];
  const outside = seen.namespaces.flatMap(({ name, annotations }) =>
    members.includes(name) && annotations['pullpass.dev/sync'] === 'disabled' ? [name] : [],
  );
  if (outside.length > 0)
    gaps.push(
      `${some(outside)} ${outside.length === 1 ? 'says' : 'say'} pullpass.dev/sync=disabled, and ${outside.length === 1 ? 'has' : 'have'} a copy: it gets none of Pullpass`,
    );
  // What Pullpass denies by itself, unless the old way serves it.
  const usual = ['kube-*', home].filter((glob) => !members.some(matchNames([glob])));
  const deny = [...new Set([...reach.deny, ...usual])].slice(0, LISTS.globs);
  if (reach.allow === undefined) {
    const inside = members.filter((name) => !isDenied(name));
    const isLong = inside.length > LISTS.globs;
    return {
      allow: isLong ? ['*'] : inside,
      deny,
      byDefault: false,
      members: inside,
      notes: isLong
        ? [
            `${plural(inside.length, 'namespace')} are too many for "allow": every namespace may opt in; narrow it by globs`,
          ]
        : [],
      gaps,
    };
  }
  const missed = members.filter((name) => !matchNames(reach.allow ?? [])(name) && !isDenied(name));
  const allow = [...reach.allow, ...missed].slice(0, LISTS.globs);
  const has = new Set([...members, ...('secret' in origin ? [origin.secret.namespace] : [])]);
  const admits = (name: string): boolean => matchNames(allow)(name) && !matchNames(deny)(name);
  const more = seen.namespaces.map(({ name }) => name).filter((name) => !has.has(name) && admits(name));
  const notes =
    more.length === 0
      ? []
      : [
          `${some(more, 5)} ${more.length === 1 ? 'matches' : 'match'}, and ${more.length === 1 ? 'has' : 'have'} no copy now: deny them if they are to have none`,
        ];
  return { allow, deny, byDefault: true, members, notes, gaps };
}

/** A copy that was not kept up: after the change its pods pull with another login than now. */
function differing({ secrets }: Seen, { origin, copies }: Spread): string[] {
  if (!('secret' in origin)) return [];
  const logins = new Map(secrets.map((secret) => [at(secret), secret.logins]));
  const now = logins.get(at(origin.secret));
  const others = copies.filter((copy) => logins.get(at(copy)) !== now);
  return others.length === 0
    ? []
    : [
        `${plural(others.length, 'copy', 'copies')}, such as ${at(others[0] ?? origin.secret)}, ${others.length === 1 ? 'does' : 'do'} not have the logins of ${at(origin.secret)}: find out which are right before anybody opts in`,
      ];
}
