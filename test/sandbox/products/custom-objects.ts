/**
 * An in-memory API server for a few custom objects and Secrets: it accepts the patches that the adapters send, and stores what
 * a real one would: refused if not valid for the CRD, pruned of fields that the CRD does not have.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ApiError } from '../../../src/kube/api-error.ts';
import type { ApiObject } from '../../../src/kube/list.ts';
import type { Json } from '../kube-api/json.ts';
import { applyJsonPatch } from '../kube-api/patch/json-patch.ts';
import { applyMergePatch } from '../kube-api/patch/merge-patch.ts';
import { ApiError as SandboxError } from '../kube-api/status.ts';
import { problems, prune, type Schema, unknownFields } from './crd-schema.ts';
import type { Crd } from './crds.ts';

/** A resource that the server knows; without `crd` nothing is validated. */
export interface ServedKind {
  readonly apiVersion: string;
  readonly resource: string;
  readonly crd?: Crd | undefined;
}

export interface ObjectServer {
  /** undefined: 404. */
  get<T>(path: string): Promise<T | undefined>;
  /** Strict: a field that the CRD does not have is refused, so that a test cannot rest on one. */
  create(collection: string, body: object): Promise<void>;
  patch(
    path: string,
    type: 'application/merge-patch+json' | 'application/json-patch+json',
    body: object,
  ): Promise<void>;
}

export function createObjectServer(kinds: readonly ServedKind[]): ObjectServer {
  const objects = new Map<string, ApiObject>();
  let version = 0;

  const schemaOf = (path: string): Schema | undefined => {
    const kind = kinds.find(
      ({ apiVersion, resource }) => path.startsWith(`/apis/${apiVersion}/`) && path.split('/').includes(resource),
    );
    return kind?.crd?.spec.versions.find(({ name }) => kind.apiVersion.endsWith(`/${name}`))?.schema.openAPIV3Schema;
  };
  const store = (path: string, object: ApiObject): void => {
    const schema = schemaOf(path);
    const wrong = schema === undefined ? [] : problems(schema, object);
    if (wrong.length > 0) throw new ApiError(`PATCH ${path}`, 422, { reason: 'Invalid', message: wrong.join('; ') });
    const kept = schema === undefined ? structuredClone(object) : prune(schema, object);
    // A write that changes nothing leaves the version as it is.
    if (!isDeepStrictEqual(kept, objects.get(path)))
      objects.set(path, { ...kept, metadata: { ...kept.metadata, resourceVersion: String(++version) } });
  };

  return {
    async get<T>(path: string) {
      const served = kinds.filter(({ apiVersion }) => path === `/apis/${apiVersion}`);
      if (served.length > 0) return { resources: served.map(({ resource }) => ({ name: resource })) } as T;
      return structuredClone(objects.get(path)) as T | undefined;
    },
    async create(collection, body) {
      const object = body as ApiObject;
      const schema = schemaOf(`${collection}/`);
      const unknown = schema === undefined ? [] : unknownFields(schema, object);
      if (unknown.length > 0)
        throw new ApiError(`POST ${collection}`, 400, { message: `unknown fields ${unknown.join(', ')}` });
      store(`${collection}/${object.metadata.name}`, {
        ...object,
        metadata: { ...object.metadata, uid: randomUUID() },
      });
    },
    async patch(path, type, body) {
      const object = objects.get(path);
      if (object === undefined) throw new ApiError(`PATCH ${path}`, 404, { reason: 'NotFound' });
      const current = structuredClone(object) as unknown as Json;
      try {
        store(
          path,
          (type === 'application/json-patch+json'
            ? applyJsonPatch(current, body as Json)
            : applyMergePatch(current, body as Json)) as unknown as ApiObject,
        );
      } catch (error) {
        if (error instanceof SandboxError)
          throw new ApiError(`PATCH ${path}`, error.code, { reason: error.reason ?? '', message: error.message });
        throw error;
      }
    },
  };
}
