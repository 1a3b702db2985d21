/** Validation of Events: lax for the old form (without `eventTime`), strict for the new one and for events.k8s.io. */
import { at, equal, textAt, type KubeObject } from '../json.ts';
import { IMMUTABLE, invalid, required, type FieldError } from '../validation/field-error.ts';
import { qualifiedName } from '../validation/names.ts';

const NO_MATCH = 'does not match event.namespace';

/** Errors of both views name the fields of the stored form, except for the reporting controller. */
export function validateEvent(
  stored: KubeObject,
  controllerField: 'reportingComponent' | 'reportingController',
): FieldError[] {
  const errors: FieldError[] = [];
  const own = stored.metadata.namespace ?? '';
  const namespace = textAt(stored, 'involvedObject', 'namespace');
  if (typeof at(stored, 'eventTime') !== 'string') {
    const fits = namespace === '' ? own === '' || own === 'default' : own === namespace;
    return fits ? [] : [invalid('involvedObject.namespace', namespace, NO_MATCH)];
  }
  if (namespace === '' && own !== 'default' && own !== 'kube-system')
    errors.push(invalid('involvedObject.namespace', namespace, NO_MATCH));
  const controller = textAt(stored, 'reportingComponent');
  if (controller === '') errors.push(required(controllerField));
  for (const why of qualifiedName(controller)) errors.push(invalid(controllerField, controller, why));
  for (const [field, limit] of [
    ['reportingInstance', 128],
    ['action', 128],
    ['reason', 128],
    ['message', 1024],
  ] as const) {
    const value = textAt(stored, field);
    if (value === '' && field !== 'message') errors.push(required(field));
    if (value.length > limit) errors.push(invalid(field, '', `can have at most ${limit} characters`));
  }
  return errors;
}

/** Further rules for a create through events.k8s.io. */
export function validateNewEvent(stored: KubeObject): FieldError[] {
  const errors = validateSeries(stored);
  if (typeof at(stored, 'eventTime') !== 'string') errors.push(required('eventTime'));
  const type = textAt(stored, 'type');
  if (type !== 'Normal' && type !== 'Warning') errors.push(invalid('type', '', `has invalid value: ${type}`));
  const unset = (field: string, isSet: boolean): void => {
    if (isSet) errors.push(invalid(field, '', 'needs to be unset'));
  };
  unset('firstTimestamp', typeof at(stored, 'firstTimestamp') === 'string');
  unset('lastTimestamp', typeof at(stored, 'lastTimestamp') === 'string');
  unset('count', Boolean(at(stored, 'count')));
  unset('source', textAt(stored, 'source', 'component') !== '' || textAt(stored, 'source', 'host') !== '');
  return errors;
}

/** Further rules for an update through events.k8s.io: only the series may change. */
export function validateChangedEvent(stored: KubeObject, old: KubeObject): FieldError[] {
  const fixed = [
    'involvedObject',
    'reason',
    'message',
    'source',
    'firstTimestamp',
    'lastTimestamp',
    'count',
    'type',
    'eventTime',
    'action',
    'related',
  ] as const;
  const errors = equal(stored['series'], old['series']) ? [] : validateSeries(stored);
  const named = [
    ...fixed.map((field) => [field, field] as const),
    ['reportingComponent', 'reportingController'] as const,
    ['reportingInstance', 'reportingInstance'] as const,
  ];
  for (const [field, name] of named) {
    if (!equal(stored[field], old[field])) errors.push(invalid(name, stored[field] ?? null, IMMUTABLE));
  }
  return errors;
}

function validateSeries(stored: KubeObject): FieldError[] {
  const series = at(stored, 'series');
  if (series === undefined || series === null) return [];
  return [
    ...(Number(at(series, 'count') ?? 0) < 2 ? [invalid('series.count', '', 'should be at least 2')] : []),
    ...(typeof at(series, 'lastObservedTime') === 'string' ? [] : [required('series.lastObservedTime')]),
  ];
}
