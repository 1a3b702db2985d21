/** Tells what the brake holds, and when it does no longer: a log line, a metric, an Event on the controller's own namespace. */
import { confirmationOf } from '../config/confirmation.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../log.ts';
import { limitOf, sayHeld } from '../plan/removals.ts';
import type { Metrics } from '../server/metrics.ts';
import type { Configuration } from '../config/schema.ts';
import type { HeldRemoval, Removals } from '../plan/removals.ts';

/** What would be taken away by the configuration in force, counted once. */
export interface Count {
  readonly configuration: Configuration;
  readonly removals: Removals;
  /** undefined: few enough, or confirmed. */
  readonly held: HeldRemoval | undefined;
  /** What had been read by then, feeds and sources: of what was not, nobody knows what it would remove. */
  readonly read: ReadonlySet<string>;
}

export interface BrakeNews {
  judged(count: Count, before: Count | undefined): void;
  /** So many namespaces keep something that was to go. */
  keeping(namespaces: number): void;
}

interface BrakeTellers {
  log: Log;
  events: Pick<EventRecorder, 'record' | 'resolve'>;
  metrics: Pick<Metrics, 'removalsHeld'>;
  /** Where the controller runs: the one object that is always there, and whose Events the platform team reads. */
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
        // Also when it is counted again: Events do not last.
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
