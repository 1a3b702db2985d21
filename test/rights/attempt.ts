/** One thing that somebody with the controller's token could try. */
import { SERVICE_ACCOUNT } from './cluster.ts';

export interface Attempt {
  readonly verb: string;
  /** The object, for people. */
  readonly on: string;
  /** What was tried, for people. */
  readonly tried: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  /** An administrator may get another answer than "done", because something else than a right is missing here. */
  readonly loose?: boolean;
}

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const APPLY = 'application/apply-patch+yaml';

/** Nothing is stored, so that attempts do not depend on each other. */
const dry = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}dryRun=All`;

type Rest = Pick<Attempt, 'headers' | 'loose'>;

export const get = (on: string, tried: string, path: string, rest: Rest = {}): Attempt => ({
  ...{ verb: 'get', on, tried, method: 'GET', path, ...rest },
});
export const list = (on: string, tried: string, path: string): Attempt => ({
  ...{ verb: 'list', on, tried, method: 'GET', path },
});
export const watch = (on: string, tried: string, path: string): Attempt => ({
  ...{ verb: 'watch', on, tried, method: 'GET' },
  path: `${path}${path.includes('?') ? '&' : '?'}watch=true&timeoutSeconds=1`,
});
export const create = (on: string, tried: string, path: string, body: unknown, rest: Rest = {}): Attempt => ({
  ...{ verb: 'create', on, tried, method: 'POST', path: dry(path), body, ...rest },
});
export const update = (on: string, tried: string, path: string, body: unknown, rest: Rest = {}): Attempt => ({
  ...{ verb: 'update', on, tried, method: 'PUT', path: dry(path), body, ...rest },
});
export const patch = (on: string, tried: string, path: string, body: unknown, rest: Rest = {}): Attempt => ({
  ...{
    verb: 'patch',
    on,
    tried,
    method: 'PATCH',
    path: dry(path),
    body,
    type: Array.isArray(body) ? JSON_PATCH : MERGE,
  },
  ...rest,
});
export const apply = (on: string, tried: string, path: string, body: unknown): Attempt => ({
  ...{ verb: 'apply', on, tried, method: 'PATCH', body, type: APPLY },
  path: dry(`${path}?fieldManager=pullpass&force=true`),
});
export const remove = (on: string, tried: string, path: string, rest: Rest = {}): Attempt => ({
  ...{ verb: 'delete', on, tried, method: 'DELETE', path: dry(path), ...rest },
});
export const removeAll = (on: string, tried: string, path: string): Attempt => ({
  ...{ verb: 'deletecollection', on, tried, method: 'DELETE', path: dry(path) },
});
export const connect = (on: string, tried: string, path: string): Attempt => ({
  ...{ verb: 'connect', on, tried, method: 'POST', path, loose: true },
});
export const impersonate = (who: string, headers: Record<string, string>): Attempt => ({
  ...{ verb: 'impersonate', on: who, tried: 'ask anything as it', method: 'GET', path: '/api/v1', headers },
});

/** A reference to the controller's own ServiceAccount, as a subject of a binding. */
export const SELF = { kind: 'ServiceAccount', ...SERVICE_ACCOUNT };
