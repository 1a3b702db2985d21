/**
 * The rollout of a source's new content: all carriers get it, or a few canaries do while the rest keeps the content that last
 * passed. A state machine, pure; docs/configuration.md shows it.
 *
 *   settled --accept--> looking --looked--> canary --looked, well--> settled
 *                                          canary --looked, failing--> halted --looked, well--> settled
 *   looking, canary, halted: accept of another content, or other canaries -> looking; accept of `passed`, or release -> settled
 */

/** The carriers that get a content first. */
export interface Canaries {
  readonly namespaces: ReadonlySet<string>;
  readonly proxies: ReadonlySet<string>;
}

export type Stage =
  | { readonly state: 'settled' }
  /** No carrier has the new content yet: first it is recorded which pulls fail at the canaries without it. */
  | { readonly state: 'looking'; readonly canaries: Canaries }
  /** The canaries get it, and are watched. `before`: what failed there already, one line each. */
  | { readonly state: 'canary'; readonly canaries: Canaries; readonly before: readonly string[] }
  /** Pulls started to fail at the canaries: `why`. The rollout continues by itself when they no longer fail. */
  | {
      readonly state: 'halted';
      readonly canaries: Canaries;
      readonly before: readonly string[];
      readonly why: readonly string[];
    };

export interface Rollout<C> {
  /** The content that passed all stages: for all carriers but the canaries. Undefined: none did, or no copy holds it any more. */
  readonly passed: C | undefined;
  /** The content that all carriers are to get in the end. The same as `passed` when settled. */
  readonly newest: C | undefined;
  readonly stage: Stage;
}

interface Identified {
  readonly digest: string;
}

export const NOTHING: Rollout<never> = { passed: undefined, newest: undefined, stage: { state: 'settled' } };

/** All carriers are to have this content. */
export const settled = <C>(content: C | undefined): Rollout<C> => ({
  passed: content,
  newest: content,
  stage: { state: 'settled' },
});

/** A content was found good. `canaries`: the carriers that would get it first; undefined: all get it at once. */
export function accept<C extends Identified>(
  rollout: Rollout<C>,
  content: C,
  canaries: Canaries | undefined,
): Rollout<C> {
  if (rollout.newest?.digest === content.digest) return rollout;
  // If the source went back to the content before, that one has passed already.
  if (rollout.passed?.digest === content.digest || canaries === undefined) return settled(content);
  return { passed: rollout.passed, newest: content, stage: { state: 'looking', canaries } };
}

/** The canaries were looked at. `failing`: what fails there now. */
export function looked<C>(rollout: Rollout<C>, failing: readonly string[]): Rollout<C> {
  const { passed, newest, stage } = rollout;
  switch (stage.state) {
    case 'settled':
      return rollout;
    case 'looking':
      return { passed, newest, stage: { state: 'canary', canaries: stage.canaries, before: failing } };
    case 'canary':
    case 'halted': {
      // What failed before is not caused by the new login.
      const known = new Set(stage.before);
      const why = failing.filter((line) => !known.has(line));
      return why.length === 0 ? settled(newest) : { passed, newest, stage: { ...stage, state: 'halted', why } };
    }
  }
}

/** The canaries are gone: others go first, or, without others, all carriers get the content. */
export function replaceCanaries<C>({ passed, newest, stage }: Rollout<C>, canaries: Canaries | undefined): Rollout<C> {
  return stage.state === 'settled' || canaries === undefined
    ? settled(newest)
    : { passed, newest, stage: { state: 'looking', canaries } };
}

/** The configuration no longer asks for canaries. */
export function release<C>(rollout: Rollout<C>): Rollout<C> {
  return rollout.stage.state === 'settled' ? rollout : settled(rollout.newest);
}

/** The content that this carrier is to have. */
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
