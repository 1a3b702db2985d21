/** Who may read every Secret: by which ClusterRoles, and without the parts of Kubernetes itself. */
import { expect, test } from 'vitest';
import { readRights } from '../../../src/audit/observe/secret-readers.ts';
import { refusal, scriptedClient } from '../../kube/scripted-client.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const CONTROLLER = { namespace: 'pullpass-system', name: 'pullpass' };
const SECRETS = { apiGroups: [''], resources: ['secrets'] };

type Subject = { kind: string; name: string; namespace?: string };

async function readersOf(
  roles: Readonly<Record<string, object[] | null>>,
  bindings: Readonly<Record<string, Subject[]>>,
  refused?: string,
) {
  const { client } = scriptedClient(({ path }) => {
    if (path === refused) throw refusal(403);
    if (path === `${RBAC}/clusterroles`)
      return { metadata: {}, items: Object.entries(roles).map(([name, rules]) => ({ metadata: { name }, rules })) };
    if (path === `${RBAC}/clusterrolebindings`)
      return {
        metadata: {},
        items: Object.entries(bindings).map(([role, subjects], i) => ({
          metadata: { name: `b${i}` },
          roleRef: { kind: 'ClusterRole', name: role },
          subjects,
        })),
      };
    if (path === `${RBAC}/rolebindings`) return { metadata: {}, items: [] };
    return { rules: roles[path.split('/').at(-1) ?? ''] ?? [] };
  });
  const { secretReaders = [] } = await readRights(client, CONTROLLER);
  return secretReaders.map(
    ({ kind, namespace, name, verbs, roles: of }) =>
      `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}: ${verbs.join()} by ${of.join()}`,
  );
}

test('a rule on Secrets of any name counts, with its reading verbs, also as a star', async () => {
  const some = (name: string): Subject[] => [{ kind: 'User', name }];
  expect(
    await readersOf(
      {
        all: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
        lists: [{ ...SECRETS, verbs: ['list', 'create'] }],
        watches: [{ ...SECRETS, verbs: ['watch'] }],
        writes: [{ ...SECRETS, verbs: ['create', 'delete'] }],
        named: [{ ...SECRETS, verbs: ['get'], resourceNames: ['regcred'] }],
        others: [{ apiGroups: ['apps'], resources: ['secrets'], verbs: ['get'] }],
        none: null,
      },
      {
        all: some('a'),
        lists: some('b'),
        watches: some('c'),
        writes: some('d'),
        named: some('e'),
        others: some('f'),
        none: some('g'),
        gone: some('h'),
      },
    ),
  ).toEqual(['User a: get,list,watch by all', 'User b: list by lists', 'User c: watch by watches']);
});

test('a subject is told once, with all roles that give it the right', async () => {
  const robot = { kind: 'ServiceAccount', namespace: 'argocd', name: 'controller' };
  expect(
    await readersOf(
      { b: [{ ...SECRETS, verbs: ['list'] }], a: [{ ...SECRETS, verbs: ['get'] }] },
      { b: [robot], a: [robot, { kind: 'Group', name: 'ops' }] },
    ),
  ).toEqual(['Group ops: get by a', 'ServiceAccount argocd/controller: get,list by a,b']);
});

test('Kubernetes itself and the controller are left out, but not groups of everybody', async () => {
  expect(
    await readersOf(
      {
        'cluster-admin': [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
        'system:controller:x': [{ ...SECRETS, verbs: ['get'] }],
      },
      {
        'cluster-admin': [
          { kind: 'Group', name: 'system:masters' },
          { kind: 'User', name: 'system:kube-controller-manager' },
          { kind: 'Group', name: 'system:authenticated' },
          { kind: 'Group', name: 'system:serviceaccounts:team-a' },
          { kind: 'ServiceAccount', ...CONTROLLER },
          { kind: 'ServiceAccount', namespace: 'kube-system', name: 'tiller' },
        ],
        'system:controller:x': [{ kind: 'ServiceAccount', namespace: 'kube-system', name: 'x' }],
      },
    ),
  ).toEqual([
    'Group system:authenticated: get,list,watch by cluster-admin',
    'Group system:serviceaccounts:team-a: get,list,watch by cluster-admin',
    'ServiceAccount kube-system/tiller: get,list,watch by cluster-admin',
  ]);
});

test.each(['clusterroles', 'clusterrolebindings'])('without the right to list %s it is an error', async (what) => {
  await expect(readersOf({}, {}, `${RBAC}/${what}`)).rejects.toThrow('403');
});
