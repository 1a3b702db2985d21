/** What is known about one source, and how its problems are said. */
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { ANNOTATION_CONFIRM_REMOVAL } from '../names.ts';
import type { Held } from '../observe/records.ts';
import { keyOf } from '../observe/feed-ids.ts';
import type { Content } from './content.ts';
import type { readEnds } from './ends.ts';
import { heldLines } from './merge.ts';
import type { Reading } from './reading.ts';
import type { Rollout } from './rollout.ts';

/** What changed at a source since it was last looked at. */
export interface SourceChange {
  readonly source: SourceConfig;
  /** A new content was accepted. `registries`: keys whose login is new. */
  readonly accepted?: {
    readonly first: boolean;
    readonly registries: readonly string[];
    readonly warnings: readonly string[];
  };
  /** Why not all that the source holds is in force; empty: all of it is. */
  readonly problems: readonly string[];
  /** Whether `problems` differ from those before. */
  readonly isNews: boolean;
  readonly hasLastGood: boolean;
  /** Why the annotation `expires-at` does not count, if that changed; null: it does now, or is gone. */
  readonly doubt?: string | null;
}

/** What is known about a source. */
export interface KnownSource {
  config: SourceConfig;
  reading: Reading | undefined;
  rollout: Rollout<Content>;
  /** The rollout as last published; undefined: not yet. */
  shown: Rollout<Content> | undefined;
  held: readonly Held[];
  unproven: readonly string[];
  /** Keys whose removal was confirmed just now. */
  goes: readonly string[];
  /** Credentials that the source holds now. */
  candidates: readonly Credential[];
  confirmation: string | undefined;
  /** Who uses the entries that vanished, as text. */
  users: string | undefined;
  /** Why nothing can be taken from the source, and what is wrong with its aliases. */
  problems: readonly string[];
  /** When its logins end; undefined: not looked at yet. */
  ends: ReturnType<typeof readEnds> | undefined;
  /** Whether what was in force before a restart was looked for. */
  recovered: boolean;
}

const NONE: readonly string[] = [];

/** Problems, held entries, and why a rollout is halted at the canaries; each with the name of the source Secret. */
export function named({
  config: { secret },
  problems,
  held,
  confirmation = '',
  users,
  rollout: { stage },
}: KnownSource): readonly string[] {
  if (problems.length === 0 && held.length === 0 && stage.state !== 'halted') return NONE;
  const confirm = `kubectl --namespace ${secret.namespace} annotate secret ${secret.name} --overwrite ${ANNOTATION_CONFIRM_REMOVAL}=${confirmation}`;
  const halted = stage.state === 'halted' ? stage.why.map((why) => `halted at the canaries: ${why}`) : [];
  return [...problems, ...heldLines(held, { users, confirm }), ...halted].map(
    (problem) => `Secret ${keyOf(secret)}: ${problem}`,
  );
}

/** Why its annotation `expires-at` does not count; undefined: it does, or there is none. */
export const doubtOf = ({ config: { secret }, ends }: KnownSource): string | undefined =>
  ends?.doubt === undefined ? undefined : `Secret ${keyOf(secret)}: ${ends.doubt}`;
