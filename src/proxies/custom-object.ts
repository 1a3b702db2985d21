/**
 * The patch shape: a product that reads the login itself, from the Secret that a field of its custom object names. Pullpass
 * points the field at the copy. Two targets show that a login has arrived: the object points at the copy, the copy holds it.
 */
import { findEntry } from '../credentials/registry-name.ts';
import { type SecretContent, parseSecret } from '../credentials/docker-config.ts';
import { UserError } from '../errors.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import type { JsonPatchOperation } from '../plan/service-account.ts';
import { converge } from './converge.ts';
import type { Edit } from './object-edit.ts';
import { NotYetError } from './proxy.ts';
import type { CacheProxy, Mac, ProxyKube, Target, UpstreamLogin } from './proxy.ts';

/** Of an adapter's own annotations: for which login the product was triggered last. The key ends with the cache proxy's name. */
const RECORD_PREFIX = 'login.pullpass.dev/';

/** What the patch adapters need besides their configuration. */
export interface PatchOptions {
  /** Name of the copies of the cache proxy's source. */
  readonly copyName: string;
}

export interface ObjectRef {
  readonly apiVersion: string;
  readonly resource: string;
  /** How messages call it: `ImageCache`. */
  readonly kind: string;
  /** Absent: cluster-scoped. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface PatchedProduct {
  /** Name of the cache proxy in the configuration. */
  readonly name: string;
  /** How messages call the product. */
  readonly product: string;
  readonly registry: string;
  readonly object: ObjectRef;
  /** The copy that the product is to read. */
  readonly copy: { readonly namespace: string; readonly name: string };
  /** How the object must change so that it points at the copy. Pure. */
  readonly point: (object: ApiObject) => Edit;
  /**
   * For a product that has to be told of a new login: how to tell it. `record` are annotations that say for which login
   * that was done; they travel in the same patch. Absent: the product reads the Secret when it needs it.
   */
  readonly trigger?: ((object: ApiObject, record: Readonly<Record<string, string>>, login: string) => readonly JsonPatchOperation[]) | undefined;
  /** Asked before each write. @throws NotYetError, UserError when the product would not take a change now */
  readonly gate?: (object: ApiObject) => void;
}

export function patchedProduct(product: PatchedProduct): CacheProxy {
  const { object: ref, copy, registry, point, trigger, gate } = product;
  const collection = collectionPath(ref);
  const path = `${collection}/${encodeURIComponent(ref.name)}`;
  const what = `${ref.kind} "${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}"`;
  const recordKey = RECORD_PREFIX + product.name;

  const objectTarget: Target = {
    path: collection,
    name: ref.name,
    fingerprint(object) {
      if (object === undefined) return 'absent';
      const edit = point(object);
      const state = 'problem' in edit ? 'unusable' : edit.patch.length > 0 ? 'astray' : 'points';
      return trigger === undefined ? state : `${state} ${object.metadata.annotations?.[recordKey] ?? ''}`;
    },
    expected: (login, mac) => (trigger === undefined ? 'points' : `points ${macOf(login, mac)}`),
  };
  const copyTarget: Target = {
    path: paths.secrets(copy.namespace),
    name: copy.name,
    fingerprint: (secret, mac) => (secret === undefined ? 'absent' : carried(secret, registry, mac)),
    expected: macOf,
  };

  /** What brings the object one step nearer; empty: it is as wanted. */
  function nextPatch(object: ApiObject, login: string): readonly JsonPatchOperation[] {
    const edit = point(object);
    if ('problem' in edit) throw new UserError(`${what} ${edit.problem}`);
    const untold = trigger !== undefined && object.metadata.annotations?.[recordKey] !== login;
    const patch = [...edit.patch, ...(untold ? trigger(object, { [recordKey]: login }, login) : [])];
    if (patch.length === 0) return [];
    gate?.(object);
    return patch;
  }

  return {
    rights: [
      // The copy is read too; everybody who has a source has the rights on its copies, by their name.
      { apiGroup: groupOf(ref), resource: ref.resource, verbs: ['get', 'list', 'watch', 'patch'], resourceNames: [ref.name], ...(ref.namespace !== undefined && { namespace: ref.namespace }), why: `point ${product.product} at the copy` },
    ],
    targets: [objectTarget, copyTarget],
    identity: JSON.stringify([ref, copy, registry]),

    async apply(login, { kube, mac, signal }) {
      const secret = await kube.get<ApiObject & SecretContent>(paths.secrets(copy.namespace, copy.name));
      // A reference comes after what it refers to, and a product that is told of a login must find it.
      if (secret === undefined) throw new NotYetError(`namespace "${copy.namespace}" has no copy "${copy.name}" for ${what}: opt the namespace in (pullpass.dev/sync=enabled), and let the source's guard admit it`);
      if (carried(secret, registry, mac) !== macOf(login, mac)) throw new NotYetError(`copy "${copy.namespace}/${copy.name}" does not hold the current login of ${registry} yet; if that lasts, look for an alias that replaces it`);

      await converge(kube, signal, { path, what, next: (object) => nextPatch(object, macOf(login, mac)), absent: () => absence(kube, product, what) });
    },
  };
}

export function collectionPath({ apiVersion, resource, namespace }: ObjectRef): string {
  return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`;
}

function groupOf({ apiVersion }: ObjectRef): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

function macOf({ username, password }: Pick<UpstreamLogin, 'username' | 'password'>, mac: Mac): string {
  return mac(JSON.stringify([username, password]));
}

/** The mac of the login that a copy holds for `registry`. */
function carried(secret: ApiObject & SecretContent, registry: string, mac: Mac): string {
  const parsed = parseSecret(secret);
  const entry = parsed.ok ? findEntry(parsed.credentials, registry) : undefined;
  return entry === undefined ? 'no login' : macOf(entry, mac);
}

/** The API server answers 404 for an object that is not there and for a kind that it does not know. */
async function absence(kube: ProxyKube, { object: { apiVersion, resource, kind }, product }: PatchedProduct, what: string): Promise<UserError> {
  const known = await kube.get<{ resources?: { name: string }[] }>(`/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`);
  if (known?.resources?.some(({ name }) => name === resource)) return new UserError(`${what} does not exist: create it, or correct "object" of the cache proxy`);
  return new UserError(`the API server does not know ${kind} (${resource} of ${apiVersion}): install ${product}, or remove the cache proxy from the configuration`);
}
