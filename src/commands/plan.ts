/** `pullpass plan`: shows what the controller would change now. Writes nothing. */
import type { Command } from 'commander';
import { loadConfiguration } from '../config/load.ts';
import { otherList } from '../observe/listed.ts';
import { readNamedCopies } from '../reconcile/named-copies.ts';
import { observeRotations } from '../rotation/progress.ts';
import { planCluster, problemsOf, readCluster } from '../sources/snapshot.ts';
import { isPending } from './cluster-plan.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { configuredCommand, options } from './options.ts';
import type { Configured } from './options.ts';
import type { Output } from './output.ts';
import { renderPlan } from './plan-text.ts';

export function planCommand(env: Environment): Command {
  return configuredCommand('plan')
    .summary('show what the controller would change now')
    .description(
      'Shows what the controller would change now, and changes nothing. ' +
        'Exit status: 0 nothing to change, 2 changes pending or held.',
    )
    .addOption(options.output())
    .action(async (flags: Configured & { output: Output }) => {
      const configuration = await loadConfiguration(flags.config);
      const plan = await withClient(env, flags, async (client) => {
        const snapshot = await readCluster(client, configuration, flags.controllerNamespace, flags.namespaces);
        const planned = planCluster(snapshot, {}, configuration);
        const plans = planned.namespaces;
        const rotations = await observeRotations({ client, configuration, snapshot, plans, users: new Map() });
        const named = await readNamedCopies({ client, configuration, snapshot });
        const other = otherList(snapshot, flags.namespaces);
        const { paused } = configuration;
        return {
          ...planned,
          sources: problemsOf(snapshot.book),
          rotations,
          named,
          paused,
          ...(other !== undefined && { other }),
        };
      });
      env.writeOut(renderPlan(plan, flags.output, env.colors));
      env.exitWith(isPending(plan) ? 2 : 0);
    });
}
