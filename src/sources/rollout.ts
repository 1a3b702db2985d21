/**
 * Where a new content of a source has come to: everybody has it, or a few canaries do while the rest keeps the one that last
 * passed. A state machine, pure; docs/configuration.md has its picture.
 *
 *   settled --accept--> looking --looked--> canary --looked, well--> settled
 *                                          canary --looked, failing--> halted --looked, well--> settled
 *   any of the three in the middle: accept of another content, or other canaries -> looking; of the one before, or release -> settled
 */

/** The few that go first. */
export interface Canaries {
  readonly namespaces: ReadonlySet<string>;
  readonly proxies: ReadonlySet<string>;
}

export type Stage =
  | { readonly state: 'settled' }
  /** What fails at the canaries anyway has to be known before they get the new content: nobody has it yet. */
  | { readonly state: 'looking'; readonly canaries: Canaries }
  /** The canaries have it, and are watched. `before`: what failed there already, one line each. */
  | { readonly state: 'canary'; readonly canaries: Canaries; readonly before: readonly string[] }
  /** Pulls started to fail at the canaries: `why`. It goes on by itself once they stop. */
  | {
      readonly state: 'halted';
      readonly canaries: Canaries;
      readonly before: readonly string[];
      readonly why: readonly string[];
    };

export interface Rollout<C> {
  /** What everybody but the canaries has: it passed all stages. undefined: none did, or nobody has it any more. */
  readonly passed: C | undefined;
  /** What is to be everywhere. The same as `passed` when settled. */
  readonly newest: C | undefined;
  readonly stage: Stage;
}

interface Identified {
  readonly digest: string;
}

export const NOTHING: Rollout<never> = { passed: undefined, newest: undefined, stage: { state: 'settled' } };

/** Everybody is to have this one. */
export const settled = <C>(content: C | undefined): Rollout<C> => ({
  passed: content,
  newest: content,
  stage: { state: 'settled' },
});

/** A content was found good. `canaries`: who would go first; undefined: nobody, it goes to all at once. */
export function accept<C extends Identified>(
  rollout: Rollout<C>,
  content: C,
  canaries: Canaries | undefined,
): Rollout<C> {
  if (rollout.newest?.digest === content.digest) return rollout;
  // Taken back, or mended to what was: it passed before.
  if (rollout.passed?.digest === content.digest || canaries === undefined) return settled(content);
  return { passed: rollout.passed, newest: content, stage: { state: 'looking', canaries } };
}

/** Somebody looked at the canaries: what fails there now. */
export function looked<C>(rollout: Rollout<C>, failing: readonly string[]): Rollout<C> {
  const { passed, newest, stage } = rollout;
  switch (stage.state) {
    case 'settled':
      return rollout;
    case 'looking':
      return { passed, newest, stage: { state: 'canary', canaries: stage.canaries, before: failing } };
    case 'canary':
    case 'halted': {
      // What failed before has nothing to do with the new login.
      const known = new Set(stage.before);
      const why = failing.filter((line) => !known.has(line));
      return why.length === 0 ? settled(newest) : { passed, newest, stage: { ...stage, state: 'halted', why } };
    }
  }
}

/** The canaries are no more: others go first, or, where there is nobody else, everybody. */
export function replaceCanaries<C>({ passed, newest, stage }: Rollout<C>, canaries: Canaries | undefined): Rollout<C> {
  return stage.state === 'settled' || canaries === undefined
    ? settled(newest)
    : { passed, newest, stage: { state: 'looking', canaries } };
}

/** The configuration asks for no canary any more. */
export function release<C>(rollout: Rollout<C>): Rollout<C> {
  return rollout.stage.state === 'settled' ? rollout : settled(rollout.newest);
}

/** What this one is to have. */
export function contentFor<C>(
  { passed, newest, stage }: Rollout<C>,
  carrier: { readonly namespace: string } | { readonly proxy: string },
): C | undefined {
  if (stage.state === 'settled') return newest;
  if (stage.state === 'looking') return passed;
  const isCanary =
    'namespace' in carrier
      ? stage.canaries.namespaces.has(carrier.namespace)
      : stage.canaries.proxies.has(carrier.proxy);
  return isCanary ? newest : passed;
}
