/**
 * Projects API objects to the few fields that are kept; all others are dropped. The API server bounds names, versions and label
 * values; everything else that a tenant decides is bounded here (`plan/bounds.ts`).
 */
import type { V1Secret, V1ServiceAccount } from '@kubernetes/client-node';
import {
  ANNOTATION_ADDED,
  ANNOTATION_ADOPT,
  ANNOTATION_CONFIRM_REMOVAL,
  ANNOTATION_EXPIRES_AT,
  ANNOTATION_PROVIDER,
  ANNOTATION_SERVICE_ACCOUNTS,
  ANNOTATION_SOURCES,
  ANNOTATION_SYNC,
  KEY_DOCKER_CONFIG_JSON,
  LABEL_INSTANCE,
  LABEL_SOURCE,
  MANAGER,
  NAMESPACE_ANNOTATIONS,
  OUR_PREFIX,
} from '../names.ts';
import { isReserved, metadataText } from '../config/copy-metadata.ts';
import { MAX_COPY_METADATA } from '../config/limits.ts';
import { ownerOf } from '../owner.ts';
import { isListable, MAX_ANNOTATION } from '../plan/bounds.ts';
import type { ObservedCopy, ObservedNamespace, ObservedServiceAccount } from '../plan/observed.ts';
import { addedTo } from '../plan/service-account.ts';
import { COPY_FIELDS, LIST_FIELDS, otherWriter, owns } from '../plan/writer.ts';
import type { ApiObject } from '../kube/list.ts';
import type { Stored } from '../kube/store.ts';
import { cut, cutList } from '../text.ts';

/** A source Secret, or the Secret of an alias's login: the only Secrets whose data is kept. */
export interface SourceSecret extends Stored {
  readonly namespace: string;
  readonly type: string;
  /** base64, as in the API. */
  readonly data: Readonly<Record<string, string>>;
  /** When its data was last written, in milliseconds since 1970; undefined where the server does not say. */
  readonly writtenAt?: number | undefined;
  /** In milliseconds since 1970; undefined where the server does not say. For reports only. */
  readonly createdAt?: number | undefined;
  /** Value of {@link ANNOTATION_CONFIRM_REMOVAL}. */
  readonly confirmed?: string | undefined;
  /** {@link ANNOTATION_EXPIRES_AT}. `renewed`: by `pullpass provider`, which writes it together with each login. */
  readonly expiresAt?:
    { readonly text: string; readonly writtenAt: number | undefined; readonly renewed: boolean } | undefined;
}

const NONE: ReadonlySet<string> = new Set();

/** `keys`: of the labels to keep. Tenants decide how many others there are. */
export function projectNamespace({ metadata }: ApiObject, keys = NONE): ObservedNamespace {
  const annotations = metadata.annotations ?? {};
  const labels = keys.size === 0 ? [] : Object.entries(metadata.labels ?? {}).filter(([key]) => keys.has(key));
  const strays = straysOf(metadata);
  return {
    ...identity(metadata),
    ...(labels.length > 0 && { labels: Object.fromEntries(labels) }),
    ...(strays.length > 0 && { strays }),
    terminating: metadata.deletionTimestamp !== undefined,
    sync: beginning(annotations[ANNOTATION_SYNC], MAX_WORD),
    sources: beginning(annotations[ANNOTATION_SOURCES], MAX_ANNOTATION),
    serviceAccounts: beginning(annotations[ANNOTATION_SERVICE_ACCOUNTS], MAX_ANNOTATION),
  };
}

export function projectServiceAccount({
  metadata,
  imagePullSecrets,
}: ApiObject & Pick<V1ServiceAccount, 'imagePullSecrets'>): ObservedServiceAccount {
  const annotations = metadata.annotations ?? {};
  const pullSecrets = imagePullSecrets?.map(({ name }) => name ?? '');
  const oversized = pullSecrets !== undefined && !isListable(pullSecrets);
  const added = beginning(annotations[ANNOTATION_ADDED], MAX_ANNOTATION);
  // Only where a reference was taken out: the managers of every ServiceAccount would be too much to keep.
  const isUndone = added !== undefined && !oversized && lacksOne(added, pullSecrets);
  const undoneBy = isUndone ? otherWriter(metadata, 'ServiceAccount', LIST_FIELDS) : undefined;
  return {
    namespace: metadata.namespace ?? '',
    ...identity(metadata),
    pullSecrets: oversized ? undefined : pullSecrets,
    ...(oversized && { oversized }),
    sync: beginning(annotations[ANNOTATION_SYNC], MAX_WORD),
    added,
    ...(undoneBy && { undoneBy }),
    annotated: metadata.annotations !== undefined,
  };
}

/** Keeps `digest` of the content instead of the content. `instance`: who asks, see `ownerOf`. */
export function projectCopy(
  { metadata, type, data, immutable }: ApiObject & Pick<V1Secret, 'type' | 'data' | 'immutable'>,
  { digest, instance }: { readonly digest: (base64: string) => string; readonly instance: string },
): ObservedCopy {
  const content = data?.[KEY_DOCKER_CONFIG_JSON];
  const owner = ownerOf(metadata, instance);
  const applied = owner === 'copy' ? appliedTo(metadata) : undefined;
  const { finalizers = [], managedFields = [], deletionTimestamp } = metadata;
  const undoneBy = owner === 'copy' ? otherWriter(metadata, 'Secret', COPY_FIELDS, { ownersOnly: true }) : undefined;
  return {
    namespace: metadata.namespace ?? '',
    ...identity(metadata),
    type: cut(type ?? '', MAX_WORD),
    ours: owner === 'copy',
    ...(owner !== 'copy' && owner !== 'nobody' && { other: owner }),
    source: metadata.labels?.[LABEL_SOURCE],
    instance: metadata.labels?.[LABEL_INSTANCE],
    adopt: metadata.annotations?.[ANNOTATION_ADOPT] === 'true',
    digest: content === undefined ? undefined : digest(content),
    ...(applied !== undefined && { metadata: cut(applied, MAX_COPY_METADATA + 1) }),
    writtenAt: writtenAt(metadata),
    ...(undoneBy && { undoneBy }),
    ...(immutable === true && { immutable }),
    ...(managedFields.length > 0 && managedFields.every(({ manager }) => manager !== MANAGER) && { handmade: true }),
    terminating: deletionTimestamp !== undefined,
    ...(deletionTimestamp !== undefined &&
      finalizers.length > 0 && { finalizers: cutList(finalizers, MAX_WORD, 2 * MAX_WORD) }),
  };
}

/**
 * The labels and annotations of a copy that Pullpass applied besides its own: the server keeps the record, in `managedFields`. What
 * others took away or changed is not among them.
 */
function appliedTo({ labels = {}, annotations = {}, managedFields = [] }: ApiObject['metadata']): string | undefined {
  // The usual case: the others are looked for in the record.
  if (Object.keys(labels).every(isReserved) && Object.keys(annotations).every(isReserved)) return undefined;
  const applied = managedFields.filter(({ manager, operation }) => manager === MANAGER && operation === 'Apply');
  const ours = (values: Readonly<Record<string, string>>, at: 'labels' | 'annotations') =>
    Object.fromEntries(
      Object.entries(values).filter(
        ([key]) => !isReserved(key) && applied.some(({ fieldsV1 }) => owns(fieldsV1, ['metadata', at, key])),
      ),
    );
  return metadataText({ labels: ours(labels, 'labels'), annotations: ours(annotations, 'annotations') });
}

/** Whether a name of the record is not in the list. */
function lacksOne(added: string, pullSecrets: readonly string[] | undefined): boolean {
  return [...addedTo({ added })].some((name) => pullSecrets?.includes(name) !== true);
}

export function projectSource({ metadata, type, data }: ApiObject & Pick<V1Secret, 'type' | 'data'>): SourceSecret {
  return {
    namespace: metadata.namespace ?? '',
    ...identity(metadata),
    type: type ?? '',
    data: data ?? {},
    writtenAt: writtenAt(metadata),
    createdAt: timeOf(metadata.creationTimestamp),
    confirmed: metadata.annotations?.[ANNOTATION_CONFIRM_REMOVAL],
    ...expiresAt(metadata),
  };
}

function expiresAt(metadata: ApiObject['metadata']): Pick<SourceSecret, 'expiresAt'> {
  const { [ANNOTATION_EXPIRES_AT]: text, [ANNOTATION_PROVIDER]: provider } = metadata.annotations ?? {};
  if (text === undefined) return {};
  const at = lastWrite(metadata, (fields) => fields['f:metadata']?.['f:annotations']?.[`f:${ANNOTATION_EXPIRES_AT}`]);
  return { expiresAt: { text: cut(text, MAX_WORD), writtenAt: at, renewed: provider !== undefined } };
}

/** Longer than any valid value. */
const MAX_WORD = 256;

/** Keeps one character more than counts, so that a longer text can be told. */
function beginning(text: string | undefined, counts: number): string | undefined {
  return text && cut(text, counts + 1);
}

/** Unknown annotations of ours, and annotations written as labels. Only a few: a tenant could write thousands. */
function straysOf({ annotations = {}, labels = {} }: ApiObject['metadata']): string[] {
  const misspelt = Object.keys(annotations).filter(
    (key) => key.startsWith(OUR_PREFIX) && !NAMESPACE_ANNOTATIONS.includes(key),
  );
  const labelled = Object.keys(labels)
    .filter((key) => NAMESPACE_ANNOTATIONS.includes(key))
    .map((key) => `label ${key}`);
  return [...misspelt, ...labelled].slice(0, 5);
}

function identity({ name, uid = '', resourceVersion = '' }: ApiObject['metadata']): {
  name: string;
  uid: string;
  resourceVersion: string;
} {
  return { name, uid, resourceVersion };
}

/** In milliseconds since 1970; undefined: absent, or no time. */
export function timeOf(text: string | undefined): number | undefined {
  const at = Date.parse(text ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** The latest time at which a field manager wrote `data`, from `managedFields`. */
const writtenAt = (metadata: ApiObject['metadata']): number | undefined =>
  lastWrite(metadata, (fields) => fields['f:data']);

/** As `fieldsV1` nests them. */
interface Fields {
  readonly [key: string]: Fields | undefined;
}

/** The latest time of a field manager that wrote what `select` finds. */
function lastWrite(
  { managedFields = [] }: ApiObject['metadata'],
  select: (fields: Fields) => Fields | undefined,
): number | undefined {
  let last: number | undefined;
  for (const { time, fieldsV1 } of managedFields) {
    if (time === undefined || fieldsV1 === undefined || select(fieldsV1 as Fields) === undefined) continue;
    const at = Date.parse(time);
    if (!Number.isNaN(at) && at > (last ?? -Infinity)) last = at;
  }
  return last;
}
