/** What is planned from a world as it stands: every namespace, in one order, with all that the configuration says of copies. */
import { expect, test } from 'vitest';
import { projectNamespace, projectServiceAccount } from '../../src/observe/projections.ts';
import { entryMac } from '../../src/sources/record.ts';
import { planCluster, readCluster, snapshotOf as snapshotIn } from '../../src/sources/snapshot.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { createMemory } from './memory.ts';
import { RECORD_AT, recordOf } from './records.ts';
import { dockerConfig, putCopy, putSource, rawAccount, rawSecret, worldFor } from './worlds.ts';

const config = configuration([sourceConfig()], ['old-name']);
const SOURCE = { namespace: 'pullpass-system', name: 'upstream-registry', content: dockerConfig('one') };

const memory = createMemory();
const snapshotOf = (
  made: ReturnType<typeof worldFor>,
  isRead?: () => boolean,
  answer: () => unknown = () => rawSecret({ content: dockerConfig('zero') }),
) =>
  snapshotIn({
    client: scriptedClient(answer).client,
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

test.each([
  ['another registry', { key: 'other.test', password: 'one' }],
  ['another login', { key: 'registry.test', password: 'before' }],
])('what the controller holds back of %s holds nothing else back', async (_, { key, password }) => {
  const login = entryMac(memory, { username: 'robot', password });
  memory.setSource(
    'upstream',
    recordOf(
      memory,
      dockerConfig('zero'),
      { held: [{ key, cause: 'refused', why: 'no', keeps: true, login, since: RECORD_AT }] },
      'pullpass-system/upstream-registry',
    ),
  );
  const { book } = await snapshotOf(world());
  expect(Buffer.from(book.content('upstream') ?? '', 'base64').toString()).toBe(dockerConfig('one'));
  memory.setSource('upstream', undefined);
});

test('without the right to read copies only what the source holds counts; another error ends it', async () => {
  const made = world();
  putCopy(made, rawSecret({ namespace: 'team-a', content: dockerConfig('zero'), source: 'upstream' }));
  memory.setSource('upstream', recordOf(memory, dockerConfig('zero'), {}, 'pullpass-system/upstream-registry'));
  const answering = (code: number) =>
    snapshotOf(made, undefined, () => {
      throw refusal(code);
    });
  const { book } = await answering(403);
  expect(Buffer.from(book.content('upstream') ?? '', 'base64').toString()).toBe(dockerConfig('one'));
  await expect(answering(500)).rejects.toThrow('500');
  memory.setSource('upstream', undefined);
});

test('a namespace is shown that is opted in, or has something to do or to tell; all are counted', async () => {
  const made = world();
  const put = (name: string, sync?: string) =>
    made.namespaces.put(
      projectNamespace({
        metadata: {
          name,
          uid: name,
          resourceVersion: '9',
          ...(sync !== undefined && { annotations: { 'pullpass.dev/sync': sync } }),
        },
      }),
    );
  put('out');
  put('unclear', 'perhaps');
  put('behind', 'disabled');
  putCopy(made, rawSecret({ namespace: 'behind', content: dockerConfig('one'), source: 'upstream' }));
  putCopy(made, rawSecret({ namespace: 'team-a', content: dockerConfig('one'), source: 'upstream' }));
  const { namespaces, total, held } = planCluster(await snapshotOf(made));
  expect([namespaces.map(({ namespace }) => namespace), total, held]).toEqual([
    ['behind', 'team-a', 'team-c', 'unclear'],
    6,
    undefined,
  ]);
});

test('a cluster is read once, with the key that the controller remembers, or with a new one', async () => {
  const key = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64');
  const read = async (state: object | undefined) =>
    readCluster(
      scriptedClient(({ path }) => {
        if (path.endsWith('/pullpass-state')) {
          if (state === undefined) throw refusal(404);
          return state;
        }
        const items = path.endsWith('/api/v1/namespaces')
          ? [{ metadata: { name: 'team', uid: 'u', resourceVersion: '1' } }]
          : path.startsWith('/api/v1/namespaces/pullpass-system/')
            ? [rawSecret(SOURCE)]
            : [];
        return { metadata: { resourceVersion: '1' }, items };
      }).client,
      config,
      'pullpass-system',
    );
  const known = { metadata: { name: 'pullpass-state', uid: 'u', resourceVersion: '1' }, data: { 'mac-key': key } };
  const [first, second, without] = [await read(known), await read(known), await read(undefined)];
  expect([first.remembered, without.remembered]).toEqual([true, false]);
  expect(first.scopes.map(({ namespace }) => namespace.name)).toEqual(['team']);
  const digest = ({ book }: typeof first) => book.observe()[0]?.digest;
  expect(digest(first)).toMatch(/^[\w=+/-]{32,}$/);
  expect(digest(second)).toBe(digest(first));
  expect(digest(without)).not.toBe(digest(first));
});
