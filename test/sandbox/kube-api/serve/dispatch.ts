/** Chooses the handler of a request for a resource. */
import { create } from '../handlers/create.ts';
import { deleteMany, deleteOne, evict } from '../handlers/delete.ts';
import { list } from '../handlers/list.ts';
import { patch } from '../handlers/patch.ts';
import { read } from '../handlers/read.ts';
import { requestToken, review } from '../handlers/reviews.ts';
import { update } from '../handlers/update.ts';
import type { KindTable } from '../kinds/index.ts';
import type { Kind, Verb } from '../kinds/kind.ts';
import { methodNotAllowed, unknownResource } from '../status.ts';
import type { Context, Result } from './context.ts';
import type { RequestInfo } from './request-info.ts';

const COLLECTION = ['list', 'deletecollection'];

/** The kind that a request is about. Throws 404 or 405, in this order, as the real router does. */
export function resolve(kinds: KindTable, { resource, verb, method }: RequestInfo): Kind {
  if (!resource) throw unknownResource();
  const kind = kinds.find(resource.group, resource.version, resource.resource);
  if (!kind || resource.rest.length > 0) throw unknownResource();
  if (method === 'HEAD') throw methodNotAllowed();
  if (resource.subresource !== '') {
    const subresource = kind.subresources.find(({ name }) => name === resource.subresource);
    if (!subresource) throw unknownResource();
    if (!subresource.verbs.includes(verb as Verb)) throw methodNotAllowed();
    return kind;
  }
  // A namespaced resource is listed across namespaces, but an object of it is in one.
  const named = resource.name !== '' && !COLLECTION.includes(verb);
  if (kind.namespaced && resource.namespace === '' && named && verb !== 'watch') throw unknownResource();
  const misplaced =
    (verb === 'create' && resource.name !== '') ||
    (verb === 'update' && resource.name === '') ||
    (verb === 'patch' && resource.name === '') ||
    (kind.namespaced && resource.namespace === '' && (verb === 'create' || verb === 'deletecollection'));
  if (!kind.verbs.includes(verb as Verb) || misplaced) throw methodNotAllowed();
  return kind;
}

export function handle(context: Context, verb: string): Result {
  if (context.kind.review) return review(context);
  if (context.resource.subresource === 'token') return requestToken(context);
  if (context.resource.subresource === 'eviction') return evict(context);
  switch (verb) {
    case 'get':
      return read(context);
    case 'list':
      return list(context);
    case 'create':
      return create(context);
    case 'update':
      return update(context);
    case 'patch':
      return patch(context);
    case 'delete':
      return deleteOne(context);
    case 'deletecollection':
      return deleteMany(context);
    default:
      throw methodNotAllowed();
  }
}
