/** The sources of the configuration in force: judged by their registries, tried on canaries, and told of when they change. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../log.ts';
import { createCanary } from '../reconcile/canary.ts';
import { failingPulls } from '../reconcile/failing-pulls.ts';
import { createPreflight } from '../reconcile/preflight.ts';
import type { Preflight } from '../reconcile/preflight.ts';
import { createSourceBook } from '../reconcile/sources.ts';
import type { SourceBook } from '../reconcile/sources.ts';
import type { State } from '../reconcile/state.ts';
import type { World } from '../reconcile/world.ts';
import type { Reach } from '../registry/reach.ts';
import type { Metrics } from '../server/metrics.ts';
import type { ProxyStanding } from './proxies.ts';
import { announceSources, remindOfSources } from './source-news.ts';

export interface Sources {
  readonly book: SourceBook;
  standings: Preflight['standings'];
  /** Looks at the stores again. Call it when they changed. */
  look(): void;
  /** Says once more what is wrong: Events do not last. */
  remind(): void;
  /** Tries what is in force at its registries again. */
  recheck(): Promise<void>;
  /** Writes down what the registries said. Of the leader only: what a replica finds that does not lead, it finds again when it does. */
  remember(): Promise<void>;
  stop(): void;
}

export interface SourcesOptions {
  client: KubeClient;
  world: World;
  state: State;
  reach: Pick<Reach, 'check'>;
  events: EventRecorder;
  log: Log;
  metrics: Pick<Metrics, 'sourceValid' | 'sourceChanged'>;
  configuration: () => Configuration;
  leading: () => boolean;
  /** Nothing is tried at a registry meanwhile: what is new waits. */
  paused?: () => boolean;
  isRead: (source: SourceConfig) => boolean;
  /** Cache proxies that are given the login of a source, and how all of them stand. */
  proxiesOf: (source: string) => string[];
  proxies: () => readonly ProxyStanding[];
  /** A content is in force from now on. */
  onAccepted: (source: string, digest: string, first: boolean) => void;
  /** What is to be where may be different now. */
  onChange: () => void;
  stop: AbortSignal;
}

export function createSources({ client, world, state, reach, events, log, metrics, configuration, leading, paused = () => false, isRead, proxiesOf, proxies, onAccepted, onChange, stop }: SourcesOptions): Sources {
  const preflight = createPreflight({
    state,
    check: (credential, signal) => reach.check(configuration(), credential, signal),
    onVerdict: () => {
      look();
      void remember();
    },
  });
  const book = createSourceBook(world, isRead, (source, content, credentials) => {
    // One replica asks: two would try a bad login twice as often.
    const asks = (leading() && !paused()) || source.verify === 'off';
    return asks ? preflight.judge(source, state.mac(content), credentials) : { state: 'pending' };
  }, (source, digest) => canary.phase(source, digest));
  const canary = createCanary({
    candidates: (source) => ({
      namespaces: [...(world.copies.get(source.copyName)?.all() ?? [])].filter(({ ours }) => ours).map((copy) => copy.namespace).sort(),
      proxies: proxiesOf(source.name),
    }),
    failing: async ({ namespaces, proxies: first }, signal) => [
      ...(await failingPulls(client, namespaces, signal)),
      ...proxies().filter(({ name, verified }) => first.has(name) && verified.state === 'refused').map(({ name }) => `cache proxy ${name}: a private pull through it fails`),
    ],
    onChange: (name) => {
      const { state: phase } = canary.phase(name, book.observe().find(({ config }) => config.name === name)?.digest);
      if (phase === 'halted') log.warn({ source: name }, 'rotation halted: pulls started to fail at the canaries; the rest keeps the content before');
      else log.info({ source: name }, 'the canaries are well: the rest follows');
      remind();
      onChange();
    },
  });

  function look(): void {
    const changes = book.refresh();
    if (changes.length === 0) return;
    announceSources(changes, { log, metrics, events: leading() ? events : undefined });
    const digests = new Map(book.observe().map(({ config, digest }) => [config.name, digest]));
    for (const change of changes) {
      const digest = digests.get(change.source.name);
      if (change.type !== 'accepted' || digest === undefined) continue;
      if (!change.first) canary.begin(change.source, digest);
      onAccepted(change.source.name, digest, change.first);
    }
    onChange();
  }

  function remind(): void {
    if (leading()) remindOfSources(book.observe(), events);
  }

  async function remember(): Promise<void> {
    if (leading()) await state.save(stop).catch((error: unknown) => log.debug({ err: error }, 'the verdicts could not be remembered'));
  }

  return {
    book, look, remind, remember,
    standings: () => preflight.standings(),
    async recheck() {
      await Promise.all(configuration().sources.map((source) => preflight.recheck(source, book.credentials(source.name) ?? [])));
      await remember();
    },
    stop() {
      preflight.stop();
      canary.stop();
    },
  };
}
