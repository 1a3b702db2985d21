/**
 * Refused logins, counted by account: registries lock an account after a few. A login refused for one key, source, cache
 * proxy or command is not tried for another before its time. Kept in the state, across restarts and leaders.
 */
import { steady } from '../clock.ts';
import { refusedLoginMs } from '../retry.ts';
import type { State } from './state.ts';
import type { Refusal } from './records.ts';

/** An account at a host, and the password that was tried. */
export interface AccountLogin {
  /** Host with port; Docker Hub is `docker.io`. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
}

export interface Refusals {
  /** Why this login must not be tried now, and until when, in milliseconds since 1970. `tried`: exactly this login was refused. */
  waits(login: AccountLogin): { readonly untilMs: number; readonly why: string; readonly tried: boolean } | undefined;
  refused(login: AccountLogin, why: string): void;
  accepted(login: AccountLogin): void;
}

/** Refusals of an account within an hour, with any passwords, after which it must wait: registries lock at about five. */
const ENOUGH = 3;
const HOUR_MS = 3_600_000;
const REMEMBERED_MS = 24 * HOUR_MS;
const MOST_REMEMBERED = 50;

/** One spelling for each host, so that an account counts once. */
const sameHost = (host: string): string => host.toLowerCase().replace(/:443$/, '');
/** Keyed digest (MAC) of a login: reveals nothing without the MAC key. */
export function loginId(mac: State['mac'], { host, username, password }: AccountLogin): string {
  return mac(JSON.stringify(['login', sameHost(host), username, password])).slice(0, 32);
}
export function accountId(mac: State['mac'], { host, username }: AccountLogin): string {
  return mac(JSON.stringify(['account', sameHost(host), username])).slice(0, 32);
}

export function createRefusals(
  state: Pick<State, 'mac' | 'refusals' | 'setRefusals'>,
  now: () => number = steady,
): Refusals {
  /** Last success of each account: earlier refusals do not count towards its lock. */
  const successes = new Map<string, number>();
  /** When times in the future were first seen. */
  const future = new Map<string, number>();
  /** A time in the future was written before the clock was set back: it counts from when it is first seen, so that the wait ends. */
  const timeOf = ({ at }: Refusal): number => {
    const time = Date.parse(at);
    if (time <= now()) return time;
    const seen = future.get(at) ?? now();
    if (future.size >= 2 * MOST_REMEMBERED) future.clear();
    future.set(at, seen);
    return seen;
  };
  const change = (login: AccountLogin, next: Refusal | undefined): void => {
    const account = accountId(state.mac, login);
    const id = loginId(state.mac, login);
    const all = [...state.refusals()].flatMap(([of, logins]) =>
      [...logins].map(([each, refusal]) => ({ account: of, login: each, refusal })),
    );
    const others = all.filter(
      (each) => (each.account !== account || each.login !== id) && timeOf(each.refusal) + REMEMBERED_MS > now(),
    );
    const kept = [...others, ...(next === undefined ? [] : [{ account, login: id, refusal: next }])]
      .sort((a, b) => timeOf(a.refusal) - timeOf(b.refusal))
      .slice(-MOST_REMEMBERED);
    state.setRefusals(
      new Map(
        [...Map.groupBy(kept, (each) => each.account)].map(([of, logins]) => [
          of,
          new Map(logins.map((each) => [each.login, each.refusal])),
        ]),
      ),
    );
  };
  const known = (login: AccountLogin): Refusal | undefined =>
    state.refusals().get(accountId(state.mac, login))?.get(loginId(state.mac, login));

  return {
    waits(login) {
      const account = accountId(state.mac, login);
      const own = known(login);
      const since = Math.max(now() - HOUR_MS, successes.get(account) ?? 0);
      const recent = [...(state.refusals().get(account)?.values() ?? [])].filter((refusal) => timeOf(refusal) > since);
      const times = recent.reduce((sum, refusal) => sum + refusal.times, 0);
      const ownUntil = own === undefined ? 0 : timeOf(own) + refusedLoginMs(own.times);
      const accountUntil = times < ENOUGH ? 0 : Math.max(...recent.map(timeOf)) + refusedLoginMs(1);
      const untilMs = Math.max(ownUntil, accountUntil);
      if (untilMs <= now()) return undefined;
      if (own !== undefined) return { untilMs, why: own.why, tried: true };
      const until = `${new Date(untilMs).toISOString().slice(0, 16)}Z`;
      return {
        untilMs,
        why: `not tried before ${until}: its account was refused ${times} times at ${login.host}, and must not get locked`,
        tried: false,
      };
    },
    refused: (login, why) =>
      change(login, { times: (known(login)?.times ?? 0) + 1, at: new Date(now()).toISOString(), why }),
    accepted(login) {
      successes.set(accountId(state.mac, login), now());
      if (known(login) !== undefined) change(login, undefined);
    },
  };
}
