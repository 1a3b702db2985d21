/** What run.ts tells the scenarios of the cluster that they run on. */
export const ENVIRONMENT = 'PULLPASS_E2E';

/** How Pullpass gets into the cluster. */
export const INSTALLS = ['kustomize', 'helm'] as const;
export type Install = (typeof INSTALLS)[number];

/** Of the cluster itself. */
export type ClusterSettings = Omit<Settings, 'image' | 'install'>;

export interface Settings {
  readonly kubeconfig: string;
  /** `host:port` of this machine, as the nodes call it: where the scenarios' upstream listens. */
  readonly registry: string;
  /** Pullpass's own image, as an OCI archive. */
  readonly image: string;
  readonly install: Install;
  /** Where programs are found, if not by PATH alone. */
  readonly path?: string;
  /** Where the node is one of this machine, or in a container of it. */
  readonly node?: {
    /** containerd's directory of `hosts.toml` files. */
    readonly hosts: string;
    /** Of its CRI. */
    readonly socket?: string;
    /** The container that is the node: its files are reached by `docker`. */
    readonly container?: string;
  };
}

/** Undefined: run.ts did not start this. */
export function settings(): Settings | undefined {
  const text = process.env[ENVIRONMENT];
  return text === undefined ? undefined : (JSON.parse(text) as Settings);
}
