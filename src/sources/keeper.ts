/** One source: what its Secrets hold is merged with what is in force; the result is a step of its rollout, and its record. */
import { wall } from '../clock.ts';
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { tooLarge } from '../credentials/render-docker-config.ts';
import { contentOf, parseContent } from './content.ts';
import type { Content } from './content.ts';
import { mergeEntries } from './merge.ts';
import type { Judgement } from './merge.ts';
import { doubtOf, named } from './known-source.ts';
import type { KnownSource, SourceChange } from './known-source.ts';
import type { Reading } from './reading.ts';
import { readSource } from './reading.ts';
import { accept, NOTHING, release, settled } from './rollout.ts';
import type { Canaries, Rollout } from './rollout.ts';
import { endsOf, keyId, entryMac, nextRecord, recordOf, stageOf } from './record.ts';
import type { State } from '../observe/state.ts';
import type { World } from '../observe/world.ts';
import type { Held } from '../observe/records.ts';

export interface KeeperOptions {
  world: World;
  state: Pick<State, 'mac' | 'source' | 'setSource'>;
  /** Whether all that a source depends on was read; before that, a missing Secret proves nothing. */
  isRead?: (source: SourceConfig) => boolean;
  /** Whether new logins may be spread. Asked again while one of them is pending. */
  judge?: (source: SourceConfig, group: 'own' | 'aliases', credentials: readonly Credential[]) => readonly Judgement[];
  /** The content with this digest, in base64, from a copy of the source; undefined: no copy holds it. */
  find?: (source: SourceConfig, digest: string) => Promise<string | undefined>;
  /** The canaries of the content with this digest; undefined: all carriers at once. `first`: no content is in force. */
  canaries?: (source: SourceConfig, digest: string, first: boolean) => Canaries | undefined;
  now?: () => number;
}

interface SourceKeeper {
  fresh(config: SourceConfig): KnownSource;
  /** Undefined: nothing new, or a login is still being tried. */
  look(known: KnownSource): SourceChange | undefined;
  /** Writes what is known into the state. */
  remember(known: KnownSource): void;
  /** Finds in the copies what was in force before a restart. Throws ApiError. */
  recover(known: KnownSource): Promise<void>;
}

const ACCEPT_ALL: NonNullable<KeeperOptions['judge']> = (_, __, credentials) =>
  credentials.map(() => ({ state: 'accepted' }));

export function createSourceKeeper({
  world,
  state,
  isRead = () => true,
  judge = ACCEPT_ALL,
  find = () => Promise.resolve(undefined),
  canaries = () => undefined,
  now = wall,
}: KeeperOptions): SourceKeeper {
  const fresh = (config: SourceConfig): KnownSource => ({
    config,
    reading: undefined,
    rollout: NOTHING,
    shown: undefined,
    held: [],
    unproven: [],
    goes: [],
    candidates: [],
    confirmation: undefined,
    users: undefined,
    problems: [],
    ends: undefined,
    // Without a record there is nothing to recover.
    recovered: recordOf(state, config) === undefined,
  });

  function look(known: KnownSource): SourceChange | undefined {
    const { config } = known;
    if (!known.recovered || !isRead(config)) return undefined;
    if (config.canary === undefined) known.rollout = release(known.rollout);
    const reading = (known.reading = readSource(world, config, known.reading));
    const { own: candidates = [] } = reading;
    const inForce = known.rollout.passed;
    const letGo = new Set(recordOf(state, config)?.letGo);
    known.goes = [];
    if (reading.own === undefined) return conclude(known, { held: [], problems: reading.problems, candidates: [] });

    const own = mergeEntries({
      candidates,
      inForce: (inForce?.own ?? []).filter(({ key }) => !letGo.has(keyId(state, key))),
      judge: judged(config, 'own'),
      mayVanish: (keys) => mayVanish(known, reading, keys),
    });
    // Aliases use the source's own logins in force.
    const aliased = reading.aliases(own.credentials);
    const hosts = new Set(config.aliases.map(({ host }) => host));
    const lastAliases = (inForce?.credentials ?? []).filter(({ key }) => hosts.has(key));
    const aliases = mergeEntries({
      candidates: aliased.credentials,
      inForce: lastAliases,
      judge: judged(config, 'aliases'),
      mayVanish: () => true,
    });
    if (own.pending || aliases.pending) return undefined;

    if (!own.held.some(({ cause }) => cause === 'vanished'))
      Object.assign(known, { confirmation: undefined, users: undefined });
    const held = [...own.held, ...aliases.held];
    const unresolved = lastAliases.filter(({ key }) => !aliased.credentials.some((alias) => alias.key === key));
    const content =
      own.credentials.length === 0
        ? undefined
        : contentOf(world.digest, own.credentials, [...aliases.credentials, ...unresolved]);
    const large = content === undefined ? undefined : tooLarge(content.base64);
    if (large !== undefined) return conclude(known, { held, problems: [large], candidates });
    return conclude(known, {
      held,
      unproven: [...own.unproven, ...aliases.unproven],
      problems: aliased.problems,
      candidates: [...candidates, ...aliased.credentials],
      content,
      warnings: [...reading.warnings, ...aliased.warnings],
    });
  }

  /** A login in force was found good once: it is not tried again. */
  function judged(
    config: SourceConfig,
    group: 'own' | 'aliases',
  ): (changed: readonly Credential[]) => readonly Judgement[] {
    const logins = recordOf(state, config)?.logins ?? {};
    return (changed) => {
      const unknown = changed.filter(
        (credential) => logins[keyId(state, credential.key)] !== entryMac(state, credential),
      );
      const judgements = judge(config, group, unknown);
      const found = new Map(unknown.map((credential, i) => [credential, judgements[i]]));
      return changed.map((credential) => found.get(credential) ?? { state: 'accepted', proven: true });
    };
  }

  function mayVanish(known: KnownSource, { own = [], confirmed }: Reading, keys: readonly string[]): boolean {
    const { removals = 0 } = recordOf(state, known.config) ?? {};
    const logins = own.map((credential) => [credential.key, entryMac(state, credential)]).sort();
    known.confirmation = state
      .mac(JSON.stringify(['removal', known.config.name, removals, [...keys].sort(), logins]))
      .slice(0, 12);
    if (confirmed !== known.confirmation) return false;
    known.goes = keys;
    return true;
  }

  interface Conclusion {
    readonly held: readonly Held[];
    readonly unproven?: readonly string[];
    readonly problems: readonly string[];
    readonly candidates: readonly Credential[];
    /** What is to be in force; undefined: the content in force stays. */
    readonly content?: Content | undefined;
    readonly warnings?: readonly string[];
  }

  function conclude(
    known: KnownSource,
    { held, unproven = [], problems, candidates, content, warnings = [] }: Conclusion,
  ): SourceChange | undefined {
    const { config } = known;
    const before = known.rollout.newest;
    if (content !== undefined) known.rollout = rolled(known, content);
    const said = named(known).join('\n');
    const doubted = doubtOf(known);
    Object.assign(known, { held, unproven, candidates, problems });
    remember(known);
    known.goes = [];
    const isNews = named(known).join('\n') !== said;
    const isNew = content !== undefined && content.digest !== before?.digest;
    const accepted = isNew
      ? { first: before === undefined, registries: changedKeys(before, content), warnings }
      : undefined;
    const doubt = doubtOf(known);
    if (!isNews && accepted === undefined && doubt === doubted) return undefined;
    return {
      source: config,
      problems: named(known),
      isNews,
      hasLastGood: known.rollout.newest !== undefined,
      ...(accepted && { accepted }),
      ...(doubt !== doubted && { doubt: doubt ?? null }),
    };
  }

  function remember(known: KnownSource): void {
    const { config, rollout, held, unproven, goes, candidates } = known;
    const before = recordOf(state, config);
    known.ends = endsOf(state, known, before, now());
    const isHeld = (digest: string): boolean =>
      [...(world.copies.get(config.copyName)?.all() ?? [])].some((copy) => copy.digest === digest);
    const standing = { rollout, held, unproven, goes, candidates, isHeld };
    state.setSource(config.name, {
      ...nextRecord(state, config, before, standing, new Date(now()).toISOString()),
      ...(known.ends.times && { times: known.ends.times }),
    });
  }

  /** After a restart a content continues at the stage that it had. */
  function rolled({ config, rollout }: KnownSource, content: Content): Rollout<Content> {
    const record = recordOf(state, config);
    if (rollout.newest?.digest === content.digest) return rollout;
    if (record !== undefined && record.trying === undefined && record.passed[0] === content.digest)
      return settled(content);
    if (config.canary !== undefined && record?.trying?.digest === content.digest) {
      return { passed: rollout.passed, newest: content, stage: stageOf(record.trying) };
    }
    return accept(
      rollout,
      content,
      config.canary === undefined ? undefined : canaries(config, content.digest, rollout.newest === undefined),
    );
  }

  const changedKeys = (before: Content | undefined, after: Content): string[] => {
    const old = new Map(before?.credentials.map((credential) => [credential.key, entryMac(state, credential)]));
    return after.credentials
      .filter((credential) => old.get(credential.key) !== entryMac(state, credential))
      .map(({ key }) => redactKey(key));
  };

  async function recover(known: KnownSource): Promise<void> {
    const { config } = known;
    const record = recordOf(state, config);
    const read = async (digest: string): Promise<Content | undefined> => {
      const base64 = await find(config, digest);
      return base64 === undefined ? undefined : parseContent(world.digest, config, base64);
    };
    const trying = record?.trying && (await read(record.trying.digest));
    let passed: Content | undefined;
    for (const digest of record?.passed ?? []) if ((passed = await read(digest)) !== undefined) break;
    known.rollout =
      record?.trying === undefined || trying === undefined
        ? settled(passed)
        : { passed, newest: trying, stage: stageOf(record.trying) };
    known.recovered = true;
  }

  return { fresh, look, remember, recover };
}
