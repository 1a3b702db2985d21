/** The credential changes in one place. Each copy costs one write and no read: everything is already in memory. */
import type { Act, Stage } from '../act.ts';
import { COPY, HOME, KEY, pullSecretsOf } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';
import { ofObjects, since } from '../requests.ts';

export const TEAMS = Array.from({ length: 50 }, (_, i) => `team-${String(i + 1).padStart(2, '0')}`);

export const rotation: Act = {
  title: `The credential is rotated, with ${TEAMS.length} more namespaces opted in`,
  async play(stage) {
    const { cluster, controller, logins, ownWrites, requests, tell } = stage;
    await optTeamsIn(stage);

    const before = await cluster.copies();
    const counted = await requests();
    const lines = controller.log.length;
    const content = logins.issue();
    await cluster.setSecret(HOME, COPY, content);
    tell.does(`kubectl apply --filename source.yaml   # Secret ${HOME}/${COPY}, with the new password`);

    const [after, ms] = await cluster.until('the new content in every copy', async () => {
      const copies = await cluster.copies();
      return copies.every((copy) => copy.data?.[KEY] === content) && copies;
    });
    await controller.logged('rotation complete', lines);
    tell.holds(`${after.length} copies carry the new content`, ms);

    const made = ofObjects(since(counted, await requests()));
    const extra = made.writes - after.length;
    expect(
      made.reads === 0 && extra >= 0 && extra <= ownWrites,
      `requests of the controller: ${made.text}; should be ${after.length} writes, no reads`,
    );
    tell.holds(`requests of the controller to the namespaces: ${made.writes} writes, ${made.reads} reads`);
    expectEqual(uids(after), uids(before), 'the UIDs of the copies');
    tell.holds('each copy was updated in place: same name, same UID');
  },
};

async function optTeamsIn({ cluster, tell }: Stage): Promise<void> {
  await cluster.namespaces(TEAMS);
  const startedAt = performance.now();
  await Promise.all(TEAMS.map(cluster.optIn));
  await cluster.until('the references of the teams', async () => {
    const accounts = (await cluster.accounts()).filter(
      ({ metadata }) => metadata?.name === 'default' && TEAMS.includes(metadata.namespace ?? ''),
    );
    return accounts.length === TEAMS.length && accounts.every((account) => pullSecretsOf(account).includes(COPY));
  });
  tell.holds(
    `${TEAMS[0]} to ${TEAMS.at(-1)} opt in at once: ${TEAMS.length} copies, ${TEAMS.length} references`,
    performance.now() - startedAt,
  );
}

const uids = (secrets: readonly { metadata?: { namespace?: string; uid?: string } }[]): string[] =>
  secrets.map(({ metadata }) => `${metadata?.namespace} ${metadata?.uid}`).sort();
