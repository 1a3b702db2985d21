/** `pullpass migrate`: reads how pull Secrets are spread today, and prints the way to Pullpass. Writes nothing. */
import { findTools } from '../migrate/find.ts';
import type { Found, Tool } from '../migrate/model.ts';
import { planMigration } from '../migrate/plan.ts';
import { readCluster } from '../migrate/read.ts';
import type { KubeClient } from '../kube/client.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { migrationText, configurationText } from './migrate-text.ts';
import type { MIGRATE_OUTPUTS } from './choices.ts';
import type { Cluster } from './options.ts';
import { render } from './output.ts';

/** Something could not be read or understood, so the plan may lack something. */
const EXIT_GAPS = 3;
/** Nothing to migrate was found, and everything was read. */
const EXIT_NOTHING = 4;

export interface Flags extends Cluster {
  from: readonly Tool[];
  controllerNamespace: string;
  output: (typeof MIGRATE_OUTPUTS)[number];
}

export async function run(env: Environment, { from, controllerNamespace, output, ...cluster }: Flags): Promise<void> {
  const { text, exitCode } = await withClient(env, cluster, (client) =>
    runMigrate(client, { from, controllerNamespace, output }),
  );
  env.writeOut(text);
  env.exitWith(exitCode);
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
