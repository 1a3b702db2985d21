/**
 * The patch shape: a product that reads the login itself, from the Secret that a field of its custom object names. Pullpass
 * points the field at the copy. Two targets show that a login has arrived: the object names the copy, and the copy holds it.
 */
import type { SecretContent } from '../credentials/docker-config.ts';
import { UserError } from '../errors.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { ANNOTATION_COPIES, DEFAULT_NAMESPACE } from '../names.ts';
import type { JsonPatchOperation } from '../plan/service-account.ts';
import { createConsumer, isOurs } from './consumer.ts';
import { converge } from './converge.ts';
import { byRegistry, loginIn, type LoginLookup } from './copy-login.ts';
import { forgotten, isRecorded, recorded, recordedByOthers } from './copy-record.ts';
import type { Notes, RecordedCopy } from './copy-record.ts';
import { annotate, annotationPath, type Edit, type Place } from './object-edit.ts';
import { absence, collectionPath, groupOf, type ObjectRef } from './object-ref.ts';
import { NotYetError } from './adapter.ts';
import type { CacheProxy, Holders, Target } from './adapter.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import type { Mac } from '../credentials/digest.ts';

/**
 * The annotation with the MAC of the login for which the product was last triggered. Each installation has a key for its MACs, and
 * so an annotation of its own: with one for all they would trigger the product for ever.
 */
const recordKeyOf = (proxy: string, instance: string): string =>
  `login.${instance === DEFAULT_NAMESPACE ? '' : `${instance}.`}pullpass.dev/${proxy}`;

/** What the patch adapters need besides their configuration. */
export interface PatchOptions {
  /** Name of the copies of the cache proxy's source. */
  readonly copyName: string;
  /** Retired copy names; none of them stays in the object. Default: none. */
  readonly retired?: readonly string[];
  /** The installation, by the namespace of its controller. Default: where the manifests install it. */
  readonly instance?: string | undefined;
}

interface PatchedProduct {
  /** Name of the cache proxy in the configuration. */
  readonly name: string;
  /** The product's name in messages. */
  readonly product: string;
  /** Name of its source. */
  readonly source: string;
  readonly registry: string;
  /** Which login of a copy the product uses. Absent: it is not known, so the entry of the registry counts. */
  readonly lookup?: LoginLookup;
  readonly holders: Holders;
  readonly object: ObjectRef;
  /** The copy that the product is to read. */
  readonly copy: { readonly namespace: string; readonly name: string };
  readonly retired: readonly string[] | undefined;
  readonly instance: string | undefined;
  /** The place to point at the copy, as in {@link places}, and its field. */
  readonly place: string;
  readonly field: string;
  /** Whether the place holds several names or one. */
  readonly several: boolean;
  /** The edit that points the object at the copy. Pure. */
  readonly point: (object: ApiObject) => Edit;
  /** All places where the object names a copy, also those of other writers. Pure. */
  readonly places: (object: ApiObject, copyName: string) => readonly Place[];
  /**
   * For a product that must be triggered after a new login: the annotations that do so. They must include `record`, which says
   * for which login it was triggered. Absent: the product reads the Secret when it needs it.
   */
  readonly trigger?:
    ((object: ApiObject, record: Readonly<Record<string, string>>, login: string) => Notes) | undefined;
  /** Keys of the annotations that `trigger` changes, besides the record. */
  readonly triggers?: readonly string[];
  /** Called before each write. @throws NotYetError, UserError if the product would ignore a change now */
  readonly gate?: (object: ApiObject) => void;
}

export function patchedProduct(product: PatchedProduct): CacheProxy {
  const {
    object: ref,
    copy,
    source,
    registry,
    retired = [],
    instance = DEFAULT_NAMESPACE,
    place,
    several,
    point,
    places,
    trigger,
    triggers = [],
    gate,
  } = product;
  const own = byRegistry(registry);
  const lookup = product.lookup ?? own;
  const collection = collectionPath(ref);
  const path = `${collection}/${encodeURIComponent(ref.name)}`;
  const what = `${ref.kind} "${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}"`;
  const recordKey = recordKeyOf(product.name, instance);
  const ofUs = { ...product, instance };
  const named = (copyName: string): RecordedCopy => ({ copyName, instance });

  const objectTarget: Target = {
    path: collection,
    namespace: ref.namespace ?? '',
    name: ref.name,
    fingerprint(object) {
      if (object === undefined) return 'absent';
      const edit = change(object);
      const state =
        'problem' in edit
          ? 'unusable'
          : edit.patch.length > 0 || Object.keys(edit.notes).length > 0
            ? 'astray'
            : 'points';
      return trigger === undefined ? state : `${state} ${object.metadata.annotations?.[recordKey] ?? ''}`;
    },
    expected: (login, mac) => (trigger === undefined ? 'points' : `points ${macOf(login, mac)}`),
  };
  const copyTarget: Target = {
    path: paths.secrets(copy.namespace),
    namespace: copy.namespace,
    name: copy.name,
    fingerprint: (secret, mac) => (secret === undefined ? 'absent' : carried(secret, lookup, mac)),
    expected: macOf,
  };

  /** The next change with its record: first the copy's name is added, then retired names are removed. */
  function change(object: ApiObject): { patch: readonly JsonPatchOperation[]; notes: Notes } | { problem: string } {
    const holder = several ? undefined : otherHolder(object);
    if (holder !== undefined)
      return {
        problem:
          `names the copy "${holder.copyName}" of another installation of Pullpass (controller namespace ` +
          `"${holder.instance}") at ${place}: take the cache proxy out of one of the two configurations`,
      };
    const edit = point(object);
    if ('problem' in edit) return edit;
    const found = places(object, copy.name).find((spot) => spot.place === place);
    // The first version kept no record; managedFields still show its write, until another manager writes the field.
    const unrecorded =
      found !== undefined && !isRecorded(object, place, named(copy.name)) && isOurs(ofUs, object, found, copy.name);
    if (edit.patch.length > 0 || unrecorded)
      return { patch: edit.patch, notes: recorded(object, place, named(copy.name), !several) };
    for (const name of retired) {
      const old =
        name === copy.name
          ? undefined
          : places(object, name).find((spot) => spot.place === place && isOurs(ofUs, object, spot, name));
      if (old !== undefined)
        return { patch: old.remove, notes: forgotten(object, (each) => each === place, named(name)) };
    }
    return { patch: [], notes: {} };
  }

  /** Another installation that made the place, which holds one name, name its own copy; and it still does. */
  function otherHolder(object: ApiObject): RecordedCopy | undefined {
    return recordedByOthers(object, place, [copy.name, ...retired].map(named)).find(
      ({ copyName }) => copyName !== copy.name && places(object, copyName).some((spot) => spot.place === place),
    );
  }

  /** The next patch towards the wanted object; empty: it is as wanted. */
  function nextPatch(object: ApiObject, login: string): readonly JsonPatchOperation[] {
    const edit = change(object);
    if ('problem' in edit) throw new UserError(`${what} ${edit.problem}`);
    const untold = trigger !== undefined && object.metadata.annotations?.[recordKey] !== login;
    const patch = [
      ...edit.patch,
      ...annotate(object, { ...edit.notes, ...(untold ? trigger(object, { [recordKey]: login }, login) : {}) }),
    ];
    // The product ignores a change of the record alone.
    if (edit.patch.length > 0 || untold) gate?.(object);
    return patch;
  }

  return {
    targets: [objectTarget, copyTarget],
    identity: JSON.stringify([ref, copy, registry]),
    edited: {
      apiGroup: groupOf(ref),
      resource: ref.resource,
      namespace: ref.namespace,
      name: ref.name,
      fields: [product.field, ...[ANNOTATION_COPIES, recordKey, ...triggers].map(annotationPath)],
    },
    consumer: createConsumer({ ...ofUs, path, what, retired }),
    holders: product.holders,

    async apply(login, { kube, mac, signal }) {
      const secret = await kube.get<ApiObject & SecretContent>(paths.secrets(copy.namespace, copy.name));
      // The copy must exist before the reference, and hold the login before the product is triggered.
      if (secret === undefined)
        throw new NotYetError(
          `namespace "${copy.namespace}" has no copy "${copy.name}" for ${what}: ` +
            "opt the namespace in (pullpass.dev/sync=enabled), and let the source's guard admit it",
        );
      if (carried(secret, lookup, mac) !== macOf(login, mac)) {
        const title = `copy "${copy.namespace}/${copy.name}"`;
        // The copy is up to date, and still the product would not find the login: waiting does not help.
        if (carried(secret, own, mac) === macOf(login, mac))
          throw new UserError(`${title} ${lookup.miss(loginIn(secret, lookup) === undefined, registry, source)}`);
        throw new NotYetError(
          `${title} does not hold the current login of ${registry} yet; if that lasts, look for an alias that replaces it`,
        );
      }

      await converge(kube, signal, {
        path,
        what,
        next: (object) => nextPatch(object, macOf(login, mac)),
        absent: () => absence(kube, ref, product.product, what),
      });
    },
  };
}

function macOf({ username, password }: Pick<UpstreamLogin, 'username' | 'password'>, mac: Mac): string {
  return mac(JSON.stringify([username, password]));
}

/** The MAC of the login that the product finds in a copy. */
function carried(secret: ApiObject & SecretContent, lookup: LoginLookup, mac: Mac): string {
  const login = loginIn(secret, lookup);
  return login === undefined ? 'no login' : macOf(login, mac);
}
