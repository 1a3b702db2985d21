/** GET of one object. */
import { notFound } from '../status.ts';
import type { Context, Result } from '../serve/context.ts';
import { resourceVersionOf } from './list-options.ts';
import { currentObject } from './update.ts';

export function read(context: Context): Result {
  resourceVersionOf(context);
  const object = currentObject(context);
  if (!object) throw notFound(context.kind, context.resource.name);
  return { type: 'object', code: 200, object };
}
