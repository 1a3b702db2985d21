/** Whether the login that carriers have for a registry can be counted on now, as far as is known. */
import { wall } from '../clock.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import type { Refusals } from '../observe/refusals.ts';
import type { SourceBook } from './book.ts';
import { accountOf } from './preflight.ts';
import type { Preflight } from './preflight.ts';

interface UnfitOptions {
  readonly book: Pick<SourceBook, 'held' | 'end'>;
  readonly refusals: Pick<Refusals, 'waits'>;
  /** What registries said last; absent: only refusals that are remembered are known. */
  readonly standings?: Preflight['standings'];
  readonly now?: () => number;
}

/** Why it cannot, as a clause without any part of a login; undefined: nothing is known against it. */
export function whyUnfit(
  source: string,
  credential: Credential,
  { book, refusals, standings, now = wall }: UnfitOptions,
): string | undefined {
  const key = redactKey(credential.key);
  if (credential.unusable !== undefined) return 'it has no usable login';
  if (book.held(source).some((each) => redactKey(each.key) === key)) return 'a newer one is held back';
  const isRefused =
    refusals.waits(accountOf(credential))?.tried === true ||
    standings?.().some((each) => each.source === source && each.key === key && each.state === 'refused');
  if (isRefused === true) return 'its registry refuses it';
  const end = book.end(source, credential);
  // One that is older than `maxAge` may work all the same.
  return end !== undefined && end.by !== 'maxAge' && end.at <= now() ? 'it has ended' : undefined;
}
