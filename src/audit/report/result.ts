/** The result of the audit in a few lines, the same in every output for people. */
import type { Report } from './report.ts';
import { plural } from '../../text.ts';

interface AuditResult {
  readonly level: 'ok' | 'warning' | 'error';
  /** `2 errors, 1 note`. */
  readonly counts: string;
  /** Their meaning: a clause. */
  readonly meaning: string;
  /** Counts and meaning in one sentence. */
  readonly headline: string;
  /** What was audited, one line each. */
  readonly facts: readonly string[];
}

export function resultOf({ summary, sources, configured, couldNotSee }: Report): AuditResult {
  const { findings, namespaces, optedIn, copies, serviceAccounts, pods, podsFailing, images, registries } = summary;
  const found = [
    [findings.error, 'error'],
    [findings.warning, 'warning'],
    [findings.info, 'note'],
  ] as const;
  const counts =
    found
      .filter(([n]) => n > 0)
      .map(([n, noun]) => plural(n, noun))
      .join(', ') || 'No findings';
  const level = findings.error > 0 ? 'error' : findings.warning > 0 ? 'warning' : 'ok';
  const meaning = {
    error: 'pulls fail, or will',
    warning: 'nothing is broken, but not all is as it should be',
    ok: couldNotSee.length > 0 ? 'nothing is wrong with what could be seen' : 'nothing is wrong',
  }[level];
  const wanted = copies.inSync + copies.outOfSync;
  const unseen = sources.filter(({ state }) => state === 'unread').length;
  const bad = sources.filter(({ state }) => state !== 'good').length - unseen;
  const doubts = [...(bad > 0 ? [`${bad} not good`] : []), ...(unseen > 0 ? [`${unseen} not seen`] : [])];
  return {
    level,
    counts,
    meaning,
    headline: `${counts}: ${meaning}.`,
    facts: [
      configured
        ? [
            `${plural(sources.length, 'source')}${doubts.length > 0 ? ` (${doubts.join(', ')})` : ''}`,
            `${optedIn} of ${plural(namespaces, 'namespace')} opted in`,
            `${copies.inSync} of ${wanted} copies in sync`,
            `${serviceAccounts.referenced} of ${plural(serviceAccounts.selected, 'ServiceAccount reference')} in place`,
          ].join('; ')
        : `${plural(namespaces, 'namespace')}; no configuration given, so nothing is said about sources and copies`,
      pods === 0
        ? 'no pods'
        : `${plural(pods, 'pod')}, ${podsFailing === 0 ? 'none of which fails to pull' : `${podsFailing} of which cannot pull`}; ` +
          `${plural(images, 'image')} from ${plural(registries, 'registry', 'registries')}`,
    ],
  };
}
