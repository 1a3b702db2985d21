/** Lists: selectors, pages, and earlier states. */
import { parseFieldSelector } from '../selectors/field-selector.ts';
import { parseLabelSelector } from '../selectors/label-selector.ts';
import type { JsonObject, KubeObject } from '../json.ts';
import { ApiError, badRequest, expired } from '../status.ts';
import { keyOfObject } from '../store/bucket.ts';
import type { Context, Result } from '../serve/context.ts';
import { view } from '../serve/serialize.ts';
import { listedVersion, listOptions, type ListOptions } from './list-options.ts';

export type Selector = (object: KubeObject) => boolean;

/** Undefined: the request has no selector. */
export function selectorOf({ kind, query, resource }: Context): Selector | undefined {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  // `watch/namespaces/x/secrets/name` names its object in the path.
  const onlyName = resource.name !== '' && fields === '' ? resource.name : undefined;
  if (labels === '' && fields === '' && onlyName === undefined) return undefined;
  const byLabels = parseLabelSelector(labels);
  const byFields = parseFieldSelector(fields, kind);
  return (object) =>
    byLabels(object.metadata.labels) &&
    byFields.matches(object) &&
    (onlyName === undefined || object.metadata.name === onlyName);
}

/** All objects that match now. */
export function selectedObjects(context: Context): KubeObject[] {
  const {
    cluster: { store },
    kind,
    resource,
  } = context;
  const selector = selectorOf(context);
  const objects = store.list(kind.storage, kind.namespaced ? resource.namespace : '');
  return (selector ? objects.filter(selector) : objects).map((object) => view(kind, object));
}

export function list(context: Context): Result {
  const {
    cluster: { store },
    kind,
  } = context;
  const options = listOptions(context, false);
  const selector = selectorOf(context);
  const page = options.continue === '' ? firstPage(context, options) : nextPage(context, options);
  const matching = selector ? page.objects.filter(selector) : page.objects;

  // From the watch cache (resourceVersion=0) the real server answers in one piece, whatever the limit.
  const whole =
    options.limit <= 0 || (options.resourceVersion === '0' && options.match !== 'Exact' && options.continue === '');
  const objects = whole ? matching : matching.slice(0, options.limit);
  const left = matching.length - objects.length;
  const last = objects.at(-1);
  const metadata: JsonObject = {
    resourceVersion: String(page.revision === INCONSISTENT ? store.revision : page.revision),
    ...(left > 0 && last ? { continue: encodeToken(page.revision, keyOfObject(last)) } : {}),
    ...(left > 0 && !selector ? { remainingItemCount: left } : {}),
  };
  return { type: 'list', metadata, objects: objects.map((object) => view(kind, object)) };
}

interface Page {
  readonly objects: KubeObject[];
  readonly revision: number;
}

function firstPage(context: Context, options: ListOptions): Page {
  const {
    cluster: { store },
    kind,
    resource,
  } = context;
  const namespace = kind.namespaced ? resource.namespace : '';
  const asked = listedVersion(context);
  const exact = options.match === 'Exact' || (options.match === '' && options.limit > 0 && asked > 0);
  if (!exact) return { objects: store.list(kind.storage, namespace), revision: store.revision };
  const objects = store.listAt(asked, kind.storage, namespace);
  if (!objects) throw expired(`The resourceVersion for the provided list is too old.`);
  return { objects, revision: asked };
}

/** Asks for whatever is there now: the token of somebody whose snapshot is gone. */
const INCONSISTENT = -1;

function nextPage(context: Context, options: ListOptions): Page {
  const {
    cluster: { store },
    kind,
    resource,
  } = context;
  const namespace = kind.namespaced ? resource.namespace : '';
  const token = decodeToken(options.continue);
  if (options.resourceVersion !== '' && options.resourceVersion !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  const revision = token.revision === INCONSISTENT ? store.revision : token.revision;
  const objects = store.listAt(revision, kind.storage, namespace);
  if (!objects) throw expiredToken(encodeToken(INCONSISTENT, token.after));
  return { objects: objects.slice(firstAfter(objects, token.after)), revision };
}

function firstAfter(objects: readonly KubeObject[], key: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const object = objects[middle];
    if (object && keyOfObject(object) <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function encodeToken(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: `${after}\0` })).toString('base64url');
}

function decodeToken(token: string): { revision: number; after: string } {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as {
      v?: unknown;
      rv?: unknown;
      start?: unknown;
    };
    if (v !== 'meta.k8s.io/v1' || typeof rv !== 'number' || typeof start !== 'string') throw new Error('incomplete');
    return { revision: rv, after: start.replace(/\0$/, '') };
  } catch {
    throw badRequest(
      "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value",
    );
  }
}

export class ExpiredToken extends ApiError {
  readonly next: string;

  constructor(next: string) {
    super(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new ' +
        'list without the continue parameter, or use the continue token in this response to retrieve the ' +
        'remainder of the results. Continuing with the provided token results in an inconsistent list - ' +
        'objects that were created, modified, or deleted between the time the first chunk was returned and ' +
        'now may show up in the list.',
    );
    this.next = next;
  }

  override status(): JsonObject {
    return { ...super.status(), metadata: { continue: this.next } };
  }
}

function expiredToken(next: string): ApiError {
  return new ExpiredToken(next);
}
