/** The table of kinds. Discovery, routing, storage, validation and patching all read it; nothing else names a kind. */
import { configMap, namespace, secret, serviceAccount } from './core.ts';
import { lease } from './coordination.ts';
import { coreEvent, event } from './events.ts';
import type { Kind } from './kind.ts';
import { clusterRole, clusterRoleBinding, role, roleBinding } from './rbac.ts';
import { reviews } from './reviews.ts';
import { deployment, job, node, pod, replicaSet } from './workloads.ts';

export const builtinKinds: readonly Kind[] = [
  configMap,
  coreEvent,
  namespace,
  node,
  pod,
  secret,
  serviceAccount,
  deployment,
  replicaSet,
  job,
  ...reviews,
  lease,
  event,
  clusterRoleBinding,
  clusterRole,
  roleBinding,
  role,
];

export class KindTable {
  readonly all: readonly Kind[];
  readonly #byPath = new Map<string, Kind>();

  constructor(kinds: readonly Kind[]) {
    this.all = kinds;
    for (const kind of kinds) this.#byPath.set(`${kind.group}/${kind.version}/${kind.resource}`, kind);
  }

  find(group: string, version: string, resource: string): Kind | undefined {
    return this.#byPath.get(`${group}/${version}/${resource}`);
  }

  /** By resource alone, in any version. */
  resource(group: string, resource: string): Kind | undefined {
    return this.all.find((kind) => kind.group === group && kind.resource === resource);
  }

  serves({ group, version }: { readonly group: string; readonly version: string }): boolean {
    return this.all.some((kind) => kind.group === group && kind.version === version);
  }

  groups(): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const { group, version } of this.all) {
      const versions = groups.get(group) ?? [];
      if (!versions.includes(version)) versions.push(version);
      groups.set(group, versions);
    }
    return groups;
  }
}
