/** Who leads: alone from the start, or whoever holds the Lease, one term after the other. */
import type { KubeClient } from '../kube/client.ts';
import { runElection } from '../kube/leader-election.ts';
import type { ElectionTimings } from '../kube/leader-election.ts';
import { aborted } from '../async/sleep.ts';
import type { Log } from '../log.ts';
import { LEASE_NAME } from '../names.ts';

interface LeadingOptions {
  client: KubeClient;
  namespace: string;
  identity: string;
  log: Log;
  /** false: there is one replica only. */
  election: boolean;
  timings?: ElectionTimings | undefined;
  /** One term. `fence` aborts when another may lead: from then on nothing is written. */
  lead: (fence: AbortSignal) => Promise<void>;
  /** Finishes the writes in flight, within a time limit. */
  drain: () => Promise<void>;
}

/** Leads whenever it comes to that, until `stop` aborts. */
export async function leadInTurn({ election, drain, ...options }: LeadingOptions, stop: AbortSignal): Promise<void> {
  if (!election) return options.lead(new AbortController().signal);
  if (stop.aborted) return;
  // The Lease is kept until the writes in flight are done: only then may the other replica begin.
  const campaign = new AbortController();
  const running = runElection({ ...options, name: LEASE_NAME }, campaign.signal);
  await Promise.race([running, aborted(stop)]);
  await drain();
  campaign.abort();
  await running;
}
