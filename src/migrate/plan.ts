/** The ordered steps from the old way to Pullpass, in which no pull fails: both are there side by side, until nothing needs the old one. */
import { CONFIG_KEY, CONFIG_NAME } from '../names.ts';
import type { Found, Part, Place } from './model.ts';
import { command, word } from './model.ts';
import type { Seen } from './observed.ts';
import { at } from './observed.ts';
import { planSources } from './sources.ts';
import type { PlannedSource } from './sources.ts';
import { mendTemplates, restartPods } from './pods.ts';
import { namespacesOf } from './users.ts';

export interface Step extends Part {
  readonly title: string;
}

export interface MigrationPlan {
  /** Of kind Configuration; undefined: nothing is spread. */
  readonly configuration: object | undefined;
  readonly steps: readonly Step[];
  readonly notes: readonly string[];
  readonly gaps: readonly string[];
}

/** `home`: namespace of the controller. */
export function planMigration(seen: Seen, found: readonly Found[], home: string): MigrationPlan {
  const spreads = found.flatMap((each) => each.spreads);
  const { sources, notes, gaps } = planSources(seen, spreads, home);
  const tools = found.filter((each) => each.seen.length > 0);
  const allNotes = [...found.flatMap((each) => each.notes), ...notes];
  const allGaps = [...seen.unread, ...found.flatMap((each) => each.gaps), ...gaps];
  if (sources.length === 0) return { configuration: undefined, steps: [], notes: allNotes, gaps: allGaps };
  const mended = mendTemplates(sources);
  const whatIf = sources.flatMap((source) => whatIfCommands(seen, source));
  const steps: (Step | undefined)[] = [
    makeSources(sources),
    // Before the configuration: a source that is for every namespace begins with it.
    stepOf(
      'Keep the old tool from undoing it',
      tools.flatMap(({ quiet }) => quiet ?? []),
    ),
    {
      title: 'Install Pullpass with this configuration',
      why: [
        'Where a controller runs already, add the sources to its configuration. Nothing changes for pods that exist.',
      ],
      commands: [
        'pullpass validate config.yaml',
        'pullpass plan --config config.yaml',
        'pullpass rbac --config config.yaml | kubectl apply -f -',
        `${command('kubectl', '-n', home, 'create', 'configmap', CONFIG_NAME, `--from-file=${CONFIG_KEY}=config.yaml`)} ` +
          '--dry-run=client -o yaml |\n  kubectl apply -f -',
      ],
    },
    optIn(sources),
    {
      title: 'Wait until every copy is there',
      why: ['Go on when all end with exit status 0: copies are written, and nothing is left to change.'],
      commands: [...sources.map(({ source }) => command('pullpass', 'wait', '--source', source.name)), 'pullpass plan'],
    },
    stepOf(
      'End the mutation of pods',
      tools.flatMap(({ unmutate }) => unmutate ?? []),
    ),
    stepOf('Change templates that name the old Secrets', [mended.part]),
    stepOf('Make pods anew', [restartPods(sources, mended.templates)]),
    {
      title: 'What if the old Secrets were gone?',
      why: [
        'Go on when each ends with exit status 0: no pod and no template needs them. Status 3 lists who still does, or what could not be checked.',
      ],
      commands: whatIf,
    },
    stepOf(
      'Stop the old tool',
      tools.map(({ tool, stop }) => (tools.length > 1 ? named(tool, stop) : stop)),
    ),
    {
      title: 'What if they were gone, once more',
      why: [
        'A pod or a template that was made meanwhile may name an old Secret. After this step, the way back is longer.',
      ],
      commands: whatIf,
    },
    dropReferences(sources),
    {
      title: 'Delete the old copies',
      why: ['Sources are not among them.'],
      commands: sources.flatMap(({ spread }) =>
        byName(spread.copies).map(([name, of]) =>
          each(namespacesOf(of), ['delete', 'secret', name, '--ignore-not-found']),
        ),
      ),
    },
    stepOf(
      'Clear away the rest',
      tools.map(({ tool, rest }) => (tools.length > 1 ? named(tool, rest) : rest)),
    ),
    {
      title: 'Look once more',
      why: ['It says what dangles, and what does not pull.'],
      commands: ['pullpass audit --fail-on error'],
    },
  ];
  return {
    configuration: {
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: sources.map(({ source }) => source),
    },
    steps: steps.filter((step) => step !== undefined),
    notes: allNotes,
    gaps: [...allGaps, ...mended.gaps],
  };
}

/** undefined: nobody has anything to do in it. */
function stepOf(title: string, parts: readonly Part[]): Step | undefined {
  const why = [...new Set(parts.flatMap((part) => part.why))];
  const commands = [...new Set(parts.flatMap((part) => part.commands))];
  return why.length + commands.length === 0 ? undefined : { title, why, commands };
}

const named = (tool: string, { why, commands }: Part): Part => ({
  why: why.map((line) => `${tool}: ${line}`),
  commands,
});

function makeSources(sources: readonly PlannedSource[]): Step | undefined {
  const made = sources.flatMap(({ spread: { origin }, source: { secret } }) =>
    'make' in origin ? [{ origin, secret }] : [],
  );
  return stepOf('Make the sources', [
    {
      why: made.map(({ origin, secret }) => `Secret ${at(secret)}: ${origin.make}.`),
      commands: made.flatMap(({ origin, secret }) => origin.by(secret)),
    },
  ]);
}

function optIn(sources: readonly PlannedSource[]): Step {
  const names = [...new Set(sources.flatMap((source) => source.optIn))].sort();
  const byDefault = sources.flatMap(({ source }) => (source.optInByDefault === true ? [source.name] : []));
  return {
    title: 'Opt in',
    why: [
      ...(byDefault.length > 0
        ? [
            `For every namespace that the guard admits, as before: ${byDefault.join(', ')}. With the configuration they are in.`,
          ]
        : []),
      ...(names.length > 0 ? ['Try one namespace first, if you like: each is on its own.'] : []),
    ],
    commands:
      names.length === 0
        ? []
        : [command('kubectl', 'annotate', '--overwrite', 'namespace', ...names, 'pullpass.dev/sync=enabled')],
  };
}

const byName = (places: readonly Place[]): [string, Place[]][] => [...Map.groupBy(places, ({ name }) => name)];

/** An argument of a command has a longest length. */
const MOST_NAMESPACES = 500;

/** Only where the copies are, if another Secret of that name, such as the source, stays. */
function whatIfCommands({ secrets }: Seen, { spread }: PlannedSource): string[] {
  const places = new Set(spread.copies.map(at));
  return byName(spread.copies).flatMap(([name, of]) => {
    const words = ['pullpass', 'audit', '--without-secret', name];
    if (!secrets.some((secret) => secret.name === name && !places.has(at(secret)))) return [command(...words)];
    const namespaces = namespacesOf(of);
    return Array.from({ length: Math.ceil(namespaces.length / MOST_NAMESPACES) }, (_, i) =>
      command(...words, '--namespace', namespaces.slice(i * MOST_NAMESPACES, (i + 1) * MOST_NAMESPACES).join(',')),
    );
  });
}

/**
 * The list is replaced as a whole by every kind of patch. So it is read and written back with its version: if somebody, such as Pullpass,
 * has changed it meanwhile, the command fails and is run again.
 */
function dropReferences(sources: readonly PlannedSource[]): Step | undefined {
  const places = new Set(sources.flatMap(({ spread }) => spread.copies.map(at)));
  const accounts = new Map(sources.flatMap(({ users }) => users.accounts).map((account) => [at(account), account]));
  const alike = Map.groupBy(accounts.values(), ({ namespace, name, pullSecrets }) =>
    JSON.stringify([name, pullSecrets.filter((each) => places.has(at({ namespace, name: each })))]),
  );
  const commands = [...alike].map(([key, of]) => {
    const [account, names] = JSON.parse(key) as [string, string[]];
    const isOld = names.map((name) => `.name == ${JSON.stringify(name)}`).join(' or ');
    return each(
      namespacesOf(of),
      ['get', 'serviceaccount', account, '-o', 'json'],
      [command('jq', `del(.imagePullSecrets[]? | select(${isOld}))`), 'kubectl replace -f -'],
    );
  });
  return commands.length === 0
    ? undefined
    : {
        title: 'Take the old references away',
        why: [
          'First the reference, then the Secret. Where a manifest in Git has it, take it out there.',
          'A command that fails with a conflict is run again: somebody else changed that ServiceAccount at the same moment.',
        ],
        commands,
      };
}

/** The same kubectl command in several namespaces, piped into `more`. */
function each(namespaces: readonly string[], words: readonly string[], more: readonly string[] = []): string {
  const [only, ...others] = namespaces;
  const piped = (first: string, indent: string): string => [first, ...more].join(` |\n${indent}  `);
  if (only !== undefined && others.length === 0) return piped(command('kubectl', '-n', only, ...words), '');
  return `for ns in ${namespaces.map(word).join(' ')}; do\n  ${piped(`kubectl -n "$ns" ${command(...words)}`, '  ')}\ndone`;
}
