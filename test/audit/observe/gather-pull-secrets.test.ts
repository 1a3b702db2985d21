/** Which pull Secrets are read, by whom, and how many: known copies never, others once, and by the controller its own only. */
import { describe, expect, test } from 'vitest';
import { gatherPullSecrets } from '../../../src/audit/observe/gather-pull-secrets.ts';
import { createContentReader } from '../../../src/audit/observe/secret-facts.ts';
import { configurationSchema } from '../../../src/config/schema.ts';
import { snapshotOf } from '../../../src/sources/snapshot.ts';
import { feedsOf } from '../../../src/observe/world.ts';
import { refusal, scriptedClient } from '../../kube/scripted-client.ts';
import { createMemory } from '../../sources/memory.ts';
import { base64, digest, dockerConfig, putCopy, putSource, rawSecret, worldFor } from '../../sources/worlds.ts';
import { workload } from '../observations.ts';

const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'regcred' }],
});
const SECRET = { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64(dockerConfig('read')) } };

/** Namespaces `team-0`, `team-1`, ..., each with a copy of some content and pods that name these Secrets. */
async function gather({
  copies,
  pullSecrets = ['regcred'],
  ownOnly,
  answer = () => SECRET,
  type = SECRET.type,
  unread = false,
}: {
  copies: readonly (string | undefined)[];
  pullSecrets?: readonly string[];
  ownOnly: boolean;
  answer?: () => unknown;
  type?: string;
  unread?: boolean;
}) {
  const world = worldFor(configuration);
  putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', content: dockerConfig('new') }));
  const { client, calls } = scriptedClient(answer);
  const look = () => snapshotOf({ client, world, configuration, state: createMemory(), remembered: false });
  const { book } = await look();
  const content = Buffer.from(book.content('hub') ?? '', 'base64').toString();
  copies.forEach((held, i) => {
    if (held !== undefined)
      putCopy(
        world,
        rawSecret({
          namespace: `team-${i}`,
          type,
          content: held === 'new' ? content : dockerConfig(held),
          source: 'hub',
        }),
      );
  });
  const snapshot = await look();
  const [observed] = snapshot.book.observe();
  if (observed === undefined) throw new Error('no source');
  const reader = createContentReader(digest);
  const couldNotSee: string[] = [];
  const found = await gatherPullSecrets({
    client,
    reader,
    couldNotSee,
    ownOnly,
    read: {
      ...snapshot,
      refused: new Map(
        feedsOf(world, configuration).flatMap((feed) =>
          unread && feed.resource === 'copies' ? [[feed, 'forbidden']] : [],
        ),
      ),
    },
    sources: [
      {
        config: observed.config,
        observed,
        state: 'good',
        contents: new Map([
          [observed.digest ?? '', reader({ type: SECRET.type, data: { '.dockerconfigjson': base64(content) } })],
        ]),
      },
    ],
    workloads: copies.map((_, i) => workload({ namespace: `team-${i}`, pullSecrets })),
  });
  return {
    states: [...found].flatMap(([namespace, secrets]) =>
      [...secrets].map(([name, { state }]) => `${namespace}/${name} ${state}`),
    ),
    reads: calls.map(({ path }) => path),
    couldNotSee,
  };
}

describe('whoever audits', () => {
  test.each([true, false])(
    'reads no copy that holds what its source holds, and none that is not there (controller: %s)',
    async (ownOnly) => {
      expect(await gather({ copies: ['new', undefined], ownOnly })).toEqual({
        states: ['team-0/regcred read', 'team-1/regcred missing'],
        reads: [],
        couldNotSee: [],
      });
    },
  );

  test.each([true, false])('reads a copy that holds something else (controller: %s)', async (ownOnly) => {
    expect(await gather({ copies: ['old'], ownOnly })).toEqual({
      states: ['team-0/regcred read'],
      reads: ['/api/v1/namespaces/team-0/secrets/regcred'],
      couldNotSee: [],
    });
  });
});

test('a copy of the wrong type is not taken for what its source holds: kubelets do not read it', async () => {
  expect((await gather({ copies: ['new'], type: 'Opaque', ownOnly: true })).reads).toEqual([
    '/api/v1/namespaces/team-0/secrets/regcred',
  ]);
});

test('where the copies could not be read, none is taken for missing: a person reads each, the controller says that it cannot', async () => {
  expect(await gather({ copies: [undefined], unread: true, ownOnly: false })).toMatchObject({
    states: ['team-0/regcred read'],
    reads: ['/api/v1/namespaces/team-0/secrets/regcred'],
  });
  expect(await gather({ copies: [undefined], unread: true, ownOnly: true })).toMatchObject({
    states: [],
    reads: [],
    couldNotSee: [expect.stringContaining('in namespace team-0')],
  });
});

test('a person reads Secrets of others too, each once, and is told of those that may not be read', async () => {
  expect((await gather({ copies: ['new'], pullSecrets: ['own', 'regcred', 'own'], ownOnly: false })).reads).toEqual([
    '/api/v1/namespaces/team-0/secrets/own',
  ]);
  const refused = await gather({
    copies: ['new'],
    pullSecrets: ['own'],
    ownOnly: false,
    answer: () => {
      throw refusal(403);
    },
  });
  expect(refused.states).toEqual(['team-0/own unseen']);
  expect(refused.couldNotSee).toEqual([
    expect.stringMatching(/^Pull Secrets in namespace team-0, so it is unknown what their pods pull with: /),
  ]);
});

test('the controller does not even ask for Secrets of others, and says so once', async () => {
  expect(await gather({ copies: ['new', 'new', 'new', 'new', 'new'], pullSecrets: ['own'], ownOnly: true })).toEqual({
    states: [],
    reads: [],
    couldNotSee: [
      'Pull Secrets that Pullpass does not manage, in team-0, team-1, team-2 and 2 more namespaces: the ' +
        'controller has no right to read them; whoever has it sees more with `pullpass audit`',
    ],
  });
});

test('in the middle of a rotation the controller reads no more than 500 copies', async () => {
  const copies = Array.from({ length: 503 }, () => 'old');
  const { states, reads, couldNotSee } = await gather({ copies, ownOnly: true });
  expect([reads.length, states.filter((line) => line.endsWith('unseen')).length]).toEqual([500, 3]);
  expect(couldNotSee).toEqual([
    '3 copies that are not as their source is, for there are more than 500 of them: it is unknown what their pods pull with',
  ]);
  expect((await gather({ copies, ownOnly: false })).reads).toHaveLength(503);
});

test('the controller does not look into copies that a tenant made large, nor into more than it can hold; a person does', async () => {
  const login = base64(dockerConfig('x'));
  const of = (size: number) => ({ type: SECRET.type, data: { '.dockerconfigjson': login, more: 'x'.repeat(size) } });
  const large = { copies: ['old'], answer: () => of(1_000_000) };
  expect(await gather({ ...large, ownOnly: true })).toMatchObject({
    states: ['team-0/regcred unseen'],
    couldNotSee: [
      'Copies that are not as their source is, and too large to look into (1): it is unknown what their pods pull with',
    ],
  });
  expect(await gather({ ...large, ownOnly: false })).toMatchObject({
    states: ['team-0/regcred read'],
    couldNotSee: [],
  });

  const many = await gather({
    copies: Array.from({ length: 200 }, () => 'old'),
    answer: () => of(60 * 1024),
    ownOnly: true,
  });
  const read = many.states.filter((line) => line.endsWith('read')).length;
  expect(read).toBeGreaterThan(50);
  expect(read).toBeLessThan(80);
});
