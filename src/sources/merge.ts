/**
 * Decides per entry which login of a source is in force: the one that it holds now, or the last good one. An unchanged entry
 * never holds back another, and an unusable login never replaces a usable one. Pure.
 */
import { agree, some } from '../text.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { covers, reachOf } from '../credentials/key-cover.ts';
import { normaliseKey, quoteKey } from '../credentials/registry-name.ts';
import { WHY_CONTRADICTORY, WHY_UNUSABLE } from '../credentials/usable-login.ts';
import type { Held } from '../observe/records.ts';

/** Whether a login may be spread. `proven`: its registry accepted it. `pending`: not known yet, ask again. */
export type Judgement =
  | { readonly state: 'accepted'; readonly proven?: boolean }
  | { readonly state: 'pending' }
  | { readonly state: 'refused' | 'unproven'; readonly why: string };

interface Merge {
  /** What is to be in force; not to be used while `pending`. */
  readonly credentials: readonly Credential[];
  readonly held: readonly Held[];
  /** Keys of new logins that are taken without their registry's yes. */
  readonly unproven: readonly string[];
  readonly pending: boolean;
}

interface MergeOptions {
  /** What the source holds now. */
  readonly candidates: readonly Credential[];
  /** Credentials in force, all usable. */
  readonly inForce: readonly Credential[];
  /** Asked once for all usable entries that are new or have another login. */
  readonly judge: (changed: readonly Credential[]) => readonly Judgement[];
  /** Whether the removal of these keys was confirmed. */
  readonly mayVanish: (keys: readonly string[]) => boolean;
}

export function mergeEntries({ candidates, inForce, judge, mayVanish }: MergeOptions): Merge {
  const before = predecessors(candidates, inForce);
  const isKept = (candidate: Credential): boolean => {
    const last = before.get(candidate);
    return last !== undefined && isSameLogin(last, candidate);
  };
  const isSound = ({ unusable, contradictory }: Credential): boolean =>
    unusable === undefined && contradictory === undefined;
  const changed = candidates.filter((candidate) => isSound(candidate) && !isKept(candidate));
  const judgements = judge(changed);
  const verdicts = new Map(changed.map((candidate, i) => [candidate, judgements[i]]));
  const credentials: Credential[] = [];
  const held: Held[] = [];
  let pending = false;

  for (const candidate of candidates) {
    const last = before.get(candidate);
    const hold = (cause: Held['cause'], why: string): void => {
      held.push({ key: candidate.key, cause, why, keeps: last !== undefined });
      if (last !== undefined) credentials.push(last);
    };
    if (candidate.unusable !== undefined) hold('unusable', WHY_UNUSABLE[candidate.unusable]);
    else if (candidate.contradictory) hold('contradictory', WHY_CONTRADICTORY);
    else {
      const verdict = verdicts.get(candidate) ?? { state: 'accepted' };
      if (verdict.state === 'accepted') credentials.push(candidate);
      else if (verdict.state === 'pending') pending = true;
      else hold(verdict.state, verdict.why);
    }
  }

  const gone = uncovered(withoutSuccessor(inForce, before), credentials);
  if (gone.length > 0 && !mayVanish(gone.map(({ key }) => key))) {
    for (const last of gone)
      held.push({ key: last.key, cause: 'vanished', why: 'the source does not have it any more', keeps: true });
    credentials.push(...gone);
  }
  const isUnproven = (verdict: Judgement | undefined): boolean =>
    verdict?.state === 'accepted' && verdict.proven !== true;
  const unproven = changed.filter((candidate) => isUnproven(verdicts.get(candidate))).map(({ key }) => key);
  return { credentials, held, unproven, pending };
}

function withoutSuccessor(inForce: readonly Credential[], before: ReadonlyMap<Credential, Credential>): Credential[] {
  const succeeded = new Set(before.values());
  return inForce.filter((last) => !succeeded.has(last));
}

/** An entry is not lost if another key covers the same images with the same user name: six paths become one host. */
function uncovered(gone: readonly Credential[], credentials: readonly Credential[]): Credential[] {
  if (gone.length === 0) return [];
  const byAccount = Map.groupBy(
    credentials.map((entry) => ({ username: entry.username, reach: reachOf(entry.key) })),
    ({ username }) => username,
  );
  return gone.filter((last) => {
    const reach = reachOf(last.key);
    return !byAccount.get(last.username)?.some((entry) => covers(entry.reach, reach));
  });
}

/** The login in force that a candidate would replace: under the same key, or under one that means the same to kubelets. */
function predecessors(candidates: readonly Credential[], inForce: readonly Credential[]): Map<Credential, Credential> {
  const exact = new Map(inForce.map((last) => [last.key, last]));
  const names = new Set(candidates.map(({ key }) => key));
  // Entries in force whose spelling no candidate uses: a candidate may have the same key in another spelling.
  const renamed = new Map(
    inForce.flatMap((last) => (names.has(last.key) ? [] : [[normaliseKey(last.key) ?? last.key, last] as const])),
  );
  const found = new Map<Credential, Credential>();
  for (const candidate of candidates) {
    const normal = normaliseKey(candidate.key) ?? candidate.key;
    const last = exact.get(candidate.key) ?? renamed.get(normal);
    if (last === undefined) continue;
    found.set(candidate, last);
    if (last.key !== candidate.key) renamed.delete(normal);
  }
  return found;
}

const isSameLogin = (a: Credential, b: Credential): boolean => a.username === b.username && a.password === b.password;

export const heldLine = (held: Held): string => heldTogether([held]);

const MOST_SHOWN = 5;

/** One line per reason, and one for all that vanished: who uses them, if known, and how to confirm their removal. */
export function heldLines(
  held: readonly Held[],
  { users, confirm }: { readonly users?: string | undefined; readonly confirm: string },
): string[] {
  const rest = held.filter(({ cause }) => cause !== 'vanished');
  const vanished = held.filter(({ cause }) => cause === 'vanished');
  const lines = [...Map.groupBy(rest, ({ why, keeps }) => `${keeps} ${why}`).values()].map(heldTogether);
  if (vanished.length === 0) return lines;
  const n = vanished.length;
  const stays = `the last good ${agree(n, 'login stays', 'logins stay')} in force${users === undefined ? '' : `, for ${users}`}`;
  return [
    ...lines,
    `held back: ${registries(vanished)} ${agree(n, 'is', 'are')} gone from the source; ${stays}. If ${agree(n, 'it', 'they')} shall go: ${confirm}`,
  ];
}

/** Six keys with one mistyped login are one line. */
function heldTogether(held: readonly Held[]): string {
  const [{ why, keeps } = { why: '', keeps: false }] = held;
  const n = held.length;
  const stays = keeps
    ? `${agree(n, 'Its last good login stays', 'Their last good logins stay')} in force`
    : `${agree(n, 'It is', 'They are')} left out until then`;
  return `${registries(held)}: held back: ${why}. ${stays}`;
}

const registries = (held: readonly Held[]): string =>
  `${agree(held.length, 'registry', 'registries')} ${some(
    held.map(({ key }) => quoteKey(key)),
    MOST_SHOWN,
  )}`;
