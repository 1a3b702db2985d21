/** When this replica leads: from the start if it is the only one, or term by term while it holds the Lease. */
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
  /** One term. `fence` aborts when another replica may lead: nothing is written after that. */
  lead: (fence: AbortSignal) => Promise<void>;
  /** Finishes the writes in flight, within a time limit. */
  drain: () => Promise<void>;
}

/** Leads whenever it is elected, or all the time without an election, until `stop` aborts. */
export async function leadInTurn({ election, drain, ...options }: LeadingOptions, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  // The lead is kept until the writes in flight are done: only then may another replica begin.
  const campaign = new AbortController();
  const running = election
    ? runElection({ ...options, name: LEASE_NAME }, campaign.signal)
    : options.lead(campaign.signal);
  await Promise.race([running, aborted(stop)]);
  await drain();
  campaign.abort();
  await running;
}
