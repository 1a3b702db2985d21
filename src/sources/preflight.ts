/**
 * Tries logins at their registries before they are spread. A refusal holds an entry back; no answer does not, unless the source
 * says `enforce`. One try per host and login, for all entries and callers, and only a few refused tries per account.
 */
import { steady } from '../clock.ts';
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { isDockerHub, misnamedDockerHub, redactKey, registryHost, whyMisnamed } from '../credentials/registry-name.ts';
import { messageOf } from '../errors.ts';
import { delayMs } from '../retry.ts';
import { createLimit } from '../async/limit.ts';
import { createSerial } from '../async/serial.ts';
import { systemTimers } from '../async/timers.ts';
import type { Timers } from '../async/timers.ts';
import type { LoginVerdict } from '../registry/auth.ts';
import type { Judgement } from './merge.ts';
import { accountId, loginId } from '../observe/refusals.ts';
import type { AccountLogin, Refusals } from '../observe/refusals.ts';
import type { State } from '../observe/state.ts';

/** What was found of one credential, for metrics and the audit. */
interface CredentialStanding {
  readonly source: string;
  readonly key: string;
  readonly state: LoginVerdict['state'];
  readonly why: string;
  readonly at: string;
}

/** The login of an entry, in the form in which it is tried. */
export const accountOf = ({ key, username, password }: Credential): AccountLogin => ({
  host: registryHost(key),
  username,
  password,
});

export interface Preflight {
  /** Tries a login now, unless it was refused just now or is already being tried. Never rejects. */
  attempt(credential: Credential): Promise<LoginVerdict>;
  /** One judgement per credential. `group`: a part of the source; logins that its next call does not have are forgotten. */
  judge(source: SourceConfig, group: 'own' | 'aliases', credentials: readonly Credential[]): Judgement[];
  /** Tries the logins in force again: only for metrics and audits, nothing is held back. */
  recheck(source: SourceConfig, credentials: readonly Credential[]): Promise<void>;
  standings(): readonly CredentialStanding[];
  /** Forgets everything but the refusals: another replica may have led meanwhile. */
  reset(): void;
  stop(): void;
}

interface PreflightOptions {
  state: Pick<State, 'mac'>;
  refusals: Refusals;
  /** Resolves when logins may be tried; default: at once. */
  ready?: () => Promise<void>;
  /** Tries one login at one registry. Must be bounded in time; rejects only if `signal` aborts. */
  check: (credential: Credential, signal: AbortSignal) => Promise<LoginVerdict>;
  /** A try ended: call `judge` again. */
  onVerdict: (source: string) => void;
  /** Of the same clock as the refusals. */
  now?: () => number;
  timers?: Timers;
}

/** Longest time for one try, in milliseconds: a rotation must not wait for a registry that does not answer. */
const CHECK_MS = 10_000;
/** This many tries run at the same time. */
const AT_ONCE = 16;

const isPattern = (key: string): boolean => /[*?[\]]/.test(key);

/** `locked`: not tried, so that its account does not get locked. */
type Answer = LoginVerdict & { readonly locked?: true };
/** A login to judge. While `answer` is undefined, it is being tried for the first time. */
interface Asked {
  answer?: Answer;
  timer?: unknown;
}

export function createPreflight({
  state,
  refusals,
  ready = () => Promise.resolve(),
  check,
  onVerdict,
  now = steady,
  timers = systemTimers,
}: PreflightOptions): Preflight {
  const stopping = new AbortController();
  /** By `source/group`, then by login. */
  const asked = new Map<string, Map<string, Asked>>();
  const found = new Map<string, Map<string, CredentialStanding>>();
  const flying = new Map<string, Promise<Answer>>();
  /** Passwords of one account are tried one by one: six wrong ones at once could lock it before the first refusal is known. */
  const inTurn = createSerial();
  const limit = createLimit(AT_ONCE);

  /** All concurrent calls for the same login at the same host share one try. */
  function attempt(credential: Credential): Promise<Answer> {
    // Answered at once: it needs none of the places.
    if (isPattern(credential.key))
      return Promise.resolve({ state: 'unknown', why: 'a pattern names no host that could be asked' });
    if (!isDockerHub(credential.key) && misnamedDockerHub(credential.key)?.dead === true)
      return Promise.resolve({
        state: 'unknown',
        why: `no registry has this name, so the login was not tried: ${whyMisnamed(credential.key)}`,
      });
    const login = accountOf(credential);
    const id = loginId(state.mac, login);
    let flight = flying.get(id);
    if (flight === undefined)
      flying.set(
        id,
        (flight = inTurn(accountId(state.mac, login), () => limit(() => send(credential, login))).finally(() =>
          flying.delete(id),
        )),
      );
    return flight;
  }

  async function send(credential: Credential, login: AccountLogin): Promise<Answer> {
    try {
      await ready();
      // Checked only now: another password of the same account may have been refused meanwhile.
      const wait = refusals.waits(login);
      if (wait !== undefined)
        return wait.tried ? { state: 'refused', why: wait.why } : { state: 'unknown', why: wait.why, locked: true };
      const verdict = await check(credential, AbortSignal.any([AbortSignal.timeout(CHECK_MS), stopping.signal]));
      if (verdict.state === 'accepted') refusals.accepted(login);
      if (verdict.state === 'refused') refusals.refused(login, verdict.why);
      return verdict;
    } catch (error) {
      return { state: 'unknown', why: `${redactKey(credential.key)}: not tried to the end: ${messageOf(error)}` };
    }
  }

  function note(source: string, { key }: Credential, { state: verdict, why }: Answer): void {
    let standings = found.get(source);
    if (standings === undefined) found.set(source, (standings = new Map<string, CredentialStanding>()));
    standings.set(redactKey(key), {
      source,
      key: redactKey(key),
      state: verdict,
      why,
      at: new Date(now()).toISOString(),
    });
  }

  function begin(source: SourceConfig, credential: Credential, entry: Asked, isAsked: () => boolean): void {
    void attempt(credential).then((answer) => {
      if (stopping.signal.aborted) return;
      note(source.name, credential, answer);
      if (!isAsked()) return;
      entry.answer = answer;
      const isEnough = answer.state === 'accepted' || source.verify !== 'enforce';
      const untilMs =
        refusals.waits(accountOf(credential))?.untilMs ?? (isEnough ? undefined : now() + delayMs('login unknown'));
      if (untilMs !== undefined)
        entry.timer = timers.set(() => begin(source, credential, entry, isAsked), Math.max(1_000, untilMs - now()));
      onVerdict(source.name);
    });
  }

  function judgementOf({ verify }: SourceConfig, { answer }: Asked): Judgement {
    if (answer === undefined) return { state: 'pending' };
    if (answer.state === 'refused') return { state: 'refused', why: answer.why };
    if (answer.state === 'unknown' && (verify === 'enforce' || answer.locked))
      return { state: 'unproven', why: answer.why };
    return { state: 'accepted', proven: answer.state === 'accepted' };
  }

  function reset(): void {
    for (const memory of asked.values()) for (const { timer } of memory.values()) timers.clear(timer);
    asked.clear();
    found.clear();
  }

  return {
    attempt,
    judge(source, group, credentials) {
      const place = `${source.name}/${group}`;
      if (source.verify === 'off') {
        // Verdicts from before `verify: off` no longer count.
        found.delete(source.name);
        asked.delete(place);
        return credentials.map(() => ({ state: 'accepted' }));
      }
      const before = asked.get(place) ?? new Map<string, Asked>();
      const memory = new Map<string, Asked>();
      asked.set(place, memory);
      const judgements = credentials.map((credential) => {
        const id = loginId(state.mac, accountOf(credential));
        let entry = memory.get(id) ?? before.get(id);
        if (entry === undefined) {
          const fresh: Asked = (entry = {});
          begin(source, credential, fresh, () => asked.get(place)?.get(id) === fresh);
        }
        memory.set(id, entry);
        return judgementOf(source, entry);
      });
      for (const [id, { timer }] of before) if (!memory.has(id)) timers.clear(timer);
      return judgements;
    },
    async recheck(source, credentials) {
      // Drop the standings of keys that are no longer in force.
      const keys = new Set(credentials.map(({ key }) => redactKey(key)));
      for (const key of [...(found.get(source.name)?.keys() ?? [])])
        if (!keys.has(key)) found.get(source.name)?.delete(key);
      if (source.verify === 'off') return;
      await Promise.all(
        credentials.map(async (credential) => note(source.name, credential, await attempt(credential))),
      );
    },
    standings: () => [...found.values()].flatMap((standings) => [...standings.values()]),
    reset,
    stop() {
      stopping.abort();
      reset();
    },
  };
}
