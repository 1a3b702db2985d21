/** What is planned from a world as it stands: every namespace, in one order, with all that the configuration says of copies. */
import { expect, test } from 'vitest';
import { projectNamespace, projectServiceAccount } from '../../src/kube/projections.ts';
import { planCluster, snapshotOf } from '../../src/reconcile/snapshot.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { dockerConfig, putCopy, putSource, rawAccount, rawSecret, worldFor } from './worlds.ts';

const config = configuration([sourceConfig()], ['old-name']);
const SOURCE = { namespace: 'pullpass-system', name: 'upstream-registry', content: dockerConfig('one') };

function world({ source = true } = {}) {
  const made = worldFor(config);
  if (source) putSource(made, rawSecret(SOURCE));
  for (const name of ['team-c', 'team-a', 'team-b']) made.namespaces.put(projectNamespace({ metadata: { name, uid: name, resourceVersion: '1', annotations: name === 'team-b' ? {} : { 'pullpass.dev/sync': 'enabled' } } }));
  made.serviceAccounts.put(projectServiceAccount(rawAccount([])));
  return made;
}

test('namespaces are sorted by name, in whatever order they came', () => {
  expect(snapshotOf(world(), config).scopes.map(({ namespace }) => namespace.name)).toEqual(['team-a', 'team-b', 'team-c']);
});

test('a copy under a retired name is to be removed', () => {
  const made = world();
  putCopy(made, rawSecret({ name: 'old-name', namespace: 'team-b', content: dockerConfig('one'), source: 'upstream' }));
  expect(planCluster(snapshotOf(made, config)).namespaces.flatMap(({ deleteCopies }) => deleteCopies)).toMatchObject([{ namespace: 'team-b', name: 'old-name' }]);
});

test('the newest content counts, and one that was not read whole is not known', () => {
  const made = world();
  expect(planCluster(snapshotOf(made, config)).namespaces.map(({ namespace, writeCopies }) => [namespace, writeCopies.length])).toEqual([['team-a', 1], ['team-c', 1]]);
  const unread = snapshotOf(made, config, () => false);
  expect([unread.book.content('upstream'), unread.book.observe().map(({ read }) => read), planCluster(unread).namespaces.flatMap(({ writeCopies }) => writeCopies)]).toEqual([undefined, [false], []]);
});
