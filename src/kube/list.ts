/** Reads a whole collection in pages, so that neither side holds more than a page of full objects, however large they are. */
import { oneTurn } from '../async/sleep.ts';
import { ApiError, isGone, TooLargeError, UnreachableError } from './api-error.ts';
import { askedFor, isObject } from './asked-for.ts';
import type { KubeClient } from './client.ts';
import { LazyItems, PageBuffers } from './lazy-list.ts';
import type { ApiObject, Selector } from './objects.ts';

export type { ApiObject, Selector };

interface ApiList {
  metadata: { resourceVersion?: string; continue?: string };
  /** null: an empty list, as Go may write it. */
  items: ApiObject[] | null;
}

const acceptList = (metadataOnly = false): string =>
  metadataOnly ? 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' : 'application/json';
export const acceptObject = (metadataOnly = false): string =>
  metadataOnly ? 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' : 'application/json';

/** A page of ordinary objects is far smaller. A page of 500 of the largest would be 750 MB, and several times that in memory. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/** Pods, and what has a template of them: ten kilobytes each, twenty times as much as others. */
const LARGE = /\/(?:pods|deployments|statefulsets|daemonsets|replicasets|jobs|cronjobs)$/;

/** More objects in one list than any cluster has: a server that never comes to an end must not fill the memory. */
const MOST_OBJECTS = 500_000;
/** So many pages in a row without an object are no progress. */
const MOST_EMPTY_PAGES = 100;

interface PagesOptions {
  /** Objects per page, at most; unless given, it depends on what they are. */
  pageSize?: number;
  signal?: AbortSignal;
  each: (object: ApiObject) => void;
  restart: () => void;
  onPage?: () => void;
}

/**
 * Resolves to the resourceVersion of the list, after `each` was called for every object. An expired continue token
 * (410) starts the list again: `restart` then drops what was read so far. A page that is too large is requested again
 * with fewer objects; after it, pages grow again. Objects that were not asked for are left out.
 */
export async function listPages(
  client: KubeClient,
  selector: Selector,
  { pageSize = LARGE.test(selector.path) ? 100 : 500, signal, each, restart, onPage }: PagesOptions,
): Promise<string | undefined> {
  const { path, fieldSelector, labelSelector, metadataOnly } = selector;
  const { isOfCollection, isSelected } = askedFor(selector);
  let token: string | undefined;
  let limit = pageSize;
  let objects = 0;
  let empty = 0;
  const ask = (): Promise<ApiList> =>
    client.get(path, {
      query: { fieldSelector, labelSelector, limit, continue: token },
      accept: acceptList(metadataOnly),
      signal,
      // A page of one object cannot get smaller: only the client's limit applies.
      maxBytes: limit > 1 ? MAX_PAGE_BYTES : undefined,
      into,
    });
  const into = new PageBuffers();
  let asked: Promise<ApiList> | undefined;
  for (let restarts = 0; ;) {
    try {
      const page = await (asked ?? ask());
      asked = undefined;
      const items = itemsOf(page, path);
      onPage?.();
      limit = Math.min(pageSize, limit * 2);
      objects += items.length;
      empty = items.length === 0 ? empty + 1 : 0;
      if (objects > MOST_OBJECTS) throw new UnreachableError(`GET ${path}: more than ${MOST_OBJECTS} objects`);
      const next = page.metadata.continue || undefined;
      if (next !== undefined) {
        if (next === token || empty > MOST_EMPTY_PAGES)
          throw new UnreachableError(`GET ${path}: the pages of the list lead nowhere`);
        token = next;
        // The server makes the next page while this one is worked on.
        asked = ask();
        asked.catch(() => undefined);
        await oneTurn();
      }
      for (const item of objectsOf(items, path)) if (isOfCollection(item) && isSelected(item)) each(item);
      if (items instanceof LazyItems) items[Symbol.dispose]();
      if (next === undefined) return page.metadata.resourceVersion;
    } catch (error) {
      asked = undefined;
      if (error instanceof TooLargeError && limit > 1) {
        limit = Math.ceil(limit / 4);
        continue;
      }
      if (!(error instanceof ApiError && isGone(error) && token !== undefined) || restarts++ >= 3) throw error;
      token = undefined;
      objects = 0;
      restart();
    }
  }
}

/** The version of the collection now; undefined: the server does not say. */
export async function newestVersion(
  client: KubeClient,
  { path, fieldSelector, labelSelector }: Selector,
  signal: AbortSignal,
): Promise<string | undefined> {
  const query = { fieldSelector, labelSelector, limit: 1 };
  const accept = acceptList(true);
  const page: Partial<ApiList> | null = await client.get(path, { query, accept, signal });
  const found: unknown = page?.metadata?.resourceVersion;
  return typeof found === 'string' ? found : undefined;
}

/** A gateway may answer 200 with anything. */
function itemsOf(page: unknown, path: string): readonly unknown[] | LazyItems {
  const { metadata, items } = (page ?? {}) as { metadata?: unknown; items?: unknown };
  const found: unknown = items ?? [];
  if (typeof metadata !== 'object' || metadata === null || !(Array.isArray(found) || found instanceof LazyItems))
    throw new UnreachableError(`GET ${path}: the answer is no list`);
  return found;
}

function* objectsOf(items: Iterable<unknown>, path: string): Generator<ApiObject> {
  try {
    for (const item of items) {
      if (!isObject(item)) throw new UnreachableError(`GET ${path}: an object of the list has no name`);
      yield item;
    }
  } catch (error) {
    // JSON.parse quotes the text that it could not parse, and the text can be a Secret.
    if (error instanceof SyntaxError) throw new UnreachableError(`GET ${path}: an object of the list is not JSON`);
    throw error;
  }
}
