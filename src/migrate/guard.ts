/** Which namespaces a planned source lets in. */
import { matchNames } from '../config/glob.ts';
import { selects, selectorText } from '../config/label-selector.ts';
import type { LabelSelector } from '../config/label-selector.ts';
import { LISTS } from '../config/limits.ts';
import { agree, cut, plural, some } from '../text.ts';
import { commonLogins } from './make-source.ts';
import type { Place, Spread } from './model.ts';
import { at } from './observed.ts';
import type { Seen } from './observed.ts';
import { namespacesOf } from './users.ts';
import type { Users } from './users.ts';

export interface Guard {
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
 * A tenant can mark any Secret of its own as a copy, and run something that looks like a tool. So of the namespaces that exist, only
 * those that have the login already are let in, and what is said of all others is only believed if most have it.
 * `home`: namespace of the controller.
 */
export function guardOf(seen: Seen, spread: Spread, home: string, users: Users): Guard {
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
  if (wholeDeny.length > deny.length) gaps.push(tooMany('deny', wholeDeny));
  const inside = members.filter((name) => !isDenied(name));
  if (reach.allow !== undefined) {
    const { guard, doubt } = openGuard(seen, spread, { allow: reach.allow, deny, inside });
    if (guard !== undefined) return { ...guard, members: inside, gaps };
    gaps.push(
      `${doubt}: those that have it now are let in by name; if it is true, say so in "namespaces", with optInByDefault`,
    );
  }
  const isLong = inside.length > LISTS.globs;
  const notes = isLong
    ? [`${inside.length} namespaces are too many for "allow": every namespace may opt in; narrow it by globs`]
    : [];
  return { allow: isLong ? ['*'] : inside, deny, byDefault: false, members: inside, notes, gaps };
}

/** For all that a tool says, also for namespaces that are made later; or why that is not believed. */
function openGuard(
  { namespaces }: Seen,
  { origin, reach: { selector } }: Spread,
  {
    allow,
    deny,
    inside,
  }: { readonly allow: readonly string[]; readonly deny: readonly string[]; readonly inside: readonly string[] },
): { readonly guard?: Omit<Guard, 'members' | 'gaps'>; readonly doubt?: string } {
  const [isAllowed, isKeptOut] = [matchNames(allow), matchNames(deny)];
  const admitted = namespaces
    .filter(
      ({ name, labels }) =>
        isAllowed(name) && !isKeptOut(name) && (selector === undefined || selects(selector, labels)),
    )
    .map(({ name }) => name);
  // Whoever owns the source decides what it says of itself, and can make "copies" beside it.
  const others = admitted.filter((name) => !('secret' in origin) || name !== origin.secret.namespace);
  const without = others.filter((name) => !inside.includes(name));
  const unfit = inside.filter((name) => !admitted.includes(name));
  const said = [
    allow.join() === '*' ? 'every namespace' : `namespaces ${some(allow, 5)}`,
    ...(selector === undefined ? [] : [`with labels ${cut(selectorText(selector), 300)}`]),
  ].join(' ');
  const served = others.length - without.length;
  if (served === 0 || served < without.length)
    return { doubt: `it is said to be for ${said}, and ${served} of ${others.length} have it` };
  if (selector !== undefined && unfit.length > 0)
    return {
      doubt: `it is said to be for ${said}, and ${some(unfit)} ${agree(unfit.length, 'has', 'have')} it without these`,
    };
  const lists = { allow: [...allow, ...unfit], deny: [...deny, ...without] };
  for (const list of ['allow', 'deny'] as const)
    if (lists[list].length > LISTS.globs) return { doubt: tooMany(list, lists[list]) };
  return {
    guard: {
      ...lists,
      ...(selector !== undefined && { selector }),
      byDefault: true,
      notes: [
        ...(selector === undefined
          ? []
          : [
              `it is for ${said}, as before: also for those that get these labels later, so whoever may label a namespace decides`,
            ]),
        ...(without.length === 0
          ? []
          : [`${some(without, 5)}: without a copy now, and so denied: take out of "deny" what is to have one`]),
      ],
    },
  };
}

const tooMany = (list: string, patterns: readonly string[]): string =>
  `${patterns.length} patterns are too many for "${list}": say them in fewer globs`;

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
