/** A source of Pullpass for each spread, under names that nothing has yet. */
import { LISTS } from '../config/limits.ts';
import { some } from '../text.ts';
import { guardOf } from './guard.ts';
import type { Guard } from './guard.ts';
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
    readonly namespaces: Pick<Guard, 'allow' | 'deny' | 'selector'>;
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
  const claims = Map.groupBy(
    spreads.flatMap(({ copies }) => copies.map(at)),
    (place) => place,
  );
  const isContested = ({ copies }: Spread): boolean => copies.some((copy) => (claims.get(at(copy))?.length ?? 0) > 1);
  // What serves most comes first: a tenant can make any number of others.
  const ranked = [...spreads].sort((a, b) => namespacesOf(b.copies).length - namespacesOf(a.copies).length);
  if (ranked.length > LISTS.sources)
    gaps.push(
      `${ranked.length} sources are too many for one configuration: those with the fewest namespaces are left out`,
    );
  const kept = new Set(ranked.slice(0, LISTS.sources));
  const sources = spreads
    .filter((each) => kept.has(each))
    .map((told): PlannedSource => {
      // One of them may be a tenant's: nobody's word counts.
      const spread = isContested(told) ? { ...told, reach: { ...told.reach, allow: undefined } } : told;
      const old = spread.copies[0]?.name ?? 'login';
      const name = free(old.replaceAll('.', '-').slice(0, 50).replace(/-+$/, ''), (each) => taken.has(each));
      taken.add(name);
      const copyName = free(`pullpass-${name}`, (each) => seen.secretNames.has(each));
      const users = usersOf(seen, spread);
      const guard = guardOf(seen, spread, home, users);
      if (spread !== told)
        gaps.push(
          `source ${name}: more than one claims its copies, such as ${at(told.copies[0] ?? NOWHERE)}: find out which is right, and drop the other source`,
        );
      notes.push(...guard.notes.map((note) => `source ${name}: ${note}`));
      gaps.push(...guard.gaps.map((gap) => `source ${name}: ${gap}`));
      const accounts = spread.accounts ?? accountNames(users);
      if (spread.accounts === undefined && accounts.length > 0 && accounts.join() !== 'default')
        notes.push(
          `source ${name}: ServiceAccounts ${some(accounts, 5)} get the reference in each of its namespaces; pullpass.dev/service-accounts narrows that`,
        );
      if (accounts.length > LISTS.globs)
        gaps.push(
          `source ${name}: ${accounts.length} ServiceAccounts are too many for "serviceAccounts": "*" stands for them; narrow it by globs`,
        );
      return {
        spread,
        users,
        source: {
          name,
          secret: 'secret' in spread.origin ? spread.origin.secret : { namespace: home, name: `${copyName}-source` },
          copyName,
          namespaces: {
            allow: guard.allow,
            deny: guard.deny,
            ...(guard.selector !== undefined && { selector: guard.selector }),
          },
          ...(guard.byDefault && { optInByDefault: true as const }),
          serviceAccounts: accounts.length === 0 ? ['default'] : accounts.length > LISTS.globs ? ['*'] : accounts,
        },
        optIn: guard.byDefault ? [] : guard.members,
      };
    });
  return { sources, notes, gaps };
}

const NOWHERE = { namespace: '', name: '' };

/** The first of `name`, `name-2`, ... that nothing has. */
function free(name: string, isTaken: (name: string) => boolean): string {
  let candidate = name;
  for (let n = 2; isTaken(candidate); n++) candidate = `${name}-${n}`;
  return candidate;
}
