/** The review APIs, such as SubjectAccessReview, SelfSubjectReview and TokenReview; and TokenRequest. */
import { authorize, type Attributes } from '../auth/authorize.ts';
import { ISSUER } from '../auth/tokens.ts';
import type { User } from '../auth/user.ts';
import { at, isObject, textAt, type Json, type JsonObject } from '../json.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { badRequest, notFound } from '../status.ts';
import { now, type Context, type Result } from '../serve/context.ts';
import { check, invalid, required } from '../validation/field-error.ts';
import { readObject, readBody } from './body.ts';

export function review(context: Context): Result {
  const { kind } = context;
  const object = readObject(context, kind, 'Ignore');
  if (kind.review?.endsWith('AccessReview')) checkSpec(kind, at(object, 'spec'));
  const answer = (status: JsonObject): Result => ({
    type: 'raw',
    code: 201,
    object: {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata: object.metadata,
      ...(at(object, 'spec') === undefined || kind.review === 'SelfSubjectReview' ? {} : { spec: at(object, 'spec') }),
      status,
    },
  });
  switch (kind.review) {
    case 'SelfSubjectReview':
      return answer({ userInfo: userInfo(context.user) });
    case 'TokenReview':
      return answer(reviewToken(context, at(object, 'spec')));
    case 'SelfSubjectAccessReview':
      return answer(reviewAccess(context, context.user, at(object, 'spec')));
    default:
      return answer(reviewAccess(context, subjectOf(at(object, 'spec')), at(object, 'spec')));
  }
}

function reviewAccess({ cluster }: Context, user: User, spec: Json | undefined): JsonObject {
  const { allowed, reason } = authorize(cluster.store, user, attributesOf(spec));
  return { allowed, ...(reason === '' ? {} : { reason }) };
}

function attributesOf(spec: Json | undefined): Attributes {
  const asked = at(spec, 'resourceAttributes');
  const path = at(spec, 'nonResourceAttributes');
  if (isObject(path)) return { verb: textAt(path, 'verb'), path: textAt(path, 'path') };
  return {
    verb: textAt(asked, 'verb'),
    group: textAt(asked, 'group'),
    resource: textAt(asked, 'resource'),
    subresource: textAt(asked, 'subresource'),
    namespace: textAt(asked, 'namespace'),
    name: textAt(asked, 'name'),
  };
}

/** The API server's own words, in which these kinds have no name. */
function checkSpec({ group, review: kind }: Kind, spec: Json | undefined): void {
  const [resource, path] = [at(spec, 'resourceAttributes'), at(spec, 'nonResourceAttributes')];
  const groups = at(spec, 'groups');
  const nobody =
    kind !== 'SelfSubjectAccessReview' && textAt(spec, 'user') === '' && !(Array.isArray(groups) && groups.length > 0);
  check({ group, kind: '' }, '', [
    ...(isObject(resource) && isObject(path)
      ? [
          invalid(
            'spec.nonResourceAttributes',
            { Path: textAt(path, 'path'), Verb: textAt(path, 'verb') },
            'cannot be specified in combination with resourceAttributes',
          ),
        ]
      : []),
    ...(!isObject(resource) && !isObject(path)
      ? [
          invalid(
            'spec.resourceAttributes',
            null,
            'exactly one of nonResourceAttributes or resourceAttributes must be specified',
          ),
        ]
      : []),
    ...(nobody ? [invalid('spec.user', '', 'at least one of user or group must be specified')] : []),
  ]);
}

function subjectOf(spec: Json | undefined): User {
  const groups = at(spec, 'groups');
  return { name: textAt(spec, 'user'), groups: Array.isArray(groups) ? groups.map(String) : [] };
}

function reviewToken({ cluster }: Context, spec: Json | undefined): JsonObject {
  const token = textAt(spec, 'token');
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const asked = at(spec, 'audiences');
  const audiences = Array.isArray(asked) && asked.length > 0 ? asked.map(String) : [ISSUER];
  for (const audience of audiences) {
    const user = cluster.tokens.user(token, audience);
    if (user) return { authenticated: true, user: userInfo(user), audiences: [audience] };
  }
  return { user: {}, error: cluster.tokens.refusal(token, audiences) };
}

function userInfo({ name, uid, groups, extra }: User): JsonObject {
  return JSON.parse(JSON.stringify({ username: name, uid, groups, extra })) as JsonObject;
}

const SHORTEST = 600;
const DEFAULT_LIFETIME = 3600;

/** POST `serviceaccounts/<name>/token`. */
export function requestToken(context: Context): Result {
  const {
    cluster: { store, tokens },
    kind,
    resource,
  } = context;
  const account = store.get(kind.storage, resource.namespace, resource.name);
  if (!account) throw notFound(kind, resource.name);
  const body = readBody(context, 'TokenRequest');
  const spec = at(body, 'spec');
  const asked = at(spec, 'expirationSeconds');
  const seconds = typeof asked === 'number' ? asked : DEFAULT_LIFETIME;
  const given = at(spec, 'audiences');
  const audiences = Array.isArray(given) && given.length > 0 ? given.map(String) : [ISSUER];
  check({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', [
    ...(seconds < SHORTEST
      ? [invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes')]
      : []),
    ...(audiences.some((audience) => audience === '') ? [required('spec.audiences')] : []),
  ]);
  const { token, expires } = tokens.issue(account, seconds, audiences);
  return {
    type: 'raw',
    code: 201,
    object: {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: resource.name, namespace: resource.namespace, creationTimestamp: now() },
      spec: { audiences, expirationSeconds: seconds, boundObjectRef: at(spec, 'boundObjectRef') ?? null },
      status: { token, expirationTimestamp: expires.toISOString().replace(/\.\d+Z$/, 'Z') },
    },
  };
}
