/** What the controller is started with, and what changes while it runs. */
import type { HealingTimings } from './healing.ts';
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ElectionTimings } from '../kube/leader-election.ts';
import type { ReflectorTimings } from '../kube/reflector.ts';
import type { Log } from '../log.ts';
import type { Reach } from '../proxies/reach.ts';
import type { Metrics } from '../server/metrics.ts';

export interface ManagerOptions {
  client: KubeClient;
  configuration: Configuration;
  /** File to reload; undefined: the configuration does not change. */
  configurationFile?: string | undefined;
  /** Namespace of the Lease and the state Secret: the controller's own. */
  namespace: string;
  /** The only namespaces that it looks after: each of them is opted in; undefined: all that opt in. */
  namespaces?: readonly string[] | undefined;
  /** Unique for each replica: the pod's name. */
  identity: string;
  leaderElection: boolean;
  concurrency: number;
  /** Listening address of /livez, /readyz, /metrics and /report. */
  address: string;
  /** Whether only users with the RBAC right to `get` /report may see it. */
  secureReport?: boolean | undefined;
  /** Version of the program, for the report. */
  version?: string | undefined;
  /** HTTP access to registries and cache proxies. */
  reach: Reach;
  metrics: Metrics;
  log: Log;
  timings?: {
    election?: ElectionTimings | undefined;
    reflector?: Partial<ReflectorTimings> | undefined;
    configurationMs?: number;
    drainMs?: number;
    eventsMs?: number;
    firstAuditMs?: number;
    reportAgeMs?: number;
    statusMs?: number;
    healing?: Partial<HealingTimings>;
  };
  /** Gets the URL that the server listens on; undefined if it is switched off. */
  onListening?: (url: string | undefined) => void;
}

/** What changes while the parts stay. Parts read it each time they need it. */
export interface Current {
  configuration: Configuration;
  leading: boolean;
  /** Of the present or the last lead: what only a leader writes is stopped by it. */
  term: AbortSignal;
}
