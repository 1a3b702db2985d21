/**
 * The content in force of each source: per entry the newest login that was found good. It stays, whatever happens to the Secret
 * later, across restarts and leaders.
 */
import type { Configuration } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import type { ObservedSource } from '../plan/observed.ts';
import type { Content } from './content.ts';
import { endOf } from './ends.ts';
import type { End } from './ends.ts';
import { contentFor, NOTHING } from './rollout.ts';
import type { Rollout } from './rollout.ts';
import { doubtOf, named } from './known-source.ts';
import type { KnownSource, SourceChange } from './known-source.ts';
import { keyOf } from '../observe/feed-ids.ts';
import type { Held } from '../observe/records.ts';
import { createSourceKeeper } from './keeper.ts';
import type { KeeperOptions } from './keeper.ts';
import { entryMac, recordOf } from './record.ts';

export interface SourceBook {
  /** In the order of the configuration. `namespace`: as this namespace is to see them; during a rollout, canaries see newer ones. */
  observe(namespace?: string): readonly ObservedSource[];
  /** Names of the sources that were read; what they hold is in force, if anything is. */
  inForce(): readonly string[];
  /** Whether a source is in force that is not one of these. */
  hasOthers(known: ReadonlySet<string>): boolean;
  /** Of each source that was read: whether all that it holds is in force, and when the newest content was accepted, in ms since 1970. */
  states(): {
    readonly source: string;
    readonly valid: boolean;
    readonly changedAt: number | undefined;
    /** Whether its annotation `expires-at` counts; absent: it has none. */
    readonly expiryValid?: boolean;
  }[];
  /** When a login of the source ends, as far as anything says so. */
  end(source: string, credential: Credential): End | undefined;
  /** Why the annotation `expires-at` of the source does not count; undefined: it does, or there is none. */
  doubt(source: string): string | undefined;
  /** Base64: the content that passed, if it has this digest, else the newest; undefined: the source never had a good content. */
  content(source: string, digest?: string): string | undefined;
  /** The source's own credentials, without aliases, that this cache proxy is to have. */
  credentials(source: string, proxy?: string): readonly Credential[] | undefined;
  /** Why nothing, or not all, can be read from the source's Secrets; held entries are not included. */
  troubles(source: string): readonly string[];
  /** Entries whose newest login, or whose removal, is not in force. */
  held(source: string): readonly Held[];
  /** The word that confirms the removal of vanished entries; undefined: none vanished. */
  confirmation(source: string): string | undefined;
  /** Sets who uses the entries that vanished; it becomes part of the problems. */
  mention(source: string, users: string): void;
  /** The rollout as last computed: it is in force only after {@link publish}. */
  rollout(source: string): Rollout<Content>;
  /** Takes the rollout one step on, and puts it into the state. */
  advance(source: string, move: (rollout: Rollout<Content>) => Rollout<Content>): void;
  /** Finds what was in force before a restart. Throws ApiError if that failed for a source; all others are recovered. */
  recover(): Promise<void>;
  /** Reads the stores again; call it when they changed. The result is put into the state, to be saved; it is not in force yet. */
  refresh(): SourceChange[];
  /** Puts the result of {@link refresh} in force: from now on it is what carriers get. */
  publish(): void;
  /** Takes a new configuration; sources that stay keep their content in force. */
  configure(configuration: Configuration): void;
  /** Forgets everything: another replica may have led meanwhile, and the state that it saved counts. */
  forget(): void;
}

export function createSourceBook(options: KeeperOptions): SourceBook {
  const { state, isRead = () => true } = options;
  const keeper = createSourceKeeper(options);
  let sources = new Map<string, KnownSource>();
  const isShown = ({ config, shown }: KnownSource): boolean => shown !== undefined && isRead(config);

  return {
    observe: (namespace) =>
      [...sources.values()].map((known) => {
        const { config, shown = NOTHING } = known;
        const content = namespace === undefined ? shown.newest : contentFor(shown, { namespace });
        return {
          config,
          digest: content?.digest,
          problems: named(known),
          read: known.shown !== undefined && isRead(config),
        };
      }),
    inForce: () => [...sources].flatMap(([name, known]) => (isShown(known) ? [name] : [])),
    hasOthers(known) {
      let found = false;
      sources.forEach((each, name) => (found ||= !known.has(name) && isShown(each)));
      return found;
    },
    states: () =>
      [...sources.values()]
        .filter(({ config, shown }) => shown !== undefined && isRead(config))
        .map((known) => {
          const record = known.shown?.newest && recordOf(state, known.config);
          return {
            source: known.config.name,
            valid: named(known).length === 0,
            changedAt: record && Date.parse(record.since),
            ...(known.reading?.secret?.expiresAt && { expiryValid: known.ends?.doubt === undefined }),
          };
        }),
    end(source, credential) {
      const known = sources.get(source);
      if (known === undefined) return undefined;
      const times = known.ends === undefined ? recordOf(state, known.config)?.times : known.ends.times;
      return endOf(credential, known.config, times?.logins[entryMac(state, credential)]);
    },
    doubt(source) {
      const known = sources.get(source);
      return known && doubtOf(known);
    },
    content(source, digest) {
      const { passed, newest } = sources.get(source)?.shown ?? NOTHING;
      return (digest !== undefined && passed?.digest === digest ? passed : newest)?.base64;
    },
    credentials: (source, proxy) => {
      const shown = sources.get(source)?.shown ?? NOTHING;
      return (proxy === undefined ? shown.newest : contentFor(shown, { proxy }))?.own;
    },
    troubles(source) {
      const known = sources.get(source);
      return known === undefined
        ? []
        : known.problems.map((problem) => `Secret ${keyOf(known.config.secret)}: ${problem}`);
    },
    held: (source) => sources.get(source)?.held ?? [],
    confirmation: (source) => sources.get(source)?.confirmation,
    mention(source, users) {
      const known = sources.get(source);
      if (known !== undefined) known.users = users;
    },
    rollout: (source) => sources.get(source)?.rollout ?? NOTHING,
    advance(source, move) {
      const known = sources.get(source);
      if (known === undefined) return;
      known.rollout = move(known.rollout);
      keeper.remember(known);
    },
    async recover() {
      const errors: unknown[] = [];
      for (const known of sources.values())
        if (!known.recovered && isRead(known.config))
          await keeper.recover(known).catch((error: unknown) => errors.push(error));
      if (errors.length > 0) throw errors[0];
    },
    refresh: () => [...sources.values()].flatMap((known) => keeper.look(known) ?? []),
    publish() {
      for (const known of sources.values()) if (known.recovered) known.shown = known.rollout;
    },
    configure(configuration) {
      sources = new Map(
        configuration.sources.map((config) => {
          const old = sources.get(config.name);
          // Another Secret under the same source name is another source: the logins of the old Secret are no fallback for it.
          const stays = old !== undefined && keyOf(old.config.secret) === keyOf(config.secret);
          return [config.name, stays ? { ...old, config, reading: undefined } : keeper.fresh(config)];
        }),
      );
    },
    forget() {
      sources = new Map([...sources].map(([name, { config }]) => [name, keeper.fresh(config)]));
    },
  };
}
