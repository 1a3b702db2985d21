/** Reads an object, patches it and reads it again until nothing is missing; what others write meanwhile is never overwritten. */
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../errors.ts';
import { isConflict } from '../kube/api-error.ts';
import type { ApiObject } from '../kube/list.ts';
import type { JsonPatchOperation } from '../plan/service-account.ts';
import type { ProxyKube } from './adapter.ts';
import { beforeRerun, refusalOf } from '../kube/races.ts';

interface Convergence {
  readonly path: string;
  /** How messages call the object. */
  readonly what: string;
  /** What brings the object one step nearer; empty: it is as wanted. Pure; may throw. */
  readonly next: (object: ApiObject) => readonly JsonPatchOperation[];
  /** The error to throw when the object is not there; undefined: then nothing is left to do. */
  readonly absent: () => Promise<Error | undefined>;
}

/** Returns whether it wrote. @throws UserError when a patch has no effect, LostRaceError when others keep writing, and whatever else the server says. */
export async function converge(
  kube: ProxyKube,
  signal: AbortSignal,
  { path, what, next, absent }: Convergence,
): Promise<boolean> {
  let sent: Sent | undefined;
  for (let attempt = 0; ; attempt++) {
    const object = await kube.get<ApiObject>(path);
    if (object === undefined) {
      const error = await absent();
      if (error !== undefined) throw error;
      return sent !== undefined;
    }
    const { resourceVersion: version } = object.metadata;
    const patch = next(object);
    if (patch.length === 0) return sent !== undefined;
    if (sent !== undefined && isFutile(sent, { version, patch })) throw ineffective(what, sent.refusal);
    if (sent !== undefined) await beforeRerun(`${what}: `, attempt, sent.refusal, signal);
    signal.throwIfAborted();
    // Every write of others changes the version. A test of the fields themselves would never pass where they hold "<",
    // ">" or "&": the server compares bytes, and in its own these are escaped.
    const guarded = [{ op: 'test', path: '/metadata/resourceVersion', value: version }, ...patch];
    sent = { version, patch, refusal: await refusalOf(kube.patch(path, 'application/json-patch+json', guarded)) };
  }
}

interface Sent {
  readonly version: string | undefined;
  readonly patch: readonly JsonPatchOperation[];
  readonly refusal: Error | undefined;
}

/** Whether another try would end as the last one did: it was taken and had no effect, or refused though nobody was quicker. */
function isFutile(last: Sent, now: Omit<Sent, 'refusal'>): boolean {
  if (!isDeepStrictEqual(aimOf(last), aimOf(now))) return false;
  // 409 is a lost race too, and can come while the object is as it was.
  return last.refusal === undefined || (!isConflict(last.refusal) && last.version === now.version);
}

/** Annotations come along with what they are about, and are there already the second time. */
function aimOf({ patch }: Pick<Sent, 'patch'>): readonly JsonPatchOperation[] {
  const beyond = patch.filter(({ path }) => !path.startsWith('/metadata/annotations'));
  return beyond.length === 0 ? patch : beyond;
}

function ineffective(what: string, refusal: Error | undefined): UserError {
  if (refusal === undefined)
    return new UserError(
      `${what}: a change was accepted and is not there: its CRD has no such field, or another controller takes it back`,
    );
  return new UserError(
    `${what}: the API server refuses the change: its CRD has another form for the field, or an admission policy denies it`,
    { cause: refusal },
  );
}
