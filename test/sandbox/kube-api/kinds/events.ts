/** Events: one stored object with two views, core/v1 and events.k8s.io/v1. */
import { textAt, type Json, type JsonObject, type KubeObject } from '../json.ts';
import { decode } from '../schema/decode.ts';
import { objectShape } from '../schema/metadata.ts';
import { always, integer, microTime, string, struct, time } from '../schema/shape.ts';
import { validateChangedEvent, validateEvent, validateNewEvent } from './event-rules.ts';
import { eventColumns } from './columns.ts';
import { defineKind, type Kind } from './kind.ts';

const reference = struct(
  'ObjectReference',
  {
    kind: string,
    namespace: string,
    name: string,
    uid: string,
    apiVersion: string,
    resourceVersion: string,
    fieldPath: string,
  },
  { atomic: true },
);
const source = struct('EventSource', { component: string, host: string });
const coreSeries = struct('EventSeries', { count: integer, lastObservedTime: microTime });
const series = struct('EventSeries', { count: always(integer), lastObservedTime: always(microTime) });

const fields = {
  'involvedObject.kind': (object: KubeObject) => textAt(object, 'involvedObject', 'kind'),
  'involvedObject.namespace': (object: KubeObject) => textAt(object, 'involvedObject', 'namespace'),
  'involvedObject.name': (object: KubeObject) => textAt(object, 'involvedObject', 'name'),
  'involvedObject.uid': (object: KubeObject) => textAt(object, 'involvedObject', 'uid'),
  'involvedObject.apiVersion': (object: KubeObject) => textAt(object, 'involvedObject', 'apiVersion'),
  'involvedObject.resourceVersion': (object: KubeObject) => textAt(object, 'involvedObject', 'resourceVersion'),
  'involvedObject.fieldPath': (object: KubeObject) => textAt(object, 'involvedObject', 'fieldPath'),
  reason: (object: KubeObject) => textAt(object, 'reason'),
  reportingComponent: (object: KubeObject) => textAt(object, 'reportingComponent'),
  source: (object: KubeObject) => textAt(object, 'source', 'component') || textAt(object, 'reportingComponent'),
  type: (object: KubeObject) => textAt(object, 'type'),
};

export const coreEvent = defineKind({
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  createOnUpdate: true,
  shortNames: ['ev'],
  storage: 'events',
  shape: objectShape('Event', {
    involvedObject: always(reference),
    reason: string,
    message: string,
    source: always(source),
    firstTimestamp: always(time),
    lastTimestamp: always(time),
    count: integer,
    type: string,
    eventTime: always(microTime),
    series: coreSeries,
    action: string,
    related: reference,
    reportingComponent: always(string),
    reportingInstance: always(string),
  }),
  fields,
  validate: (object) => validateEvent(object, 'reportingComponent'),
  columns: eventColumns,
  onlyColumns: true,
});

const RENAMED = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const;

function rename(object: JsonObject, pairs: readonly (readonly [string, string])[], apiVersion: string): JsonObject {
  const names = new Map(pairs);
  const renamed = Object.fromEntries<Json | undefined>(
    Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value]),
  );
  return { ...renamed, apiVersion };
}

function toStored(object: JsonObject): KubeObject {
  return decode(
    coreEvent.shape,
    rename(
      object,
      RENAMED.map(([core, own]) => [own, core]),
      'v1',
    ),
  ).value as KubeObject;
}

/** As with the real server, empty times and the source are written out here, the reporter is not. */
function fromStored(object: JsonObject): KubeObject {
  return decode(event.shape, rename(object, RENAMED, 'events.k8s.io/v1')).value as KubeObject;
}

export const event: Kind = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  createOnUpdate: true,
  shortNames: ['ev'],
  storage: 'events',
  shape: objectShape('Event', {
    eventTime: always(microTime),
    series,
    reportingController: string,
    reportingInstance: string,
    action: string,
    reason: string,
    regarding: reference,
    related: reference,
    note: string,
    type: string,
    deprecatedSource: always(source),
    deprecatedFirstTimestamp: always(time),
    deprecatedLastTimestamp: always(time),
    deprecatedCount: integer,
  }),
  fields: { ...fields },
  toStored,
  fromStored,
  errorGroup: '',
  validate: (object) => validateEvent(toStored(object), 'reportingController'),
  validateCreate: (object) => validateNewEvent(toStored(object)),
  validateUpdate: (object, old) => validateChangedEvent(toStored(object), toStored(old)),
  columns: eventColumns.map((column) => ({ ...column, cell: (object) => column.cell(toStored(object)) })),
  onlyColumns: true,
});
