/**
 * One Lease and its holder. The resourceVersion keeps it safe: the server refuses a write to a Lease that changed
 * since it was read, so two candidates that both see it free cannot both get it.
 */
import type { Log } from '../log.ts';
import { fit } from '../text.ts';
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
  log: Pick<Log, 'info' | 'warn'>;
}

/**
 * How long another's Lease is waited for, as a multiple of our own duration. Replicas of another version may run with other
 * timings; a Lease that a stranger wrote for years must not keep all of them from leading.
 */
const MOST_PATIENCE = 2;
/** The API has it as a 32-bit number: one more is refused. */
const MOST_TRANSITIONS = 2 ** 31 - 1;
/** Longest name of a holder in the log, in characters. */
const MAX_HOLDER = 253;
/** A holder that writes another name each time fills no log. */
const TELL_EVERY_MS = 60_000;

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
  log,
}: LeaseLockOptions): LeaseLock {
  const path = paths.leases(namespace, name);
  /** The Lease as last seen, and when this spec of it was first seen: always after its holder wrote it. */
  let seen: { lease: Lease; at: number } | undefined;
  /** The holder that was told last, and when. */
  let told: { what: string; at: number } | undefined;

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
      if (isAnothers(lease) && !ranOut(fresh)) return theirs(lease);
      return ours(await client.replace<Lease>(path, held(lease), { signal }));
    } catch (error) {
      if (isConflict(error)) return 'contested';
      throw error;
    }
  }

  function ours(lease: Lease): Outcome {
    seen = { lease, at: now() };
    told = undefined;
    return 'ours';
  }

  /** Told once for each holder: one that is no replica of ours, and renews for ever, is found by this line. */
  function theirs({ spec = {} }: Lease): Outcome {
    const { holderIdentity, acquireTime = 'unknown', leaseDurationSeconds: asked } = spec;
    const about = {
      lease: `${namespace}/${name}`,
      holder: fit(String(holderIdentity), MAX_HOLDER),
      since: fit(String(acquireTime), MAX_HOLDER),
    };
    const what = JSON.stringify([about.holder, asked]);
    if (told !== undefined && (told.what === what || now() - told.at < TELL_EVERY_MS)) return 'theirs';
    told = { what, at: now() };
    const seconds = Math.round(patienceMs(asked) / 1000);
    if (asked === seconds) log.info(about, 'another replica holds the Lease: waiting');
    else
      log.warn(
        about,
        `another holds the Lease with a duration of ${fit(String(asked), 20)} s, which is not trusted: ` +
          `without a renewal it runs out in ${seconds} s`,
      );
    return 'theirs';
  }

  const isAnothers = ({ spec }: Lease): boolean =>
    (spec?.holderIdentity ?? '') !== '' && spec?.holderIdentity !== identity;

  /** The holder may run with longer timings than we do. It is never given less than our own: a stranger could write 0. */
  function patienceMs(seconds: unknown): number {
    const asked = typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : 0;
    return Math.min(Math.max(asked, leaseDurationMs), MOST_PATIENCE * leaseDurationMs);
  }

  const ranOut = ({ lease, at }: { lease: Lease; at: number }): boolean =>
    now() >= at + patienceMs(lease.spec?.leaseDurationSeconds);

  /** `lease` with us as its holder from now on; its resourceVersion stays as it was read. */
  function held(lease: Lease): object {
    const before = lease.spec ?? {};
    const renewTime = microTime(wall());
    const renewal = before.holderIdentity === identity;
    const counted: unknown = before.leaseTransitions;
    const transitions = typeof counted === 'number' && counted > 0 ? counted : 0;
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
        leaseTransitions: Math.min(
          renewal || lease.spec === undefined ? transitions : transitions + 1,
          MOST_TRANSITIONS,
        ),
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
