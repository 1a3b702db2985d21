/** Two writers, one list: every ordinary write replaces `imagePullSecrets` of a ServiceAccount as a whole. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Act } from '../act.ts';
import { COPY, pullSecretsOf, RefusedError } from '../cluster.ts';
import type { Cluster } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';

const ROUNDS = 100;

export const concurrentWriter: Act = {
  title: 'Another controller keeps changing the same list, while the namespace opts in and out',
  async play({ cluster, tell }) {
    await cluster.namespace('tools');
    const stopped = new AbortController();
    const [rival, edits] = await Promise.all([
      runRival(cluster).finally(() => stopped.abort()),
      optInAndOut(cluster, stopped.signal),
    ]);
    await cluster.optIn('tools');
    const [, ms] = await cluster.until('the reference in tools', async () =>
      (await cluster.pullSecrets('tools')).includes(COPY),
    );

    const list = await cluster.pullSecrets('tools');
    expectEqual(
      list.filter((name) => name !== COPY),
      rival.own,
      'what the other controller wrote',
    );
    expectEqual(list.filter((name) => name === COPY).length, 1, 'references to the copy');
    expect(edits >= 4, `Pullpass wrote only ${edits} times meanwhile: nothing was shown`);
    tell.holds(
      `the other controller: ${rival.writes} writes, ${rival.lost} lost races, none of its entries ever missing`,
    );
    tell.holds(`Pullpass: ${edits} times in and out of the list meanwhile`);
    tell.holds(`the list in the end: ${list.join(', ')}`, ms);
  },
};

/** Adds an entry a round and removes the one of three rounds before, as most controllers do: read, change, replace. */
async function runRival(cluster: Cluster): Promise<{ own: string[]; writes: number; lost: number }> {
  let own: string[] = [];
  let lost = 0;
  for (let round = 1; round <= ROUNDS;) {
    const account = await cluster.account('tools');
    if (account === undefined) throw new Error('ServiceAccount default of tools is gone');
    const list = pullSecretsOf(account);
    expectEqual(
      list.filter((name) => name !== COPY),
      own,
      'what the other controller wrote in its last round',
    );
    const next = [...list, `vendor-${round}`].filter((name) => name !== `vendor-${round - 3}`);
    try {
      await cluster.replaceAccount({ ...account, imagePullSecrets: next.map((name) => ({ name })) });
      own = next.filter((name) => name !== COPY);
      round++;
    } catch (error) {
      if (!(error instanceof RefusedError && error.code === 409)) throw error;
      lost++;
    }
    await delay(2);
  }
  return { own, writes: ROUNDS, lost };
}

/** Opts in, waits for the reference, opts out, waits until it is gone; gives the number of changes seen. */
async function optInAndOut(cluster: Cluster, stop: AbortSignal): Promise<number> {
  let edits = 0;
  while (!stop.aborted) {
    const wanted = edits % 2 === 0;
    await (wanted ? cluster.optIn('tools') : cluster.optOut('tools'));
    await cluster.until(
      `the reference ${wanted ? 'in' : 'out of'} tools`,
      async () => (await cluster.pullSecrets('tools')).includes(COPY) === wanted,
    );
    edits++;
  }
  return edits;
}
