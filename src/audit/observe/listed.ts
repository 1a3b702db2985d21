/** What an audit of an installation with `--namespaces` does not check, and why: it must not look as if all were fine. */
import { plural, some } from '../../text.ts';
import type { ReadWorld } from './read-world.ts';

/** One line per gap; none without a list. `asked`: without a list RBAC would have been read, too. */
export function gapsOfList({ world, scopes, refused }: ReadWorld, asked: boolean): string[] {
  const { listed } = world;
  if (listed === undefined) return [];
  const unread = new Set(
    [...refused.keys()].flatMap(({ resource, listed: at }) => (resource === 'serviceaccounts' ? [at] : [])),
  );
  const absent = listed.filter((name) => !unread.has(name) && !scopes.some(({ namespace }) => namespace.name === name));
  const rbac = asked ? "; nor RBAC: who may read every Secret (PP047), and the controller's own rights (PP090)" : '';
  return [
    `Not checked, because of the list of ${plural(listed.length, 'namespace')}: all others, annotations of Namespaces, and ` +
      `which entries of a source nothing needs (PP043)${rbac}`,
    ...(absent.length > 0
      ? [`Namespaces that are listed, and are not there or have no ServiceAccount yet: ${some(absent, 5)}`]
      : []),
  ];
}
