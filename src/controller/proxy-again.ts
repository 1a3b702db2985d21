/** When a cache proxy is reconciled again although no event may come. */
import type { ProxyOutcome } from '../reconcile/proxy.ts';
import { delayMs } from '../retry.ts';
import type { Retry } from '../retry.ts';

export interface ProxyChecks {
  /** When to verify it again, in milliseconds since 1970. */
  verifyAt?: number | undefined;
  /** How many reconciles in a row ended with "not yet". */
  notYet: number;
  /** How many verifications in a row ended with a refused or unknown pull. */
  failedPulls: number;
}

export function lookAgain(known: ProxyChecks, { changed, waits }: ProxyOutcome, now: number): Retry {
  if (changed) {
    known.verifyAt = undefined;
    known.failedPulls = 0;
  }
  if (waits?.for === 'pull unknown' || waits?.for === 'pull refused') {
    // An event, such as one of its workload, woke it early: that was no verification, so the rest of the delay stays.
    const left = (known.verifyAt ?? 0) - now;
    if (left > 0) return { afterMs: left };
    const afterMs = delayMs(waits.for, known.failedPulls++);
    known.verifyAt = now + afterMs;
    return { afterMs };
  }
  known.failedPulls = 0;
  switch (waits?.for) {
    case undefined:
      return 'done';
    case 'not yet':
      return { afterMs: delayMs('not yet', known.notYet - 1) };
    case 'administrator refused':
      return { afterMs: delayMs('administrator refused') };
    case 'login refused':
    case 'settling':
      return { afterMs: Math.max(1_000, waits.untilMs - now) };
  }
}
