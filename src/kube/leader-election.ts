/**
 * Which replica writes: a Lease that the replicas compete for, as client-go does it. The leader stops before anybody
 * else may start: its term ends `renewDeadline` after the start of its last successful renewal, while the others wait
 * `leaseDuration` from the moment they saw that renewal, each on its own monotonic clock. No two clocks are compared.
 */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { ApiError, isForbidden, UnreachableError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { createLeaseLock } from './lease-lock.ts';
import type { Outcome } from './lease-lock.ts';

export interface ElectionTimings {
  /** How long the others wait after a renewal before they take over, in milliseconds; whole seconds. */
  leaseDurationMs: number;
  /** How long the leader goes on without a successful renewal, in milliseconds. */
  renewDeadlineMs: number;
  /** Between two attempts to renew or to acquire, in milliseconds; up to a fifth is added at random. */
  retryPeriodMs: number;
}

export const DEFAULT_TIMINGS: ElectionTimings = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

export interface ElectionClock {
  /** Milliseconds of a clock that never jumps: judges every deadline. */
  monotonic(): number;
  /** Milliseconds since 1970: only written into the Lease, for people to read. */
  wall(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

export interface LeaderElectorOptions {
  client: KubeClient;
  namespace: string;
  /** Name of the Lease. */
  name: string;
  /** Of this process, unlike that of every other candidate: the pod's name. */
  identity: string;
  log: Log;
  /**
   * Starts the work of a leader. The signal aborts the moment leadership may have ended: nothing is written after it.
   * When a promise is returned, the Lease is given up, or competed for again, only after it has settled.
   */
  onStartedLeading: (signal: AbortSignal) => void | Promise<void>;
  /** Told after each term. */
  onStoppedLeading: () => void;
  timings?: ElectionTimings;
  clock?: ElectionClock;
  random?: () => number;
}

export interface LeaderElector {
  /** Competes and leads, as often as it comes to that, until the signal aborts; then gives the Lease up. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Whether this replica leads at this moment; true only while the signal of onStartedLeading has not aborted. */
  isLeader(): boolean;
  /** Ends the current term, if any, and gives the Lease up; resolves when that is done. Stays a candidate. */
  release(): Promise<void>;
}

const systemClock: ElectionClock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** One time of leading. `over` resolves when its work has ended and the Lease is given up. */
interface Term {
  readonly signal: AbortSignal;
  readonly over: Promise<void>;
  /** On the monotonic clock. */
  endsAt: number;
  /** Whether the Lease is still ours at the end, and another may have it at once. */
  giveUp: boolean;
}

export function createLeaderElector(options: LeaderElectorOptions): LeaderElector {
  const {
    client,
    namespace,
    name,
    identity,
    log,
    timings = DEFAULT_TIMINGS,
    clock = systemClock,
    random = Math.random,
  } = options;
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = timings;
  if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > 2 * retryPeriodMs))
    throw new Error('leader election: leaseDuration > renewDeadline > 2 * retryPeriod must hold');
  /** More than one try must fit into the deadline: one hung connection must not cost the lead. */
  const callLimitMs = renewDeadlineMs / 3;

  const lock = createLeaseLock({ client, namespace, name, identity, leaseDurationMs, clock });
  let term: Term | undefined;
  let endTerm: (why: string, giveUp: boolean) => void = () => undefined;
  /** The error that was logged last and still stands. */
  let trouble: string | undefined;

  const isLeader = (): boolean => term !== undefined && !term.signal.aborted && clock.monotonic() < term.endsAt;

  /** Leads until the term is over and its work has ended. Returns how long to stay back then, in milliseconds. */
  async function lead(startedAt: number, stop: AbortSignal): Promise<number> {
    const controller = new AbortController();
    const { promise: over, resolve: settle } = Promise.withResolvers<void>();
    const mine: Term = { signal: controller.signal, over, endsAt: startedAt + renewDeadlineMs, giveUp: false };
    term = mine;
    endTerm = (why, giveUp) => {
      if (mine.signal.aborted) return;
      mine.giveUp = giveUp;
      log.info({ lease: name, identity }, `leading no longer: ${why}`);
      controller.abort();
    };
    const onStop = (): void => endTerm('stopping', true);
    stop.addEventListener('abort', onStop);
    log.info({ lease: name, identity }, 'leading');
    watchDeadline(mine);
    const work = Promise.resolve(mine.signal)
      .then((signal) => options.onStartedLeading(signal))
      .catch((error: unknown) => {
        if (!mine.signal.aborted) log.error({ err: error }, 'the work of the leader failed');
        endTerm('its work failed', true);
      });
    if (stop.aborted) onStop();

    await renewUntilOver(mine);
    // Whoever is next must not start while work of this term is still winding down.
    await work;
    stop.removeEventListener('abort', onStop);
    term = undefined;
    if (mine.giveUp)
      await within(undefined, (signal) => lock.free(signal)).catch((error: unknown) =>
        log.warn({ err: error, lease: name }, 'the Lease could not be given up; it runs out by itself'),
      );
    try {
      options.onStoppedLeading();
    } catch (error) {
      log.error({ err: error }, 'onStoppedLeading failed');
    }
    settle();
    // Who let go on purpose gives the others a chance.
    return mine.giveUp ? 2 * retryPeriodMs : 0;
  }

  /** Ends the term at its deadline, whatever becomes of renewals that hang or fail. */
  function watchDeadline(mine: Term): void {
    const left = mine.endsAt - clock.monotonic();
    if (left <= 0) return endTerm('the Lease could not be renewed in time', false);
    const again = (): void => {
      mine.signal.removeEventListener('abort', cancel);
      watchDeadline(mine);
    };
    const timer = clock.setTimeout(again, left);
    const cancel = (): void => clock.clearTimeout(timer);
    mine.signal.addEventListener('abort', cancel);
  }

  async function renewUntilOver(mine: Term): Promise<void> {
    while (!mine.signal.aborted) {
      await sleep(retryPeriodMs, mine.signal);
      if (mine.signal.aborted) return;
      // The others count from when they saw the renewal, which is after it was sent: count from before.
      const startedAt = clock.monotonic();
      const outcome = await attempt(mine.signal);
      if (outcome === 'ours') mine.endsAt = startedAt + renewDeadlineMs;
      if (outcome === 'theirs') endTerm('another replica holds the Lease', false);
    }
  }

  async function attempt(signal: AbortSignal): Promise<Outcome | 'failed'> {
    try {
      const outcome = await within(signal, (limited) => lock.tryHold(limited, isLeader()));
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

  /** Rejects at the time limit or when `outer` aborts, even if `work` does not listen. */
  async function within<T>(outer: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const { promise: cut, reject } = Promise.withResolvers<never>();
    const stop = (why: string): void => {
      const error = new UnreachableError(`Lease ${namespace}/${name}: ${why}`);
      controller.abort(error);
      reject(error);
    };
    const onOuter = (): void => stop('stopped');
    const timer = clock.setTimeout(() => stop('no answer in time'), callLimitMs);
    outer?.addEventListener('abort', onOuter);
    try {
      if (outer?.aborted === true) onOuter();
      return await Promise.race([cut, work(controller.signal)]);
    } finally {
      clock.clearTimeout(timer);
      outer?.removeEventListener('abort', onOuter);
    }
  }

  /** Some milliseconds and up to a fifth more. Ends early, without an error, when the signal aborts. */
  function sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = clock.setTimeout(wake, ms * (1 + 0.2 * random()));
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
    });
  }

  return {
    async run(stop) {
      while (!stop.aborted) {
        const startedAt = clock.monotonic();
        const outcome = await attempt(stop);
        const stayBackMs = outcome === 'ours' ? await lead(startedAt, stop) : 0;
        await sleep(retryPeriodMs + stayBackMs, stop);
      }
    },
    isLeader,
    async release() {
      const current = term;
      endTerm('released', true);
      await current?.over;
    },
  };
}
