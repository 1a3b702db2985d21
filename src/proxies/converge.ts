/** Reads an object, patches it and reads it again until it is as wanted; concurrent writes of others are never overwritten. */
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../errors.ts';
import { isConflict } from '../kube/api-error.ts';
import type { ApiObject } from '../kube/list.ts';
import type { JsonPatchOperation } from '../plan/service-account.ts';
import type { ProxyKube } from './adapter.ts';
import { beforeRerun, refusalOf } from '../kube/races.ts';

interface Convergence {
  readonly path: string;
  /** The object's name in messages. */
  readonly what: string;
  /** The next patch towards the wanted object; empty: it is as wanted. Pure; may throw. */
  readonly next: (object: ApiObject) => readonly JsonPatchOperation[];
  /** The error to throw if the object does not exist; undefined: then nothing is left to do. */
  readonly absent: () => Promise<Error | undefined>;
}

/** Returns whether it wrote. @throws UserError if a patch has no effect, LostRaceError if others keep writing, ApiError. */
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
    // Every write of others changes the resourceVersion. A test of the fields themselves would never pass if they hold "<",
    // ">" or "&": the server compares JSON bytes, and escapes these in its own.
    const guarded = [{ op: 'test', path: '/metadata/resourceVersion', value: version }, ...patch];
    sent = { version, patch, refusal: await refusalOf(kube.patch(path, 'application/json-patch+json', guarded)) };
  }
}

interface Sent {
  readonly version: string | undefined;
  readonly patch: readonly JsonPatchOperation[];
  readonly refusal: Error | undefined;
}

/** Whether a retry would end like the last try: that was accepted without effect, or refused without a concurrent write. */
function isFutile(last: Sent, now: Omit<Sent, 'refusal'>): boolean {
  if (!isDeepStrictEqual(aimOf(last), aimOf(now))) return false;
  // A 409 is a lost race, too, and can come while the object is unchanged.
  return last.refusal === undefined || (!isConflict(last.refusal) && last.version === now.version);
}

/** Ignores annotations: they accompany a change, and are already there at the second try. */
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
