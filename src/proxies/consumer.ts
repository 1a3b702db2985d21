/** References to copies in a custom object: which there are, whether Pullpass wrote them, and how they are taken back. */
import { UserError } from '../errors.ts';
import type { ApiObject } from '../kube/list.ts';
import type { JsonPatchOperation } from '../plan/service-account.ts';
import { converge } from './converge.ts';
import { firstVersionWrote, forgotten, isRecorded } from './copy-record.ts';
import { annotate, type Edit, type Place } from './object-edit.ts';
import { NotYetError } from './adapter.ts';
import type { Consumer, Release } from './adapter.ts';

/** An object has a reference to a copy that Pullpass did not write: its writer must remove it. */
export class ForeignReferenceError extends UserError {
  override name = 'ForeignReferenceError';
}

/** What a product contributes. */
interface ConsumerOptions {
  readonly path: string;
  /** The object's name in messages. */
  readonly what: string;
  readonly copy: { readonly namespace: string; readonly name: string };
  readonly retired: readonly string[];
  /** The installation, by the namespace of its controller. */
  readonly instance: string;
  /** The place that the cache proxy points at the copy, and its field. */
  readonly place: string;
  readonly field: string;
  readonly point: (object: ApiObject) => Edit;
  /** All places where the object names a copy, also those of other writers. Pure. */
  readonly places: (object: ApiObject, copyName: string) => readonly Place[];
  readonly gate?: ((object: ApiObject) => void) | undefined;
}

/** Whether Pullpass wrote the name there. managedFields count only for the cache proxy's own place. */
export function isOurs(
  { place: own, field, instance }: Pick<ConsumerOptions, 'place' | 'field' | 'instance'>,
  object: ApiObject,
  { place }: Place,
  copyName: string,
): boolean {
  return isRecorded(object, place, { copyName, instance }) || (place === own && firstVersionWrote(object, field));
}

export function createConsumer(options: ConsumerOptions): Consumer {
  const { path, what, copy, retired, instance, place: own, point, places, gate } = options;
  const within = (release: Release): ((place: string) => boolean) =>
    release === 'dropped' ? (place) => place === own : () => true;

  function next(object: ApiObject, copyName: string, release: Release): readonly JsonPatchOperation[] {
    const concerned = within(release);
    const found = places(object, copyName).filter(({ place }) => concerned(place));
    const foreign = found.find((place) => !isOurs(options, object, place, copyName));
    if (foreign !== undefined)
      throw new ForeignReferenceError(
        `${what} names it at ${foreign.place}, and Pullpass did not write that: take it out there, or in Git where the object comes from it`,
      );
    if (release === 'moving' && found.length > 0) {
      const edit = point(object);
      if ('patch' in edit && edit.patch.length > 0)
        throw new NotYetError(`${what} is to name the copy "${copy.name}" first`);
    }
    const patch = [
      ...found.flatMap(({ remove }) => remove),
      ...annotate(object, forgotten(object, concerned, { copyName, instance })),
    ];
    if (found.length > 0) gate?.(object);
    return patch;
  }

  return {
    object: what,
    place: own,
    seat: `${path} ${own}`,
    namespace: copy.namespace,
    copyNames: [copy.name, ...retired.filter((name) => name !== copy.name)],
    async named(copyNames, kube) {
      const object = await kube.get<ApiObject>(path);
      if (object === undefined) return [];
      return copyNames.flatMap((copyName) =>
        places(object, copyName).map((found) => ({
          copyName,
          place: found.place,
          ours: isOurs(options, object, found, copyName),
        })),
      );
    },
    // An absent object, or one of an absent kind, has no references.
    release: (copyName, release, { kube, signal }) =>
      converge(kube, signal, {
        path,
        what,
        next: (object) => next(object, copyName, release),
        absent: () => Promise.resolve(undefined),
      }),
  };
}
