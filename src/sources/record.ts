/** The record of a source in the state: made from its rollout, and read again after a restart. */
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { readEnds } from './ends.ts';
import type { KnownSource } from './known-source.ts';
import type { Canaries, Rollout, Stage } from './rollout.ts';
import type { State } from '../observe/state.ts';
import { keyOf } from '../observe/feed-ids.ts';
import type { SourceRecord, Held } from '../observe/records.ts';

type Macs = Pick<State, 'mac'>;

/** 128 bits are enough to tell logins apart, and keep the state small: it is one Secret. */
export function keyId({ mac }: Macs, key: string): string {
  return mac(JSON.stringify(['key', key])).slice(0, 32);
}
export function entryMac({ mac }: Macs, { username, password }: Pick<Credential, 'username' | 'password'>): string {
  return mac(JSON.stringify(['entry', username, password])).slice(0, 32);
}

/** When the logins of a source end, from what was known before and what its Secret says now. */
export const endsOf = (
  state: Macs,
  { config, reading, rollout: { passed, newest } }: Pick<KnownSource, 'config' | 'reading' | 'rollout'>,
  before: SourceRecord | undefined,
  now: number,
): ReturnType<typeof readEnds> =>
  readEnds({
    secret: reading?.secret,
    maxAge: config.maxAge,
    own: reading?.own ?? [],
    inForce: [...(passed?.own ?? []), ...(newest?.own ?? [])],
    before: before?.times,
    loginMac: (credential) => entryMac(state, credential),
    mac: (text) => state.mac(text),
    now,
  });

/** Passed contents that are always remembered: when the process ends, no copy may hold the newest yet. */
const NEWEST_PASSED = 3;
/** Older ones are remembered while a copy holds them, since only then can a restart recover them. */
const MOST_PASSED = 20;
/** Limit for lines about failing canaries: where more fails, further lines tell nothing. */
const MOST_LINES = 100;

/** Undefined: there is no record, or only one of another Secret under the same source name. */
export function recordOf(state: Pick<State, 'source'>, config: SourceConfig): SourceRecord | undefined {
  const record = state.source(config.name);
  return record?.secret === keyOf(config.secret) ? record : undefined;
}

/** The stage that a rollout had before a restart. */
export function stageOf({ state, namespaces, proxies, before, why }: NonNullable<SourceRecord['trying']>): Stage {
  const canaries: Canaries = { namespaces: new Set(namespaces), proxies: new Set(proxies) };
  return state === 'looking'
    ? { state, canaries }
    : state === 'canary'
      ? { state, canaries, before }
      : { state, canaries, before, why };
}

interface LookResult {
  readonly rollout: Rollout<{ readonly digest: string; readonly credentials: readonly Credential[] }>;
  readonly held: readonly Held[];
  /** Keys of new logins that are taken without their registry's yes. */
  readonly unproven: readonly string[];
  /** Keys whose removal was confirmed just now. */
  readonly goes: readonly string[];
  /** Credentials that the source holds now. */
  readonly candidates: readonly Credential[];
  /** Whether some copy holds the content with this digest. */
  readonly isHeld: (digest: string) => boolean;
}

export function nextRecord(
  state: Macs,
  config: SourceConfig,
  before: SourceRecord | undefined,
  look: LookResult,
  at: string,
): SourceRecord {
  const {
    rollout: { passed, newest, stage },
    held,
    unproven,
    goes,
    candidates,
    isHeld,
  } = look;
  const settled = stage.state === 'settled' ? newest?.digest : passed?.digest;
  const old = before?.passed ?? [];
  const idsOf = (credentials: readonly Credential[]) =>
    Object.fromEntries(credentials.map((credential) => [keyId(state, credential.key), entryMac(state, credential)]));
  const logins = newest === undefined ? (before?.logins ?? {}) : idsOf(newest.credentials);
  const untried = new Set(unproven.map((key) => keyId(state, key)));
  const present = new Set(candidates.map(({ key }) => keyId(state, key)));
  const isNew = newest !== undefined && newest.digest !== (before?.trying?.digest ?? before?.passed[0]);
  const found = new Map(candidates.map((candidate) => [candidate.key, entryMac(state, candidate)]));
  const all = settled === undefined ? old : [settled, ...old.filter((digest) => digest !== settled)];
  return {
    secret: keyOf(config.secret),
    removals: (before?.removals ?? 0) + (goes.length > 0 ? 1 : 0),
    letGo:
      stage.state === 'settled'
        ? []
        : [...new Set([...(before?.letGo ?? []), ...goes.map((key) => keyId(state, key))])].filter(
            (id) => !present.has(id),
          ),
    passed: all.filter((digest, i) => i < NEWEST_PASSED || isHeld(digest)).slice(0, MOST_PASSED),
    ...(stage.state !== 'settled' &&
      newest !== undefined && {
        trying: {
          digest: newest.digest,
          state: stage.state,
          namespaces: [...stage.canaries.namespaces],
          proxies: [...stage.canaries.proxies],
          before: stage.state === 'looking' ? [] : stage.before.slice(0, MOST_LINES),
          why: stage.state === 'halted' ? stage.why.slice(0, MOST_LINES) : [],
        },
      }),
    logins,
    unproven: Object.keys(logins).filter(
      (id) => untried.has(id) || (before?.unproven.includes(id) === true && before.logins[id] === logins[id]),
    ),
    held: held.map((each) => {
      const [key, login] = [redactKey(each.key), found.get(each.key) ?? ''];
      const same = before?.held.find(
        (other) => other.key === key && other.cause === each.cause && other.login === login,
      );
      return { ...each, key, login, since: same?.since ?? at };
    }),
    since: before === undefined || isNew ? at : before.since,
  };
}
