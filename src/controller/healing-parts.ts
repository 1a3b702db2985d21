/** Puts healing together. */
import { monotonic } from '../clock.ts';
import { createCopyReader } from '../healing/copies.ts';
import { createRounds } from '../healing/rounds.ts';
import type { Refusals } from '../observe/refusals.ts';
import type { State } from '../observe/state.ts';
import type { Sources } from '../sources/loop.ts';
import { whyUnfit } from '../sources/unfit.ts';
import { createHealingNews } from './healing-news.ts';
import type { HealingNewsOptions } from './healing-news.ts';
import { createHealing } from './healing.ts';
import type { Healing, HealingOptions } from './healing.ts';

type Options = Omit<HealingOptions, 'copies' | 'news' | 'rounds' | 'now'> &
  HealingNewsOptions & { sources: Pick<Sources, 'book' | 'standings'>; refusals: Refusals; state: State };

export function createHealingParts({
  sources,
  refusals,
  state,
  events,
  tenantLog,
  metrics,
  ...options
}: Options): Healing {
  const known = { ...sources, refusals };
  return createHealing({
    ...options,
    copies: createCopyReader({
      book: sources.book,
      whyUnfit: (source, credential) => whyUnfit(source, credential, known),
    }),
    news: createHealingNews({ events, tenantLog, metrics }),
    rounds: createRounds(state),
    now: monotonic,
  });
}
