/** A source that cannot be used changes nothing: the copies keep the last good content. */
import type { Act, Stage } from '../act.ts';
import { COPY, HOME, KEY } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';
import { ofObjects, since } from '../requests.ts';

export const badSource: Act = {
  title: 'The source becomes unusable: one of its two entries cannot be read',
  async play(stage) {
    const { cluster, controller, logins, ownWrites, requests, tell } = stage;
    const good = (await cluster.secret(HOME))?.data?.[KEY] ?? '';
    const counted = await requests();

    await cluster.setSecret(HOME, COPY, logins.issueBroken());
    const ms = await refused(stage, 'mirror.example.com');
    tell.holds('held back: one bad entry would fail every pull of a pod. A Warning Event says so', ms);
    tell.note(await noteOf(stage, 'mirror.example.com'));

    await cluster.deleteSecret(HOME);
    tell.holds('the source deleted altogether: held back, too', await refused(stage, 'does not exist'));

    const lines = controller.log.length;
    await cluster.createSecret(HOME, COPY, good);
    await controller.logged('source is good again', lines);
    const copies = await cluster.copies();
    expectEqual(
      copies.every((copy) => copy.data?.[KEY] === good),
      true,
      'every copy holds the last good content',
    );
    const made = ofObjects(since(counted, await requests()));
    expect(made.writes <= ownWrites, `requests of the controller: ${made.text}; should be no writes`);
    tell.holds(`all the while ${copies.length} copies kept the last good content: ${made.writes} writes`);
  },
};

async function refused(stage: Stage, text: string): Promise<number> {
  const [, ms] = await stage.cluster.until(
    `a SourceInvalid Event about "${text}"`,
    async () => (await noteOf(stage, text)) !== '',
  );
  return ms;
}

async function noteOf({ cluster }: Stage, text: string): Promise<string> {
  return (
    (await cluster.events(HOME, 'SourceInvalid')).map(({ note }) => note ?? '').find((note) => note.includes(text)) ??
    ''
  );
}
