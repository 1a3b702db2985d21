/** Reads a whole collection in pages, so that neither side holds more than a page of full objects, however large they are. */
import { ApiError, isGone, TooLargeError } from './api-error.ts';
import type { KubeClient } from './client.ts';

/** The part that all API objects have in common. */
export interface ApiObject {
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    creationTimestamp?: string;
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
    managedFields?: { manager?: string; operation?: string; time?: string; fieldsV1?: Record<string, unknown> }[];
  };
}

/** Which objects, and how much of each. */
export interface Selector {
  /** Collection to list and watch, such as `/api/v1/serviceaccounts`. */
  path: string;
  fieldSelector?: string;
  labelSelector?: string;
  /** Asks for PartialObjectMetadata: the server sends metadata only. */
  metadataOnly?: boolean;
}

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

interface PagesOptions {
  /** Objects per page, at most. */
  pageSize?: number;
  signal?: AbortSignal;
  each: (object: ApiObject) => void;
  restart: () => void;
  onPage?: () => void;
}

/**
 * Resolves to the resourceVersion of the list, after `each` was called for every object. An expired continue token
 * (410) starts the list again: `restart` then drops what was read so far. A page that is too large is requested again
 * with fewer objects; after it, pages grow again.
 */
export async function listPages(
  client: KubeClient,
  { path, fieldSelector, labelSelector, metadataOnly }: Selector,
  { pageSize = 500, signal, each, restart, onPage }: PagesOptions,
): Promise<string | undefined> {
  let token: string | undefined;
  let limit = pageSize;
  for (let restarts = 0; ;) {
    try {
      // A page of one object cannot get smaller: only the client's limit applies.
      const page: ApiList = await client.get(path, {
        query: { fieldSelector, labelSelector, limit, continue: token },
        accept: acceptList(metadataOnly),
        signal,
        maxBytes: limit > 1 ? MAX_PAGE_BYTES : undefined,
      });
      onPage?.();
      limit = Math.min(pageSize, limit * 2);
      page.items?.forEach(each);
      token = page.metadata.continue || undefined;
      if (token === undefined) return page.metadata.resourceVersion;
    } catch (error) {
      if (error instanceof TooLargeError && limit > 1) {
        limit = Math.ceil(limit / 4);
        continue;
      }
      if (!(error instanceof ApiError && isGone(error) && token !== undefined) || restarts++ >= 3) throw error;
      token = undefined;
      restart();
    }
  }
}
