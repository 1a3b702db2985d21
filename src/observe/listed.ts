/** The list of namespaces (`--namespaces`) that a controller remembers, and the one that somebody gives. */
import { plural, some } from '../text.ts';
import type { State } from './state.ts';

type List = readonly string[] | undefined;

/** How the controller's list, as it saved it, differs from `given`; undefined: it does not, or there is no saved state. */
export function otherList(
  { state, remembered }: { readonly state: Pick<State, 'namespaces'>; readonly remembered: boolean },
  given: List,
): string | undefined {
  const saved = state.namespaces();
  if (!remembered || sameList(saved, given)) return undefined;
  return `the controller looks after ${wordsOf(saved)}, and this is about ${wordsOf(given)}`;
}

const sameList = (a: List, b: List): boolean =>
  JSON.stringify(a && [...a].sort()) === JSON.stringify(b && [...b].sort());

const wordsOf = (list: List): string =>
  list === undefined
    ? 'the whole cluster'
    : `${plural(list.length, 'namespace')} (--namespaces ${some([...list].sort(), 5)})`;
