/**
 * What ConfigMap `pullpass-status` says of each source: how far its rotation is, for kubectl alone. Its keys are part of the
 * interface. Pure.
 *
 * A source's name has no dot, so the keys of two sources, and those of the observation (`observed.at`), never collide.
 */
import { cutList } from '../text.ts';
import { troubleOf } from './elsewhere.ts';
import type { Elsewhere } from './elsewhere.ts';
import { behind, copiesDone, revocable } from './progress-text.ts';
import { isComplete } from './progress.ts';
import type { RotationProgress } from './progress.ts';
import { isProxyDone } from './proxy-progress.ts';

/** The values of key `<source>`. `unknown`: it could not be looked at. */
export type RotationState = 'complete' | 'incomplete' | 'unknown';

export interface SourceStatus {
  readonly source: string;
  readonly state: RotationState;
  /** `3/4`; absent: unknown. */
  readonly copies?: string;
  /** `1/1`; absent: there is none, or it is unknown. */
  readonly cacheProxies?: string;
  /** Lines for people. */
  readonly why: readonly string[];
  /** `resourceVersion` of the source Secret that was judged; absent: there is none. */
  readonly secretVersion?: string | undefined;
}

interface Judged {
  readonly elsewhere: Elsewhere;
  readonly secretVersion: string | undefined;
  readonly paused: boolean;
}

/** `complete` only if `pullpass wait` without more flags says so: the same functions decide. */
export function statusOf(
  rotation: RotationProgress,
  { elsewhere, secretVersion, paused }: Judged,
): SourceStatus & { readonly state: 'complete' | 'incomplete' } {
  const { source, copies, proxies } = rotation;
  const trouble = troubleOf(elsewhere, {});
  const complete = isComplete(rotation) && trouble.length === 0;
  return {
    source,
    state: complete ? 'complete' : 'incomplete',
    copies: `${copiesDone(rotation)}/${copies.total}`,
    ...(proxies.length > 0 && {
      cacheProxies: `${proxies.filter((proxy) => isProxyDone(proxy)).length}/${proxies.length}`,
    }),
    why: complete
      ? ['the old credential can be revoked, everywhere Pullpass manages']
      : [
          'do not revoke the old credential yet',
          ...(paused ? ['the configuration says paused: true, so nothing is written until it is taken out'] : []),
          ...behind(rotation, {}),
          ...trouble,
          ...(trouble.length > 0 ? [] : revocable(rotation, {})),
        ],
    secretVersion,
  };
}

export const unknownStatus = (source: string, why: string): SourceStatus => ({
  source,
  state: 'unknown',
  why: ['do not revoke the old credential yet', why],
});

/** Of the text for people, per source: with 500 sources the object stays far below the 1 MiB that a ConfigMap may have. */
const MAX_WHY = 1200;
const MAX_LINE = 400;

export type StatusData = Readonly<Record<string, string>>;

/** `before`: what the object holds now, for `since`; `at`: ISO 8601. */
export function statusData(all: readonly SourceStatus[], before: StatusData, at: string): StatusData {
  const entries = all.flatMap(({ source, state, copies, cacheProxies, why, secretVersion }) => {
    const since = before[source] === state ? before[`${source}.since`] : undefined;
    return [
      [source, state],
      [`${source}.since`, since ?? at],
      [`${source}.why`, cutList(why, MAX_LINE, MAX_WHY).join('\n')],
      ...(copies === undefined ? [] : [[`${source}.copies`, copies]]),
      ...(cacheProxies === undefined ? [] : [[`${source}.cache-proxies`, cacheProxies]]),
      ...(state === 'complete' && secretVersion !== undefined ? [[`${source}.complete-for`, secretVersion]] : []),
    ];
  });
  return Object.fromEntries(entries) as StatusData;
}
