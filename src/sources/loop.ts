/** Runs the sources: tries logins at registries, rolls contents out through canaries, and reports changes. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { isPassing, messageOf } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import { sleep } from '../async/sleep.ts';
import { during } from '../async/term.ts';
import { systemTimers } from '../async/timers.ts';
import type { Timers } from '../async/timers.ts';
import type { Log } from '../log.ts';
import { findContent } from './find-content.ts';
import { createPreflight } from './preflight.ts';
import type { Preflight } from './preflight.ts';
import type { Refusals } from '../observe/refusals.ts';
import { createSourceBook } from './book.ts';
import type { SourceBook } from './book.ts';
import type { State } from '../observe/state.ts';
import { withUsers } from './users.ts';
import type { World } from '../observe/world.ts';
import type { Reach } from '../proxies/reach.ts';
import { createCanaries } from './canaries.ts';
import type { CarrierProxy } from './canaries.ts';
import { announceSources, remindOfSources } from './news.ts';
import type { SourceChange } from './known-source.ts';

export interface Sources {
  readonly book: SourceBook;
  standings: Preflight['standings'];
  /** Whether this term's first look is done: all that can be in force now is. */
  settled(): boolean;
  /** Schedules a look at the stores; call it when they changed. */
  look(): void;
  /** Resolves when no look is running: by then what it found is published and enqueued. */
  whenLooked(): Promise<void>;
  /** A term as leader begins: only the saved state counts, not what this replica knew before. */
  takeOver(): void;
  /** Reports again what is wrong: Events expire. */
  remind(): void;
  /** Tries the logins in force at their registries again. */
  recheck(): Promise<void>;
  stop(): void;
}

interface SourcesOptions {
  client: KubeClient;
  world: World;
  state: State;
  refusals: Refusals;
  reach: Pick<Reach, 'check'>;
  events: EventRecorder;
  log: Log;
  configuration: () => Configuration;
  /** Only the leader looks: two replicas would try a bad login twice as often. */
  leading: () => boolean;
  /** The term as leader: what is in force is saved only in it. */
  term: () => AbortSignal;
  /** During a pause no login is tried and nothing new is put in force: it waits. */
  pause: { readonly on: boolean; over(): Promise<void> };
  isRead: (source: SourceConfig) => boolean;
  /** The standing of each cache proxy. */
  proxies: () => readonly CarrierProxy[];
  /** A content is now in force. */
  onAccepted: (source: string, digest: string, first: boolean) => void;
  /** What carriers are to have may have changed. */
  onChange: () => void;
  stop: AbortSignal;
  timers?: Timers;
  now?: () => number;
}

const AGAIN_MS = 1_000;

export function createSources({
  client,
  world,
  state,
  refusals,
  reach,
  events,
  log,
  configuration,
  leading,
  term,
  pause,
  isRead,
  proxies,
  onAccepted,
  onChange,
  stop,
  timers = systemTimers,
  now,
}: SourcesOptions): Sources {
  const preflight = createPreflight({
    timers,
    ...(now && { now }),
    state,
    refusals,
    ready: () => pause.over(),
    check: (credential, signal) => reach.check(configuration(), credential, during(term(), signal)),
    onVerdict: look,
  });
  const book = createSourceBook({
    world,
    state,
    isRead,
    judge: (source, group, credentials) => preflight.judge(source, group, credentials),
    find: (source, digest) => findContent({ client, world, signal: stop }, source, digest),
    canaries: (source, digest, first) => canaries.choose(source, digest, first),
    ...(now && { now }),
  });
  const canaries = createCanaries({
    timers,
    client,
    world,
    book,
    configuration,
    proxies,
    log,
    isPaused: () => pause.on,
    onMoved: () => {
      looked = true;
      look();
    },
  });

  /** Changes that are not reported yet: kept while the state cannot be written. */
  const untold: SourceChange[] = [];
  /** Sources that have a content in force in this term. */
  const begun = new Set<string>();
  let wanted = false;
  /** The canaries of a rollout were looked at or replaced. */
  let looked = false;
  /** The first look of this term is done. */
  let told = false;
  let looking: Promise<void> | undefined;
  /** One look at a time; a call meanwhile causes one more look afterwards. */
  function look(): void {
    wanted = true;
    looking ??= lookOn().finally(() => {
      looking = undefined;
      // Asked for after the last check of the loop.
      if (wanted && mayLook()) look();
    });
  }
  const mayLook = (): boolean => leading() && !pause.on && !stop.aborted;

  async function lookOn(): Promise<void> {
    while (wanted && mayLook()) {
      wanted = false;
      try {
        await lookOnce();
      } catch (error) {
        if (stop.aborted) return;
        log.warn(`the sources could not be looked at, and are again in a second: ${messageOf(error)}`);
        wanted = true;
        await sleep(AGAIN_MS, stop);
      }
    }
  }

  async function lookOnce(): Promise<void> {
    // A source whose copies cannot be read delays no other source.
    const failure = await book.recover().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    untold.push(
      ...(await Promise.all(
        book
          .refresh()
          .map((change) => withUsers(change, { client, world, book, configuration: configuration(), log, stop })),
      )),
    );
    // Save what is to be in force before any carrier gets it: the next leader continues from there.
    await state.save(term()).catch(unlessPassing);
    if (!leading()) return;
    book.publish();
    const changes = untold.splice(0);
    announceSources(changes, { log, events });
    let began = false;
    const accepted = new Map(
      changes.flatMap((change) => (change.accepted === undefined ? [] : [[change.source.name, change.accepted]])),
    );
    for (const source of configuration().sources) {
      const rollout = book.rollout(source.name);
      const change = accepted.get(source.name);
      if (rollout.newest !== undefined && (change !== undefined || !begun.has(source.name))) {
        onAccepted(source.name, rollout.newest.digest, change?.first ?? true);
        begun.add(source.name);
        began = true;
      }
      canaries.watch(source, rollout);
    }
    if (looked) remindOfSources(book.observe(), events, book.doubt);
    const isNews = changes.length > 0 || looked || began || !told;
    looked = false;
    told = true;
    if (isNews) onChange();
    if (failure !== undefined) throw failure.error;
  }

  /** A passing error is thrown and retried. A permanent refusal must not stop rotations: a restart then forgets them. */
  function unlessPassing(error: unknown): void {
    if (isPassing(error) || stop.aborted) throw error;
    log.warn(`what is in force cannot be remembered across restarts: ${messageOf(error)}`);
  }

  return {
    book,
    look,
    whenLooked: () => looking ?? Promise.resolve(),
    takeOver() {
      preflight.reset();
      book.forget();
      untold.length = 0;
      begun.clear();
      told = false;
      look();
    },
    remind() {
      if (leading()) remindOfSources(book.observe(), events, book.doubt);
    },
    standings: () => preflight.standings(),
    settled: () => told,
    async recheck() {
      await Promise.all(
        configuration().sources.map((source) =>
          preflight.recheck(source, book.rollout(source.name).newest?.credentials ?? []),
        ),
      );
      look();
    },
    stop() {
      preflight.stop();
      canaries.stop();
    },
  };
}
