/**
 * mittwald/kubernetes-replicator: a source is pushed to namespaces by name or by label, or pulled by a Secret that names it. Without
 * its annotation a source is only forgotten; when a source is deleted, pushed copies go with it, and pulled ones stay, because the API
 * server refuses to empty them. It also replicates ServiceAccounts, and then replaces their whole list of pull Secrets.
 */
import { isTrue, partsOf, readSettings, textOf } from './settings.ts';
import { globOf, globsOf } from './patterns.ts';
import { selectorOf, UNCLEAR } from './selectors.ts';
import type { Found, Part, Reach, Spread } from './model.ts';
import { command } from './model.ts';
import { at } from './observed.ts';
import type { Seen, SeenSecret } from './observed.ts';
import {
  countCopies,
  noTrace,
  runnersOf,
  seenRunners,
  stopPart,
  uninstallPart,
  unknownSettings,
} from './tool-workloads.ts';

export const REPLICATOR = 'replicator.v1.mittwald.de/';
const FROM = `${REPLICATOR}replicate-from`;
const VERSION = `${REPLICATOR}replicated-from-version`;
const TO = `${REPLICATOR}replicate-to`;
const TO_MATCHING = `${REPLICATOR}replicate-to-matching`;
const SOURCE_ANNOTATIONS = [
  'replicate-to',
  'replicate-to-matching',
  'replication-allowed',
  'replication-allowed-namespaces',
].map((key) => REPLICATOR + key);

const SETTINGS = {
  excluded: { flag: 'exclude-namespaces' },
  all: { flag: 'allow-all', is: 'bool' },
  secrets: { flag: 'replicate-secrets', is: 'bool' },
  configMaps: { flag: 'replicate-configmaps', is: 'bool' },
  roles: { flag: 'replicate-roles', is: 'bool' },
  roleBindings: { flag: 'replicate-role-bindings', is: 'bool' },
  accounts: { flag: 'replicate-service-accounts', is: 'bool' },
  content: { flag: 'sync-by-content', is: 'bool' },
  kubeconfig: { flag: 'kubeconfig' },
  resync: { flag: 'resync-period' },
  address: { flag: 'status-addr' },
  level: { flag: 'log-level' },
  format: { flag: 'log-format' },
} as const;

export function readReplicator(seen: Seen): Found {
  const runners = runnersOf(seen, 'kubernetes-replicator');
  const gaps: string[] = [];
  const notes: string[] = [];
  const deny = runners.flatMap((runner) => {
    const { values, unknown } = readSettings(runner.container, SETTINGS, { wins: 'flag', prefix: /^(?!)/ });
    gaps.push(...unknownSettings('replicator', runner, unknown));
    if (values.secrets !== undefined && !isTrue(values.secrets))
      notes.push('replicator: it is told not to replicate Secrets: the copies below are old');
    const patterns = partsOf(textOf(values.excluded));
    const globs = patterns.flatMap((pattern) => globOf(pattern, false) ?? []);
    if (globs.length < patterns.length)
      gaps.push('replicator: not all of its excluded namespaces can be said as globs');
    return globs;
  });

  const pulled = Map.groupBy(
    seen.secrets.filter(({ annotations }) => annotations[FROM] !== undefined),
    ({ annotations }) => annotations[FROM] ?? '',
  );
  const pushers = seen.secrets.filter(
    ({ annotations }) => annotations[TO] !== undefined || annotations[TO_MATCHING] !== undefined,
  );
  const keys = new Set([...pulled.keys(), ...pushers.map(at)]);
  const spreads = [...keys].flatMap((key): Spread[] => {
    const origin = seen.secrets.find((secret) => at(secret) === key);
    const pushed = origin !== undefined && pushers.includes(origin) ? pushedCopies(seen, origin, pushers) : [];
    const copies = [...pushed, ...(pulled.get(key) ?? [])].map(({ namespace, name }) => ({ namespace, name }));
    if (copies.length === 0) {
      notes.push(`replicator: Secret ${key} is to be replicated, and no copy of it was seen: it is left out`);
      return [];
    }
    if (origin === undefined)
      gaps.push(
        `replicator: Secret ${key}, the source of copies in ${countCopies(copies)}, was not seen among the pull Secrets`,
      );
    return [
      {
        tool: 'replicator',
        origin:
          origin === undefined
            ? { make: `Secret ${key} is not there, or is no pull Secret`, by: () => [] }
            : { secret: { namespace: origin.namespace, name: origin.name } },
        copies,
        reach: origin === undefined ? { allow: undefined, deny } : reachOf(origin, deny, notes),
        accounts: undefined,
      },
    ];
  });

  const accounts = seen.accounts.filter(({ annotations }) =>
    Object.keys(annotations).some((key) => key.startsWith(REPLICATOR)),
  );
  const traces = [
    ...seenRunners(runners),
    ...spreads.map(
      ({ origin, copies }) =>
        `Secret ${'secret' in origin ? at(origin.secret) : '(unknown)'}: copies in ${countCopies(copies)}`,
    ),
  ];
  if (traces.length === 0) return noTrace('replicator', gaps, notes);
  const keeps = spreads.flatMap(({ origin }) => ('secret' in origin ? [origin.secret] : []));
  const others = seen.uses.filter(({ annotations }) =>
    Object.keys(annotations).some((key) => key.startsWith(REPLICATOR)),
  );
  const isShared = others.length > 0 || !seen.usesSeen;
  const [other] = others;
  if (other !== undefined)
    notes.push(
      `replicator: it also serves ${others.length} other objects, such as ${other.kind} ${at(other)}: it is not stopped`,
    );
  const forget = keeps.map(({ namespace, name }) =>
    command('kubectl', '-n', namespace, 'annotate', 'secret', name, ...SOURCE_ANNOTATIONS.map((key) => `${key}-`)),
  );
  return {
    tool: 'replicator',
    seen: traces,
    spreads,
    notes,
    gaps,
    ...(accounts.length > 0 && {
      quiet: quietAccounts(
        accounts.map(({ namespace, name }) => ({ namespace, name })),
        runners,
      ),
    }),
    stop: isShared
      ? {
          why: [
            'replicator stays, for what else it serves. Without these annotations it forgets the source, and leaves the copies.',
            'Never delete the source while it runs: that deletes pushed copies at once.',
          ],
          commands: forget,
        }
      : stopPart('replicator', runners, [
          'Stopped, it leaves its copies. While it runs, never delete a source: that deletes pushed copies at once.',
        ]),
    rest: isShared ? { why: [], commands: [] } : { ...uninstallPart(runners, keeps), commands: forget },
  };
}

/** They have the name of the source and the marks of a replica, and nothing that names the source. */
function pushedCopies({ secrets }: Seen, origin: SeenSecret, pushers: readonly SeenSecret[]): SeenSecret[] {
  const rivals = pushers.filter((other) => other !== origin && other.name === origin.name);
  return secrets.filter(
    (secret) =>
      secret.name === origin.name &&
      secret.namespace !== origin.namespace &&
      secret.annotations[VERSION] !== undefined &&
      secret.annotations[FROM] === undefined &&
      !pushers.includes(secret) &&
      // Of two sources with one name, the one that it equals.
      (rivals.length === 0 || secret.logins === origin.logins),
  );
}

function reachOf({ annotations }: SeenSecret, deny: readonly string[], notes: string[]): Reach {
  const named: Reach = { allow: undefined, deny };
  const [names, labels] = [annotations[TO], annotations[TO_MATCHING]];
  const cannot = (why: string): Reach => {
    notes.push(`replicator: ${why}: namespaces that have a copy now are named one by one`);
    return named;
  };
  if (names !== undefined && labels !== undefined) return cannot('names or a label selector say where copies go');
  if (labels !== undefined) {
    const selector = selectorOf([labels]);
    return selector === undefined ? cannot(UNCLEAR) : { allow: ['*'], deny, selector };
  }
  if (names === undefined) return named;
  const allow = globsOf(partsOf(names), (pattern) => globOf(pattern, true)) ?? [];
  return allow.length === 0 ? cannot('a regular expression has no glob that says the same') : { allow, deny };
}

function quietAccounts(
  accounts: readonly { readonly namespace: string; readonly name: string }[],
  runners: ReturnType<typeof runnersOf>,
): Part {
  const keys = ['replicate-to', 'replicate-to-matching', 'replicate-from'].map((key) => `${REPLICATOR}${key}-`);
  return {
    why: [
      'replicator also replicates ServiceAccounts, and replaces their whole list of pull Secrets: it would take the new references away.',
      'Without its annotations it leaves them as they are; it is restarted, because it keeps in memory which it served.',
    ],
    commands: [
      ...accounts.map(({ namespace, name }) =>
        command('kubectl', '-n', namespace, 'annotate', 'serviceaccount', name, ...keys),
      ),
      ...runners.map(({ workload: { kind, namespace, name } }) =>
        command('kubectl', '-n', namespace, 'rollout', 'restart', `${kind.toLowerCase()}/${name}`),
      ),
    ],
  };
}
