/**
 * emberstack/kubernetes-reflector: annotations of a Secret say where it may go. Automatic copies have its name; others are Secrets
 * that somebody made with the annotation `reflects`. When the source is no longer allowed, it deletes its automatic copies; when it
 * is stopped, it leaves all.
 */
import { isTrue, partsOf, readSettings, textOf } from './settings.ts';
import { globOf, globsOf, sameGlob } from './patterns.ts';
import { selectorOf, UNCLEAR } from './selectors.ts';
import type { Found, Place, Reach, Spread } from './model.ts';
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

export const REFLECTOR = 'reflector.v1.k8s.emberstack.com/';
const ALLOWED = `${REFLECTOR}reflection-allowed`;
const AUTO = `${REFLECTOR}reflection-auto-enabled`;
const REFLECTS = `${REFLECTOR}reflects`;
const SOURCE_ANNOTATIONS = [
  'reflection-allowed',
  'reflection-allowed-namespaces',
  'reflection-allowed-namespaces-selector',
  'reflection-auto-enabled',
  'reflection-auto-namespaces',
  'reflection-auto-namespaces-selector',
].map((key) => REFLECTOR + key);

const SETTINGS = {
  excluded: { env: 'ES_Reflector__Watcher__ExcludedNamespaces' },
  timeout: { env: 'ES_Reflector__Watcher__Timeout' },
};

export function readReflector(seen: Seen): Found {
  const runners = runnersOf(seen, 'kubernetes-reflector');
  const gaps: string[] = [];
  const notes: string[] = [];
  const deny = runners.flatMap((runner) => {
    const { values, unknown } = readSettings(runner.container, SETTINGS, { wins: 'env', prefix: /^ES_Reflector__/ });
    gaps.push(...unknownSettings('reflector', runner, unknown));
    if (values.excluded !== undefined && textOf(values.excluded) === undefined)
      gaps.push('reflector: its excluded namespaces could not be read: they come from elsewhere');
    const patterns = partsOf(textOf(values.excluded));
    const globs = patterns.flatMap((pattern) => sameGlob(pattern) ?? []);
    if (globs.length < patterns.length) gaps.push('reflector: not all of its excluded namespaces can be said as globs');
    return globs;
  });

  const copies = seen.secrets.filter(({ annotations }) => annotations[REFLECTS] !== undefined);
  const bySource = Map.groupBy(copies, ({ annotations }) => annotations[REFLECTS] ?? '');
  const spreads = [...bySource].map(([key, of]): Spread => {
    const origin = seen.secrets.find((secret) => at(secret) === key);
    if (origin === undefined)
      gaps.push(
        `reflector: Secret ${key}, the source of copies in ${countCopies(of)}, was not seen among the pull Secrets`,
      );
    return {
      tool: 'reflector',
      origin:
        origin === undefined
          ? { make: `Secret ${key} is not there, or is no pull Secret`, by: () => [] }
          : { secret: { namespace: origin.namespace, name: origin.name } },
      copies: of.map(({ namespace, name }) => ({ namespace, name })),
      reach: origin === undefined ? { allow: undefined, deny } : reachOf(origin, deny, notes),
      accounts: undefined,
    };
  });

  const sources = new Set(bySource.keys());
  for (const secret of seen.secrets)
    if (secret.annotations[ALLOWED] === 'true' && !sources.has(at(secret)))
      notes.push(`reflector: Secret ${at(secret)} may be reflected, and no copy of it was seen: it is left out`);

  const others = seen.uses.filter(({ annotations }) =>
    Object.keys(annotations).some((key) => key.startsWith(REFLECTOR)),
  );
  const traces = [...seenRunners(runners), ...spreads.map((spread) => describe(spread, bySource))];
  if (traces.length === 0) return noTrace('reflector', gaps, notes);
  const keeps = spreads.flatMap(({ origin }) => ('secret' in origin ? [origin.secret] : []));
  const isShared = others.length > 0 || !seen.usesSeen;
  if (others.length > 0)
    notes.push(
      `reflector: it also serves ${others.length} other objects, such as ${others[0]?.kind} ${at(others[0] ?? { namespace: '', name: '' })}: it is not stopped`,
    );
  const forget = keeps.map(({ namespace, name }) =>
    command('kubectl', '-n', namespace, 'annotate', 'secret', name, ...SOURCE_ANNOTATIONS.map((key) => `${key}-`)),
  );
  return {
    tool: 'reflector',
    seen: traces,
    spreads,
    notes,
    gaps,
    stop: isShared
      ? {
          why: [
            'reflector stays, for what else it serves. When a source loses these annotations, reflector deletes its automatic copies at once.',
          ],
          commands: forget,
        }
      : stopPart('reflector', runners, [
          'Stopped, it leaves its copies. Take its annotations away only later: while it runs, that deletes automatic copies.',
        ]),
    rest: isShared ? { why: [], commands: [] } : { ...uninstallPart(runners, keeps), commands: forget },
  };
}

function reachOf({ annotations }: SeenSecret, excluded: readonly string[], notes: string[]): Reach {
  const named: Reach = { allow: undefined, deny: excluded };
  if (!isTrue({ text: annotations[ALLOWED] ?? '' }) || !isTrue({ text: annotations[AUTO] ?? '' })) return named;
  const cannot = (why: string): Reach => {
    notes.push(`reflector: ${why}: namespaces that have a copy now are named one by one`);
    return named;
  };
  // A namespace must be in both; in each, its name or its labels count, and without either, all are in.
  const sides = ['allowed', 'auto'].map((which) => ({
    names: annotations[`${REFLECTOR}reflection-${which}-namespaces`] ?? '',
    labels: annotations[`${REFLECTOR}reflection-${which}-namespaces-selector`] ?? '',
  }));
  if (sides.some(({ names, labels }) => names !== '' && labels !== ''))
    return cannot('names or a label selector say where copies go');
  const [names, others] = [...new Set(sides.map((side) => side.names).filter((each) => each !== ''))];
  if (others !== undefined) return cannot('two different lists say where copies go');
  const allow = names === undefined ? ['*'] : globsOf(partsOf(names), (pattern) => globOf(pattern, true));
  if (allow === undefined || allow.length === 0) return cannot('a regular expression has no glob that says the same');
  const labels = sides.map((side) => side.labels).filter((each) => each !== '');
  const selector = selectorOf(labels);
  if (labels.length === 0) return { allow, deny: excluded };
  return selector === undefined ? cannot(UNCLEAR) : { allow, deny: excluded, selector };
}

function describe({ copies }: Spread, bySource: ReadonlyMap<string, readonly Place[]>): string {
  const [source = '?'] =
    [...bySource].find(([, of]) => of[0]?.namespace === copies[0]?.namespace && of[0]?.name === copies[0]?.name) ?? [];
  return `Secret ${source}: copies in ${countCopies(copies)}`;
}
