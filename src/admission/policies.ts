/**
 * What the controller may write, as ValidatingAdmissionPolicies: a second lock beside RBAC, which cannot look into objects.
 * They hold one identity, and never see a read: RBAC alone limits those.
 */
import type { Configuration } from '../config/schema.ts';
import { createProxies } from '../proxies/kinds.ts';
import { accountsPolicy } from './accounts.ts';
import { objectPolicies } from './objects.ts';
import type { Policy, Writes } from './policy.ts';
import { secretsPolicy } from './secrets.ts';

/** `namespace`: where the controller runs. */
export function policiesFor(configuration: Configuration, namespace: string): Policy[] {
  const edited = createProxies(configuration, namespace).flatMap(({ adapter }) => adapter.edited ?? []);
  const known = [
    accountsPolicy(configuration, namespace),
    secretsPolicy(configuration, namespace),
    ...objectPolicies(configuration, edited, namespace),
  ];
  return [...known, everythingElse(known.flatMap(({ judges }) => judges))];
}

/** Questions, which are creates: nothing is stored. */
const REVIEWS: readonly Writes[] = ['authentication.k8s.io', 'authorization.k8s.io'].map((apiGroup) => ({
  apiGroup,
  apiVersion: '*',
  resources: ['*'],
  operations: ['CREATE'],
}));

/** Refuses what no other policy judges, should RBAC ever allow it: someone binds the controller to a wide role. */
function everythingElse(judged: readonly Writes[]): Policy {
  return {
    name: 'everything-else',
    judges: [
      {
        apiGroup: '*',
        apiVersion: '*',
        resources: ['*/*'],
        operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
      },
    ],
    except: [...judged, ...REVIEWS],
    only: { 'does nothing else': 'false' },
  };
}
