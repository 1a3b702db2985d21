/** How the newest content of a source spread, from the times that the cluster keeps. Pure. */
import type { AuditedSource, Observation } from '../observe/observation.ts';
import type { TimelineEntry } from './report.ts';
import { redactKey } from '../../credentials/registry-name.ts';
import { fit } from '../../text.ts';

/** Most steps with `copies`: enough to draw a rotation. */
const MAX_COPY_STEPS = 24;

/** Oldest first. If a copy had this content before the last write of the source, that write changed nothing: no `source changed`. */
export function timelineOf(
  { scopes, registries = [], proxies = [] }: Pick<Observation, 'scopes' | 'registries' | 'proxies'>,
  { config, observed, changedAt }: AuditedSource,
): TimelineEntry[] {
  const { digest } = observed;
  const written = scopes
    .flatMap(({ copies }) => copies.get(config.copyName) ?? [])
    .flatMap((copy) =>
      copy.ours && digest !== undefined && copy.digest === digest && copy.writtenAt !== undefined
        ? [copy.writtenAt]
        : [],
    )
    .sort((a, b) => a - b);
  const entries: TimelineEntry[] = [
    ...(changedAt === undefined || (written[0] ?? Infinity) < changedAt
      ? []
      : [{ at: isoOf(changedAt), event: 'source changed' as const }]),
    ...registries.flatMap(({ source, key, state, since }) =>
      source === config.name && state === 'accepted' && since !== undefined
        ? [{ at: since, event: 'login accepted' as const, name: fit(redactKey(key)) }]
        : [],
    ),
    ...stepsOf(written).map(({ at, copies }) => ({ at: isoOf(at), event: 'copies' as const, copies })),
    ...proxies.flatMap((proxy): TimelineEntry[] => {
      if (proxy.source !== config.name) return [];
      return [
        ...(proxy.applied && proxy.appliedAt !== undefined
          ? [{ at: proxy.appliedAt, event: 'proxy given' as const, name: proxy.name }]
          : []),
        ...(proxy.applied && proxy.verified === 'verified' && proxy.since !== undefined
          ? [{ at: proxy.since, event: 'proxy verified' as const, name: proxy.name }]
          : []),
      ];
    }),
  ];
  return entries.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** The first step, the last, and some in between; equal times are one step. */
function stepsOf(times: readonly number[]): { at: number; copies: number }[] {
  const steps = times.flatMap((at, i) => (times[i + 1] === at ? [] : [{ at, copies: i + 1 }]));
  if (steps.length <= MAX_COPY_STEPS) return steps;
  return Array.from(
    { length: MAX_COPY_STEPS },
    (_, i) => steps[Math.round((i * (steps.length - 1)) / (MAX_COPY_STEPS - 1))],
  ).filter((step) => step !== undefined);
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
