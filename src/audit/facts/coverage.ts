/** Images of all pods by registry: pods, credentials, cache proxies and failing pulls. Pure. */
import type { ImageReference } from '../../credentials/image-reference.ts';
import { canonicalRegistry, redactKey } from '../../credentials/registry-name.ts';
import type { KeyBook } from './keys.ts';
import type { AuditedSource, Observation, Workload } from '../observe/observation.ts';
import type { AuditedProxy } from '../observe/verdicts.ts';
import type { Steps } from '../../async/steps.ts';
import { fit } from '../../text.ts';
import { isNodeRegistry, isPublicRegistry, KUBE_IMAGE_KEEPER } from './well-known.ts';

export interface RegistryCoverage {
  /** `host[:port]`; Docker Hub is `docker.io`. */
  readonly registry: string;
  /** `public`: known to serve public images; `node`: a cloud registry at which nodes log in by themselves. */
  readonly access: 'public' | 'node' | 'unknown';
  /** Pods with at least one image there. */
  readonly pods: number;
  /** Distinct image references. */
  readonly images: number;
  /** Pods that have a credential for all of their images there; that lack one; and for which it is unknown. */
  readonly covered: number;
  readonly uncovered: number;
  readonly unknown: number;
  /** Entries that kubelets try first; sorted, most pods first. */
  readonly credentials: readonly { readonly secret: string; readonly key: string; readonly pods: number }[];
  /** Names of cache proxies that serve this registry, or have this host. */
  readonly proxies: readonly string[];
  /** What kube-image-keeper v1 pulls for pods: pods with no other image there, and images; absent: nothing. */
  readonly rewritten?: { readonly pods: number; readonly images: number };
  /** Pods that cannot pull an image from it now. */
  readonly failing: number;
  /** Owners of uncovered pods, at most {@link MAX_UNCOVERED}. */
  readonly uncoveredOwners: readonly {
    readonly namespace: string;
    readonly kind: string;
    readonly name: string;
    readonly pods: number;
  }[];
}

const MAX_UNCOVERED = 10;

/** What is in front of a registry, for people: cache proxies of the configuration, and kube-image-keeper v1. */
export function inFrontOf({ proxies, rewritten, images }: RegistryCoverage): string[] {
  if (rewritten === undefined) return [...proxies];
  const part = rewritten.images < images ? ` (${rewritten.images} of ${images} images)` : '';
  return [...proxies, `${KUBE_IMAGE_KEEPER}${part}`];
}

type CoverageInput = Pick<Observation, 'workloads' | 'sources'> & { readonly proxies?: readonly AuditedProxy[] };

/** Sorted, most pods first. About 500 images per step. */
export function* coverageSteps(
  observation: CoverageInput,
  keys: KeyBook,
  parse: (image: string) => ImageReference | undefined,
): Steps<RegistryCoverage[]> {
  const rows = new Map<string, Row>();
  let looked = 0;
  for (const workload of observation.workloads) {
    looked += workload.images.length + 1;
    if (looked > 500) {
      looked = 0;
      yield;
    }
    for (const [registry, images] of groupByRegistry(workload, parse)) {
      let row = rows.get(registry);
      if (row === undefined) rows.set(registry, (row = newRow()));
      count(row, workload, images, keys);
    }
  }
  const inFront = proxyFinder(observation);
  return [...rows]
    .map(([registry, row]) => finish(registry, row, inFront(registry)))
    .sort((a, b) => b.pods - a.pods || (a.registry < b.registry ? -1 : 1));
}

interface NamedImage {
  readonly reference: string;
  readonly name: string;
}
type Owner = RegistryCoverage['uncoveredOwners'][number];

interface Row {
  pods: number;
  covered: number;
  uncovered: number;
  unknown: number;
  failing: number;
  readonly images: Set<string>;
  /** Pods and images that kube-image-keeper v1 did not rewrite. */
  directPods: number;
  readonly direct: Set<string>;
  readonly credentials: Map<string, { secret: string; key: string; pods: number }>;
  readonly owners: Map<string, Owner>;
}

const newRow = (): Row => ({
  pods: 0,
  covered: 0,
  uncovered: 0,
  unknown: 0,
  failing: 0,
  images: new Set(),
  directPods: 0,
  direct: new Set(),
  credentials: new Map(),
  owners: new Map(),
});

function groupByRegistry(
  { images }: Workload,
  parse: (image: string) => ImageReference | undefined,
): Map<string, NamedImage[]> {
  const groups = new Map<string, NamedImage[]>();
  for (const reference of images) {
    const image = parse(reference);
    // A kubelet cannot pull these images either.
    if (image === undefined || image.registry === '') continue;
    const group = groups.get(image.registry) ?? [];
    group.push({ reference, name: image.name });
    groups.set(image.registry, group);
  }
  return groups;
}

function count(row: Row, workload: Workload, images: readonly NamedImage[], keys: KeyBook): void {
  const { pods, namespace, owner } = workload;
  row.pods += pods;
  for (const { reference } of images) row.images.add(reference);
  const direct = images.filter(({ reference }) => workload.rewritten?.includes(reference) !== true);
  for (const { reference } of direct) row.direct.add(reference);
  if (direct.length > 0) row.directPods += pods;
  const here = new Set(images.map(({ reference }) => reference));
  if (workload.failures.some(({ image }) => here.has(image))) row.failing += pods;

  const own = keys.of(namespace, workload.pullSecrets);
  const first = images.map(({ name }) => own.picks(name)[0]);
  const firsts = new Map(
    first.flatMap((pick) =>
      pick === undefined
        ? []
        : [[`${pick.secret} ${pick.entry.key}`, { secret: pick.secret, key: fit(redactKey(pick.entry.key)) }] as const],
    ),
  );
  for (const [id, credential] of firsts)
    row.credentials.set(id, { ...credential, pods: pods + (row.credentials.get(id)?.pods ?? 0) });
  if (first.every((pick) => pick !== undefined)) row.covered += pods;
  else if (own.unseen.length > 0) row.unknown += pods;
  else {
    row.uncovered += pods;
    const id = `${namespace}/${owner.kind}/${owner.name}`;
    row.owners.set(id, { namespace, kind: owner.kind, name: owner.name, pods: pods + (row.owners.get(id)?.pods ?? 0) });
  }
}

function finish(registry: string, row: Row, proxies: readonly string[]): RegistryCoverage {
  const { pods, covered, uncovered, unknown, failing } = row;
  return {
    registry,
    access: isNodeRegistry(registry) ? 'node' : isPublicRegistry(registry) ? 'public' : 'unknown',
    pods,
    images: row.images.size,
    covered,
    uncovered,
    unknown,
    credentials: [...row.credentials.values()].sort((a, b) => b.pods - a.pods),
    proxies,
    ...((row.directPods < pods || row.direct.size < row.images.size) && {
      rewritten: { pods: pods - row.directPods, images: row.images.size - row.direct.size },
    }),
    failing,
    uncoveredOwners: [...row.owners.values()].sort((a, b) => b.pods - a.pods).slice(0, MAX_UNCOVERED),
  };
}

/** Finds cache proxies by the registry that they serve, by their own host, and by alias hosts of that registry. */
function proxyFinder({ proxies = [], sources }: CoverageInput): (registry: string) => string[] {
  const served = proxies.map((proxy) => ({
    name: proxy.name,
    hosts: new Set([hostOf(proxy.registry), hostOfUrl(proxy.url), ...aliasHosts(proxy, sources)]),
  }));
  return (registry) => served.filter(({ hosts }) => hosts.has(registry)).map(({ name }) => name);
}

function aliasHosts(proxy: AuditedProxy, sources: readonly AuditedSource[]): (string | undefined)[] {
  const aliases = sources.find(({ config }) => config.name === proxy.source)?.config.aliases ?? [];
  return aliases.flatMap((alias) =>
    'from' in alias && hostOf(alias.from) === hostOf(proxy.registry) ? [hostOf(alias.host)] : [],
  );
}

function hostOf(key: string): string | undefined {
  return canonicalRegistry(key)?.split('/')[0];
}

function hostOfUrl(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).host : undefined;
}
