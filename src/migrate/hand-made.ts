/** Pull Secrets that people, or pipelines, made: the same logins in several namespaces, and nothing that keeps them equal. */
import { plural } from '../text.ts';
import type { Found, Place, Spread } from './model.ts';
import { NO_PART } from './model.ts';
import { at } from './observed.ts';
import type { Seen, SeenSecret } from './observed.ts';
import { noTrace } from './tool-workloads.ts';
import { copyOf } from './make-source.ts';

/** `claimed`: what the other readers know. Only Secrets that something uses count. */
export function readHandMade(seen: Seen, claimed: ReadonlySet<string>): Found {
  const used = new Set([
    ...seen.accounts.flatMap(({ namespace, pullSecrets }) => pullSecrets.map((name) => at({ namespace, name }))),
    ...[...seen.workloads, ...seen.pods].flatMap(({ namespace, pullSecrets }) =>
      pullSecrets.map((name) => at({ namespace, name })),
    ),
  ]);
  const free = seen.secrets.filter(
    (secret) => secret.logins !== undefined && !secret.isOthers && !claimed.has(at(secret)),
  );
  const groups = [...Map.groupBy(free, ({ logins }) => logins).values()]
    .map((group) => ({ group, used: group.filter((secret) => used.has(at(secret))) }))
    .filter((each) => namespacesOf(each.used) > 1);
  if (groups.length === 0) return noTrace('hand-made');
  const spreads = groups.map((each): Spread => ({
    tool: 'hand-made',
    origin: copyOf(each.used, `these logins are kept in ${plural(each.used.length, 'Secret')} by hand`),
    copies: each.used.map(({ namespace, name }): Place => ({ namespace, name })),
    reach: { allow: undefined, deny: [] },
    accounts: undefined,
  }));
  const idle = groups.reduce((sum, each) => sum + each.group.length - each.used.length, 0);
  return {
    tool: 'hand-made',
    seen: spreads.map(
      ({ copies }) =>
        `the same logins in ${plural(copies.length, 'Secret')}, such as ${copies.slice(0, 2).map(at).join(' and ')}`,
    ),
    spreads,
    notes: idle === 0 ? [] : [`hand-made: ${plural(idle, 'Secret')} with such logins, which nothing uses, is left out`],
    gaps: [],
    stop: {
      why: ['Whatever writes these Secrets (a pipeline, a manifest in Git, a script) must write them no longer.'],
      commands: [],
    },
    rest: NO_PART,
  };
}

const namespacesOf = (secrets: readonly SeenSecret[]): number =>
  new Set(secrets.map(({ namespace }) => namespace)).size;
