/** Reports what the brake holds, and when it lets go: log line, metric, Event on the controller's own namespace. */
import { confirmationOf } from '../config/confirmation.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../log.ts';
import { limitOf, sayHeld } from '../plan/removals.ts';
import type { Metrics } from '../server/metrics.ts';
import type { Configuration } from '../config/schema.ts';
import type { HeldRemoval, Removals } from '../plan/removals.ts';

/** The result of one count: what the configuration in force would remove. */
export interface Count {
  readonly configuration: Configuration;
  readonly removals: Removals;
  /** undefined: the removal is small enough, or confirmed. */
  readonly held: HeldRemoval | undefined;
  /** Feeds that had been read, and sources in force, before the count. What the others would remove is unknown. */
  readonly read: ReadonlySet<string>;
  readonly inForce: ReadonlySet<string>;
}

export interface BrakeNews {
  judged(count: Count, before: Count | undefined): void;
  /** Gets the number of namespaces that keep something because of the brake. */
  keeping(namespaces: number): void;
}

interface BrakeTellers {
  log: Log;
  events: Pick<EventRecorder, 'record' | 'resolve'>;
  metrics: Pick<Metrics, 'removalsHeld'>;
  /** The controller's own namespace: it always exists, and the platform team reads its Events. */
  namespace: string;
}

export function createBrakeNews({ log, events, metrics, namespace }: BrakeTellers): BrakeNews {
  const regarding = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
  return {
    keeping: (namespaces) => metrics.removalsHeld.set(namespaces),
    judged({ configuration, removals, held }, before) {
      const isNew = before?.configuration !== configuration;
      const { given } = confirmationOf(configuration);
      const facts = { namespaces: removals.namespaces.length, withCopies: removals.withCopies };
      if (isNew && given === 'another')
        log.warn('confirmRemoval confirms another configuration than this one, and nothing here: take it out');
      if (held !== undefined) {
        const note = `removal held: ${sayHeld(held)}`;
        if (isNew || before.held === undefined) log.warn({ ...facts, confirmRemoval: held.confirm }, note);
        // Recorded at each count: Events expire.
        events.record({ regarding, type: 'Warning', reason: 'RemovalHeld', action: 'Remove', note });
        return;
      }
      if (isNew && given === 'this' && removals.namespaces.length > limitOf(removals.withCopies))
        log.warn(facts, 'removal confirmed by the configuration: copies or references go');
      if (before?.held === undefined) return;
      events.resolve(regarding, 'RemovalHeld');
      log.info(facts, 'removals are no longer held');
    },
  };
}
