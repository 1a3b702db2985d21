/** What is in force of a source of which no good content is known: what its copies hold. Pure. */
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import type { AuditedSource, Observation, PullContent } from '../observe/observation.ts';

/**
 * The sources, each with the content in force. The controller may have forgotten it, or never known it under this Secret: then the
 * content counts that most copies hold, for pods pull with it.
 */
export function* inForceSteps({
  sources,
  scopes,
  pullSecrets,
}: Pick<Observation, 'sources' | 'scopes' | 'pullSecrets'>): Steps<readonly AuditedSource[]> {
  const unknown = sources.filter(({ content, fresh }) => content === undefined && fresh !== true);
  if (unknown.length === 0) return sources;
  const found = new Map(unknown.map((source) => [source, new Map<PullContent, number>()]));
  yield* stepwise(scopes, 1_000, ({ namespace, copies }) => {
    for (const [{ config }, contents] of found) {
      const copy = copies.get(config.copyName);
      if (copy?.ours !== true || copy.source !== config.name) continue;
      const held = pullSecrets.get(namespace.name)?.get(config.copyName);
      if (held?.state !== 'read' || held.content.problem !== undefined) continue;
      contents.set(held.content, (contents.get(held.content) ?? 0) + 1);
    }
  });
  return sources.map((source) => {
    const [most] = [...(found.get(source) ?? [])].sort(([, a], [, b]) => b - a);
    return most === undefined ? source : { ...source, content: most[0] };
  });
}
