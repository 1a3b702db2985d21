/** `pullpass migrate`: reads how pull Secrets are spread today, and prints the way to Pullpass. Writes nothing. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { ALL_TOOLS, findTools } from '../migrate/find.ts';
import type { Found, Tool } from '../migrate/model.ts';
import { planMigration } from '../migrate/plan.ts';
import { readCluster } from '../migrate/read.ts';
import type { KubeClient } from '../kube/client.ts';
import { quote } from '../text.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { migrationText, configurationText } from './migrate-text.ts';
import { options } from './options.ts';
import type { Cluster } from './options.ts';
import { OUTPUTS, render } from './output.ts';

const FORMATS = [...OUTPUTS, 'configuration'] as const;
type Format = (typeof FORMATS)[number];

/** Something could not be read or understood, so the plan may lack something. */
const EXIT_GAPS = 3;
/** Nothing to migrate was found, and everything was read. */
const EXIT_NOTHING = 4;

export function migrateCommand(env: Environment): Command {
  return new Command('migrate')
    .summary('print the way from another tool to Pullpass')
    .description(
      'Reads how pull Secrets are spread today, and prints a configuration and an ordered plan in which no pull fails on the way. ' +
        'Changes nothing, and prints no credential.\n' +
        'Exit status: 0, 3 when something could not be read or needs a decision first, 4 when nothing to migrate was found.',
    )
    .addOption(
      new Option('--from <tools>', `only these, separated by commas: ${ALL_TOOLS.join(', ')}`)
        .argParser(tools)
        .default(ALL_TOOLS, 'all'),
    )
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.controllerNamespace())
    .addOption(
      new Option('-o, --output <format>', 'how to print; configuration: only that, as a file for --config')
        .choices(FORMATS)
        .default('table'),
    )
    .action(async ({ from, controllerNamespace, output, ...cluster }: Flags) => {
      const { text, exitCode } = await withClient(env, cluster, (client) =>
        runMigrate(client, { from, controllerNamespace, output }),
      );
      env.writeOut(text);
      env.exitWith(exitCode);
    });
}

interface Flags extends Cluster {
  from: readonly Tool[];
  controllerNamespace: string;
  output: Format;
}

export async function runMigrate(
  client: KubeClient,
  { from, controllerNamespace, output }: Pick<Flags, 'from' | 'controllerNamespace' | 'output'>,
): Promise<{ readonly text: string; readonly exitCode: number }> {
  const seen = await readCluster(client);
  const found = findTools(seen, from);
  const plan = planMigration(seen, found, controllerNamespace);
  const { configuration, steps, notes, gaps } = plan;
  const exitCode = gaps.length > 0 ? EXIT_GAPS : found.every(isAbsent) ? EXIT_NOTHING : 0;
  if (output === 'configuration') return { text: configurationText(configuration), exitCode };
  const data = {
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Migration',
    found: found.map((each) => ({ tool: each.tool, seen: each.seen })),
    couldNotRead: gaps,
    notes,
    ...(configuration !== undefined && { configuration }),
    steps,
  };
  return { text: render(output, data, () => migrationText(found, plan, seen.absent)), exitCode };
}

const isAbsent = ({ seen }: Found): boolean => seen.length === 0;

function tools(list: string): readonly Tool[] {
  const names = list.split(',').map((name) => name.trim());
  const known = ALL_TOOLS.filter((tool) => names.includes(tool));
  const stranger = names.find((name) => !known.some((tool) => tool === name));
  if (stranger !== undefined) throw new InvalidArgumentError(`${quote(stranger)} is none of ${ALL_TOOLS.join(', ')}.`);
  return known;
}
