/** What the sandbox must know about a kind. A new kind is one value of this type in the table (`index.ts`). */
import type { JsonObject, KubeObject } from '../json.ts';
import type { StructShape } from '../schema/shape.ts';
import type { GroupResource } from '../status.ts';
import type { FieldError } from '../validation/field-error.ts';
import { subdomain, type NameRule } from '../validation/names.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

const VERBS: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'date';
  readonly format?: string;
  /** 1: shown by `-o wide` only. */
  readonly priority?: number;
  readonly cell: (object: KubeObject) => string | number;
}

export interface Subresource {
  readonly name: 'status' | 'token' | 'finalize' | 'eviction';
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly Verb[];
}

/** The answer to a POST of a kind that is not stored, such as SubjectAccessReview. */
export type Review =
  'SelfSubjectAccessReview' | 'SubjectAccessReview' | 'LocalSubjectAccessReview' | 'SelfSubjectReview' | 'TokenReview';

export interface Kind extends GroupResource {
  readonly version: string;
  readonly kind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources: readonly Subresource[];
  readonly shape: StructShape;
  readonly nameRule: NameRule;
  readonly columns: readonly Column[];
  /** Shown behind the age. */
  readonly wideColumns: readonly Column[];
  /** These columns are all there is: no name before them and no age behind them. */
  readonly onlyColumns: boolean;
  /** Field selectors beyond `metadata.name` and `metadata.namespace`, and their values. */
  readonly fields: { readonly [selector: string]: (object: KubeObject) => string };
  /** Fills in what the server fills in on create and, where it repeats itself, on update. */
  readonly defaults?: (object: KubeObject) => void;
  /** Runs on create only, after the defaults; may drop fields that clients may not set. */
  readonly prepareCreate?: (object: KubeObject) => void;
  /** Runs on update, before validation; carries over what clients may not change. */
  readonly prepareUpdate?: (object: KubeObject, old: KubeObject) => void;
  readonly validate?: (object: KubeObject) => FieldError[];
  readonly validateCreate?: (object: KubeObject) => FieldError[];
  readonly validateUpdate?: (object: KubeObject, old: KubeObject) => FieldError[];
  /** `metadata.generation` counts changes of the spec. */
  readonly generation: boolean;
  /** A PUT must name a resourceVersion. */
  readonly conditionalUpdate: boolean;
  /** A PUT of a name that is not there creates it. */
  readonly createOnUpdate: boolean;
  /** The answer to a DELETE is the object, not a Status. */
  readonly returnsDeleted: boolean;
  /** Answered, not stored. */
  readonly review?: Review;
  /** Kinds that are two views of one stored object name the same storage; the stored form is the other one's. */
  readonly storage: string;
  readonly toStored?: (object: KubeObject) => KubeObject;
  readonly fromStored?: (object: JsonObject) => KubeObject;
  /** The group that validation errors name, where it is not the kind's own. */
  readonly errorGroup: string;
}

type Given = Pick<Kind, 'version' | 'kind' | 'resource' | 'shape'> & Partial<Kind>;

export function defineKind(given: Given): Kind {
  const group = given.group ?? '';
  return {
    group,
    singular: given.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: VERBS,
    subresources: [],
    nameRule: subdomain,
    columns: [],
    wideColumns: [],
    onlyColumns: false,
    fields: {},
    generation: false,
    conditionalUpdate: false,
    createOnUpdate: false,
    returnsDeleted: false,
    storage: `${group}/${given.resource}`,
    errorGroup: group,
    ...given,
  };
}

export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}
