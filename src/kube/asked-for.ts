/**
 * What the server sends is compared with what it was asked for: a gateway in between may ignore a selector or a path, and
 * an object of others must enter no store and no list.
 */
import type { ApiObject, Selector } from './objects.ts';

/** Longest name of an object, as the API has it. */
const MAX_NAME = 253;
/** Longest resourceVersion that is kept. */
const MAX_VERSION = 64;

export interface AskedFor {
  /** It belongs to the collection: its kind, its namespace and, if one was asked for, its name. */
  isOfCollection(object: ApiObject): boolean;
  /** Labels and other fields match, too. An object that stops matching has left, as if it had been deleted. */
  isSelected(object: ApiObject): boolean;
}

export function askedFor({ path, fieldSelector, labelSelector }: Selector): AskedFor {
  const parts = path.split('/').filter((part) => part !== '');
  const resource = parts.at(-1) ?? '';
  const namespace = parts.at(-3) === 'namespaces' ? decodeURIComponent(parts.at(-2) ?? '') : undefined;
  const fields = termsOf(fieldSelector);
  const identity = fields.filter(({ key }) => key === 'metadata.name' || key === 'metadata.namespace');
  const others = fields.filter((term) => !identity.includes(term));
  const labels = termsOf(labelSelector);
  return {
    isOfCollection: (object) =>
      (namespace === undefined || object.metadata.namespace === namespace) &&
      isOfKind(object, parts[0] === 'api' ? resource : undefined) &&
      identity.every((term) => holds(term, fieldOf(object, term.key) ?? '')),
    isSelected: (object) =>
      labels.every((term) => holds(term, object.metadata.labels?.[term.key])) &&
      // Metadata alone does not show other fields.
      others.every((term) => fieldOf(object, term.key) === undefined || holds(term, fieldOf(object, term.key))),
  };
}

/** Whether it can be kept at all: it has a name and a version, and neither is longer than the API allows. */
export function isObject(value: unknown): value is ApiObject {
  const metadata = metadataOf(value);
  if (metadata === undefined) return false;
  const { name, namespace, resourceVersion } = metadata;
  return (
    isText(name, MAX_NAME) &&
    name !== '' &&
    (namespace === undefined || isText(namespace, MAX_NAME)) &&
    (resourceVersion === undefined || isText(resourceVersion, MAX_VERSION))
  );
}

/** A bookmark has no name; what counts is its version. */
export function isBookmark(value: unknown): value is ApiObject {
  const metadata = metadataOf(value);
  return metadata !== undefined && isText(metadata['resourceVersion'] ?? '', MAX_VERSION);
}

function metadataOf(value: unknown): Record<string, unknown> | undefined {
  const { metadata } = (typeof value === 'object' && value !== null ? value : {}) as { metadata?: unknown };
  return typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>) : undefined;
}

const isText = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && value.length <= longest;

/** Objects of a list have no kind. In the core API the plural of each kind that is asked for ends in "s". */
function isOfKind(object: ApiObject & { kind?: unknown }, resource: string | undefined): boolean {
  const { kind } = object;
  if (resource === undefined || typeof kind !== 'string' || kind === 'PartialObjectMetadata') return true;
  return `${kind.toLowerCase()}s` === resource;
}

interface Term {
  readonly key: string;
  /** Undefined: any value. */
  readonly value: string | undefined;
  readonly not: boolean;
}

/** `a=b`, `a!=b`, `a` and `!a`. The other forms are left to the server. */
function termsOf(selector = ''): Term[] {
  if (/[()]/.test(selector)) return [];
  return selector.split(',').flatMap((term) => {
    const [, absent, key, not, value] = /^(!?)([\w./-]+)(?:(!?)==?([^=]*))?$/.exec(term.trim()) ?? [];
    return key === undefined ? [] : [{ key, value, not: absent === '!' || not === '!' }];
  });
}

function holds({ value, not }: Term, found: string | undefined): boolean {
  const same = value === undefined ? found !== undefined : found === value;
  return same !== not;
}

function fieldOf(object: ApiObject, path: string): string | undefined {
  let value: unknown = object;
  for (const key of path.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}
