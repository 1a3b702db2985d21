/**
 * When the logins of a source end: by what a login says itself, by the annotation of its Secret, and by `maxAge`. The earliest of
 * them counts. What the annotation said stays with the login that it was written for, as long as that one is in force. Pure.
 */
import type { SourceConfig } from '../config/schema.ts';
import { readEnd } from '../config/times.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { quoteKey } from '../credentials/registry-name.ts';
import { loginSpan } from '../credentials/token-expiry.ts';
import { ANNOTATION_EXPIRES_AT } from '../names.ts';
import type { SourceRecord } from '../observe/records.ts';
import { some } from '../text.ts';

export interface End {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** From its beginning to its end, in milliseconds; absent: unknown. */
  readonly lifetimeMs?: number;
  /** How it is known: the token says so, the annotation of the Secret, or the configuration. */
  readonly by: 'token' | 'annotation' | 'maxAge';
}

type Times = NonNullable<SourceRecord['times']>;
/** What is remembered of one login. */
type LoginTimes = Times['logins'][string];

export function endOf(
  login: Pick<Credential, 'password' | 'identityToken'>,
  { maxAge }: Pick<SourceConfig, 'maxAge'>,
  times: LoginTimes | undefined,
): End | undefined {
  const token = loginSpan(login);
  const since = times && Date.parse(times.since);
  const told = times?.ends === undefined ? undefined : Date.parse(times.ends);
  const ends: (End | undefined)[] = [
    token && {
      at: token.endsAt.getTime(),
      ...(token.lifetimeMs !== undefined && { lifetimeMs: token.lifetimeMs }),
      by: 'token',
    },
    since === undefined || told === undefined ? undefined : { at: told, lifetimeMs: told - since, by: 'annotation' },
    since === undefined || maxAge === undefined ? undefined : { at: since + maxAge, lifetimeMs: maxAge, by: 'maxAge' },
  ];
  return ends.filter((end) => end !== undefined).sort((a, b) => a.at - b.at)[0];
}

/** The source Secret as it is now. Times are in milliseconds since 1970; undefined where the server does not say. */
export interface Dated {
  readonly expiresAt?: ExpiresAt | undefined;
  readonly writtenAt?: number | undefined;
  readonly createdAt?: number | undefined;
}

/** The annotation as it was written. `renewed`: by `pullpass provider`, which writes it together with each login. */
export interface ExpiresAt {
  readonly text: string;
  readonly writtenAt: number | undefined;
  readonly renewed: boolean;
}

interface Look {
  readonly secret: Dated | undefined;
  readonly maxAge: number | undefined;
  /** What the Secret holds now. */
  readonly own: readonly Credential[];
  /** What carriers have. */
  readonly inForce: readonly Credential[];
  readonly before: Times | undefined;
  readonly loginMac: (credential: Credential) => string;
  readonly mac: (text: string) => string;
  readonly now: number;
}

/** An annotation is written before the login that it is for, or after it: but not by more than this. */
const TOGETHER_MS = 10 * 60_000;

/** `doubt`: why the annotation does not count, as a clause without its text; undefined: it does, or there is none. */
export function readEnds({ secret, maxAge, own, inForce, before, loginMac, mac, now }: Look): {
  readonly times: Times | undefined;
  readonly doubt: string | undefined;
} {
  const { expiresAt } = secret ?? {};
  if (expiresAt === undefined && maxAge === undefined && Object.keys(before?.logins ?? {}).length === 0)
    return { times: undefined, doubt: undefined };
  const id = expiresAt && mac(JSON.stringify(['expires-at', expiresAt.text])).slice(0, 32);
  const known = before?.told !== undefined && before.told.id === id ? Date.parse(before.told.at) : undefined;
  const toldAt = known ?? expiresAt?.writtenAt ?? now;
  const end = expiresAt && readEnd(expiresAt.text, now);
  // Where the server keeps no times, a Secret that is seen for the first time is taken for as old as it can be.
  const written = secret?.writtenAt ?? (before === undefined ? secret?.createdAt : undefined) ?? now;
  const sinceOf = (credential: Credential): number => {
    const since = before?.logins[loginMac(credential)]?.since;
    return since === undefined ? written : Date.parse(since);
  };
  const isOlder = (credential: Credential): boolean => {
    if (end === undefined || 'problem' in end) return false;
    const since = sinceOf(credential);
    return end.at <= since || (expiresAt?.renewed !== true && since > toldAt + TOGETHER_MS);
  };
  const usable = own.filter(({ unusable }) => unusable === undefined);
  const older = usable.filter(isOlder);
  const logins = new Map<string, LoginTimes>();
  for (const credential of inForce) {
    const each = before?.logins[loginMac(credential)];
    if (each !== undefined) logins.set(loginMac(credential), each);
  }
  for (const credential of usable)
    logins.set(loginMac(credential), {
      since: iso(sinceOf(credential)),
      ...(end !== undefined && 'at' in end && !older.includes(credential) && { ends: iso(end.at) }),
    });
  return {
    times: {
      logins: Object.fromEntries(logins),
      ...(id !== undefined && { told: { id, at: iso(toldAt) } }),
    },
    doubt: doubtOf(end, older),
  };
}

function doubtOf(end: ReturnType<typeof readEnd> | undefined, older: readonly Credential[]): string | undefined {
  if (end !== undefined && 'problem' in end)
    return `annotation ${ANNOTATION_EXPIRES_AT} ${end.problem}: write when the login ends, or take the annotation away`;
  if (older.length === 0) return undefined;
  const keys = some(
    older.map(({ key }) => quoteKey(key)),
    5,
  );
  return `annotation ${ANNOTATION_EXPIRES_AT} is older than the login for ${keys}, and does not count for it: take it away, and write when this login ends`;
}

const iso = (ms: number): string => new Date(ms).toISOString();
