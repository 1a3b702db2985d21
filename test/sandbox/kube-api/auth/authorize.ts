/** RBAC with the roles and bindings in the store. */
import { at, textAt, type Json, type KubeObject } from '../json.ts';
import type { Store } from '../store/store.ts';
import { ApiError } from '../status.ts';
import { MASTERS, type User } from './user.ts';

const RBAC = 'rbac.authorization.k8s.io';

export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** Empty for create and for lists, except for lists and watches with `fieldSelector=metadata.name=<name>`. */
  readonly name: string;
}

export interface PathAttributes {
  readonly verb: string;
  readonly path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

export interface Decision {
  readonly allowed: boolean;
  /** What the authorizer has to say: problems with bindings on a refusal, the rule's origin on an approval. */
  readonly reason: string;
}

export function authorize(store: Store, user: User, attributes: Attributes): Decision {
  if (user.groups.includes(MASTERS)) return { allowed: true, reason: '' };
  const problems: string[] = [];
  const namespace = 'resource' in attributes ? attributes.namespace : '';
  const bindings = [
    ...store.list(`${RBAC}/clusterrolebindings`),
    ...(namespace === '' ? [] : store.list(`${RBAC}/rolebindings`, namespace)),
  ];
  for (const binding of bindings) {
    const subject = list(binding, 'subjects').find((candidate) =>
      appliesTo(candidate, user, binding.metadata.namespace ?? ''),
    );
    if (subject === undefined) continue;
    const role = roleOf(store, binding);
    if (!role) {
      const kind = textAt(binding, 'roleRef', 'kind');
      problems.push(`${kind.toLowerCase()}.${RBAC} "${textAt(binding, 'roleRef', 'name')}" not found`);
      continue;
    }
    if (list(role, 'rules').some((rule) => ruleAllows(rule, attributes)))
      return { allowed: true, reason: origin(binding, subject) };
  }
  return {
    allowed: false,
    reason: problems.length === 0 ? '' : `RBAC: ${problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`}`,
  };
}

function origin(binding: KubeObject, subject: Json): string {
  const { name, namespace } = binding.metadata;
  const role = `${textAt(binding, 'roleRef', 'kind')} "${textAt(binding, 'roleRef', 'name')}"`;
  const kind = textAt(subject, 'kind');
  const who =
    kind === 'ServiceAccount'
      ? `"${textAt(subject, 'name')}/${textAt(subject, 'namespace')}"`
      : `"${textAt(subject, 'name')}"`;
  return namespace === undefined
    ? `RBAC: allowed by ClusterRoleBinding "${name}" of ${role} to ${kind} ${who}`
    : `RBAC: allowed by RoleBinding "${name}/${namespace}" of ${role} to ${kind} ${who}`;
}

function appliesTo(subject: Json, user: User, bindingNamespace: string): boolean {
  const name = textAt(subject, 'name');
  switch (textAt(subject, 'kind')) {
    case 'User':
      return user.name === name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${textAt(subject, 'namespace') || bindingNamespace}:${name}`;
    default:
      return false;
  }
}

function roleOf(store: Store, binding: KubeObject): KubeObject | undefined {
  const name = textAt(binding, 'roleRef', 'name');
  if (textAt(binding, 'roleRef', 'kind') === 'ClusterRole') return store.get(`${RBAC}/clusterroles`, '', name);
  return store.get(`${RBAC}/roles`, binding.metadata.namespace ?? '', name);
}

function ruleAllows(rule: Json, attributes: Attributes): boolean {
  if (!matches(list(rule, 'verbs'), attributes.verb)) return false;
  if ('path' in attributes) {
    return list(rule, 'nonResourceURLs').some(
      (url) =>
        url === '*' ||
        url === attributes.path ||
        (typeof url === 'string' && url.endsWith('*') && attributes.path.startsWith(url.slice(0, -1))),
    );
  }
  const { group, resource, subresource, name } = attributes;
  if (!matches(list(rule, 'apiGroups'), group)) return false;
  const resources = list(rule, 'resources');
  const asked = subresource === '' ? resource : `${resource}/${subresource}`;
  if (!matches(resources, asked) && !(subresource !== '' && resources.includes(`*/${subresource}`))) return false;
  // A rule limited to names never allows a request that names nothing: a plain create, or an open list.
  const names = list(rule, 'resourceNames');
  return names.length === 0 || names.includes(name);
}

function matches(allowed: readonly Json[], asked: string): boolean {
  return allowed.includes('*') || allowed.includes(asked);
}

function list(object: Json | undefined, field: string): readonly Json[] {
  const value = at(object, field);
  return Array.isArray(value) ? value : [];
}

/** The 403 of the API server. */
export function forbiddenBy(user: User, attributes: Attributes, reason: string): ApiError {
  const why = reason === '' ? '' : `: ${reason}`;
  if ('path' in attributes) {
    return new ApiError(
      403,
      'Forbidden',
      `forbidden: User "${user.name}" cannot ${attributes.verb} path "${attributes.path}"${why}`,
      {},
    );
  }
  const { verb, group, resource, subresource, namespace, name } = attributes;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const what = name === '' ? qualified : `${qualified} "${name}"`;
  const asked = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return new ApiError(
    403,
    'Forbidden',
    `${what} is forbidden: User "${user.name}" cannot ${verb} resource "${asked}" in API group "${group}" ${where}${why}`,
    {
      ...(name === '' ? {} : { name }),
      ...(group === '' ? {} : { group }),
      kind: resource,
    },
  );
}
