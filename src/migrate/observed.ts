/** What a migration knows of the cluster: names, annotations and settings of the tools. It holds no login. */
import type { Workload } from '../audit/observe/observation.ts';

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** Of an object's metadata. */
export interface Marks {
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SeenNamespace extends Marks {
  readonly name: string;
}

export interface SeenAccount extends Named, Marks {
  readonly pullSecrets: readonly string[];
}

/** A Secret of one of the two types of pull Secrets. */
export interface SeenSecret extends Named, Marks {
  /** Kinds of its owners. */
  readonly owners: readonly { readonly kind: string; readonly name: string }[];
  /** The same for Secrets with the same logins; undefined: kubelets cannot use it. */
  readonly logins: string | undefined;
  /** Made by Pullpass, or by what makes and renews such Secrets itself: Helm, OpenShift, kube-image-keeper. */
  readonly isOthers: boolean;
}

/** An object of any other kind with annotations of a tool: a tool that serves it must not be stopped. */
export interface SeenUse extends Named, Pick<Marks, 'annotations'> {
  readonly kind: string;
}

export interface SeenContainer {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly SeenVariable[];
  /** Whether it has variables of `envFrom`, which are not looked at. */
  readonly envFrom: boolean;
  /** Secrets that are mounted, and where. */
  readonly mounts: readonly SeenMount[];
}

/** A Secret in a folder, or one key of it as a file. `key`: the only one that is mounted; undefined: all, by their names. */
export interface SeenMount {
  readonly path: string;
  readonly secret: string;
  readonly key: string | undefined;
  readonly isFile: boolean;
}

export interface SeenVariable {
  readonly name: string;
  /** May be a credential: never to be printed. Undefined: it comes from elsewhere. */
  readonly value: string | undefined;
  readonly secret: { readonly name: string; readonly key: string } | undefined;
}

/** What makes pods, with its template. */
export interface SeenWorkload extends Named {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job' | 'CronJob';
  readonly serviceAccount: string;
  /** Of the template itself; empty: its pods get those of their ServiceAccount. */
  readonly pullSecrets: readonly string[];
  /**
   * Those of `pullSecrets` that no field manager has written: an admission policy added them, so the manifest of the workload
   * does not have them, and applying it again does not take them away. undefined: its managed fields do not tell.
   */
  readonly added: readonly string[] | undefined;
  /** Of those with an image of one of the tools; of others empty. */
  readonly containers: readonly SeenContainer[];
}

/** A policy of Kyverno, as it is. */
export interface SeenPolicy {
  readonly kind: string;
  /** As kubectl has it, with the group. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly spec: unknown;
}

/** Of alexellis/registry-creds. */
export interface SeenClusterPullSecret {
  readonly name: string;
  readonly secret: Named | undefined;
}

export interface Seen {
  readonly namespaces: readonly SeenNamespace[];
  readonly accounts: readonly SeenAccount[];
  readonly secrets: readonly SeenSecret[];
  readonly uses: readonly SeenUse[];
  readonly workloads: readonly SeenWorkload[];
  readonly pods: readonly Pick<Workload, 'namespace' | 'owner' | 'serviceAccount' | 'pullSecrets'>[];
  readonly policies: readonly SeenPolicy[];
  readonly clusterPullSecrets: readonly SeenClusterPullSecret[];
  /** Names of Secrets of all types, where they could be listed. */
  readonly secretNames: ReadonlySet<string>;
  /** One line each: what could not be read, so is not known, and why. */
  readonly unread: readonly string[];
  /** Kinds that the API server does not have. */
  readonly absent: readonly string[];
  /** Whether every kind that a tool could serve besides pull Secrets was read. */
  readonly usesSeen: boolean;
}

export const at = ({ namespace, name }: Named): string => `${namespace}/${name}`;
