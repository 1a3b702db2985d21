/** The query parameters of lists and watches, checked as the API server checks them. */
import { ApiError, badRequest, internal, tooLargeResourceVersion } from '../status.ts';
import type { Context } from '../serve/context.ts';
import { truthy } from '../serve/request-info.ts';
import { check, forbiddenField, notSupported, type FieldError } from '../validation/field-error.ts';

export interface ListOptions {
  readonly limit: number;
  readonly continue: string;
  readonly resourceVersion: string;
  readonly match: '' | 'Exact' | 'NotOlderThan';
  readonly bookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** In seconds; 0 when the client named none. */
  readonly timeout: number;
}

export function listOptions({ query }: Context, watch: boolean): ListOptions {
  const resourceVersion = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const token = query.get('continue') ?? '';
  const given = query.get('sendInitialEvents');
  const sendInitialEvents = given === null ? undefined : truthy(given);
  const options = { limit: integer(query, 'limit'), timeout: integer(query, 'timeoutSeconds') };

  const errors: FieldError[] = [];
  const forbid = (field: string, why: string): number => errors.push(forbiddenField(field, why));
  if (watch) {
    if (sendInitialEvents !== undefined && match === '')
      forbid('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
    else if (match !== '' && sendInitialEvents === undefined)
      forbid(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    else if (sendInitialEvents !== undefined && match !== 'NotOlderThan')
      errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
    if (token !== '' && sendInitialEvents !== undefined)
      forbid('continue', 'watch with sendInitialEvents cannot be continued');
  } else {
    if (sendInitialEvents !== undefined) forbid('sendInitialEvents', 'sendInitialEvents is forbidden for list');
    if (match !== '') {
      if (resourceVersion === '')
        forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
      if (token !== '') forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
      if (match !== 'Exact' && match !== 'NotOlderThan')
        errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
      if (match === 'Exact' && resourceVersion === '0')
        forbid('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  check({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  return {
    ...options,
    continue: token,
    resourceVersion,
    match: match as ListOptions['match'],
    bookmarks: truthy(query.get('allowWatchBookmarks')),
    sendInitialEvents,
  };
}

function integer(query: URLSearchParams, key: string): number {
  const text = query.get(key);
  if (text === null || text === '') return 0;
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** The resourceVersion of a list: the same mistake gives 400 here, but 500 in a get or a watch. */
export function listedVersion(context: Pick<Context, 'cluster' | 'query'>): number {
  try {
    return resourceVersionOf(context);
  } catch (error) {
    throw error instanceof ApiError && error.code === 500
      ? badRequest(`invalid resource version: ${error.message}`)
      : error;
  }
}

/** The requested resourceVersion; 0: none. Refuses one that is no number or is in the future. */
export function resourceVersionOf({ cluster: { store }, query }: Pick<Context, 'cluster' | 'query'>): number {
  const version = parseVersion(query.get('resourceVersion') ?? '');
  if (version > store.revision) throw tooLargeResourceVersion(version, store.revision);
  return version;
}

export function parseVersion(text: string): number {
  if (text === '') return 0;
  if (!/^\d+$/.test(text)) throw invalidVersion(text);
  return Number(text);
}

function invalidVersion(text: string): ApiError {
  return internal(
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}
