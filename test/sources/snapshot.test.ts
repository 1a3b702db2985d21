/** What is planned from a world as it stands: every namespace, in one order, with all that the configuration says of copies. */
import { expect, test } from 'vitest';
import { projectNamespace, projectServiceAccount } from '../../src/observe/projections.ts';
import { entryMac } from '../../src/sources/record.ts';
import { planCluster, snapshotOf as snapshotIn } from '../../src/sources/snapshot.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { createMemory } from './memory.ts';
import { RECORD_AT, recordOf } from './records.ts';
import { dockerConfig, putCopy, putSource, rawAccount, rawSecret, worldFor } from './worlds.ts';

const config = configuration([sourceConfig()], ['old-name']);
const SOURCE = { namespace: 'pullpass-system', name: 'upstream-registry', content: dockerConfig('one') };

const memory = createMemory();
const snapshotOf = (made: ReturnType<typeof worldFor>, isRead?: () => boolean) =>
  snapshotIn({
    client: scriptedClient(() => rawSecret({ content: dockerConfig('zero') })).client,
    world: made,
    configuration: config,
    state: memory,
    remembered: true,
    isRead,
  });

function world({ source = true } = {}) {
  const made = worldFor(config);
  if (source) putSource(made, rawSecret(SOURCE));
  for (const name of ['team-c', 'team-a', 'team-b'])
    made.namespaces.put(
      projectNamespace({
        metadata: {
          name,
          uid: name,
          resourceVersion: '1',
          annotations: name === 'team-b' ? {} : { 'pullpass.dev/sync': 'enabled' },
        },
      }),
    );
  made.serviceAccounts.put(projectServiceAccount(rawAccount([])));
  return made;
}

test('namespaces are sorted by name, in whatever order they came', async () => {
  expect((await snapshotOf(world())).scopes.map(({ namespace }) => namespace.name)).toEqual([
    'team-a',
    'team-b',
    'team-c',
  ]);
});

test('a copy under a retired name is to be removed', async () => {
  const made = world();
  putCopy(made, rawSecret({ name: 'old-name', namespace: 'team-b', content: dockerConfig('one'), source: 'upstream' }));
  expect(planCluster(await snapshotOf(made)).namespaces.flatMap(({ deleteCopies }) => deleteCopies)).toMatchObject([
    { namespace: 'team-b', name: 'old-name' },
  ]);
});

test('the newest content counts, and one that was not read whole is not known', async () => {
  const made = world();
  expect(
    planCluster(await snapshotOf(made)).namespaces.map(({ namespace, writeCopies }) => [namespace, writeCopies.length]),
  ).toEqual([
    ['team-a', 1],
    ['team-c', 1],
  ]);
  const unread = await snapshotOf(made, () => false);
  expect([
    unread.book.content('upstream'),
    unread.book.observe().map(({ read }) => read),
    planCluster(unread).namespaces.flatMap(({ writeCopies }) => writeCopies),
  ]).toEqual([undefined, [false], []]);
});

test('what the controller remembers counts: the last good content is found in a copy, and what it holds back stays held back', async () => {
  const made = world();
  putCopy(made, rawSecret({ name: 'regcred', namespace: 'team-a', content: dockerConfig('zero'), source: 'upstream' }));
  const login = entryMac(memory, { username: 'robot', password: 'one' });
  memory.setSource(
    'upstream',
    recordOf(
      memory,
      dockerConfig('zero'),
      { held: [{ key: 'registry.test', cause: 'refused', why: 'no', keeps: true, login, since: RECORD_AT }] },
      'pullpass-system/upstream-registry',
    ),
  );
  const before = JSON.stringify(memory.source('upstream'));
  const snapshot = await snapshotOf(made);
  expect(Buffer.from(snapshot.book.content('upstream') ?? '', 'base64').toString()).toBe(dockerConfig('zero'));
  expect(
    planCluster(snapshot).namespaces.map(
      ({ namespace, writeCopies }) => `${namespace} ${writeCopies.map(({ type }) => type).join()}`,
    ),
  ).toEqual(['team-a ', 'team-c createCopy']);
  expect(planCluster(snapshot).sources[0]?.problems).toEqual([
    expect.stringContaining('registry "registry.test": held back: no. Its last good login stays in force'),
  ]);
  expect(JSON.stringify(memory.source('upstream'))).toBe(before);
  memory.setSource('upstream', undefined);
});
