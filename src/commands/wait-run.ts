/** The loop of `pullpass wait`: looks until the rotation is complete, or the time is over. */
import { sleep } from '../async/sleep.ts';
import { monotonic } from '../clock.ts';
import { messageOf, UsageError } from '../errors.ts';
import { UnreachableError } from '../kube/api-error.ts';
import { troubleOf } from '../rotation/elsewhere.ts';
import type { Elsewhere } from '../rotation/elsewhere.ts';
import { behind, revocable, summary } from '../rotation/progress-text.ts';
import { isComplete } from '../rotation/progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import type { ProofTerms } from '../rotation/proxy-progress.ts';
import { completeLine, NOT_COVERED, shown } from './wait-text.ts';

interface WaitOptions {
  source: string;
  /** Reads the progress of all rotations. `whole`: reads everything, not only what a rotation changes. */
  observe: (whole: boolean) => Promise<readonly RotationProgress[]>;
  /** What products made of the login, for a rotation that is complete otherwise. */
  elsewhere?: (rotation: RotationProgress) => Promise<Elsewhere>;
  timeoutMs: number;
  intervalMs?: number;
  /** Gets a line of progress each time it differs from the last one. */
  progress: (line: string) => void;
  /** Whether the configuration says `paused: true`: then no rotation makes progress. */
  paused?: boolean;
  terms?: ProofTerms;
  now?: () => number;
  signal: AbortSignal;
}

export interface Waited {
  /** 0 complete, 1 timeout. */
  readonly exitCode: 0 | 1;
  /** What to print: in one line, and the lines below it. */
  readonly headline: string;
  readonly lines: readonly string[];
  /** As it was seen last; undefined: the cluster gave no answer. */
  readonly rotation: RotationProgress | undefined;
}

const LOOKS_PER_WHOLE = 10;

/** Throws UsageError for an unknown source. */
export async function runWait({
  source,
  observe,
  elsewhere = () => Promise.resolve({ behind: [], unseen: [], also: [] }),
  timeoutMs,
  intervalMs = 1_000,
  progress,
  paused = false,
  terms = {},
  now = monotonic,
  signal,
}: WaitOptions): Promise<Waited> {
  const deadline = now() + timeoutMs;
  const isOver = (): boolean => now() >= deadline || signal.aborted;
  let last = '';
  let at: RotationProgress | undefined;
  let trouble: string[];
  for (let looks = 0; ; looks++) {
    let line: string;
    let over: boolean;
    try {
      const whole = looks % LOOKS_PER_WHOLE === 0;
      let seen = rotationOf(source, await observe(whole));
      over = isOver();
      // Only a whole look may say "complete" or list what can be revoked: a namespace may have opted in since the last one.
      if (!whole && (isComplete(seen, terms) || over)) seen = rotationOf(source, await observe(true));
      at = seen;
      line = summary(at);
      trouble = [];
      if (isComplete(at, terms)) {
        const others = await elsewhere(at);
        trouble = troubleOf(others, terms);
        if (trouble.length === 0)
          return {
            exitCode: 0,
            headline: completeLine(line),
            lines: [...shown(at), ...others.unseen.map(({ line: why }) => why), ...others.also, NOT_COVERED],
            rotation: at,
          };
        line = `${line}; ${trouble.join('; ')}`;
      }
    } catch (error) {
      // The API server may restart during a rotation: keep waiting.
      if (!(error instanceof UnreachableError)) throw error;
      over = isOver();
      line = messageOf(error);
      trouble = [line];
    }
    if (paused) line = `paused; ${line}`;
    if (line !== last) progress((last = line));
    if (over) break;
    await sleep(Math.min(intervalMs, Math.max(0, deadline - now())), signal);
  }
  const lines = [
    ...(paused ? ['the configuration says paused: true, so nothing is written until it is taken out'] : []),
    ...trouble,
    ...(at === undefined ? [] : behind(at, terms)),
    ...(at === undefined || trouble.length > 0 ? [] : revocable(at, terms)),
  ];
  return {
    exitCode: 1,
    headline: 'not complete: do not revoke the old credential yet. Behind:',
    lines,
    rotation: at,
  };
}

function rotationOf(source: string, all: readonly RotationProgress[]): RotationProgress {
  const found = all.find((rotation) => rotation.source === source);
  if (found !== undefined) return found;
  const names = all.map((rotation) => rotation.source).join(', ');
  throw new UsageError(`wait: the configuration has no source "${source}"; it has: ${names}`);
}
