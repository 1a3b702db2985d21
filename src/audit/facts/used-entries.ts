/** Which entries of each source an image, alias or cache proxy needs. */
import { findEntry, normaliseKey } from '../../credentials/registry-name.ts';
import type { ImageReference } from '../../credentials/image-reference.ts';
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import type { KeyBook } from './keys.ts';
import type { AuditedSource, Observation, PullEntry } from '../observe/observation.ts';

export const HUB_DEFAULT = 'index.docker.io';

/** undefined, or no item for a source: unknown. */
export type UsedEntries = ReadonlyMap<AuditedSource, ReadonlySet<PullEntry> | undefined>;

/** Entries that match an image of a pod, or that an alias or a cache proxy uses. */
export function* usedEntrySteps(
  observation: Observation,
  keys: KeyBook,
  image: (reference: string) => ImageReference | undefined,
): Steps<UsedEntries> {
  const { podsSeen, only, listed, workloads, sources, proxies = [] } = observation;
  const used = new Map<AuditedSource, ReadonlySet<PullEntry> | undefined>();
  if (!podsSeen || only !== undefined || listed !== undefined || workloads.length === 0) return used;
  const names = new Set<string>();
  yield* stepwise(workloads, 1_000, ({ images }) => {
    for (const reference of images) {
      const name = image(reference)?.name;
      if (name !== undefined) names.add(name);
    }
  });
  for (const source of sources) {
    const { config, content } = source;
    if (content === undefined) continue;
    const forwarded = proxies
      .filter(({ source: of }) => of === config.name)
      .map(({ registry }) => findEntry(content.entries, registry));
    const aliases = new Set(config.aliases.map(({ host }) => host));
    const found = new Set(content.entries.filter((entry) => aliases.has(entry.key) || forwarded.includes(entry)));
    const all = keys.ofContent(config.copyName, content);
    // Kubelets use the default key of Docker Hub only if nothing else matches. Look it up alone too: order does not count here.
    const alone = content.entries.flatMap((entry, i) =>
      normaliseKey(entry.key) === HUB_DEFAULT
        ? [keys.ofContent(config.copyName, { id: `${content.id}#${i}`, entries: [entry], warnings: [] })]
        : [],
    );
    const rings = [all, ...alone];
    yield* stepwise(names, 500, (name) => {
      for (const ring of rings) for (const { entry } of ring.picks(name)) found.add(entry);
    });
    used.set(source, found);
  }
  return used;
}
