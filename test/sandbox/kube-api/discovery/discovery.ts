/** Discovery documents: `/api`, `/apis` and below, in the plain and in the aggregated form. */
import type { Json, JsonObject } from '../json.ts';
import type { KindTable } from '../kinds/index.ts';
import type { Kind } from '../kinds/kind.ts';
import { parseAccept } from '../serve/negotiation.ts';

const AGGREGATED_VERSIONS = ['v2', 'v2beta1'];

export interface DiscoveryAnswer {
  readonly contentType: string;
  readonly object: JsonObject;
}

/** Undefined: the path is no discovery document. */
export function discovery(kinds: KindTable, path: string, accept: string | undefined): DiscoveryAnswer | undefined {
  const [root, group, version, ...more] = path.split('/').filter((part) => part !== '');
  if (more.length > 0) return undefined;
  if (root === 'api') {
    if (version !== undefined) return undefined;
    if (group === undefined)
      return (
        aggregated(kinds, accept, (name) => name === '') ??
        plain({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] })
      );
    return resourceList(kinds, '', group);
  }
  if (root !== 'apis') return undefined;
  if (group === undefined)
    return (
      aggregated(kinds, accept, (name) => name !== '') ??
      plain({
        kind: 'APIGroupList',
        apiVersion: 'v1',
        groups: [...kinds.groups().keys()].filter((name) => name !== '').map((name) => groupOf(kinds, name)),
      })
    );
  if (!kinds.groups().has(group)) return undefined;
  return version === undefined
    ? plain({ kind: 'APIGroup', apiVersion: 'v1', ...groupOf(kinds, group) })
    : resourceList(kinds, group, version);
}

function plain(object: JsonObject): DiscoveryAnswer {
  return { contentType: 'application/json', object };
}

function groupOf(kinds: KindTable, name: string): JsonObject {
  const versions = (kinds.groups().get(name) ?? []).map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function resourceList(kinds: KindTable, group: string, version: string): DiscoveryAnswer | undefined {
  const served = kinds.all.filter((kind) => kind.group === group && kind.version === version);
  if (served.length === 0) return undefined;
  const resources: Json[] = served.flatMap((kind) => [
    {
      name: kind.resource,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: [...kind.verbs],
      ...(kind.shortNames.length > 0 ? { shortNames: [...kind.shortNames] } : {}),
      ...(kind.categories.length > 0 ? { categories: [...kind.categories] } : {}),
    },
    ...kind.subresources.map((sub) => ({
      name: `${kind.resource}/${sub.name}`,
      singularName: '',
      namespaced: kind.namespaced,
      ...(sub.kind.group === group && sub.kind.kind === kind.kind
        ? {}
        : { group: sub.kind.group, version: sub.kind.version }),
      kind: sub.kind.kind,
      verbs: [...sub.verbs],
    })),
  ]);
  return plain({
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources,
  });
}

function aggregated(
  kinds: KindTable,
  accept: string | undefined,
  wanted: (group: string) => boolean,
): DiscoveryAnswer | undefined {
  const clause = parseAccept(accept).find(
    ({ type, parameters }) =>
      type === 'application/json' &&
      (parameters.get('as') === undefined ||
        (parameters.get('as') === 'APIGroupDiscoveryList' &&
          parameters.get('g') === 'apidiscovery.k8s.io' &&
          AGGREGATED_VERSIONS.includes(parameters.get('v') ?? ''))),
  );
  const version = clause?.parameters.get('v');
  if (clause?.parameters.get('as') === undefined || version === undefined) return undefined;
  const items = [...kinds.groups()]
    .filter(([group]) => wanted(group))
    .map(([group, versions]) => ({
      metadata: group === '' ? {} : { name: group },
      versions: versions.map((served) => ({
        version: served,
        resources: kinds.all.filter((kind) => kind.group === group && kind.version === served).map(aggregatedResource),
        freshness: 'Current',
      })),
    }));
  return {
    contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
    object: { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items },
  };
}

function aggregatedResource(kind: Kind): JsonObject {
  return {
    resource: kind.resource,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: [...kind.verbs],
    ...(kind.shortNames.length > 0 ? { shortNames: [...kind.shortNames] } : {}),
    ...(kind.categories.length > 0 ? { categories: [...kind.categories] } : {}),
    ...(kind.subresources.length > 0
      ? {
          subresources: kind.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: { ...sub.kind },
            verbs: [...sub.verbs],
          })),
        }
      : {}),
  };
}
