/** What some options can be. For help and completion, which need it of every command: it loads nothing else. */

export const OUTPUTS = ['table', 'json', 'yaml'] as const;

/** Container runtimes that send logins to mirrors. */
export const RUNTIMES = ['containerd', 'crio'] as const;

/** Whom rights are for: the controller, a reader that runs `pullpass wait` or `pullpass migrate`, or a provider. */
export const RECEIVERS = ['controller', 'wait', 'provider', 'migrate'] as const;

/** Name of the printed roles and bindings, and of the ServiceAccount in the manifests. */
export const RBAC_NAME = 'pullpass';

/** Kinds of documents that users write. */
export const DOCUMENT_KINDS = ['Configuration', 'Provider'] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** How `pullpass migrate` prints. */
export const MIGRATE_OUTPUTS = [...OUTPUTS, 'configuration'] as const;
