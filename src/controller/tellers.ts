/** What tells people what happens: Events, log lines about what tenants decide, and those of rotations. */
import { createEventRecorder } from '../kube/events.ts';
import { createRotations } from '../rotation/rotations.ts';
import type { ManagerOptions } from './manager-options.ts';
import { createTenantLog } from './tenant-log.ts';

export function createTellers({
  client,
  log,
  metrics,
  identity,
}: Pick<ManagerOptions, 'client' | 'log' | 'metrics' | 'identity'>) {
  return {
    events: createEventRecorder({
      client,
      log,
      instance: identity,
      onDropped: (reason) => metrics.eventsDropped.inc({ reason }),
    }),
    tenantLog: createTenantLog({ log, onDropped: () => metrics.logLinesDropped.inc() }),
    rotations: createRotations(log, {
      pending: (source, namespaces) => metrics.rotationPending.set({ source }, namespaces),
      complete: (source, seconds) => metrics.rotationDuration.observe({ source }, seconds),
    }),
  };
}
