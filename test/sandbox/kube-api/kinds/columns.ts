/** Cells of `kubectl get` that are not simply one field. */
import { at, textAt, type Json, type KubeObject } from '../json.ts';
import type { Column } from './kind.ts';

export const NONE = '<none>';

/** `3m`, `4h`: the age of a timestamp, as kubectl writes it. */
export function age(timestamp: string): string {
  const seconds = Math.floor((Date.now() - Date.parse(timestamp)) / 1000);
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${Math.max(seconds, 0)}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

export function items(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

export function size(value: Json | undefined): number {
  return Object.keys(value ?? {}).length;
}

function number(object: KubeObject, ...path: string[]): number {
  return Number(at(object, ...path) ?? 0);
}

function wide(name: string, cell: Column['cell']): Column {
  return { name, type: 'string', priority: 1, cell };
}

function waitingReason(object: KubeObject): string {
  return (
    items(at(object, 'status', 'containerStatuses'))
      .map((item) => textAt(item, 'state', 'waiting', 'reason'))
      .find((reason) => reason !== '') ?? ''
  );
}

export const podColumns: readonly Column[] = [
  {
    name: 'Ready',
    type: 'string',
    cell: (object) =>
      `${items(at(object, 'status', 'containerStatuses')).filter((item) => at(item, 'ready') === true).length}/${items(at(object, 'spec', 'containers')).length}`,
  },
  {
    name: 'Status',
    type: 'string',
    cell: (object) =>
      object.metadata.deletionTimestamp
        ? 'Terminating'
        : waitingReason(object) || textAt(object, 'status', 'reason') || textAt(object, 'status', 'phase'),
  },
  {
    name: 'Restarts',
    type: 'string',
    cell: (object) =>
      String(
        items(at(object, 'status', 'containerStatuses')).reduce<number>(
          (sum, item) => sum + Number(at(item, 'restartCount') ?? 0),
          0,
        ),
      ),
  },
];

export const podWideColumns: readonly Column[] = [
  wide('IP', (object) => textAt(object, 'status', 'podIP') || NONE),
  wide('Node', (object) => textAt(object, 'spec', 'nodeName') || NONE),
  wide('Nominated Node', (object) => textAt(object, 'status', 'nominatedNodeName') || NONE),
  wide('Readiness Gates', () => NONE),
];

export const deploymentColumns: readonly Column[] = [
  {
    name: 'Ready',
    type: 'string',
    cell: (object) => `${number(object, 'status', 'readyReplicas')}/${number(object, 'spec', 'replicas')}`,
  },
  { name: 'Up-to-date', type: 'string', cell: (object) => number(object, 'status', 'updatedReplicas') },
  { name: 'Available', type: 'string', cell: (object) => number(object, 'status', 'availableReplicas') },
];

const templateContainers = (object: KubeObject): readonly Json[] =>
  items(at(object, 'spec', 'template', 'spec', 'containers'));

export const deploymentWideColumns: readonly Column[] = [
  wide('Containers', (object) =>
    templateContainers(object)
      .map((item) => textAt(item, 'name'))
      .join(','),
  ),
  wide('Images', (object) =>
    templateContainers(object)
      .map((item) => textAt(item, 'image'))
      .join(','),
  ),
  wide('Selector', (object) =>
    Object.entries(at(object, 'spec', 'selector', 'matchLabels') ?? {})
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(','),
  ),
];

function subjects(object: KubeObject, kind: string): string {
  return items(at(object, 'subjects'))
    .filter((item) => textAt(item, 'kind') === kind)
    .map((item) =>
      kind === 'ServiceAccount' ? `${textAt(item, 'namespace')}/${textAt(item, 'name')}` : textAt(item, 'name'),
    )
    .join(', ');
}

export const bindingColumns: readonly Column[] = [
  {
    name: 'Role',
    type: 'string',
    cell: (object) => `${textAt(object, 'roleRef', 'kind')}/${textAt(object, 'roleRef', 'name')}`,
  },
];

export const bindingWideColumns: readonly Column[] = [
  wide('Users', (object) => subjects(object, 'User')),
  wide('Groups', (object) => subjects(object, 'Group')),
  wide('ServiceAccounts', (object) => subjects(object, 'ServiceAccount')),
];

/** Events have an order of columns of their own, with the name last. All cells read the stored form. */
export const eventColumns: readonly Column[] = [
  {
    name: 'Last Seen',
    type: 'string',
    cell: (object) =>
      age(textAt(object, 'lastTimestamp') || textAt(object, 'eventTime') || (object.metadata.creationTimestamp ?? '')),
  },
  { name: 'Type', type: 'string', cell: (object) => textAt(object, 'type') },
  { name: 'Reason', type: 'string', cell: (object) => textAt(object, 'reason') },
  {
    name: 'Object',
    type: 'string',
    cell: (object) =>
      `${textAt(object, 'involvedObject', 'kind').toLowerCase()}/${textAt(object, 'involvedObject', 'name')}`,
  },
  wide('Subobject', (object) => textAt(object, 'involvedObject', 'fieldPath')),
  wide('Source', (object) =>
    [
      textAt(object, 'source', 'component') || textAt(object, 'reportingComponent'),
      textAt(object, 'source', 'host') || textAt(object, 'reportingInstance'),
    ]
      .filter((part) => part !== '')
      .join(', '),
  ),
  { name: 'Message', type: 'string', cell: (object) => textAt(object, 'message') },
  wide('First Seen', (object) => age(textAt(object, 'firstTimestamp') || textAt(object, 'eventTime'))),
  wide('Count', (object) => Number(at(object, 'count') ?? at(object, 'series', 'count') ?? 1)),
  { name: 'Name', type: 'string', format: 'name', priority: 1, cell: (object) => object.metadata.name },
];
