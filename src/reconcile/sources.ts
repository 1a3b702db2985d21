/**
 * What each source has to give: entry by entry its newest login that was found good, kept whatever becomes of the Secret
 * afterwards, across restarts and leaders.
 */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { tooLarge } from '../credentials/render.ts';
import { ANNOTATION_CONFIRM_REMOVAL } from '../names.ts';
import type { ObservedSource } from '../plan/observed.ts';
import { contentOf, parseContent } from './content.ts';
import type { Content } from './content.ts';
import { heldLines, mergeEntries } from './merge.ts';
import type { Held, Judgement } from './merge.ts';
import type { Reading } from './reading.ts';
import { readSource } from './reading.ts';
import { accept, contentFor, NOTHING, release } from './rollout.ts';
import type { Canaries, Rollout } from './rollout.ts';
import { keyId, entryMac, nextRecord, recordOf, stageOf } from './source-record.ts';
import type { State } from './state.ts';
import type { World } from './world.ts';
import { keyOf } from './world.ts';

/** What became of a source since it was last looked at. */
export interface SourceChange {
  readonly source: SourceConfig;
  /** A new content is in force. `registries`: keys whose login is new. */
  readonly accepted?: { readonly first: boolean; readonly registries: readonly string[]; readonly warnings: readonly string[] };
  /** Why the source is not in force as it is; empty: it is. */
  readonly problems: readonly string[];
  /** Whether `problems` are others than before. */
  readonly isNews: boolean;
  readonly hasLastGood: boolean;
}

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
  /** Finds what was in force before a restart. Throws ApiError; then nothing is known of that source yet. */
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

export interface BookOptions {
  world: World;
  state: Pick<State, 'mac' | 'source' | 'setSource'>;
  /** Whether all that a source depends on was read; before that, an absent Secret means nothing. */
  isRead?: (source: SourceConfig) => boolean;
  /** Whether a login that is new may be spread. Asked again until it is no longer pending. */
  judge?: (source: SourceConfig, group: 'own' | 'aliases', credentials: readonly Credential[]) => readonly Judgement[];
  /** The content that some copy of the source holds, by its digest; undefined: none does. */
  find?: (source: SourceConfig, digest: string) => Promise<string | undefined>;
  /** Who would get the content with this digest first; undefined: everybody at once. `first`: none is in force. */
  canaries?: (source: SourceConfig, digest: string, first: boolean) => Canaries | undefined;
  now?: () => number;
}

interface Page {
  config: SourceConfig;
  reading: Reading | undefined;
  rollout: Rollout<Content>;
  /** What was published of it; undefined: nothing was yet. */
  shown: Rollout<Content> | undefined;
  held: readonly Held[];
  unproven: readonly string[];
  /** What somebody let go just now. */
  goes: readonly string[];
  /** What the source holds now. */
  candidates: readonly Credential[];
  confirmation: string | undefined;
  /** Who uses what vanished, for people. */
  users: string | undefined;
  /** Why nothing can be taken from the source, and what is wrong with its aliases. */
  problems: readonly string[];
  /** Whether what was in force before a restart was looked for. */
  recovered: boolean;
}


export function createSourceBook({ world, state, isRead = () => true, judge = (_, __, credentials) => credentials.map(() => ({ state: 'accepted' })), find = () => Promise.resolve(undefined), canaries = () => undefined, now = Date.now }: BookOptions): SourceBook {
  let pages = new Map<string, Page>();

  const freshPage = (config: SourceConfig): Page => ({
    config, reading: undefined, rollout: NOTHING, shown: undefined, held: [], unproven: [], goes: [], candidates: [], confirmation: undefined, users: undefined, problems: [],
    // Nothing to be found where nothing is remembered.
    recovered: recordOf(state, config) === undefined,
  });

  function look(page: Page): SourceChange | undefined {
    const { config } = page;
    if (!page.recovered || !isRead(config)) return undefined;
    if (config.canary === undefined) page.rollout = release(page.rollout);
    const reading = (page.reading = readSource(world, config, page.reading));
    const { own: candidates = [] } = reading;
    const inForce = page.rollout.passed;
    const letGo = new Set(recordOf(state, config)?.letGo);
    page.goes = [];
    if (reading.own === undefined) return conclude(page, { held: [], problems: reading.problems, candidates: [] });

    const own = mergeEntries({ candidates, inForce: (inForce?.own ?? []).filter(({ key }) => !letGo.has(keyId(state, key))), judge: judged(config, 'own'), mayVanish: (keys) => mayVanish(page, reading, keys) });
    // Aliases follow what is in force of the source's own.
    const aliased = reading.aliases(own.credentials);
    const hosts = new Set(config.aliases.map(({ host }) => host));
    const lastAliases = (inForce?.credentials ?? []).filter(({ key }) => hosts.has(key));
    const aliases = mergeEntries({ candidates: aliased.credentials, inForce: lastAliases, judge: judged(config, 'aliases'), mayVanish: () => true });
    if (own.pending || aliases.pending) return undefined;

    if (!own.held.some(({ cause }) => cause === 'vanished')) Object.assign(page, { confirmation: undefined, users: undefined });
    const held = [...own.held, ...aliases.held];
    const unresolved = lastAliases.filter(({ key }) => !aliased.credentials.some((alias) => alias.key === key));
    const content = own.credentials.length === 0 ? undefined : contentOf(world.digest, own.credentials, [...aliases.credentials, ...unresolved]);
    const large = content === undefined ? undefined : tooLarge(content.base64);
    if (large !== undefined) return conclude(page, { held, problems: [large], candidates });
    return conclude(page, { held, unproven: [...own.unproven, ...aliases.unproven], problems: aliased.problems, candidates: [...candidates, ...aliased.credentials], content, warnings: [...reading.warnings, ...aliased.warnings] });
  }

  /** What was found good once, and is in force, is not tried again. */
  function judged(config: SourceConfig, group: 'own' | 'aliases'): (changed: readonly Credential[]) => readonly Judgement[] {
    const logins = recordOf(state, config)?.logins ?? {};
    return (changed) => {
      const unknown = changed.filter((credential) => logins[keyId(state, credential.key)] !== entryMac(state, credential));
      const judgements = judge(config, group, unknown);
      const found = new Map(unknown.map((credential, i) => [credential, judgements[i]]));
      return changed.map((credential) => found.get(credential) ?? { state: 'accepted', proven: true });
    };
  }

  function mayVanish(page: Page, { own = [], confirmed }: Reading, keys: readonly string[]): boolean {
    const { removals = 0 } = recordOf(state, page.config) ?? {};
    const logins = own.map((credential) => [credential.key, entryMac(state, credential)]).sort();
    page.confirmation = state.mac(JSON.stringify(['removal', page.config.name, removals, [...keys].sort(), logins])).slice(0, 12);
    if (confirmed !== page.confirmation) return false;
    page.goes = keys;
    return true;
  }

  interface Conclusion {
    readonly held: readonly Held[];
    readonly unproven?: readonly string[];
    readonly problems: readonly string[];
    readonly candidates: readonly Credential[];
    /** What is to be in force; undefined: what is in force stays. */
    readonly content?: Content | undefined;
    readonly warnings?: readonly string[];
  }

  function conclude(page: Page, { held, unproven = [], problems, candidates, content, warnings = [] }: Conclusion): SourceChange | undefined {
    const { config } = page;
    const before = page.rollout.newest;
    if (content !== undefined) page.rollout = rolled(page, content);
    const said = named(page).join('\n');
    Object.assign(page, { held, unproven, candidates, problems });
    remember(page);
    page.goes = [];
    const isNews = named(page).join('\n') !== said;
    const accepted = content === undefined || content.digest === before?.digest ? undefined : { first: before === undefined, registries: changedKeys(before, content), warnings };
    if (!isNews && accepted === undefined) return undefined;
    return { source: config, problems: named(page), isNews, hasLastGood: page.rollout.newest !== undefined, ...(accepted && { accepted }) };
  }

  function remember({ config, rollout, held, unproven, goes, candidates }: Page): void {
    state.setSource(config.name, nextRecord(state, config, recordOf(state, config), { rollout, held, unproven, goes, candidates }, new Date(now()).toISOString()));
  }

  /** After a restart a content takes up the stage that it had. */
  function rolled({ config, rollout }: Page, content: Content): Rollout<Content> {
    const record = recordOf(state, config);
    if (rollout.newest?.digest === content.digest) return rollout;
    if (record !== undefined && record.trying === undefined && record.passed[0] === content.digest) return { passed: content, newest: content, stage: { state: 'settled' } };
    if (config.canary !== undefined && record?.trying?.digest === content.digest) return { passed: rollout.passed, newest: content, stage: stageOf(record.trying) };
    return accept(rollout, content, config.canary === undefined ? undefined : canaries(config, content.digest, rollout.newest === undefined));
  }

  const changedKeys = (before: Content | undefined, after: Content): string[] => {
    const old = new Map(before?.credentials.map((credential) => [credential.key, entryMac(state, credential)]));
    return after.credentials.filter((credential) => old.get(credential.key) !== entryMac(state, credential)).map(({ key }) => redactKey(key));
  };

  async function recover(page: Page): Promise<void> {
    const { config } = page;
    const record = recordOf(state, config);
    const read = async (digest: string): Promise<Content | undefined> => {
      const base64 = await find(config, digest);
      return base64 === undefined ? undefined : parseContent(world.digest, config, base64);
    };
    const trying = record?.trying && (await read(record.trying.digest));
    let passed: Content | undefined;
    for (const digest of record?.passed ?? []) if ((passed = await read(digest)) !== undefined) break;
    page.rollout = record?.trying === undefined || trying === undefined ? { passed, newest: passed, stage: { state: 'settled' } } : { passed, newest: trying, stage: stageOf(record.trying) };
    page.recovered = true;
  }

  return {
    observe: (namespace) =>
      [...pages.values()].map((page) => {
        const { config, shown = NOTHING } = page;
        const content = namespace === undefined ? shown.newest : contentFor(shown, { namespace });
        return { config, digest: content?.digest, problems: named(page), read: page.shown !== undefined && isRead(config) };
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
      return page === undefined ? [] : page.problems.map((problem) => `Secret ${keyOf(page.config.secret)}: ${problem}`);
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
      remember(page);
    },
    async recover() {
      for (const page of pages.values()) if (!page.recovered && isRead(page.config)) await recover(page);
    },
    refresh: () => [...pages.values()].flatMap((page) => look(page) ?? []),
    publish() {
      for (const page of pages.values()) if (page.recovered) page.shown = page.rollout;
    },
    configure(configuration) {
      pages = new Map(configuration.sources.map((config) => {
        const old = pages.get(config.name);
        // Another Secret behind the same name is another source: its predecessor's login is not a fall-back for it.
        return [config.name, old !== undefined && keyOf(old.config.secret) === keyOf(config.secret) ? { ...old, config, reading: undefined } : freshPage(config)];
      }));
    },
    forget() {
      pages = new Map([...pages].map(([name, { config }]) => [name, freshPage(config)]));
    },
  };
}

/** Problems, what is held, and what keeps the canaries from being followed, each with the Secret that it is about. */
function named({ config: { secret }, problems, held, confirmation = '', users, rollout: { stage } }: Page): string[] {
  const confirm = `kubectl --namespace ${secret.namespace} annotate secret ${secret.name} --overwrite ${ANNOTATION_CONFIRM_REMOVAL}=${confirmation}`;
  const halted = stage.state === 'halted' ? stage.why.map((why) => `halted at the canaries: ${why}`) : [];
  return [...problems, ...heldLines(held, { users, confirm }), ...halted].map((problem) => `Secret ${keyOf(secret)}: ${problem}`);
}
