/** Impersonation (`kubectl --as`), for users with the right to do so. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Store } from '../store/store.ts';
import { authorize, forbiddenBy } from './authorize.ts';
import { ANONYMOUS, AUTHENTICATED, serviceAccountUser, type User } from './user.ts';

export function impersonate(store: Store, user: User, headers: IncomingHttpHeaders): User {
  const name = first(headers['impersonate-user']);
  if (name === undefined) return user;
  const groups = all(headers['impersonate-group']);
  demand(store, user, 'users', name);
  for (const group of groups) demand(store, user, 'groups', group);
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name) ?? [];
  if (namespace !== undefined && account !== undefined && groups.length === 0)
    return serviceAccountUser(namespace, account, '');
  return { name, groups: name === ANONYMOUS.name ? groups : [...new Set([...groups, AUTHENTICATED])] };
}

function demand(store: Store, user: User, resource: 'users' | 'groups', name: string): void {
  const attributes = { verb: 'impersonate', group: '', resource, subresource: '', namespace: '', name };
  const decision = authorize(store, user, attributes);
  if (!decision.allowed) throw forbiddenBy(user, attributes, decision.reason);
}

function first(header: string | string[] | undefined): string | undefined {
  return all(header)[0];
}

function all(header: string | string[] | undefined): string[] {
  return header === undefined ? [] : [header].flat().flatMap((value) => value.split(', '));
}
