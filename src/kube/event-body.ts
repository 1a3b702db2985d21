/** Builds Events of events.k8s.io/v1 within the limits of the API server. */
import { REPORTING_CONTROLLER } from '../names.ts';
import type { EventReason } from '../names.ts';
import { microTime } from './lease-lock.ts';

const MAX_NAME = 253;
/** Limit of `action`, `reason` and `reportingInstance`. */
const MAX_FIELD_BYTES = 128;
const MAX_NOTE_BYTES = 1024;

/** The object that an Event is about. */
export interface Regarding {
  apiVersion: string;
  kind: string;
  /** Absent for cluster-scoped kinds. */
  namespace?: string;
  name: string;
  uid?: string;
  resourceVersion?: string;
}

export interface RecordedEvent {
  regarding: Regarding;
  type: 'Normal' | 'Warning';
  reason: EventReason;
  /** What Pullpass was doing, in UpperCamelCase: at most 128 bytes. */
  action: string;
  /** For people; cut after 1024 bytes. Never holds a credential. */
  note: string;
}

/** How often an event was seen, and when last, in milliseconds since 1970. */
export interface Sightings {
  count: number;
  lastAt: number;
}

/**
 * The namespace of an Event. client-go puts Events about a Namespace into `default`, where the team that owns the
 * namespace can neither read nor find them; `kubectl describe namespace` shows no Events. The API server accepts an
 * Event in any namespace that `regarding.namespace` names, so an Event about a Namespace goes into that namespace:
 * `kubectl -n team-a get events` and `kubectl -n team-a events --for namespace/team-a` show it.
 */
export function namespaceOfEvent({ kind, namespace, name }: Regarding): string {
  return namespace ?? (kind === 'Namespace' ? name : 'default');
}

/** `<name of the object>.<hex>`, as in client-go; `unique`: nanoseconds, or any other unique number. */
export function eventName(object: string, unique: bigint): string {
  const suffix = `.${unique.toString(16)}`;
  // Names of a few kinds are no DNS subdomains, and the longest names leave no room for the suffix.
  const prefix = object
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .slice(0, MAX_NAME - suffix.length)
    .replace(/^[.-]+|[.-]+$/g, '')
    .replace(/[.-]*\.[.-]*/g, '.');
  return (prefix === '' ? 'pullpass' : prefix) + suffix;
}

/** The body of a create. `firstAt`: milliseconds since 1970. */
export function eventBody(
  name: string,
  instance: string,
  event: RecordedEvent,
  firstAt: number,
  sightings: Sightings,
): object {
  const namespace = namespaceOfEvent(event.regarding);
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(firstAt),
    reportingController: REPORTING_CONTROLLER,
    reportingInstance: cut(instance, MAX_FIELD_BYTES),
    action: cut(event.action, MAX_FIELD_BYTES),
    reason: cut(event.reason, MAX_FIELD_BYTES),
    type: event.type,
    note: cutNote(event.note),
    // The server requires both namespaces to be equal; other cluster-scoped objects have none here.
    regarding: event.regarding.kind === 'Namespace' ? { ...event.regarding, namespace } : event.regarding,
    ...(sightings.count > 1 && { series: eventSeries(sightings) }),
  };
}

export function eventSeries({ count, lastAt }: Sightings): object {
  return { count, lastObservedTime: microTime(lastAt) };
}

export const cutNote = (note: string): string => cut(note, MAX_NOTE_BYTES);

/** At most `bytes` bytes of UTF-8; a cut text ends with a mark, and no character is split. */
function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return encoded.toString();
  const mark = '…';
  let end = bytes - Buffer.byteLength(mark);
  // A byte 10xxxxxx continues a character.
  while (((encoded[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end--;
  return encoded.subarray(0, end).toString() + mark;
}
