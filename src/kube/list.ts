/** Reads a whole collection in pages, so that neither side holds more than a page of full objects. */
import { ApiError, isGone } from './api-error.ts';
import type { KubeClient } from './client.ts';

/** The part of any API object that is read by all. */
export interface ApiObject {
  metadata: { name: string; namespace?: string; uid?: string; resourceVersion?: string; annotations?: Record<string, string>; labels?: Record<string, string>; deletionTimestamp?: string; managedFields?: { manager?: string; operation?: string; time?: string; fieldsV1?: Record<string, unknown> }[] };
}

/** Which objects, and how much of each. */
export interface Selector {
  /** Collection to list and watch, such as `/api/v1/serviceaccounts`. */
  path: string;
  fieldSelector?: string;
  /** Asks for objects as PartialObjectMetadata: what is not needed is not even sent. */
  metadataOnly?: boolean;
}

interface ApiList {
  metadata: { resourceVersion?: string; continue?: string };
  /** null: an empty list, as Go may write it. */
  items: ApiObject[] | null;
}

export const acceptList = (metadataOnly = false): string => (metadataOnly ? 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' : 'application/json');
export const acceptObject = (metadataOnly = false): string => (metadataOnly ? 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' : 'application/json');

/**
 * Resolves to the version that the list stands for, after `each` was called for every object. A continue token that
 * ran out (410) starts the list again: `restart` then lets go of what was read so far.
 */
export async function listPages(client: KubeClient, { path, fieldSelector, metadataOnly }: Selector, { pageSize = 500, signal, each, restart, onPage }: { pageSize?: number; signal?: AbortSignal; each: (object: ApiObject) => void; restart: () => void; onPage?: () => void }): Promise<string | undefined> {
  let token: string | undefined;
  for (let restarts = 0; ; ) {
    try {
      const page: ApiList = await client.get(path, { query: { fieldSelector, limit: pageSize, continue: token }, accept: acceptList(metadataOnly), signal });
      onPage?.();
      page.items?.forEach(each);
      token = page.metadata.continue || undefined;
      if (token === undefined) return page.metadata.resourceVersion;
    } catch (error) {
      if (!(error instanceof ApiError && isGone(error) && token !== undefined) || restarts++ >= 3) throw error;
      token = undefined;
      restart();
    }
  }
}
