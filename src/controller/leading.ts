/** Who leads: alone from the start, or whoever holds the Lease, one term after the other. */
import type { KubeClient } from '../kube/client.ts';
import { createLeaderElector } from '../kube/leader-election.ts';
import type { ElectionTimings } from '../kube/leader-election.ts';
import { aborted } from '../async/sleep.ts';
import type { Log } from '../log.ts';
import { LEASE_NAME } from '../names.ts';
import type { Metrics } from '../server/metrics.ts';

interface LeadingOptions {
  client: KubeClient;
  namespace: string;
  identity: string;
  log: Log;
  metrics: Pick<Metrics, 'leader'>;
  /** false: there is one replica only. */
  election: boolean;
  timings?: ElectionTimings | undefined;
  /** One term. `fence` aborts when another may lead: from then on nothing is written. */
  lead: (fence: AbortSignal) => Promise<void>;
  /** Finishes the writes in flight, within a time limit. */
  drain: () => Promise<void>;
}

/** Leads whenever it comes to that, until `stop` aborts. */
export async function leadInTurn(
  { client, namespace, identity, log, metrics, election, timings, lead, drain }: LeadingOptions,
  stop: AbortSignal,
): Promise<void> {
  if (!election) return lead(new AbortController().signal);
  if (stop.aborted) return;
  // The Lease is kept until the writes in flight are done: only then may the other replica begin.
  const campaign = new AbortController();
  const elector = createLeaderElector({
    client,
    namespace,
    name: LEASE_NAME,
    identity,
    log,
    onStartedLeading: lead,
    onStoppedLeading: () => metrics.leader.set(0),
    ...(timings && { timings }),
  });
  const running = elector.run(campaign.signal);
  await aborted(stop);
  await drain();
  campaign.abort();
  await running;
}
