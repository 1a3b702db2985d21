/** Which namespaces a rule of Kyverno is about, as far as names and labels say it. */
import type { LabelSelector } from '../config/label-selector.ts';
import { listOf, objectOf, stringOf } from './json.ts';
import type { Json } from './json.ts';
import type { Reach } from './model.ts';
import { sameGlob } from './patterns.ts';
import { knownSelector } from './selectors.ts';

/** `match` of any number of forms: names and labels of namespaces are understood, all else is not. */
export function reachOf(match: Json, exclude: Json, isPlain: boolean, cannot: (why: string) => void): Reach {
  const [into, out] = [filtersOf(match), filtersOf(exclude)];
  const [first, ...others] = into ?? [];
  if (!isPlain || first === undefined || out === undefined || out.some((each) => each.names.length === 0)) {
    cannot('more than names and labels of namespaces says where it applies');
    return { allow: undefined, deny: [] };
  }
  // Alternatives are "or", and the selector of a source is "and". What is excluded is too.
  if (out.some(({ labels }) => labels !== undefined) || (into?.some(({ labels }) => labels) && others.length > 0)) {
    cannot('labels of namespaces are one of several conditions');
    return { allow: undefined, deny: [] };
  }
  return {
    allow: into?.some(({ names }) => names.length === 0) ? ['*'] : (into ?? []).flatMap(({ names }) => names),
    deny: out.flatMap(({ names }) => names),
    ...(first.labels !== undefined && { selector: first.labels }),
  };
}

interface Filter {
  /** Globs; empty: all. */
  readonly names: readonly string[];
  readonly labels: LabelSelector | undefined;
}

/** One for each alternative. undefined: something else counts, too. */
function filtersOf(part: Json): Filter[] | undefined {
  const all = listOf(part['all']);
  const filters =
    part['any'] !== undefined
      ? listOf(part['any'])
      : all.length > 0
        ? all
        : part['resources'] !== undefined
          ? [part]
          : [];
  if (all.length > 1) return undefined;
  const read = filters.map((filter): Filter | undefined => {
    const { resources, ...others } = objectOf(filter);
    // Not `namespaceSelector`: Kyverno never applies a rule with it to a Namespace.
    const { kinds, names, name, namespaces, operations, selector, ...more } = objectOf(resources);
    const isNamespaces = listOf(kinds).every((kind) => kind === 'Namespace' || kind === 'v1/Namespace');
    // Of these lists, each must have it.
    const lists = [listOf(names), listOf(namespaces), name === undefined ? [] : [name]].filter(
      ({ length }) => length > 0,
    );
    const labels = knownSelector(selector);
    if (
      !isNamespaces ||
      lists.length > 1 ||
      (selector !== undefined && labels === undefined) ||
      Object.keys(others).length > 0 ||
      Object.keys(more).length > 0 ||
      (operations !== undefined && !listOf(operations).includes('CREATE'))
    )
      return undefined;
    const patterns = lists.flat();
    const globs = patterns.flatMap((pattern) => sameGlob(stringOf(pattern) ?? '') ?? []);
    return globs.length === patterns.length ? { names: globs, labels } : undefined;
  });
  return read.every((filter) => filter !== undefined) ? read : undefined;
}
