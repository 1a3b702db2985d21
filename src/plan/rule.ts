/** A line of the table of rights, and how it is written there. */
import type { CacheProxyKind } from '../config/cache-proxies.ts';
import type { Verb } from './right.ts';
import { field, listsOf } from './references.ts';
import type { List, Path, Reference } from './references.ts';

/** A word; or what stands in a field, through a map; or the group of the `apiVersion` that stands there. */
export type Text =
  { readonly is: string } | (Reference & { readonly as?: Readonly<Record<string, string>>; readonly groupOf?: true });

/** The field is set, or not (`not`), or one of `in`. */
export type Condition = Reference & { readonly in?: readonly string[]; readonly not?: true };

/** A line of the table. It is repeated for each item of its lists, and left out where a field is missing that it takes a text from. */
export interface Rule {
  readonly lists: readonly List[];
  readonly when: readonly Condition[];
  readonly apiGroup: Text;
  readonly resource: Text;
  /** Absent: every object of the resource. */
  readonly name?: Text;
  /** Absent: in all namespaces, or the resource is cluster-scoped. */
  readonly namespace?: Text;
  readonly verbs: readonly Verb[];
  /** Completes the sentence "Pullpass needs this to ...". */
  readonly why: string;
}

type Word = string | Exclude<Text, { is: string }>;

/** A line as it is written above. */
export interface Line {
  /** Default: the core one. */
  readonly apiGroup?: Word;
  readonly resource: Word;
  readonly name?: Word;
  readonly namespace?: Word;
  readonly verbs: readonly Verb[];
  /** Only for cache proxies of these kinds. */
  readonly kinds?: readonly CacheProxyKind[];
  /** Only where all of these are set. */
  readonly when?: readonly Path[];
  readonly unless?: Path;
  /** Only where a field is one of these. */
  readonly where?: { readonly path: Path; readonly in: readonly string[] };
  readonly why: string;
}

export function right({
  apiGroup = '',
  resource,
  name,
  namespace,
  kinds,
  when = [],
  unless,
  where,
  verbs,
  why,
}: Line): Rule {
  const conditions: Condition[] = [
    ...(kinds === undefined ? [] : [{ ...field('cacheProxies.kind'), in: kinds }]),
    ...when.map(field),
    ...(where === undefined ? [] : [{ ...field(where.path), in: where.in }]),
    ...(unless === undefined ? [] : [{ ...field(unless), not: true as const }]),
  ];
  const texts = {
    apiGroup: text(apiGroup),
    resource: text(resource),
    ...(name !== undefined && { name: text(name) }),
    ...(namespace !== undefined && { namespace: text(namespace) }),
  };
  const fields = [...conditions, ...Object.values(texts)].filter((each) => 'list' in each);
  return { why, lists: listsOf(fields), when: conditions, ...texts, verbs };
}

function text(word: Word): Text {
  return typeof word === 'string' ? { is: word } : word;
}
