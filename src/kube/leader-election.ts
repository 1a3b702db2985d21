/**
 * Leader election with a Lease, as in client-go: only the leader writes. It stops before another replica may start:
 * its term ends `renewDeadline` after the start of its last successful renewal, while the others wait `leaseDuration`
 * from the moment they saw that renewal, each on its own monotonic clock. No two clocks are compared.
 */
import { monotonic, wall as timeOfDay } from '../clock.ts';
import { aborted, sleep } from '../async/sleep.ts';
import { endBy } from '../async/term.ts';
import { systemTimers } from '../async/timers.ts';
import type { Timers } from '../async/timers.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { ApiError, isForbidden, UnreachableError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { createLeaseLock } from './lease-lock.ts';
import type { Outcome } from './lease-lock.ts';

export interface ElectionTimings {
  /** How long the others wait after a renewal before they take over, in milliseconds; whole seconds. */
  leaseDurationMs: number;
  /** How long the leader continues without a successful renewal, in milliseconds. */
  renewDeadlineMs: number;
  /** Between two attempts to renew or to acquire, in milliseconds; up to a fifth is added at random. */
  retryPeriodMs: number;
}

const DEFAULT_TIMINGS: ElectionTimings = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

export interface ElectionOptions {
  client: KubeClient;
  namespace: string;
  /** Name of the Lease. */
  name: string;
  /** Unique among the candidates: the pod's name. */
  identity: string;
  log: Log;
  /**
   * The work of a leader. The signal aborts when leadership may have ended: the work must write nothing after that. The
   * Lease is released, or competed for again, only after the work has ended.
   */
  lead: (term: AbortSignal) => void | Promise<void>;
  timings?: ElectionTimings | undefined;
  /** Milliseconds of a monotonic clock: decides every deadline. */
  now?: () => number;
  /** Milliseconds since 1970: only written into the Lease, for people to read. */
  wall?: () => number;
  timers?: Timers;
  random?: () => number;
}

/**
 * Competes for the Lease and leads, term after term, until `stop` aborts; then releases it. Rejects only if the timings
 * could let two replicas lead.
 */
export async function runElection(
  {
    client,
    namespace,
    name,
    identity,
    log,
    lead,
    timings = DEFAULT_TIMINGS,
    now = monotonic,
    wall = timeOfDay,
    timers = systemTimers,
    random = Math.random,
  }: ElectionOptions,
  stop: AbortSignal,
): Promise<void> {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = timings;
  if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > 2 * retryPeriodMs))
    throw new Error('leader election: leaseDuration > renewDeadline > 2 * retryPeriod must hold');
  const lock = createLeaseLock({ client, namespace, name, identity, leaseDurationMs, now, wall, log });
  /** The last logged error, until an attempt succeeds. */
  let trouble: string | undefined;

  while (!stop.aborted) {
    const startedAt = now();
    const outcome = await attempt(stop, false);
    const stayBackMs = outcome === 'ours' ? await serve(startedAt) : 0;
    await pause(retryPeriodMs + stayBackMs, stop);
  }

  /** One term as the leader. Resolves after its work, to the extra wait before the next attempt, in milliseconds. */
  async function serve(startedAt: number): Promise<number> {
    const ending = new AbortController();
    const term = ending.signal;
    /** The Lease is still ours at the end, so it can be released at once. */
    let giveUp = false;
    let deadline: unknown;
    let endsAt = startedAt + renewDeadlineMs;
    endBy(term, () => now() >= endsAt);
    const end = (why: string, isOurs: boolean): void => {
      if (term.aborted) return;
      giveUp = isOurs;
      log.info({ lease: name, identity }, `leading no longer: ${why}`);
      ending.abort();
    };
    /** The others count from when they see the renewal; this counts from before it is sent, and so ends first. */
    const prolong = (sentAt: number): void => {
      timers.clear(deadline);
      const late = (): void => end('the Lease could not be renewed in time', false);
      endsAt = sentAt + renewDeadlineMs;
      const leftMs = endsAt - now();
      if (leftMs > 0) deadline = timers.set(late, leftMs);
      else late();
    };

    log.info({ lease: name, identity }, 'leading');
    prolong(startedAt);
    stop.addEventListener('abort', () => end('stopping', true), { signal: term });
    if (stop.aborted) end('stopping', true);
    const work = Promise.resolve(term)
      .then(lead)
      .catch((error: unknown) => {
        if (!term.aborted) log.error({ err: error }, 'the work of the leader failed');
        end('its work failed', true);
      });

    for (;;) {
      await pause(retryPeriodMs, term);
      if (term.aborted) break;
      const sentAt = now();
      const outcome = await attempt(term, true);
      if (outcome === 'ours') prolong(sentAt);
      if (outcome === 'theirs') end('another replica holds the Lease', false);
    }
    timers.clear(deadline);
    // The next leader must not start before the work of this term has ended.
    await work;
    if (!giveUp) return 0;
    await within(lock.free).catch((error: unknown) =>
      log.warn({ err: error, lease: name }, 'the Lease could not be given up; it runs out by itself'),
    );
    // After a release on purpose, the others get a chance.
    return 2 * retryPeriodMs;
  }

  async function attempt(signal: AbortSignal, leading: boolean): Promise<Outcome | 'failed'> {
    try {
      const outcome = await within((limited) => lock.tryHold(limited, leading), signal);
      if (trouble !== undefined) log.info({ lease: name }, 'the Lease can be read and written again');
      trouble = undefined;
      return outcome;
    } catch (error) {
      if (!signal.aborted) report(error);
      return 'failed';
    }
  }

  function report(error: unknown): void {
    const kind = error instanceof ApiError ? `${error.code} ${error.reason}` : messageOf(error);
    if (kind === trouble) return;
    trouble = kind;
    const what = isForbidden(error)
      ? `cannot compete for the lead: grant get, create and update on leases.coordination.k8s.io in namespace ${namespace}`
      : 'cannot read or write the Lease; trying on';
    log.warn({ err: error, lease: name }, what);
  }

  /** Rejects at a time limit or when one of `signals` aborts, even if `work` ignores its signal. */
  async function within<T>(work: (signal: AbortSignal) => Promise<T>, ...signals: AbortSignal[]): Promise<T> {
    const cut = new AbortController();
    const signal = AbortSignal.any([cut.signal, ...signals]);
    const late = new UnreachableError(`Lease ${namespace}/${name}: no answer in time`);
    // More than one try must fit into the deadline: one hung connection must not end the term.
    const timer = timers.set(() => cut.abort(late), renewDeadlineMs / 3);
    try {
      return await Promise.race([aborted(signal).then(() => signal.throwIfAborted() as never), work(signal)]);
    } finally {
      timers.clear(timer);
      cut.abort();
    }
  }

  /** Waits `ms` and up to a fifth more, or until the signal aborts. */
  function pause(ms: number, signal: AbortSignal): Promise<void> {
    return sleep(ms * (1 + 0.2 * random()), signal, timers);
  }
}
