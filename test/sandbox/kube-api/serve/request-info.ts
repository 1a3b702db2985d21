/** What a URL and a method request: the API server's `RequestInfo`. */
import { parseRequirements } from '../selectors/field-selector.ts';

export interface RequestInfo {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Undefined for everything that is not below `/api/<version>` or `/apis/<group>/<version>`. */
  readonly resource: ResourceInfo | undefined;
  /** The Kubernetes verb, or the lower-case method for other paths. */
  readonly verb: string;
}

export interface ResourceInfo {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Path parts behind the subresource: there is nothing here that has any. */
  readonly rest: readonly string[];
}

const VERBS: { readonly [method: string]: string } = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const NAMESPACE_SUBRESOURCES = ['status', 'finalize'];

export function parseRequest(method: string, url: string): RequestInfo {
  const { pathname, searchParams: query } = new URL(url, 'https://localhost');
  const parts = pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const other: RequestInfo = { method, path: pathname, query, resource: undefined, verb: method.toLowerCase() };

  let [group, version, rest]: [string, string | undefined, string[]] = ['', undefined, []];
  if (parts[0] === 'api') [version, rest] = [parts[1], parts.slice(2)];
  else if (parts[0] === 'apis') [group, version, rest] = [parts[1] ?? '', parts[2], parts.slice(3)];
  if (version === undefined || rest.length === 0) return other;

  let verb = VERBS[method] ?? method.toLowerCase();
  if (rest[0] === 'watch' && rest.length > 1) {
    verb = 'watch';
    rest = rest.slice(1);
  }
  let namespace = '';
  if (rest[0] === 'namespaces' && rest[1] !== undefined) {
    namespace = rest[1];
    // `namespaces/x/secrets` is about secrets; `namespaces/x` and `namespaces/x/status` are about the namespace.
    if (rest.length > 2 && !NAMESPACE_SUBRESOURCES.includes(rest[2] ?? '')) rest = rest.slice(2);
  }
  const [resource = '', pathName = '', subresource = '', ...more] = rest;
  // A namespace is cluster-scoped, yet RBAC sees a request for one as a request in it.
  let name = pathName;
  if (name === '' && verb === 'get') verb = truthy(query.get('watch')) ? 'watch' : 'list';
  else if (verb === 'get' && truthy(query.get('watch'))) verb = 'watch';
  if (name === '' && verb === 'delete') verb = 'deletecollection';
  if (name === '' && ['list', 'watch', 'deletecollection'].includes(verb))
    name = singleName(query.get('fieldSelector'));
  return {
    method,
    path: pathname,
    query,
    verb,
    resource: { group, version, resource, subresource, namespace, name, rest: more },
  };
}

/** A list of one name may be allowed by a rule that is limited to that name. */
function singleName(fieldSelector: string | null): string {
  if (fieldSelector === null) return '';
  try {
    return (
      parseRequirements(fieldSelector).find(({ path, negated }) => path === 'metadata.name' && !negated)?.value ?? ''
    );
  } catch {
    return '';
  }
}

export function truthy(value: string | null): boolean {
  return value !== null && !['false', '0'].includes(value.toLowerCase());
}
