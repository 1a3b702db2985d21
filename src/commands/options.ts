/** The values of options that several commands share. */

/** Flags of a command that talks to a cluster. */
export interface Cluster {
  kubeconfig?: string;
  context?: string;
}

/** Flags of a command that compares a cluster with a configuration. */
export interface Configured extends Cluster {
  /** Absent: what the ConfigMap in the cluster holds; see `configurationFor`. */
  config?: string;
  controllerNamespace: string;
  namespaces?: readonly string[];
}
