/** The controller's own objects, and the fields that it edits in the objects of cache proxies. */
import {
  LABEL_MANAGED_BY,
  LABEL_ROLE,
  MANAGER,
  LEASE_NAME,
  REPORTING_CONTROLLER,
  REPORT_RESOURCES,
  REPORT_NAME,
  STATUS_NAME,
} from '../names.ts';
import type { Configuration } from '../config/schema.ts';
import type { Edited } from '../proxies/adapter.ts';
import { partsOf } from '../proxies/json-pointer.ts';
import { all, any, list, sameObject, text } from './cel.ts';
import type { Policy, Writes } from './policy.ts';

const EVENTS: Policy = {
  name: 'events',
  judges: [{ apiGroup: 'events.k8s.io', apiVersion: 'v1', resources: ['events'], operations: ['CREATE', 'UPDATE'] }],
  only: {
    'writes Events only in its own name': `object.reportingController == ${text(REPORTING_CONTROLLER)}`,
    'changes nothing of an Event but how often it was seen': any(
      "request.operation == 'CREATE'",
      sameObject('object', 'oldObject', [['series']]),
    ),
  },
};

/** `namespace`: the controller's. */
const leases = (namespace: string): Policy => ({
  name: 'leases',
  judges: [
    { apiGroup: 'coordination.k8s.io', apiVersion: 'v1', resources: ['leases'], operations: ['CREATE', 'UPDATE'] },
  ],
  only: {
    'writes no Lease but its own': `request.namespace == ${text(namespace)} && object.metadata.name == ${text(LEASE_NAME)}`,
  },
});

/** `namespace`: the controller's. */
const status = (namespace: string): Policy => ({
  name: 'status',
  judges: [{ apiGroup: '', apiVersion: 'v1', resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] }],
  only: {
    'writes no ConfigMap but its own status': all(
      `request.namespace == ${text(namespace)}`,
      `object.metadata.name == ${text(STATUS_NAME)}`,
      `object.metadata.?labels[?${text(LABEL_ROLE)}].orValue('') == 'status'`,
      any("request.operation == 'CREATE'", `oldObject.metadata.?labels[?${text(LABEL_ROLE)}].orValue('') == 'status'`),
    ),
  },
});

const REPORTS: Policy = {
  name: 'reports',
  judges: REPORT_RESOURCES.map(({ group, version, resource }) => ({
    apiGroup: group,
    apiVersion: version,
    resources: [resource],
    operations: ['CREATE', 'UPDATE'],
  })),
  only: {
    // The first version wrote its report without the label of its role.
    'writes no report but its own': all(
      `object.metadata.name == ${text(REPORT_NAME)}`,
      `object.metadata.?labels[?${text(LABEL_ROLE)}].orValue('') == 'report'`,
      any(
        "request.operation == 'CREATE'",
        `oldObject.metadata.?labels[?${text(LABEL_ROLE)}].orValue('') == 'report'`,
        `oldObject.metadata.?labels[?${text(LABEL_MANAGED_BY)}].orValue('') == ${text(MANAGER)}`,
      ),
    ),
  },
};

export function objectPolicies({ audit }: Configuration, edited: readonly Edited[], namespace: string): Policy[] {
  return [
    EVENTS,
    leases(namespace),
    status(namespace),
    ...(audit.reportObject ? [REPORTS] : []),
    ...(edited.length > 0 ? [cacheProxies(edited)] : []),
  ];
}

function cacheProxies(edited: readonly Edited[]): Policy {
  const objects = new Map<string, string[]>();
  for (const { fields, apiGroup, resource, namespace = '', name } of edited) {
    const path = [apiGroup, resource, namespace, name].join('/');
    objects.set(path, [...(objects.get(path) ?? []), ...fields]);
  }
  const judges = new Map(
    edited.map(({ apiGroup, resource }): [string, Writes] => [
      `${apiGroup}/${resource}`,
      { apiGroup, apiVersion: '*', resources: [resource], operations: ['UPDATE'] },
    ]),
  );
  const paths = [...objects.keys()].sort();
  return {
    name: 'cache-proxies',
    judges: [...judges.values()],
    variables: {
      // A cluster-scoped object has no namespace at all.
      path: "[request.resource.group, request.resource.resource, request.?namespace.orValue(''), request.name].join('/')",
    },
    only: {
      'changes no object but those of its cache proxies': `variables.path in ${list(paths)}`,
      ...Object.fromEntries(
        paths.map((path) => [
          `changes nothing of ${path} but the fields that hold or announce the login`,
          any(
            `variables.path != ${text(path)}`,
            sameObject('object', 'oldObject', (objects.get(path) ?? []).map(keysOf)),
          ),
        ]),
      ),
    },
  };
}

/** The keys to a field. An item of a list has none that stays: then the whole list. */
function keysOf(pointer: string): string[] {
  const parts = partsOf(pointer);
  const item = parts.findIndex((part) => /^(\d+|-)$/.test(part));
  return item < 1 ? parts : parts.slice(0, item);
}
