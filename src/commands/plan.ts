/** `pullpass plan`: shows what the controller would change now. Writes nothing. */
import { surveyHealing } from '../healing/survey.ts';
import { otherList } from '../observe/listed.ts';
import { readNamedCopies } from '../reconcile/named-copies.ts';
import { observeRotations } from '../rotation/progress.ts';
import { planCluster, problemsOf, readCluster } from '../sources/snapshot.ts';
import { UserError } from '../errors.ts';
import { isPending, planOnly } from './cluster-plan.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import type { Configured } from './options.ts';
import type { Output } from './output.ts';
import { renderPlan } from './plan-text.ts';

export interface Flags extends Configured {
  namespace?: string[];
  output: Output;
}

export async function run(env: Environment, flags: Flags): Promise<void> {
  const plan = await withConfiguration(env, flags, async (client, configuration) => {
    const snapshot = await readCluster(client, configuration, flags.controllerNamespace, flags.namespaces);
    const missing = flags.namespace?.find((name) => snapshot.world.namespaces.get('', name) === undefined);
    if (missing !== undefined) throw new UserError(`plan: there is no namespace "${missing}"`);
    const planned = planCluster(snapshot, {}, configuration);
    const plans = planned.namespaces;
    const rotations = await observeRotations({ client, configuration, snapshot, plans, users: new Map() });
    const named = await readNamedCopies({ client, configuration, snapshot });
    const other = otherList(snapshot, flags.namespaces);
    const healing = await surveyHealing({
      ...{ client, configuration, snapshot },
      namespaces: flags.namespace ?? flags.namespaces,
    });
    const { paused } = configuration;
    return {
      ...planned,
      sources: problemsOf(snapshot.book),
      rotations,
      named,
      paused,
      ...(healing && { healing }),
      ...(other !== undefined && { other }),
    };
  });
  const shown = flags.namespace === undefined ? plan : planOnly(plan, flags.namespace);
  env.writeOut(renderPlan(shown, flags.output, env.colors));
  env.exitWith(isPending(shown) ? 2 : 0);
}
