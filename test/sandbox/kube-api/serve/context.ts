/** The input and the result of a handler. */
import type { Tokens } from '../auth/tokens.ts';
import type { User } from '../auth/user.ts';
import type { JsonObject, KubeObject } from '../json.ts';
import type { KindTable } from '../kinds/index.ts';
import type { Kind } from '../kinds/kind.ts';
import type { Store } from '../store/store.ts';
import type { ResourceInfo } from './request-info.ts';

export interface Cluster {
  readonly store: Store;
  readonly kinds: KindTable;
  readonly tokens: Tokens;
  readonly version: string;
  /** How often a watch with bookmarks gets one, in milliseconds. */
  readonly bookmarkInterval: number;
}

export interface Context {
  readonly cluster: Cluster;
  readonly kind: Kind;
  readonly resource: ResourceInfo;
  readonly query: URLSearchParams;
  readonly user: User;
  readonly userAgent: string;
  readonly contentType: string;
  readonly body: Buffer;
  /** Sent as `Warning` headers. */
  readonly warnings: string[];
}

export type Result =
  | { readonly type: 'object'; readonly code: number; readonly object: KubeObject }
  | { readonly type: 'list'; readonly metadata: JsonObject; readonly objects: readonly KubeObject[] }
  | { readonly type: 'raw'; readonly code: number; readonly object: JsonObject };

/** The current time, without fractions of a second, as in Kubernetes. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
