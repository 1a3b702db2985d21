/**
 * Keeps the Secret of a provider fresh: looks at it, decides, asks the program when it is time, writes. The Secret itself is the
 * memory: a restart goes on with what it says, and of two processes that overlap the second finds the work done.
 */
import { sleep } from '../async/sleep.ts';
import { monotonic, wall } from '../clock.ts';
import type { ProviderConfig } from '../config/provider.ts';
import { messageOf } from '../errors.ts';
import { isConflict } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { minute } from '../text.ts';
import type { Ask } from './ask.ts';
import { ProviderFailure } from './failure.ts';
import { retryMs, scheduleOf } from './schedule.ts';
import type { Timings } from './schedule.ts';
import { contentOf, readSecret, writeSecret } from './secret.ts';
import type { Content, Observed, Version } from './secret.ts';

export interface Standing {
  /** Times of the login that is in force, in milliseconds since 1970. */
  readonly login: { readonly expiresAt: number | undefined; readonly renewAt: number } | undefined;
  /** Why the last look or renewal failed; undefined: it did not. */
  readonly failure: ProviderFailure | undefined;
  /** For how long nothing was looked at, in milliseconds. */
  readonly silentMs: number;
}

interface LoopOptions {
  readonly client: KubeClient;
  readonly config: ProviderConfig;
  readonly ask: Ask;
  /** Digest of the configuration. */
  readonly by: string;
  readonly timings: Timings;
  readonly onRenewed: (content: Content, changed: boolean) => void;
  /** `version` undefined: there is no Secret, or nobody knows. */
  readonly onFailure: (failure: ProviderFailure, retryMs: number, version: Version | undefined) => void;
  readonly onRecovered: () => void;
}

export interface Loop {
  run(signal: AbortSignal): Promise<void>;
  standing(): Standing;
}

/** The login that is in force, or is to be. */
interface Held extends Content {
  /** Not known to be in the Secret. */
  readonly isPending: boolean;
  /** When to renew it, by the monotonic clock: the time of day can be set back. */
  readonly dueAt: number;
}

export function createLoop({ client, config, ask, by, timings, onRenewed, onFailure, onRecovered }: LoopOptions): Loop {
  const { secret, ask: about } = config;
  const name = `Secret ${secret.namespace}/${secret.name}`;
  const refreshMs = about.refreshEvery;
  let held: Held | undefined;
  /** Whether this process has found or made the Secret as its own configuration has it. */
  let isSettled = false;
  let failure: ProviderFailure | undefined;
  let failures = 0;
  let retryAt = 0;
  let lookedAt = monotonic();
  let version: Version | undefined;

  async function look(signal: AbortSignal): Promise<void> {
    const seen = await readSecret(client, config, signal);
    version = seen.state === 'absent' ? undefined : seen.version;
    if (seen.state === 'foreign') throw new ProviderFailure('not_ours', `${name} ${seen.why}`);
    // The one that was started last wins: otherwise two would undo each other's work for ever.
    if (seen.state === 'ours' && seen.by !== by && isSettled)
      throw new ProviderFailure(
        'superseded',
        `${name} is written by a provider with another configuration: end one of the two`,
      );
    const current = currentOf(seen);
    if (current !== undefined) take(current);
    const isInForce = current !== undefined && held?.isPending === false;
    // An answer that could not be written, or a Secret that somebody took away: the program need not be asked.
    if (held !== undefined && !isInForce && !isOver(held)) await put(held, signal);
    if (held === undefined || held.isPending || isDue(held)) await renew(signal);
  }

  function currentOf(seen: Observed): Content | undefined {
    const content = seen.state === 'ours' && seen.by === by ? seen.content : undefined;
    return content === undefined || isFar(content) ? undefined : content;
  }

  /** Longer than anything is planned for: the clock was set back, or somebody wrote the annotation. */
  const isFar = ({ renewAt }: Content): boolean => renewAt - wall() > timings.latestMs;

  /** What the Secret says counts, unless we know a later renewal of the same login, or have an answer that is not written yet. */
  function take(current: Content): void {
    isSettled = true;
    if (held !== undefined && held.renewAt >= current.renewAt && (held.isPending || held.config === current.config))
      return;
    held = { ...current, isPending: false, dueAt: monotonic() + Math.max(0, current.renewAt - wall()) };
  }

  const isDue = (login: Held): boolean => login.renewAt <= wall() || isFar(login) || monotonic() >= login.dueAt;

  const isOver = ({ expiresAt }: Content): boolean => expiresAt !== undefined && expiresAt <= wall();

  async function renew(signal: AbortSignal): Promise<void> {
    const answer = await ask(signal);
    const now = wall();
    const { expiresAt, waitMs } = scheduleOf(answer, { now, refreshMs, chance: Math.random(), timings });
    // The program may answer from yesterday, or our clock may be wrong: what ends later than the login in force is taken anyway.
    if (expiresAt !== undefined && expiresAt <= now && expiresAt <= (held?.expiresAt ?? Infinity))
      throw new ProviderFailure(
        'ended',
        `the login that it was given ended ${minute(expiresAt)}, and it is ${minute(now)} by the clock of this machine`,
      );
    const next = { config: contentOf(answer.logins), expiresAt, renewAt: now + waitMs };
    const isSame =
      held !== undefined && !held.isPending && held.config === next.config && isSameSecond(held.expiresAt, expiresAt);
    held = { ...next, isPending: !isSame, dueAt: monotonic() + waitMs };
    if (!isSame) await put(held, signal);
    onRenewed(next, !isSame);
  }

  async function put(content: Held, signal: AbortSignal): Promise<void> {
    await writeSecret(client, secret, content, { by, version, signal });
    isSettled = true;
    held = { ...content, isPending: false };
  }

  function failed(error: unknown): void {
    failure =
      error instanceof ProviderFailure
        ? error
        : new ProviderFailure('api', isConflict(error) ? `${name}: another writer was faster` : messageOf(error), {
            cause: error,
          });
    failures++;
    const leftMs = held?.expiresAt === undefined ? undefined : Math.max(0, held.expiresAt - wall());
    const waitMs = retryMs(failures, leftMs, Math.random(), timings);
    retryAt = monotonic() + waitMs;
    onFailure(failure, waitMs, version);
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        if (monotonic() >= retryAt) {
          try {
            await look(signal);
            if (failure !== undefined) onRecovered();
            failure = undefined;
            failures = 0;
          } catch (error) {
            if (!signal.aborted) failed(error);
          }
        }
        lookedAt = monotonic();
        const next = failure !== undefined ? retryAt : (held?.dueAt ?? 0);
        await sleep(Math.min(timings.lookMs, Math.max(SHORTEST_MS, next - monotonic())), signal);
      }
    },
    standing: () => ({
      login: held !== undefined && !held.isPending ? held : undefined,
      failure,
      silentMs: monotonic() - lookedAt,
    }),
  };
}

const SHORTEST_MS = 50;

/** The Secret keeps whole seconds. */
const isSameSecond = (a: number | undefined, b: number | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && Math.floor(a / 1000) === Math.floor(b / 1000));
