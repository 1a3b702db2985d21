/**
 * Tries each credential of a new source content at its registry before anything is spread. A definite no holds the
 * content back; no answer does not, unless the source says `enforce`. Never more than a few tries of a refused login.
 */
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { messageOf } from '../errors.ts';
import type { LoginVerdict } from '../registry/auth.ts';
import type { SourceRecord, State } from './state.ts';

export type Judgement =
  /** Being tried; `onVerdict` will be called. */
  | { readonly state: 'pending' }
  | { readonly state: 'accepted'; readonly notes: readonly string[] }
  | { readonly state: 'held back'; readonly why: readonly string[] };

/** What was found of one credential, for metrics and the audit. */
export interface CredentialStanding {
  readonly source: string;
  readonly key: string;
  readonly state: LoginVerdict['state'];
  readonly why: string;
  readonly at: string;
}

export interface Preflight {
  /** Starts a check of `content` (its mac) unless one is under way or done. */
  judge(source: SourceConfig, contentMac: string, credentials: readonly Credential[]): Judgement;
  /** Looks again at what is in force; nothing is held back by it, but metrics and the audit know. */
  recheck(source: SourceConfig, credentials: readonly Credential[]): Promise<void>;
  standings(): readonly CredentialStanding[];
  stop(): void;
}

export interface PreflightOptions {
  state: Pick<State, 'mac' | 'source' | 'setSource'>;
  /** One login at one registry. Must be bounded in time; rejects only when `signal` aborts. */
  check: (credential: Credential, signal: AbortSignal) => Promise<LoginVerdict>;
  /** A check ended: judge again. */
  onVerdict: (source: string) => void;
  now?: () => number;
  timers?: { set(run: () => void, ms: number): unknown; clear(timer: unknown): void };
}

/** When a refused login is tried again: it may have been a hiccup of the token server. Then only rarely. */
const REFUSED_DELAYS_MS = [5 * 60_000, 30 * 60_000, 6 * 3_600_000];
/** A refusal is forgotten after a day; of each source so many are kept, the newest. */
const REMEMBERED_MS = 24 * 3_600_000;
const MOST_REMEMBERED = 50;
/** With `enforce`, how long until an unreachable registry is asked again. */
const UNKNOWN_DELAY_MS = 60_000;
/** Longest time for one credential, in milliseconds: a rotation must not wait for a registry that is not there. */
const CHECK_MS = 10_000;

interface Tried {
  /** Mac of registry and login. */
  readonly id: string;
  readonly verdict: LoginVerdict;
  /** Not taken from memory. */
  readonly isNew: boolean;
}

/** A glob names no host that could be asked, and an entry without a login proves nothing. */
export const isTryable = ({ key, username, password, identityToken }: Credential): boolean =>
  !/[*?[\]]/.test(key) && ((username !== '' && password !== '') || identityToken !== undefined);

/** How a login at a registry is remembered: says nothing of either to whoever does not have the key. */
export const loginId = (mac: State['mac'], { key, username, password, identityToken }: Credential): string =>
  mac(JSON.stringify(['login', key, username, password, identityToken ?? '']));

const systemTimers = { set: (run: () => void, ms: number): unknown => setTimeout(run, ms).unref(), clear: (timer: unknown): void => clearTimeout(timer as NodeJS.Timeout) };

export function createPreflight({ state, check, onVerdict, now = Date.now, timers = systemTimers }: PreflightOptions): Preflight {
  const stopping = new AbortController();
  const verdicts = new Map<string, { contentMac: string; judgement: Judgement; timer?: unknown }>();
  const found = new Map<string, Map<string, CredentialStanding>>();

  async function tryOne(source: SourceConfig, credential: Credential, record: SourceRecord | undefined): Promise<Tried> {
    const id = loginId(state.mac, credential);
    const before = record?.refused[id];
    if (before !== undefined && now() < Date.parse(before.at) + (REFUSED_DELAYS_MS[Math.min(before.times, REFUSED_DELAYS_MS.length) - 1] ?? 0)) {
      return { id, verdict: { state: 'refused', why: before.why }, isNew: false };
    }
    const verdict = await check(credential, AbortSignal.any([AbortSignal.timeout(CHECK_MS), stopping.signal])).catch((error: unknown): LoginVerdict => ({ state: 'unknown', why: `${redactKey(credential.key)}: not tried to the end: ${messageOf(error)}` }));
    remember(source.name, credential, verdict);
    return { id, verdict, isNew: true };
  }

  function remember(source: string, { key }: Credential, { state: verdict, why }: LoginVerdict): void {
    let standings = found.get(source);
    if (standings === undefined) found.set(source, (standings = new Map<string, CredentialStanding>()));
    standings.set(redactKey(key), { source, key: redactKey(key), state: verdict, why, at: new Date(now()).toISOString() });
  }

  async function tryAll(source: SourceConfig, contentMac: string, credentials: readonly Credential[], isCurrent: () => boolean): Promise<Judgement & { ids?: readonly string[] }> {
    const record = state.source(source.name);
    const results = await Promise.all(credentials.filter(isTryable).map((credential) => tryOne(source, credential, record)));
    const of = (wanted: LoginVerdict['state']): string[] => results.filter(({ verdict }) => verdict.state === wanted).map(({ verdict }) => verdict.why);
    const why = [...of('refused'), ...(source.verify === 'enforce' ? of('unknown') : [])];
    // Read again: a recheck may have found something meanwhile.
    const refused = refusals(state.source(source.name), results);
    const held = why.length > 0;
    if (!isCurrent()) {
      // About a content that is no longer there: only the tries count.
      const newest = state.source(source.name);
      if (newest !== undefined) state.setSource(source.name, { ...newest, refused });
      return { state: 'pending' };
    }
    // Keys that the source no longer has are nobody's standing.
    const keys = new Set(credentials.map(({ key }) => redactKey(key)));
    for (const key of [...(found.get(source.name)?.keys() ?? [])]) if (!keys.has(key)) found.get(source.name)?.delete(key);
    const same = record?.mac === contentMac && record.state === (held ? 'held back' : 'accepted');
    state.setSource(source.name, { mac: contentMac, state: held ? 'held back' : 'accepted', why: held ? why : of('unknown'), since: same ? record.since : new Date(now()).toISOString(), refused });
    return held ? { state: 'held back', why, ids: results.map(({ id }) => id) } : { state: 'accepted', notes: of('unknown') };
  }

  /** With those of logins that the source no longer has: a Secret that two tools fight over must not lock an account. */
  function refusals(record: SourceRecord | undefined, results: readonly Tried[]): SourceRecord['refused'] {
    const refused = new Map(Object.entries(record?.refused ?? {}).filter(([, { at }]) => Date.parse(at) + REMEMBERED_MS > now()));
    for (const { id, verdict, isNew } of results) {
      if (verdict.state === 'accepted') refused.delete(id);
      else if (verdict.state === 'refused' && isNew) refused.set(id, { times: (refused.get(id)?.times ?? 0) + 1, at: new Date(now()).toISOString(), why: verdict.why });
    }
    return Object.fromEntries([...refused].sort(([, a], [, b]) => Date.parse(a.at) - Date.parse(b.at)).slice(-MOST_REMEMBERED));
  }

  /** When a held-back content is worth another try; it also goes on at once when the source changes. */
  function retryDelay(source: SourceConfig, ids: readonly string[] = []): number {
    const refused = state.source(source.name)?.refused ?? {};
    const times = ids.flatMap((id) => refused[id] ?? []).map((r) => Date.parse(r.at) + (REFUSED_DELAYS_MS[Math.min(r.times, REFUSED_DELAYS_MS.length) - 1] ?? 0) - now());
    return Math.max(1_000, times.length === 0 ? UNKNOWN_DELAY_MS : Math.min(...times));
  }

  function start(source: SourceConfig, contentMac: string, credentials: readonly Credential[]): void {
    const entry: { contentMac: string; judgement: Judgement; timer?: unknown } = { contentMac, judgement: { state: 'pending' } };
    timers.clear(verdicts.get(source.name)?.timer);
    verdicts.set(source.name, entry);
    void tryAll(source, contentMac, credentials, () => verdicts.get(source.name) === entry).then((judgement) => {
      // The source may have changed again meanwhile: then this verdict is about nothing.
      if (stopping.signal.aborted || verdicts.get(source.name) !== entry) return;
      const { ids, ...said } = judgement;
      entry.judgement = said;
      if (judgement.state === 'held back') {
        entry.timer = timers.set(() => {
          if (verdicts.get(source.name) === entry) verdicts.delete(source.name);
          onVerdict(source.name);
        }, retryDelay(source, ids));
      }
      onVerdict(source.name);
    });
  }

  return {
    judge(source, contentMac, credentials) {
      if (source.verify === 'off') {
        // What was found while it was on is nobody's word any more.
        found.delete(source.name);
        return { state: 'accepted', notes: [] };
      }
      const known = verdicts.get(source.name);
      if (known?.contentMac === contentMac) return known.judgement;
      // Let through before a restart: a registry that is down now, or a login that ended, is no reason to take it back.
      const record = state.source(source.name);
      if (known === undefined && record?.mac === contentMac && record.state === 'accepted' && (source.verify === 'auto' || record.why.length === 0)) return { state: 'accepted', notes: record.why };
      start(source, contentMac, credentials);
      return { state: 'pending' };
    },
    async recheck(source, credentials) {
      if (source.verify === 'off') return;
      const results = await Promise.all(credentials.filter(isTryable).map((credential) => tryOne(source, credential, state.source(source.name))));
      const record = state.source(source.name);
      // These tries count as well, or an account would be locked by the schedule.
      if (record !== undefined) state.setSource(source.name, { ...record, refused: refusals(record, results) });
    },
    standings: () => [...found.values()].flatMap((standings) => [...standings.values()]),
    stop() {
      stopping.abort();
      for (const { timer } of verdicts.values()) timers.clear(timer);
    },
  };
}
