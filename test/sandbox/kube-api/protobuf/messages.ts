/**
 * Field numbers of the messages that kubectl sends as protobuf (`kubectl create ...`, `auth can-i`, `create token`). They
 * are part of the Kubernetes API and never change.
 */
import type { Message, ValueType, WireField } from './wire.ts';

/** `name`, `name[]` for a list, `name{}` for a map; a string unless another type is given. */
type Described = readonly [number: number, name: string, type?: ValueType];

function message(...fields: readonly Described[]): Message {
  const table: { [number: number]: WireField } = {};
  for (const [number, name, type = 'string'] of fields) {
    table[number] = {
      name: name.replace(/\W/g, ''),
      type,
      ...(name.endsWith('[]') ? { repeated: true } : {}),
      ...(name.endsWith('{}') ? { map: true } : {}),
    };
  }
  return () => table;
}

const ownerReference = message(
  [5, 'apiVersion'],
  [1, 'kind'],
  [3, 'name'],
  [4, 'uid'],
  [6, 'controller', 'bool'],
  [7, 'blockOwnerDeletion', 'bool'],
);
const managedFields = message(
  [1, 'manager'],
  [2, 'operation'],
  [3, 'apiVersion'],
  [4, 'time', 'time'],
  [6, 'fieldsType'],
  [7, 'fieldsV1', 'rawJson'],
  [8, 'subresource'],
);
const objectMeta = message(
  [1, 'name'],
  [2, 'generateName'],
  [3, 'namespace'],
  [4, 'selfLink'],
  [5, 'uid'],
  [6, 'resourceVersion'],
  [7, 'generation', 'int'],
  [8, 'creationTimestamp', 'time'],
  [9, 'deletionTimestamp', 'time'],
  [10, 'deletionGracePeriodSeconds', 'int'],
  [11, 'labels{}'],
  [12, 'annotations{}'],
  [13, 'ownerReferences[]', ownerReference],
  [14, 'finalizers[]'],
  [17, 'managedFields[]', managedFields],
);
const metadata: Described = [1, 'metadata', objectMeta];
const status: Described = [3, 'status', 'ignored'];
const nothing = message();
const labelSelector = message(
  [1, 'matchLabels{}'],
  [2, 'matchExpressions[]', message([1, 'key'], [2, 'operator'], [3, 'values[]'])],
);
const objectReference = message(
  [1, 'kind'],
  [2, 'namespace'],
  [3, 'name'],
  [4, 'uid'],
  [5, 'apiVersion'],
  [6, 'resourceVersion'],
  [7, 'fieldPath'],
);
const localReference = message([1, 'name']);

const policyRule = message(
  [1, 'verbs[]'],
  [2, 'apiGroups[]'],
  [3, 'resources[]'],
  [4, 'resourceNames[]'],
  [5, 'nonResourceURLs[]'],
);
const subject = message([1, 'kind'], [2, 'apiGroup'], [3, 'name'], [4, 'namespace']);
const roleRef = message([1, 'apiGroup'], [2, 'kind'], [3, 'name']);
const binding = message(metadata, [2, 'subjects[]', subject], [3, 'roleRef', roleRef]);

const requirements = message([1, 'limits{}', 'quantity'], [2, 'requests{}', 'quantity']);
const container = message(
  [1, 'name'],
  [2, 'image'],
  [3, 'command[]'],
  [4, 'args[]'],
  [5, 'workingDir'],
  [7, 'env[]', message([1, 'name'], [2, 'value'])],
  [
    6,
    'ports[]',
    message([1, 'name'], [2, 'hostPort', 'int'], [3, 'containerPort', 'int'], [4, 'protocol'], [5, 'hostIP']),
  ],
  [8, 'resources', requirements],
  [13, 'terminationMessagePath'],
  [20, 'terminationMessagePolicy'],
  [14, 'imagePullPolicy'],
  [16, 'stdin', 'bool'],
  [17, 'stdinOnce', 'bool'],
  [18, 'tty', 'bool'],
);
const podSpec = message(
  [20, 'initContainers[]', container],
  [2, 'containers[]', container],
  [3, 'restartPolicy'],
  [4, 'terminationGracePeriodSeconds', 'int'],
  [6, 'dnsPolicy'],
  [7, 'nodeSelector{}'],
  [8, 'serviceAccountName'],
  [9, 'serviceAccount'],
  [21, 'automountServiceAccountToken', 'bool'],
  [10, 'nodeName'],
  [11, 'hostNetwork', 'bool'],
  [12, 'hostPID', 'bool'],
  [13, 'hostIPC', 'bool'],
  [14, 'securityContext', nothing],
  [15, 'imagePullSecrets[]', localReference],
  [16, 'hostname'],
  [17, 'subdomain'],
  [19, 'schedulerName'],
  [24, 'priorityClassName'],
);
const deploymentSpec = message(
  [1, 'replicas', 'int'],
  [2, 'selector', labelSelector],
  [3, 'template', message(metadata, [2, 'spec', podSpec])],
  [4, 'strategy', message([1, 'type'])],
  [5, 'minReadySeconds', 'int'],
  [6, 'revisionHistoryLimit', 'int'],
  [7, 'paused', 'bool'],
  [9, 'progressDeadlineSeconds', 'int'],
);

const resourceAttributes = message(
  [1, 'namespace'],
  [2, 'verb'],
  [3, 'group'],
  [4, 'version'],
  [5, 'resource'],
  [6, 'subresource'],
  [7, 'name'],
);
const nonResourceAttributes = message([1, 'path'], [2, 'verb']);
const subjectAccess = message(
  metadata,
  [
    2,
    'spec',
    message(
      [1, 'resourceAttributes', resourceAttributes],
      [2, 'nonResourceAttributes', nonResourceAttributes],
      [3, 'user'],
      [4, 'groups[]'],
      [5, 'extra{}', message([1, 'items[]'])],
      [6, 'uid'],
    ),
  ],
  status,
);

const eventSeries = message([1, 'count', 'int'], [2, 'lastObservedTime', 'microTime']);
const eventSource = message([1, 'component'], [2, 'host']);

export const messages: { readonly [apiVersionAndKind: string]: Message } = {
  'v1 Namespace': message(metadata, [2, 'spec', message([1, 'finalizers[]'])], status),
  'v1 Secret': message(metadata, [2, 'data{}', 'bytes'], [3, 'type'], [4, 'stringData{}'], [5, 'immutable', 'bool']),
  'v1 ConfigMap': message(metadata, [2, 'data{}'], [3, 'binaryData{}', 'bytes'], [4, 'immutable', 'bool']),
  'v1 ServiceAccount': message(
    metadata,
    [2, 'secrets[]', objectReference],
    [3, 'imagePullSecrets[]', localReference],
    [4, 'automountServiceAccountToken', 'bool'],
  ),
  'v1 Pod': message(metadata, [2, 'spec', podSpec], status),
  'v1 Event': message(
    metadata,
    [2, 'involvedObject', objectReference],
    [3, 'reason'],
    [4, 'message'],
    [5, 'source', eventSource],
    [6, 'firstTimestamp', 'time'],
    [7, 'lastTimestamp', 'time'],
    [8, 'count', 'int'],
    [9, 'type'],
    [10, 'eventTime', 'microTime'],
    [11, 'series', eventSeries],
    [12, 'action'],
    [13, 'related', objectReference],
    [14, 'reportingComponent'],
    [15, 'reportingInstance'],
  ),
  'events.k8s.io/v1 Event': message(
    metadata,
    [2, 'eventTime', 'microTime'],
    [3, 'series', eventSeries],
    [4, 'reportingController'],
    [5, 'reportingInstance'],
    [6, 'action'],
    [7, 'reason'],
    [8, 'regarding', objectReference],
    [9, 'related', objectReference],
    [10, 'note'],
    [11, 'type'],
    [12, 'deprecatedSource', eventSource],
    [13, 'deprecatedFirstTimestamp', 'time'],
    [14, 'deprecatedLastTimestamp', 'time'],
    [15, 'deprecatedCount', 'int'],
  ),
  'coordination.k8s.io/v1 Lease': message(metadata, [
    2,
    'spec',
    message(
      [1, 'holderIdentity'],
      [2, 'leaseDurationSeconds', 'int'],
      [3, 'acquireTime', 'microTime'],
      [4, 'renewTime', 'microTime'],
      [5, 'leaseTransitions', 'int'],
      [6, 'strategy'],
      [7, 'preferredHolder'],
    ),
  ]),
  'apps/v1 Deployment': message(metadata, [2, 'spec', deploymentSpec], status),
  'rbac.authorization.k8s.io/v1 Role': message(metadata, [2, 'rules[]', policyRule]),
  'rbac.authorization.k8s.io/v1 ClusterRole': message(
    metadata,
    [2, 'rules[]', policyRule],
    [3, 'aggregationRule', message([1, 'clusterRoleSelectors[]', labelSelector])],
  ),
  'rbac.authorization.k8s.io/v1 RoleBinding': binding,
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': binding,
  'authorization.k8s.io/v1 SelfSubjectAccessReview': message(
    metadata,
    [
      2,
      'spec',
      message([1, 'resourceAttributes', resourceAttributes], [2, 'nonResourceAttributes', nonResourceAttributes]),
    ],
    status,
  ),
  'authorization.k8s.io/v1 SubjectAccessReview': subjectAccess,
  'authorization.k8s.io/v1 LocalSubjectAccessReview': subjectAccess,
  'authentication.k8s.io/v1 SelfSubjectReview': message(metadata, [2, 'status', 'ignored']),
  'authentication.k8s.io/v1 TokenReview': message(
    metadata,
    [2, 'spec', message([1, 'token'], [2, 'audiences[]'])],
    status,
  ),
  'authentication.k8s.io/v1 TokenRequest': message(
    metadata,
    [
      2,
      'spec',
      message(
        [1, 'audiences[]'],
        [4, 'expirationSeconds', 'int'],
        [3, 'boundObjectRef', message([1, 'kind'], [2, 'apiVersion'], [3, 'name'], [4, 'uid'])],
      ),
    ],
    status,
  ),
  'v1 DeleteOptions': message(
    [1, 'gracePeriodSeconds', 'int'],
    [2, 'preconditions', message([1, 'uid'], [2, 'resourceVersion'])],
    [3, 'orphanDependents', 'bool'],
    [4, 'propagationPolicy'],
    [5, 'dryRun[]'],
  ),
};
