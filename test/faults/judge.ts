/**
 * Judges each committed write by what must never be. It shares no code with the controller: it knows Kubernetes objects, who
 * wrote them, and the names of annotations and labels.
 */
import { keyOf } from './write.ts';
import type { Resource, Seen, Write } from './write.ts';

export interface Rules {
  /** User name of the controller's ServiceAccount. */
  readonly controller: string;
  readonly namespace: string;
  /** Copy names, and for each the seconds that a new content is with one namespace only. */
  readonly copies: ReadonlyMap<string, { readonly canarySeconds: number }>;
  /** Namespaces that no guard admits. */
  readonly denied: (namespace: string) => boolean;
  /** Whether an entry of a copy was ever a good one. */
  readonly good: (login: { readonly username?: string; readonly password?: string }) => boolean;
}

export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
  readonly write: Write;
}

export type Invariant =
  | 'nobody loses an entry'
  | 'no foreign Secret is touched'
  | 'only what is ours is written'
  | 'the copy comes before the reference'
  | 'the reference goes before the copy'
  | 'one writer'
  | 'what was good is not replaced by what is not'
  | 'a canary first'
  | 'the guard admits'
  | 'who is undone does not hurry';

export interface Judge {
  write(write: Write): void;
  /** The server was restored: these are its objects now. */
  restored(objects: Iterable<readonly [Resource, Seen]>): void;
  readonly violations: readonly Violation[];
  /** Writes of controllers that were judged. */
  readonly judged: number;
  /** Of these: of copies and ServiceAccounts. */
  readonly judgedObjects: number;
  /** Of these: by a replica that the Lease did not name when the write arrived, and that changed nothing. */
  readonly harmless: number;
}

const SOURCE = 'pullpass.dev/source';
const ADDED = 'pullpass.dev/added-pull-secrets';
const CONTENT = '.dockerconfigjson';
const STATE = 'pullpass-state';
/** So many times within {@link UNDONE_MS} a controller may do again what others undo at once. */
const UNDONE_TIMES = 12;
const UNDONE_MS = 3_000;
/** A content that was accepted may wait so long for its first write: for a leader, or while it is paused. */
const ACCEPTED_MS = 15_000;
/**
 * After a restore the replicas act for a moment on what they knew before, until they have read the world that came back; what is in
 * force then is what the restored state says. What they wrote in between may be taken back.
 */
const TURNING_MS = 5_000;
/** Clocks of two machines differ, and a real server's times are known to so much only. */
const SLACK_MS = 60;

type Auths = Record<string, { username?: string; password?: string; auth?: string }>;

export function createJudge(rules: Rules): Judge {
  const violations: Violation[] = [];
  const secrets = new Map<string, Seen>();
  const accounts = new Map<string, Seen>();
  /** Secrets whose last change was by somebody else, or by a restore. */
  const byOthers = new Set<string>();
  /** ServiceAccounts that nobody has changed since a restore brought back what they had. */
  const broughtBack = new Set<string>();
  /** Of each Lease holder: since when. Undefined: nobody knows, since a restore. */
  let holders: { who: string | undefined; since: number }[] = [{ who: undefined, since: -Infinity }];
  /** When each content was first with a namespace, by copy name. */
  const first = new Map<string, Map<string, { at: number; alone: boolean }>>();
  /** When no namespace had a copy of that name. */
  const emptyAt = new Map<string, number>([...rules.copies.keys()].map((name) => [name, 0]));
  const undone = new Map<string, number[]>();
  /** When the first write after the last restore came. Undefined: none has come yet. */
  let turnedAt: number | undefined = -Infinity;
  let judged = 0;
  let judgedObjects = 0;
  let harmless = 0;

  const isOurs = (secret: Seen | undefined): boolean => secret?.metadata.labels?.[SOURCE] !== undefined;
  const holderAt = (time: number): string | undefined => holders.findLast(({ since }) => since <= time)?.who;

  const isTurning = (at: number): boolean => at < (turnedAt ?? at) + TURNING_MS;

  function judgeSecret(write: Write, blame: (invariant: Invariant, what: string) => void): void {
    const { namespace, name, before, after } = write;
    if (namespace === rules.namespace && name === STATE) return;
    const copy = rules.copies.get(name);
    if (copy === undefined || namespace === rules.namespace)
      return blame('only what is ours is written', 'a Secret that is no copy');
    const adopted = before?.metadata.annotations?.['pullpass.dev/adopt'] === 'true';
    if (before !== undefined && !isOurs(before) && (!adopted || after === undefined))
      blame('no foreign Secret is touched', after === undefined ? 'deleted' : 'overwritten');
    if (
      after === undefined ||
      (after.metadata.deletionTimestamp !== undefined && !before?.metadata.deletionTimestamp)
    ) {
      // A wrong type or `immutable` can only be mended by a Secret of the same name, at once.
      const replaced = before?.type !== 'kubernetes.io/dockerconfigjson' || before.immutable === true;
      for (const account of accounts.values()) {
        if (replaced || account.metadata.namespace !== namespace || account.metadata.deletionTimestamp) continue;
        if (broughtBack.has(`${namespace}/${account.metadata.name}`)) continue;
        if (recordOf(account).has(name) && listOf(account).includes(name))
          blame('the reference goes before the copy', `${account.metadata.name} still names it`);
      }
      return;
    }
    if (rules.denied(namespace)) blame('the guard admits', 'a copy where no guard admits it');
    const content = after.data?.[CONTENT] ?? '';
    if (content === before?.data?.[CONTENT]) return;
    // What a canary had of a content that never passed goes with that content.
    const trial = first.get(name)?.get(before?.data?.[CONTENT] ?? '');
    const isOnTrial = trial !== undefined && write.at - trial.at < copy.canarySeconds * 1000 + SLACK_MS;
    judgeContent(before?.data?.[CONTENT], content, isOurs(before) && !isTurning(write.at) && !isOnTrial, blame);
    if (copy.canarySeconds > 0) judgeCanary(write, content, copy.canarySeconds, blame);
  }

  function judgeContent(
    before: string | undefined,
    after: string,
    ours: boolean,
    blame: (invariant: Invariant, what: string) => void,
  ): void {
    const [old, now] = [authsOf(before), authsOf(after)];
    if (now === undefined || Object.keys(now).length === 0)
      return blame('what was good is not replaced by what is not', 'no entry at all');
    for (const [key, login] of Object.entries(now))
      if (!rules.good(login)) blame('what was good is not replaced by what is not', `${key} was never good`);
    for (const [key, login] of Object.entries(old ?? {}))
      if (ours && !(key in now) && rules.good(login))
        blame('what was good is not replaced by what is not', `${key} is lost`);
  }

  function judgeCanary(
    { namespace, name, at }: Write,
    content: string,
    seconds: number,
    blame: (invariant: Invariant, what: string) => void,
  ): void {
    const contents = first.get(name) ?? new Map<string, { at: number; alone: boolean }>();
    first.set(name, contents);
    const held = [...secrets.values()].filter(
      (each) => each.metadata.name === name && each.metadata.namespace !== namespace && isOurs(each),
    );
    const trial = contents.get(content);
    // Where nobody has another content when it is accepted, nobody can go first.
    const alone = held.length === 0 || at - (emptyAt.get(name) ?? -Infinity) < ACCEPTED_MS;
    if (trial === undefined) contents.set(content, { at, alone });
    else if (!trial.alone && at - trial.at < seconds * 1000 - SLACK_MS && held.some(holds(content)))
      blame('a canary first', `a second namespace has it after ${Math.round(at - trial.at)} ms`);
  }

  function judgeAccount(write: Write, blame: (invariant: Invariant, what: string) => void): void {
    const { namespace, before, after } = write;
    if (before === undefined || after === undefined)
      return blame('only what is ours is written', 'a ServiceAccount made or deleted');
    const own = recordOf(before);
    const [old, now] = [listOf(before), listOf(after)];
    const added = now.filter((name) => !old.includes(name));
    // Of a name that is recorded one entry is the controller's, the first.
    const others = old.filter((name, i) => !own.has(name) || old.indexOf(name) !== i);
    const left = [...now];
    for (const name of others) {
      const i = left.lastIndexOf(name);
      if (i < 0) blame('nobody loses an entry', `${name || '(an entry without a name)'} is gone`);
      else left.splice(i, 1);
    }
    for (const name of added) {
      if (!rules.copies.has(name)) blame('only what is ours is written', `the entry ${name}`);
      const secret = secrets.get(`${namespace}/${name}`);
      // One that a deposed leader sent in its term may come after the new one has removed the copy; that one removes it again.
      const wasSentBefore = holderAt(write.at) !== write.by?.agent && holderAt(write.arrivedAt) === write.by?.agent;
      if (
        (secret === undefined || !isOurs(secret)) &&
        !byOthers.has(`${namespace}/${name}`) &&
        !wasSentBefore &&
        !isTurning(write.at)
      )
        blame('the copy comes before the reference', `${name} is not there`);
    }
    if (rest(before) !== rest(after)) blame('only what is ours is written', 'a field of a ServiceAccount');
  }

  /** Its own writes that others undo: how often it does the same again. */
  function judgeHurry(write: Write, blame: (invariant: Invariant, what: string) => void): void {
    const what = did(write);
    if (what === undefined) return;
    const id = `${write.resource} ${keyOf(write)} ${what}`;
    const times = [...(undone.get(id) ?? []), write.at].filter((at) => at > write.at - UNDONE_MS);
    undone.set(id, times);
    if (times.length > UNDONE_TIMES)
      blame('who is undone does not hurry', `the same ${times.length} times within ${UNDONE_MS} ms`);
  }

  function judgeWriter(write: Write, agent: string, blame: (invariant: Invariant, what: string) => void): void {
    // A restored Lease can name one that led when the backup was made: it leads again, while the other's term still runs.
    if (write.resource === 'leases' || isTurning(write.at)) return;
    // Before anybody leads, each replica makes sure that there is a state.
    if (write.name === STATE && write.before === undefined) return;
    const holder = holderAt(write.arrivedAt - SLACK_MS);
    const later = holderAt(write.arrivedAt);
    if (holder === undefined || later === undefined || holder === agent || later === agent) return;
    if (sameForAll(write.before, write.after)) harmless++;
    else blame('one writer', `by ${agent}, while ${later || 'nobody'} holds the Lease`);
  }

  function remember({ resource, namespace, name, before, after, by, at }: Write): void {
    const key = `${namespace}/${name}`;
    if (resource === 'secrets') {
      if (after === undefined) secrets.delete(key);
      else secrets.set(key, after);
      if (rules.copies.has(name) && ![...secrets.values()].some((each) => each.metadata.name === name && isOurs(each)))
        emptyAt.set(name, at);
      if (by?.user === rules.controller) byOthers.delete(key);
      else byOthers.add(key);
    }
    if (resource === 'serviceaccounts') {
      broughtBack.delete(key);
      if (after === undefined) accounts.delete(key);
      else accounts.set(key, after);
    }
    if (resource === 'leases' && namespace === rules.namespace) {
      const who = after?.spec?.holderIdentity ?? '';
      if (who !== holders.at(-1)?.who || before === undefined) holders.push({ who, since: at });
      holders = holders.slice(-50);
    }
  }

  return {
    write(write) {
      turnedAt ??= write.at;
      if (write.by?.user === rules.controller) {
        judged++;
        if (write.resource !== 'leases' && write.name !== STATE) judgedObjects++;
        const blame = (invariant: Invariant, what: string): void => {
          violations.push({ invariant, what: `${write.resource} ${keyOf(write)}: ${what}`, write });
        };
        if (write.resource === 'namespaces') blame('only what is ours is written', 'a Namespace');
        if (write.resource === 'secrets') judgeSecret(write, blame);
        if (write.resource === 'serviceaccounts') judgeAccount(write, blame);
        judgeHurry(write, blame);
        judgeWriter(write, write.by.agent, blame);
      }
      remember(write);
    },
    restored(objects) {
      secrets.clear();
      accounts.clear();
      undone.clear();
      byOthers.clear();
      turnedAt = undefined;
      for (const [resource, object] of objects) {
        const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
        if (resource === 'secrets') secrets.set(key, object);
        if (resource === 'serviceaccounts') {
          accounts.set(key, object);
          broughtBack.add(key);
        }
      }
      // A reference may be added by who saw the copy just before: for what is not there now, the restore is to blame.
      for (const name of rules.copies.keys())
        for (const account of accounts.values()) byOthers.add(`${account.metadata.namespace ?? ''}/${name}`);
      holders.push({ who: undefined, since: holders.at(-1)?.since ?? -Infinity });
    },
    violations,
    get judged() {
      return judged;
    },
    get judgedObjects() {
      return judgedObjects;
    },
    get harmless() {
      return harmless;
    },
  };
}

/** What a write does that somebody could undo: a reference added, a content written. */
function did({ resource, before, after }: Write): string | undefined {
  if (after === undefined) return undefined;
  if (resource === 'secrets')
    return after.metadata.labels?.[SOURCE] === undefined ? undefined : `content ${after.data?.[CONTENT]}`;
  if (resource !== 'serviceaccounts') return undefined;
  const added = listOf(after).filter((name) => !listOf(before).includes(name));
  return added.length === 0 ? undefined : `reference ${added.join()}`;
}

const listOf = (account: Seen | undefined): string[] => (account?.imagePullSecrets ?? []).map(({ name = '' }) => name);
const recordOf = (account: Seen): Set<string> =>
  new Set((account.metadata.annotations?.[ADDED] ?? '').split(',').filter((name) => name !== ''));

/** What the controller has no business with: all but its annotation and the list. */
/** Items of a list do not say their kind. */
function rest({ metadata, imagePullSecrets: _, ...fields }: Seen): string {
  const {
    kind: _kind,
    apiVersion: _version,
    ...other
  } = fields as typeof fields & { kind?: string; apiVersion?: string };
  const { annotations = {}, labels = {}, finalizers = [], deletionTimestamp } = metadata;
  const { [ADDED]: __, ...foreign } = annotations;
  return JSON.stringify([sorted(foreign), sorted(labels), finalizers, deletionTimestamp, other]);
}

/** Whether nobody could tell the one from the other, but for versions and who wrote them. */
function sameForAll(before: Seen | undefined, after: Seen | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  const shown = ({ metadata, ...other }: Seen): string =>
    JSON.stringify([sorted(metadata.annotations ?? {}), sorted(metadata.labels ?? {}), sorted(other)]);
  return shown(before) === shown(after);
}

const holds =
  (content: string) =>
  (secret: Seen): boolean =>
    secret.data?.[CONTENT] === content;

const sorted = (object: object): [string, unknown][] =>
  Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

function authsOf(content: string | undefined): Auths | undefined {
  try {
    const { auths } = JSON.parse(Buffer.from(content ?? '', 'base64').toString()) as { auths?: Auths };
    return auths;
  } catch {
    return undefined;
  }
}
