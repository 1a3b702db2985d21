/** Every name that Pullpass writes into a cluster or reads from it. Changing one is a migration, not a rename. */

/** Field manager of every server-side apply; also the `app.kubernetes.io/managed-by` value of what we make. */
export const MANAGER = 'pullpass';

/**
 * Field manager of the patches of cache proxies' objects and workloads. Another one: on a custom object {@link MANAGER} stands
 * for the first version, which kept no record of what it wrote.
 */
export const PATCH_MANAGER = 'pullpass-proxies';

/** Where the manifests install the controller, and where sources live unless configured otherwise. */
export const DEFAULT_NAMESPACE = 'pullpass-system';

/** For people: on everything that we make. It decides nothing, for other tools write it over; see `owner.ts`. */
export const LABEL_MANAGED_BY = 'app.kubernetes.io/managed-by';
/** On a copy: the name of the source (in the configuration) that it was made from. */
export const LABEL_SOURCE = 'pullpass.dev/source';
/** On a Secret rendered for a cache proxy: the name of that cache proxy in the configuration. */
export const LABEL_CACHE_PROXY = 'pullpass.dev/cache-proxy';
/** On what Pullpass keeps for itself: `state` or `report`. */
export const LABEL_ROLE = 'pullpass.dev/role';

/** On a Namespace (`enabled`, `disabled`): opt in. On a ServiceAccount: overrides the namespace's choice for this one. */
export const ANNOTATION_SYNC = 'pullpass.dev/sync';
/** On a Namespace: names of sources, comma-separated. */
export const ANNOTATION_SOURCES = 'pullpass.dev/sources';
/** On a Namespace: globs of ServiceAccount names, comma-separated; `!` excludes. */
export const ANNOTATION_SERVICE_ACCOUNTS = 'pullpass.dev/service-accounts';
/** What a namespace may carry; any other key of ours on it is a mistake. */
export const NAMESPACE_ANNOTATIONS: readonly string[] = [
  ANNOTATION_SYNC,
  ANNOTATION_SOURCES,
  ANNOTATION_SERVICE_ACCOUNTS,
];
/** Begins every key of ours. */
export const OUR_PREFIX = 'pullpass.dev/';
/** On a Secret that already has a copy's name: `"true"` lets Pullpass take it over. */
export const ANNOTATION_ADOPT = 'pullpass.dev/adopt';
/** On a source Secret: the word that lets registries go which it no longer has. Good for one removal, from one content. */
export const ANNOTATION_CONFIRM_REMOVAL = 'pullpass.dev/confirm-removal';
/**
 * On a ServiceAccount, written by Pullpass: the pull secrets that Pullpass added to it, comma-separated and sorted.
 * It is what makes opting out exact: an entry that somebody else wrote is not in this record and is never removed.
 */
export const ANNOTATION_ADDED = 'pullpass.dev/added-pull-secrets';

/** On a custom object of a cache proxy, written by Pullpass: which copies it made the object name, and where; JSON. */
export const ANNOTATION_COPIES = 'pullpass.dev/copies';

export const TYPE_DOCKER_CONFIG_JSON = 'kubernetes.io/dockerconfigjson';
export const TYPE_DOCKERCFG = 'kubernetes.io/dockercfg';
export const TYPE_BASIC_AUTH = 'kubernetes.io/basic-auth';
/** The one data key of a copy. */
export const KEY_DOCKER_CONFIG_JSON = '.dockerconfigjson';
export const KEY_DOCKERCFG = '.dockercfg';

/** The Lease that the replicas compete for. */
export const LEASE_NAME = 'pullpass-controller';

/** The Secret that keeps what must survive a restart: a key for macs and what each cache proxy was given last. */
export const STATE_NAME = 'pullpass-state';

/** Reasons of the Events that Pullpass writes: part of the interface, people alert on them. */
export type EventReason =
  | 'InvalidAnnotation' // a pullpass.dev annotation has a value that means nothing
  | 'TooManyPullSecrets' // a ServiceAccount whose list is too long to be looked after
  | 'UnknownSource' // the namespace names a source that the configuration does not have
  | 'OptInDenied' // the namespace opted in, the source's guard says no
  | 'SecretNotOurs' // a Secret that Pullpass did not make has the copy's name
  | 'SourceInvalid' // missing, unparsable or empty: the last good content stays in force
  | 'SourceAccepted' // a new content of the source is being spread
  | 'SourceUnavailable' // the namespace wants a source that has no good content yet
  | 'ProxyNotApplied' // a cache proxy could not be given the login, and why
  | 'ProxyLoginRefused' // the product, or its upstream, says no to the login: nothing was changed
  | 'ProxyNotVerified' // a pull through the cache proxy fails although it has the login
  | 'RemovalHeld' // the configuration would remove more than a slip should be able to
  | 'CopyStillNamed' // a copy is to go, and a custom object names it that Pullpass cannot change: the copy stays
  | 'WriteRefused'; // the API server refuses a write for good (quota, admission policy, missing right)

/** Name of the report object, cluster-scoped. */
export const REPORT_NAME = 'pullpass';
/** Kinds that dashboards read, the preferred one first. */
export const REPORT_RESOURCES = [
  { group: 'openreports.io', version: 'v1alpha1', resource: 'clusterreports', kind: 'ClusterReport' },
  { group: 'wgpolicyk8s.io', version: 'v1alpha2', resource: 'clusterpolicyreports', kind: 'ClusterPolicyReport' },
] as const;
