/** Rules on registries in use: pulls without a credential, without a cache proxy, or in a way that the cache proxy cannot serve. */
import { canonicalRegistry } from '../../credentials/registry-name.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import { DIGEST_BLIND_KINDS, KUBE_IMAGE_KEEPER } from '../facts/well-known.ts';
import { agree, plural, quote, quoteList, some } from '../../text.ts';
import { isNoRegistry } from './no-registry.ts';
import { unusableSources, whyUnknown } from './remedies.ts';
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';

export const imageByDigest: Rule = {
  id: 'PP023',
  name: 'digest-behind-cache',
  category: 'Pulls',
  severity: 'warning',
  title: 'Images by digest, behind a cache proxy that cannot serve them',
  cause:
    'The image is named by its digest (repository@sha256:...), and this kind of cache proxy holds images ' +
    'by tag only: such pulls go past the cache, to the upstream, and need a credential of their own.',
  remedy:
    'Name the image by tag, or put a cache proxy in front that serves digests; until then see that the pods have a credential for the upstream.',
  check: ({ proxies = [], workloads, coverage, image }) =>
    [
      ...proxies
        .filter(({ kind }) => DIGEST_BLIND_KINDS.has(kind))
        .map(({ name, kind }) => ({
          name,
          title: `Cache proxy "${name}" (${kind})`,
          rows: coverage.filter((row) => row.proxies.includes(name)),
        })),
      // Version 1 is in no configuration: it is known by the images that it rewrote.
      {
        name: KUBE_IMAGE_KEEPER,
        title: `${KUBE_IMAGE_KEEPER} version 1`,
        rows: coverage.filter(({ rewritten }) => rewritten !== undefined),
      },
    ].flatMap(({ name, title, rows }): Hit[] => {
      const registries = new Set(rows.map(({ registry }) => registry));
      const images = new Set<string>();
      let pods = 0;
      for (const workload of workloads) {
        const pinned = workload.images.filter((reference) => {
          const parsed = image(reference);
          return parsed?.digest !== undefined && registries.has(parsed.registry);
        });
        pinned.forEach((reference) => images.add(reference));
        if (pinned.length > 0) pods += workload.pods;
      }
      if (images.size === 0) return [];
      return [
        {
          object: { kind: 'CacheProxy', name },
          message:
            `${title} cannot serve images by digest: ` +
            `${plural(images.size, 'image')} of ${plural(pods, 'pod')} ${agree(images.size, 'goes', 'go')} past ` +
            `it, such as ${quote([...images].sort()[0] ?? '')}.`,
        },
      ];
    }),
};

export const registryWithoutCredential: Rule = {
  id: 'PP024',
  name: 'registry-without-credential',
  category: 'Pulls',
  severity: 'info',
  title: 'A registry in use without a credential',
  cause:
    'Pods have images of a registry that is not known to be public, and no pull secret of theirs ' +
    'matches. Where the images are public, or the nodes log in by themselves, this is as it should be.',
  remedy: 'If the images are private: add a credential for the registry to a source and opt the namespaces in.',
  *check(facts) {
    const uncoveredRows = facts.coverage.filter(
      ({ registry, access, uncovered, proxies }) =>
        access === 'unknown' && uncovered > 0 && proxies.length === 0 && !isNoRegistry(registry),
    );
    const names = yield* uncoveredSteps(facts, new Set(uncoveredRows.map(({ registry }) => registry)));
    return uncoveredRows.map(({ registry, uncovered, pods, uncoveredOwners }): Hit => ({
      object: { kind: 'Registry', name: registry },
      remedy: `If the images are private: ${whereCredential(facts, [...(names.get(registry) ?? [])])}`,
      message:
        `${registry}: ${uncovered} of ${plural(pods, 'pod')} ${agree(uncovered, 'has', 'have')} no ` +
        'credential for it: ' +
        `${some(uncoveredOwners.map(({ namespace, kind, name }) => `${namespace}/${kind} ${name}`))}.`,
    }));
  },
};

/** By registry: names of images that no pull secret of their pods matches. */
function* uncoveredSteps(
  { workloads, image, keys }: Facts,
  registries: ReadonlySet<string>,
): Steps<Map<string, Set<string>>> {
  const names = new Map([...registries].map((registry) => [registry, new Set<string>()]));
  if (registries.size === 0) return names;
  yield* stepwise(workloads, 1_000, ({ namespace, pullSecrets, images }) => {
    for (const reference of images) {
      const parsed = image(reference);
      const uncovered = parsed && names.get(parsed.registry);
      if (uncovered && keys.of(namespace, pullSecrets).picks(parsed.name).length === 0) uncovered.add(parsed.name);
    }
  });
  return names;
}

/** Where a credential for these images can come from; ends the sentence. */
function whereCredential(facts: Facts, names: readonly string[]): string {
  const { configured, sourcesFor } = facts;
  if (!configured) return 'give the ServiceAccounts a pull Secret for this registry, then have the pods created anew.';
  const sources = [...new Set(names.flatMap((name) => sourcesFor(name).map(({ config }) => config.name)))];
  if (sources.length > 0)
    return (
      `${agree(sources.length, 'source', 'sources')} ${quoteList(sources)} ` +
      `${agree(sources.length, 'has', 'have')} a credential; opt the namespaces in, or have the pods ` +
      'created anew.'
    );
  const waiting = names.flatMap((name) => facts.waitingFor(name));
  if (waiting.length > 0) {
    const held = [...new Set(waiting.map(({ source }) => source.config.name))];
    return (
      `${agree(held.length, 'source', 'sources')} ${quoteList(held)} ${agree(held.length, 'has', 'have')} an entry for it ` +
      `that is not in force yet: see the findings about ${agree(held.length, 'it', 'them')}.`
    );
  }
  const invalid = unusableSources(facts);
  if (invalid.length > 0)
    return `it is unknown whether a source has a credential, because ${quoteList(invalid)} cannot be used: see the finding PP081.`;
  const unknown = whyUnknown(facts);
  if (unknown !== undefined)
    return `it is unknown whether a source has a credential, because ${unknown}: look there first.`;
  return 'add a credential for the registry to a source, and opt the namespaces in.';
}

export const registryWithoutProxy: Rule = {
  id: 'PP025',
  name: 'registry-without-cache-proxy',
  category: 'Pulls',
  severity: 'info',
  title: 'A registry in use without a cache proxy',
  cause:
    'Cache proxies are configured, but none for this registry: its images are pulled from it directly, and are not there when it is not.',
  remedy: 'Put a cache proxy in front of the registry, and add it to cacheProxies in the configuration.',
  check: ({ coverage, proxies = [] }) => {
    if (proxies.length === 0) return [];
    // The host of a cache proxy needs no cache proxy.
    const hosts = new Set(proxies.flatMap(({ url }) => (url === undefined ? [] : [canonicalRegistry(url)])));
    return coverage
      .filter(
        ({ registry, proxies: inFront }) => inFront.length === 0 && !hosts.has(registry) && !isNoRegistry(registry),
      )
      .map(({ registry, pods, images, rewritten }) => ({
        registry,
        pods: pods - (rewritten?.pods ?? 0),
        images: images - (rewritten?.images ?? 0),
      }))
      .filter(({ images }) => images > 0)
      .map(({ registry, pods, images }): Hit => ({
        object: { kind: 'Registry', name: registry },
        message: `${registry}: ${plural(images, 'image')} of ${plural(pods, 'pod')} ${agree(images, 'is', 'are')} pulled through no cache proxy.`,
      }));
  },
};
