/**
 * The one table of every right that the controller uses. `pullpass rbac`, the check when it starts and the Helm chart all read it:
 * it is data, in which a name is a word or the field of the configuration that holds it.
 */
import { LEASE_NAME, REPORT_NAME, REPORT_RESOURCES, STATE_NAME, STATUS_NAME } from '../names.ts';
import type { Verb } from './right.ts';
import { field } from './references.ts';
import { OWNERS } from './healing.ts';
import { right } from './rule.ts';
import type { Line, Rule } from './rule.ts';

const READ: readonly Verb[] = ['get', 'list', 'watch'];
const KEEP: readonly Verb[] = [...READ, 'create', 'patch', 'delete'];
const EDIT: readonly Verb[] = [...READ, 'patch'];

const WORKLOADS = { Deployment: 'deployments', StatefulSet: 'statefulsets', DaemonSet: 'daemonsets' };
const IMAGE_SETS = { ReplicatedImageSet: 'replicatedimagesets', ImageSetMirror: 'imagesetmirrors' };
const CLUSTER_IMAGE_SETS = {
  ClusterReplicatedImageSet: 'clusterreplicatedimagesets',
  ClusterImageSetMirror: 'clusterimagesetmirrors',
};

const IN_NAMESPACE = { namespace: field('cacheProxies.object.namespace') };
const KUIK: Pick<Line, 'kinds' | 'apiGroup'> = { kinds: ['kube-image-keeper'], apiGroup: 'kuik.enix.io' };
const CUSTOM: Pick<Line, 'kinds' | 'apiGroup' | 'resource'> = {
  kinds: ['custom-resource'],
  apiGroup: { ...field('cacheProxies.object.apiVersion'), groupOf: true },
  resource: field('cacheProxies.object.resource'),
};

/** Questions only: a review is answered and not stored. A POST has no name, so neither right can be limited to a name. */
export const REVIEWS: readonly string[] = ['tokenreviews', 'subjectaccessreviews'];

/**
 * Rights on Secrets are limited to names. A list or watch of Secrets asks for `fieldSelector=metadata.name=<name>`: that is how the
 * authorizer learns the name. A copy is written by server-side apply, a PATCH: for an object that does not exist yet the API server
 * checks `create` *with* the name, unlike for a POST. So the rights on copies stay limited to their names, and `update` is not needed.
 */
export const RIGHTS: readonly Rule[] = [
  right({ resource: 'namespaces', verbs: READ, why: 'see which namespaces opt in' }),
  right({ resource: 'serviceaccounts', verbs: EDIT, why: 'add the reference to imagePullSecrets' }),
  // `patch`: a repeated Event counts on in its `series`.
  right({
    apiGroup: 'events.k8s.io',
    resource: 'events',
    verbs: ['create', 'patch'],
    why: 'report to the owners of a namespace',
  }),
  right({ resource: 'secrets', name: field('sources.copyName'), verbs: KEEP, why: 'keep the copies' }),
  right({
    resource: 'secrets',
    name: field('retiredCopyNames'),
    verbs: [...READ, 'delete'],
    why: 'remove the copies of retired names',
  }),
  right({
    resource: 'pods',
    verbs: ['list'],
    when: ['sources.canary'],
    why: 'see whether pulls of the canaries fail',
  }),
  right({
    resource: 'pods',
    verbs: ['list'],
    when: ['schedules.audit'],
    why: 'audit which images are pulled with which credential',
  }),
  right({
    resource: 'pods',
    verbs: ['list', 'watch'],
    when: ['sources.healing'],
    why: 'see pods that were made before the reference',
  }),
  ...OWNERS.map(({ apiGroup, resource }) =>
    right({
      apiGroup,
      resource,
      verbs: ['get'],
      when: ['sources.healing'],
      why: 'see whether and how the owner of such a pod makes it anew',
    }),
  ),
  right({
    resource: 'pods/eviction',
    verbs: ['create'],
    where: { path: 'sources.healing.mode', in: ['evict'] },
    why: 'evict such pods',
  }),
  ...REPORT_RESOURCES.map(({ group, resource }) =>
    right({
      apiGroup: group,
      resource,
      name: REPORT_NAME,
      verbs: ['get', 'create', 'patch'],
      when: ['schedules.audit', 'audit.reportObject'],
      why: 'publish the audit for dashboards',
    }),
  ),
  ...[field('sources.secret.name'), field('sources.aliases.login.secret')].map((name) =>
    right({
      resource: 'secrets',
      name,
      namespace: field('sources.secret.namespace'),
      verbs: READ,
      why: 'read the sources and the logins of their aliases',
    }),
  ),
  right({
    apiGroup: 'coordination.k8s.io',
    resource: 'leases',
    name: LEASE_NAME,
    namespace: field('controller.namespace'),
    verbs: ['get', 'update'],
    why: 'elect the replica that acts',
  }),
  // A POST has no name that the authorizer could compare, so `create` cannot be limited to a name.
  right({
    apiGroup: 'coordination.k8s.io',
    resource: 'leases',
    namespace: field('controller.namespace'),
    verbs: ['create'],
    why: 'create the Lease of the election',
  }),
  right({
    resource: 'secrets',
    name: STATE_NAME,
    namespace: field('controller.namespace'),
    verbs: ['get', 'create', 'patch'],
    why: 'remember across restarts what each cache proxy was given',
  }),
  right({
    resource: 'configmaps',
    name: STATUS_NAME,
    namespace: field('controller.namespace'),
    verbs: ['get', 'create', 'patch'],
    why: 'say how far each rotation is',
  }),

  secretOfProxy('cacheProxies.secret', KEEP, 'keep the logins of cache proxies'),
  secretOfProxy('cacheProxies.admin.secret', ['get'], 'log in to the API of a cache proxy'),
  secretOfProxy('cacheProxies.probe.login.secret', ['get'], 'log in to a cache proxy for its probe'),
  secretOfProxy('cacheProxies.probe.push.secret', ['get'], 'push a new image for the probe of a cache proxy'),
  right({
    apiGroup: 'apps',
    resource: { ...field('cacheProxies.workload.kind'), as: WORKLOADS },
    name: field('cacheProxies.workload.name'),
    namespace: field('cacheProxies.workload.namespace'),
    verbs: EDIT,
    why: 'roll a cache proxy when its login changes',
  }),
  right({
    resource: 'pods',
    namespace: field('cacheProxies.secret.namespace'),
    kinds: ['distribution-helper', 'template'],
    unless: 'cacheProxies.workload',
    verbs: ['list'],
    why: 'see whether pods mount the Secret of a cache proxy so that it is updated',
  }),
  objectOfProxy({ ...KUIK, ...IN_NAMESPACE, resource: { ...field('cacheProxies.object.kind'), as: IMAGE_SETS } }),
  objectOfProxy({ ...KUIK, resource: { ...field('cacheProxies.object.kind'), as: CLUSTER_IMAGE_SETS } }),
  objectOfProxy({ kinds: ['kube-fledged'], ...IN_NAMESPACE, apiGroup: 'kubefledged.io', resource: 'imagecaches' }),
  objectOfProxy({
    kinds: ['image-puller'],
    ...IN_NAMESPACE,
    apiGroup: 'che.eclipse.org',
    resource: 'kubernetesimagepullers',
  }),
  objectOfProxy({ ...CUSTOM, ...IN_NAMESPACE }),
  objectOfProxy({ ...CUSTOM, unless: 'cacheProxies.object.namespace' }),

  right({
    apiGroup: 'authentication.k8s.io',
    resource: 'tokenreviews',
    verbs: ['create'],
    when: ['controller.secureReport'],
    why: 'see who asks for the page /report',
  }),
  right({
    apiGroup: 'authorization.k8s.io',
    resource: 'subjectaccessreviews',
    verbs: ['create'],
    when: ['controller.secureReport'],
    why: 'see whether they may see the page /report',
  }),
];

function secretOfProxy(
  secret: `cacheProxies.${'' | 'admin.' | 'probe.login.' | 'probe.push.'}secret`,
  verbs: readonly Verb[],
  why: string,
): Rule {
  return right({
    resource: 'secrets',
    name: field(`${secret}.name`),
    namespace: field(`${secret}.namespace`),
    verbs,
    why,
  });
}

/** The copy is read, too: by the right on all copies, by name. */
function objectOfProxy(line: Omit<Line, 'name' | 'verbs' | 'why'>): Rule {
  return right({
    ...line,
    name: field('cacheProxies.object.name'),
    verbs: EDIT,
    why: 'point the object of a cache proxy at the copy',
  });
}
