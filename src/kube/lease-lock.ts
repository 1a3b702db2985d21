/**
 * One Lease and its holder. The resourceVersion keeps it safe: the server refuses a write to a Lease that changed
 * since it was read, so two candidates that both see it free cannot both get it.
 */
import { isConflict, isNotFound } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { paths } from './paths.ts';

/** Who holds the Lease after a try. `contested`: another client wrote it meanwhile; the next try shows. */
export type Outcome = 'ours' | 'theirs' | 'contested';

interface LeaseLockOptions {
  client: KubeClient;
  namespace: string;
  name: string;
  /** Written as the holder. */
  identity: string;
  /** How long others wait after our last renewal, in milliseconds. */
  leaseDurationMs: number;
  /** Milliseconds: `now` decides whether another's Lease has expired, `wall` is only written into it. */
  now: () => number;
  wall: () => number;
}

interface LeaseLock {
  /**
   * One try to become or to stay the holder. `leading`: we believe that we hold it, so it is written without a read first.
   * @throws ApiError, UnreachableError
   */
  tryHold(signal: AbortSignal, leading: boolean): Promise<Outcome>;
  /**
   * Clears the holder if that is us, so that no other replica waits for the Lease to expire.
   * @throws ApiError, UnreachableError
   */
  free(signal: AbortSignal): Promise<void>;
}

/** The fields that we read. All other fields are written back unchanged. */
interface Lease {
  metadata?: object;
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export function createLeaseLock({
  client,
  namespace,
  name,
  identity,
  leaseDurationMs,
  now,
  wall,
}: LeaseLockOptions): LeaseLock {
  const path = paths.leases(namespace, name);
  /** The Lease as last seen, and when this spec of it was first seen: always after its holder wrote it. */
  let seen: { lease: Lease; at: number } | undefined;

  async function tryHold(signal: AbortSignal, leading: boolean): Promise<Outcome> {
    try {
      if (leading && seen !== undefined) {
        const renewed = await client
          .replace<Lease>(path, held(seen.lease), { signal })
          .catch(undefinedIf(isConflict, isNotFound));
        if (renewed !== undefined) return ours(renewed);
      }
      const lease = await client.get<Lease>(path, { signal }).catch(undefinedIf(isNotFound));
      if (lease === undefined) {
        // The Lease was deleted while another replica held it. That one creates it again at its next renewal: wait.
        if (seen !== undefined && isAnothers(seen.lease) && !ranOut(seen)) return 'theirs';
        return ours(await client.create<Lease>(paths.leases(namespace), held({}), { signal }));
      }
      // Only a renewal changes the spec: a new annotation does not prolong a Lease.
      const fresh =
        seen !== undefined && JSON.stringify(seen.lease.spec) === JSON.stringify(lease.spec)
          ? { lease, at: seen.at }
          : { lease, at: now() };
      seen = fresh;
      if (isAnothers(lease) && !ranOut(fresh)) return 'theirs';
      return ours(await client.replace<Lease>(path, held(lease), { signal }));
    } catch (error) {
      if (isConflict(error)) return 'contested';
      throw error;
    }
  }

  function ours(lease: Lease): Outcome {
    seen = { lease, at: now() };
    return 'ours';
  }

  const isAnothers = ({ spec }: Lease): boolean =>
    (spec?.holderIdentity ?? '') !== '' && spec?.holderIdentity !== identity;

  /** Uses the holder's own duration: it may run with other timings than we do. */
  function ranOut({ lease, at }: { lease: Lease; at: number }): boolean {
    const seconds = lease.spec?.leaseDurationSeconds;
    return now() >= at + (seconds === undefined ? leaseDurationMs : seconds * 1000);
  }

  /** `lease` with us as its holder from now on; its resourceVersion stays as it was read. */
  function held(lease: Lease): object {
    const before = lease.spec ?? {};
    const renewTime = microTime(wall());
    const renewal = before.holderIdentity === identity;
    const transitions = before.leaseTransitions ?? 0;
    return {
      ...lease,
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...lease.metadata, namespace, name },
      spec: {
        ...before,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
        acquireTime: renewal ? (before.acquireTime ?? renewTime) : renewTime,
        renewTime,
        leaseTransitions: renewal || lease.spec === undefined ? transitions : transitions + 1,
      },
    };
  }

  return {
    tryHold,
    async free(signal) {
      // An aborted renewal may still reach the server in between: try a few times.
      for (let tries = 0; tries < 3; tries++) {
        const lease = await client.get<Lease>(path, { signal });
        if (lease.spec?.holderIdentity !== identity) return;
        const time = microTime(wall());
        // Absent rather than empty, as in client-go.
        const { holderIdentity: _, ...spec } = lease.spec;
        const body = { ...lease, spec: { ...spec, leaseDurationSeconds: 1, acquireTime: time, renewTime: time } };
        if ((await client.replace<Lease>(path, body, { signal }).catch(undefinedIf(isConflict))) !== undefined) return;
      }
    },
  };
}

/** For `catch`: turns an error that one of `tests` matches into undefined. */
function undefinedIf(...tests: ((error: unknown) => boolean)[]): (error: unknown) => undefined {
  return (error) => {
    if (!tests.some((test) => test(error))) throw error;
    return undefined;
  };
}

/** The API's MicroTime: RFC 3339 with exactly six digits of a second. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
