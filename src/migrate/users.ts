/** Who pulls with the copies of a spread: ServiceAccounts, templates and pods that name them. */
import type { Place, Spread } from './model.ts';
import { at } from './observed.ts';
import type { Seen, SeenAccount, SeenWorkload } from './observed.ts';

export interface Users {
  readonly accounts: readonly SeenAccount[];
  /** Templates that name a copy themselves: the references of their ServiceAccount do not count for them. */
  readonly templates: readonly SeenWorkload[];
  readonly pods: Seen['pods'];
}

export function usersOf(
  seen: Pick<Seen, 'accounts' | 'workloads' | 'pods'>,
  { copies }: Pick<Spread, 'copies'>,
): Users {
  const places = new Set(copies.map(at));
  const names = ({
    namespace,
    pullSecrets,
  }: {
    readonly namespace: string;
    readonly pullSecrets: readonly string[];
  }): boolean => pullSecrets.some((name) => places.has(at({ namespace, name })));
  return {
    accounts: seen.accounts.filter(names),
    templates: seen.workloads.filter(names),
    pods: seen.pods.filter(names),
  };
}

/** ServiceAccounts whose pods pull with it, so that their pods still can when only the reference counts. */
export function accountNames({ accounts, templates, pods }: Users): string[] {
  const names = [
    ...accounts.map(({ name }) => name),
    ...[...templates, ...pods].map(({ serviceAccount }) => serviceAccount),
  ];
  return [...new Set(names)].sort();
}

export const namespacesOf = (places: readonly Place[]): string[] =>
  [...new Set(places.map(({ namespace }) => namespace))].sort();
