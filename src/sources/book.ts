/**
 * What each source has to give: entry by entry its newest login that was found good, kept whatever becomes of the Secret
 * afterwards, across restarts and leaders.
 */
import type { Configuration } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import type { ObservedSource } from '../plan/observed.ts';
import type { Content } from './content.ts';
import { contentFor, NOTHING } from './rollout.ts';
import type { Rollout } from './rollout.ts';
import { createSourceKeeper, named } from './known-source.ts';
import type { KnownSource, KeeperOptions, SourceChange } from './known-source.ts';
import { keyOf } from '../observe/world.ts';
import type { Held } from '../observe/state.ts';

export interface SourceBook {
  /** In the order of the configuration. `namespace`: as that one is to see it; while a canary runs, not all see the same. */
  observe(namespace?: string): readonly ObservedSource[];
  /** The content with this digest, base64, or else the newest good one; undefined while there never was keeper. */
  content(source: string, digest?: string): string | undefined;
  /** The source's own logins in force, without those of aliases, that a cache proxy is to have. */
  credentials(source: string, proxy?: string): readonly Credential[] | undefined;
  /** Why nothing, or not all, can be read from the source's Secrets; held entries are not among it. */
  troubles(source: string): readonly string[];
  /** What is not in force of what the source holds. */
  held(source: string): readonly Held[];
  /** The word that lets registries go which the source no longer has; undefined: none is gkeeper. */
  confirmation(source: string): string | undefined;
  /** Says who uses what vanished; it becomes a part of the problems. */
  mention(source: string, users: string): void;
  /** Newer than what is in force until {@link publish}. */
  rollout(source: string): Rollout<Content>;
  /** Moves a rollout on; it is written into the state. */
  advance(source: string, move: (rollout: Rollout<Content>) => Rollout<Content>): void;
  /** Finds what was in force before a restart. Throws ApiError; then nothing is known of some source yet, and the others are recovered. */
  recover(): Promise<void>;
  /** Looks at the stores again. Call it when they changed. What it finds is in the state, to be saved, and not in force yet. */
  refresh(): SourceChange[];
  /** Puts in force what was found: what others are shown. */
  publish(): void;
  /** Takes a new configuration in force; what is in force of sources that stay is kept. */
  configure(configuration: Configuration): void;
  /** Knows nothing any more: another replica may have led meanwhile, and what it wrote down counts. */
  forget(): void;
}

export function createSourceBook(options: KeeperOptions): SourceBook {
  const { isRead = () => true } = options;
  const keeper = createSourceKeeper(options);
  let sources = new Map<string, KnownSource>();

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
          // Another Secret behind the same name is another source: its predecessor's login is not a fall-back for it.
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
