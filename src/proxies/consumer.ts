/** A custom object that names copies: which it names, whether Pullpass wrote that, and how it is taken back. */
import { UserError } from '../errors.ts';
import type { ApiObject } from '../kube/list.ts';
import type { JsonPatchOperation } from '../plan/service-account.ts';
import { converge } from './converge.ts';
import { firstVersionWrote, forgotten, isRecorded } from './copy-record.ts';
import { annotate, type Edit, type Place } from './object-edit.ts';
import { NotYetError } from './adapter.ts';
import type { Consumer, Release } from './adapter.ts';

/** Somebody else wrote that an object names a copy: it is theirs to take out. */
export class ForeignReferenceError extends UserError {
  override name = 'ForeignReferenceError';
}

/** The parts of a product that decide. */
interface ConsumerOptions {
  readonly path: string;
  /** How messages call the object. */
  readonly what: string;
  readonly copy: { readonly namespace: string; readonly name: string };
  readonly retired: readonly string[];
  /** The place that the cache proxy points, and the field that it is in. */
  readonly place: string;
  readonly field: string;
  readonly point: (object: ApiObject) => Edit;
  /** Where the object names a copy, whoever wrote it. Pure. */
  readonly places: (object: ApiObject, copyName: string) => readonly Place[];
  readonly gate?: ((object: ApiObject) => void) | undefined;
}

/** Whether Pullpass wrote the name there. What the server says of a field counts for the cache proxy's own place only. */
export function isOurs(
  { place: own, field }: Pick<ConsumerOptions, 'place' | 'field'>,
  object: ApiObject,
  { place }: Place,
  copyName: string,
): boolean {
  return isRecorded(object, place, copyName) || (place === own && firstVersionWrote(object, field));
}

export function createConsumer(options: ConsumerOptions): Consumer {
  const { path, what, copy, retired, place: own, point, places, gate } = options;
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
      ...annotate(object, forgotten(object, concerned, copyName)),
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
    // What is not there, or of a kind that is not there, names nothing.
    release: (copyName, release, { kube, signal }) =>
      converge(kube, signal, {
        path,
        what,
        next: (object) => next(object, copyName, release),
        absent: () => Promise.resolve(undefined),
      }),
  };
}
