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
import { createPages, named } from './source-page.ts';
import type { Page, PageOptions, SourceChange } from './source-page.ts';
import { keyOf } from '../observe/world.ts';
import type { Held } from '../observe/state.ts';

export interface SourceBook {
  /** In the order of the configuration. `namespace`: as that one is to see it; while a canary runs, not all see the same. */
  observe(namespace?: string): readonly ObservedSource[];
  /** The content with this digest, base64, or else the newest good one; undefined while there never was one. */
  content(source: string, digest?: string): string | undefined;
  /** The source's own logins in force, without those of aliases, that a cache proxy is to have. */
  credentials(source: string, proxy?: string): readonly Credential[] | undefined;
  /** Why nothing, or not all, can be read from the source's Secrets; held entries are not among it. */
  troubles(source: string): readonly string[];
  /** What is not in force of what the source holds. */
  held(source: string): readonly Held[];
  /** The word that lets registries go which the source no longer has; undefined: none is gone. */
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

export function createSourceBook(options: PageOptions): SourceBook {
  const { isRead = () => true } = options;
  const one = createPages(options);
  let pages = new Map<string, Page>();

  return {
    observe: (namespace) =>
      [...pages.values()].map((page) => {
        const { config, shown = NOTHING } = page;
        const content = namespace === undefined ? shown.newest : contentFor(shown, { namespace });
        return {
          config,
          digest: content?.digest,
          problems: named(page),
          read: page.shown !== undefined && isRead(config),
        };
      }),
    content(source, digest) {
      const { passed, newest } = pages.get(source)?.shown ?? NOTHING;
      return (digest !== undefined && passed?.digest === digest ? passed : newest)?.base64;
    },
    credentials: (source, proxy) => {
      const shown = pages.get(source)?.shown ?? NOTHING;
      return (proxy === undefined ? shown.newest : contentFor(shown, { proxy }))?.own;
    },
    troubles(source) {
      const page = pages.get(source);
      return page === undefined
        ? []
        : page.problems.map((problem) => `Secret ${keyOf(page.config.secret)}: ${problem}`);
    },
    held: (source) => pages.get(source)?.held ?? [],
    confirmation: (source) => pages.get(source)?.confirmation,
    mention(source, users) {
      const page = pages.get(source);
      if (page !== undefined) page.users = users;
    },
    rollout: (source) => pages.get(source)?.rollout ?? NOTHING,
    advance(source, move) {
      const page = pages.get(source);
      if (page === undefined) return;
      page.rollout = move(page.rollout);
      one.remember(page);
    },
    async recover() {
      const errors: unknown[] = [];
      for (const page of pages.values())
        if (!page.recovered && isRead(page.config))
          await one.recover(page).catch((error: unknown) => errors.push(error));
      if (errors.length > 0) throw errors[0];
    },
    refresh: () => [...pages.values()].flatMap((page) => one.look(page) ?? []),
    publish() {
      for (const page of pages.values()) if (page.recovered) page.shown = page.rollout;
    },
    configure(configuration) {
      pages = new Map(
        configuration.sources.map((config) => {
          const old = pages.get(config.name);
          // Another Secret behind the same name is another source: its predecessor's login is not a fall-back for it.
          const stays = old !== undefined && keyOf(old.config.secret) === keyOf(config.secret);
          return [config.name, stays ? { ...old, config, reading: undefined } : one.fresh(config)];
        }),
      );
    },
    forget() {
      pages = new Map([...pages].map(([name, { config }]) => [name, one.fresh(config)]));
    },
  };
}
