/** A source of Pullpass for each spread, under names that nothing has yet. */
import { matchNames } from '../config/glob.ts';
import { selects, selectorText } from '../config/label-selector.ts';
import type { LabelSelector } from '../config/label-selector.ts';
import { LISTS } from '../config/limits.ts';
import { agree, cut, plural, some } from '../text.ts';
import { commonLogins } from './make-source.ts';
import type { Place, Spread } from './model.ts';
import { at } from './observed.ts';
import type { Seen, SeenNamespace } from './observed.ts';
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
  const sources = spreads.map((spread): PlannedSource => {
    const old = spread.copies[0]?.name ?? 'login';
    const name = free(old.replaceAll('.', '-').slice(0, 50).replace(/-+$/, ''), (each) => taken.has(each));
    taken.add(name);
    const copyName = free(`pullpass-${name}`, (each) => seen.secretNames.has(each));
    const users = usersOf(seen, spread);
    const guard = guardOf(seen, spread, home, users);
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

/** The first of `name`, `name-2`, ... that nothing has. */
function free(name: string, isTaken: (name: string) => boolean): string {
  let candidate = name;
  for (let n = 2; isTaken(candidate); n++) candidate = `${name}-${n}`;
  return candidate;
}

interface Guard {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly selector?: LabelSelector;
  readonly byDefault: boolean;
  /** Namespaces that have a copy now, with the login of the source. */
  readonly members: readonly string[];
  readonly notes: readonly string[];
  readonly gaps: readonly string[];
}

/**
 * A tenant can mark any Secret of its own as a copy, and run something that looks like a tool. So a namespace is only let in by name
 * if it has the login already, and "every namespace" is only believed if most have it.
 */
function guardOf(seen: Seen, spread: Spread, home: string, users: Users): Guard {
  const { copies, reach } = spread;
  const all = namespacesOf(copies);
  const pulling = new Set([...users.accounts, ...users.templates, ...users.pods].map(({ namespace }) => namespace));
  const isDenied = matchNames(reach.deny);
  const strangers = strangersOf(seen, spread);
  const members = namespacesOf(copies.filter((copy) => !strangers.includes(copy)));
  const stuck = all.filter((name) => isDenied(name) && pulling.has(name));
  const outside = seen.namespaces.flatMap(({ name, annotations }) =>
    members.includes(name) && annotations['pullpass.dev/sync'] === 'disabled' ? [name] : [],
  );
  const gaps = [
    ...(strangers.length === 0
      ? []
      : [
          `${plural(strangers.length, 'copy', 'copies')}, such as ${at(strangers[0] ?? spread.copies[0] ?? NOWHERE)}, ` +
            `${agree(strangers.length, 'does', 'do')} not have the logins of the source: find out which are right before anybody opts in`,
        ]),
    ...(stuck.length === 0
      ? []
      : [`${some(stuck)}: excluded, and a copy is used there all the same: take it out of "deny", or keep that copy`]),
    ...(outside.length === 0
      ? []
      : [`${some(outside)}: says pullpass.dev/sync=disabled, and has a copy: it gets none of Pullpass`]),
  ];
  // What Pullpass denies by itself, unless the old way serves it.
  const usual = ['kube-*', home].filter((glob) => !members.some(matchNames([glob])));
  const wholeDeny = [...new Set([...reach.deny, ...usual])];
  const deny = wholeDeny.slice(0, LISTS.globs);
  if (wholeDeny.length > deny.length)
    gaps.push(
      `${wholeDeny.length} patterns are too many for "deny", and the last ones are left out: say them in fewer globs`,
    );
  const inside = members.filter((name) => !isDenied(name));
  const { allow: wanted, selector } = reach;
  if (wanted !== undefined) {
    const isWanted = matchNames(wanted);
    const isKeptOut = matchNames(deny);
    const fits = ({ name, labels }: SeenNamespace): boolean =>
      isWanted(name) && !isKeptOut(name) && (selector === undefined || selects(selector, labels));
    const admitted = seen.namespaces.filter(fits).map(({ name }) => name);
    const own = 'secret' in spread.origin ? spread.origin.secret.namespace : undefined;
    // Whoever owns the source decides what it says of itself, and can make "copies" beside it.
    const others = admitted.filter((name) => name !== own);
    const served = others.filter((name) => inside.includes(name));
    const unfit = inside.filter((name) => !admitted.includes(name));
    const said = [
      wanted.join() === '*' ? 'every namespace' : `namespaces ${some(wanted, 5)}`,
      ...(selector === undefined ? [] : [`with labels ${cut(selectorText(selector), 300)}`]),
    ].join(' ');
    if (served.length === 0 || served.length * 2 < others.length)
      gaps.push(
        `it is said to be for ${said}, and ${served.length} of ${others.length} have it: those that have it now are let in by name; ` +
          'if it is true, say so in "namespaces", with optInByDefault',
      );
    else if (selector !== undefined && unfit.length > 0)
      gaps.push(
        `it is said to be for ${said}, and ${some(unfit)} has it all the same: those that have it now are let in by name`,
      );
    else {
      const wholeAllow = [...wanted, ...unfit];
      const allow = wholeAllow.slice(0, LISTS.globs);
      if (wholeAllow.length > allow.length) gaps.push(tooMany('allow', wholeAllow));
      const has = new Set([...all, ...(own === undefined ? [] : [own])]);
      const more = admitted.filter((name) => !has.has(name));
      const notes = [
        ...(selector === undefined
          ? []
          : [
              `it is for ${said}, as before: also for those that get these labels later, so whoever may label a namespace decides`,
            ]),
        ...(more.length === 0
          ? []
          : [`${some(more, 5)}: admitted, and without a copy now: deny it if it is to have none`]),
      ];
      return {
        allow,
        deny,
        ...(selector !== undefined && { selector }),
        byDefault: true,
        members: inside,
        notes,
        gaps,
      };
    }
  }
  const isLong = inside.length > LISTS.globs;
  const notes = isLong
    ? [`${inside.length} namespaces are too many for "allow": every namespace may opt in; narrow it by globs`]
    : [];
  return { allow: isLong ? ['*'] : inside, deny, byDefault: false, members: inside, notes, gaps };
}

const tooMany = (list: string, patterns: readonly string[]): string =>
  `${patterns.length} patterns are too many for "${list}", and the last ones are left out: say them in fewer globs`;

const NOWHERE = { namespace: '', name: '' };

/** Copies without the logins of the source: not kept up, or not a copy at all. */
function strangersOf({ secrets }: Seen, { origin, copies }: Spread): Place[] {
  const logins = new Map(secrets.map((secret) => [at(secret), secret.logins]));
  const now =
    'secret' in origin
      ? logins.get(at(origin.secret))
      : commonLogins(copies.map((copy) => ({ logins: logins.get(at(copy)) })));
  return copies.filter((copy) => logins.get(at(copy)) !== now);
}
