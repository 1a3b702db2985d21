/** Every name that Pullpass writes into a cluster or reads from it. Changing one is a migration, not a rename. */

/** Field manager of every server-side apply; also the `app.kubernetes.io/managed-by` value of what Pullpass makes. */
export const MANAGER = 'pullpass';

/**
 * Field manager of the patches to objects and workloads of cache proxies. Not {@link MANAGER}: on a custom object that one marks
 * the first version, which kept no record of what it wrote.
 */
export const PATCH_MANAGER = 'pullpass-proxies';

/** Field manager of `pullpass login` and `logout`, which write sources with the rights of whoever runs them. */
export const LOGIN_MANAGER = 'pullpass-login';

/** Field manager of `pullpass provider`. */
export const PROVIDER_MANAGER = 'pullpass-provider';

/** Where the manifests install the controller, and where sources live unless configured otherwise. */
export const DEFAULT_NAMESPACE = 'pullpass-system';

/** The oldest Kubernetes that the controller runs on: the first one with server-side apply for good. */
export const OLDEST_KUBERNETES = '1.22';

/** For people: on everything that Pullpass makes. Other tools overwrite it, so it decides almost nothing; see `owner.ts`. */
export const LABEL_MANAGED_BY = 'app.kubernetes.io/managed-by';
/** On a copy: the name of the source (in the configuration) that it was made from. */
export const LABEL_SOURCE = 'pullpass.dev/source';
/** On a Secret rendered for a cache proxy: the name of that cache proxy in the configuration. */
export const LABEL_CACHE_PROXY = 'pullpass.dev/cache-proxy';
/** On Pullpass's own objects: `state`, `report` or `status`; on a source that `pullpass provider` writes: `provider`. */
export const LABEL_ROLE = 'pullpass.dev/role';
/**
 * On copies, rendered Secrets and the report object: the installation that wrote them, by the namespace of its Lease and state.
 * Without it, two installations with one copy name would remove each other's copies for ever.
 */
export const LABEL_INSTANCE = 'pullpass.dev/instance';

/** On a Namespace: opts in or out (`enabled`, `disabled`). On a ServiceAccount: overrides the namespace's choice. */
export const ANNOTATION_SYNC = 'pullpass.dev/sync';
/** On a Namespace: names of sources, comma-separated. */
export const ANNOTATION_SOURCES = 'pullpass.dev/sources';
/** On a Namespace: globs of ServiceAccount names, comma-separated; `!` excludes. */
export const ANNOTATION_SERVICE_ACCOUNTS = 'pullpass.dev/service-accounts';
/** The annotations of a namespace; any other key with {@link OUR_PREFIX} on it is a mistake. */
export const NAMESPACE_ANNOTATIONS: readonly string[] = [
  ANNOTATION_SYNC,
  ANNOTATION_SOURCES,
  ANNOTATION_SERVICE_ACCOUNTS,
];
/** Prefix of every label and annotation key of Pullpass. */
export const OUR_PREFIX = 'pullpass.dev/';
/** On a Secret that already has a copy's name: `"true"` lets Pullpass take it over. */
export const ANNOTATION_ADOPT = 'pullpass.dev/adopt';
/** On a source Secret: the word that confirms the removal of entries that it no longer has. Valid for one removal only. */
export const ANNOTATION_CONFIRM_REMOVAL = 'pullpass.dev/confirm-removal';
/** On a source Secret: when its login ends, as RFC 3339 has it. */
export const ANNOTATION_EXPIRES_AT = 'pullpass.dev/expires-at';
/** On a source Secret, written by `pullpass provider`: when it asks for the next login, and a digest of the document it asked by. */
export const ANNOTATION_RENEW_AT = 'pullpass.dev/renew-at';
export const ANNOTATION_PROVIDER = 'pullpass.dev/provider';
/**
 * On a ServiceAccount, written by Pullpass: the pull secrets that Pullpass added to it, comma-separated and sorted.
 * It makes opting out exact: a pull secret that another writer added is not in this record and is never removed.
 * Those of an installation outside {@link DEFAULT_NAMESPACE} are `name@namespace`: each edits only its own.
 */
export const ANNOTATION_ADDED = 'pullpass.dev/added-pull-secrets';

/** On a custom object of a cache proxy, written by Pullpass: the references to copies that it wrote, with their fields; JSON. */
export const ANNOTATION_COPIES = 'pullpass.dev/copies';

export const TYPE_DOCKER_CONFIG_JSON = 'kubernetes.io/dockerconfigjson';
export const TYPE_DOCKERCFG = 'kubernetes.io/dockercfg';
export const TYPE_BASIC_AUTH = 'kubernetes.io/basic-auth';
/** The one data key of a copy. */
export const KEY_DOCKER_CONFIG_JSON = '.dockerconfigjson';
export const KEY_DOCKERCFG = '.dockercfg';

/**
 * On Secrets of type {@link TYPE_DOCKERCFG} that OpenShift makes for each ServiceAccount and renews by itself: with bound tokens
 * since 4.16, with long-lived ones before (openshift-controller-manager, pkg/internalregistry/controllers).
 */
export const ANNOTATIONS_OPENSHIFT_PULL_SECRET: readonly string[] = [
  'openshift.io/internal-registry-auth-token.service-account',
  'openshift.io/token-secret.name',
];

/** The Deployment of the manifests and of the chart. */
export const DEPLOYMENT_NAME = 'pullpass';

/** The Lease that the replicas compete for. */
export const LEASE_NAME = 'pullpass-controller';

/** The ConfigMap that the manifests mount into the controller. Commands read it when no file is given. */
export const CONFIG_NAME = 'pullpass-config';
export const CONFIG_KEY = 'config.yaml';

/** The ConfigMap that says how far each rotation is; see `rotation/status.ts`. Its name and keys are part of the interface. */
export const STATUS_NAME = 'pullpass-status';

/** The Secret that keeps what must survive a restart; see `observe/state.ts`. */
export const STATE_NAME = 'pullpass-state';

/** Who reports an Event: a qualified name, as the API requires; people filter Events by it. */
export const REPORTING_CONTROLLER = 'pullpass.dev/controller';

/** Reasons of the Events that Pullpass writes. Part of the interface: people alert on them. */
export type EventReason =
  | 'InvalidAnnotation' // a pullpass.dev annotation is unknown, or its value is not valid
  | 'TooManyPullSecrets' // the list of a ServiceAccount is too long to be managed
  | 'UnknownSource' // the namespace names a source that the configuration does not have
  | 'OptInDenied' // the namespace opted in, but the source's guard does not admit it
  | 'SecretNotOurs' // a Secret that Pullpass did not make has the copy's name
  | 'RenewalFailed' // `pullpass provider` could not renew the login of a source: the last one stays
  | 'SourceInvalid' // not all that the source holds is in force: the last good content stays
  | 'SourceAccepted' // a new content of the source is being spread
  | 'RotationComplete' // the old credential can be revoked, as far as the controller sees
  | 'ProxyNotApplied' // a cache proxy could not be given the login
  | 'ProxyLoginRefused' // the product, or its upstream, refuses the login: nothing was changed
  | 'ProxyNotVerified' // a pull through the cache proxy fails although it has the login
  | 'RemovalHeld' // the brake holds a removal that is too large
  | 'CopyBlocked' // a copy is being deleted, and finalizers of others keep it
  | 'CopyRemoved' // a Secret with the labels of a copy was removed that somebody else had made
  | 'CopyStillNamed' // a custom object that Pullpass cannot change references a copy that is to be removed: the copy stays
  | 'PodEvicted' // a pod was evicted, so that its owner makes it anew with the reference
  | 'PodWouldBeEvicted' // the same, were it not for healing.mode dry-run
  | 'PodNotEvicted' // a pod that needs the reference is left alone, and why
  | 'WriteUndone' // another writer undoes each write of Pullpass, again and again
  | 'WriteRefused'; // the API server refuses a write for good (quota, admission policy, missing right)

/** What the platform team decides, not a tenant: told before everything else. */
export const PLATFORM_REASONS: ReadonlySet<EventReason> = new Set([
  'RenewalFailed',
  'SourceInvalid',
  'SourceAccepted',
  'RotationComplete',
  'ProxyNotApplied',
  'ProxyLoginRefused',
  'ProxyNotVerified',
  'RemovalHeld',
]);

/** Name of the cluster-scoped report object. */
export const REPORT_NAME = 'pullpass';
/** Kinds that dashboards read, the preferred one first. */
export const REPORT_RESOURCES = [
  { group: 'openreports.io', version: 'v1alpha1', resource: 'clusterreports', kind: 'ClusterReport' },
  { group: 'wgpolicyk8s.io', version: 'v1alpha2', resource: 'clusterpolicyreports', kind: 'ClusterPolicyReport' },
] as const;
