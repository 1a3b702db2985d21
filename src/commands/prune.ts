/** `pullpass prune`: removes everything that Pullpass put into the cluster, with the same plan as an opt-out. */
import type { Configuration } from '../config/schema.ts';
import { messageOf, UserError } from '../errors.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { PlanOptions } from '../plan/namespace.ts';
import { createProxies } from '../proxies/kinds.ts';
import { createProxyKube } from '../proxies/kube.ts';
import { createApplier } from '../reconcile/apply.ts';
import { createConsumers } from '../reconcile/consumers.ts';
import { describeFailure } from '../reconcile/describe.ts';
import { nameOf, readNamedCopies } from '../reconcile/named-copies.ts';
import { reconcileNamespace } from '../reconcile/namespace.ts';
import { peekState, planCluster, readCluster } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import { plural, some } from '../text.ts';
import { pendingIn, pendingReferences } from './cluster-plan.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { findLeftovers } from './leftovers.ts';
import type { Configured } from './options.ts';
import { linesOf, sumOf } from './prune-text.ts';
import type { Removal } from './prune-text.ts';
import { refuseWhileLed, STOP_TIMINGS, stopController } from './running-controller.ts';
import type { StopTimings } from './running-controller.ts';

export interface Flags extends Configured {
  yes?: boolean;
  stopController: boolean;
}

export async function run(env: Environment, flags: Flags): Promise<void> {
  const exitCode = await withConfiguration(env, flags, (client, configuration) =>
    runPrune({
      client,
      configuration,
      namespace: flags.controllerNamespace,
      listed: flags.namespaces,
      stopsController: flags.stopController,
      signal: env.untilInterrupted(),
      write: (line) => env.writeOut(`${line}\n`),
      confirm: async (question) => flags.yes === true || (await confirmed(question, env)),
    }),
  );
  env.exitWith(exitCode);
}

async function confirmed(question: string, { ask }: Environment): Promise<boolean> {
  const answer = await ask(`${question} [y/N] `);
  if (answer === undefined)
    throw new UserError('prune: asks before it removes anything, and standard input is not a terminal; use --yes');
  return /^y(es)?$/i.test(answer.trim());
}

export interface PruneOptions {
  client: KubeClient;
  configuration: Configuration;
  /** Where the controller's Lease and state are. */
  namespace: string;
  /** The namespaces of `--namespaces`; undefined: the whole cluster. */
  listed?: readonly string[] | undefined;
  write: (line: string) => void;
  /** Asks whether to go on. */
  confirm: (question: string) => Promise<boolean>;
  signal: AbortSignal;
  /** Whether to stop the controller before anything is removed. Default: refuse while one runs. */
  stopsController?: boolean;
  timings?: StopTimings;
}

/** Plans as if no namespace had opted in. */
const NOBODY: PlanOptions = {
  select: ({ sources }) => ({
    choices: new Map(sources.map(({ config }) => [config.name, { in: false, why: 'disabled' }])),
    problems: [],
  }),
};

/** Resolves to the exit status. Throws UserError while a controller runs, which would put everything back, or if a change failed. */
export async function runPrune({
  client,
  configuration: configured,
  namespace,
  listed,
  write,
  confirm,
  signal,
  stopsController = false,
  timings = STOP_TIMINGS,
}: PruneOptions): Promise<number> {
  const extent = await extentOf(client, namespace, listed);
  const configuration: Configuration = {
    ...configured,
    sources: configured.sources.map((source) => ({ ...source, onOptOut: 'remove' })),
  };
  const look = async () => {
    const snapshot = await readCluster(client, configuration, namespace, listed);
    const named = await readNamedCopies({ client, configuration, snapshot, options: NOBODY, signal });
    const removal: Removal = {
      plans: pendingIn(planCluster(snapshot, NOBODY)),
      leftovers: extent === 'all' ? await findLeftovers(client, configuration, namespace, listed !== undefined) : [],
      named: named.filter((copy) => listed?.includes(copy.namespace) ?? true),
    };
    const { plans, leftovers } = removal;
    const isEmpty = plans.length === 0 && leftovers.length === 0 && pendingReferences(removal).length === 0;
    return { snapshot, removal, isEmpty };
  };

  if (!stopsController && extent !== 'left behind') await refuseWhileLed({ client, namespace, timings, signal });
  let seen = await look();
  if (!seen.isEmpty) {
    linesOf(seen.removal).forEach(write);
    const question = `${stopsController ? 'Stop the controller, and remove' : 'Remove'} ${sumOf(seen.removal)}?`;
    if (!(await confirm(`${question} Pods and cache proxies that pull with them will fail at their next pull.`))) {
      write('Nothing was changed.');
      return 1;
    }
  }
  if (stopsController) {
    await stopController({ client, namespace, timings, signal, write });
    // Until it ended, it wrote.
    seen = await look();
  }
  if (seen.isEmpty) {
    const where = listed === undefined ? '' : ` in the ${plural(listed.length, 'namespace')} listed`;
    write(`Nothing to remove: no copy and no reference of Pullpass is left${where}.`);
    return 0;
  }

  const { removal, snapshot } = seen;
  let failed = 0;
  for await (const failure of remove(removal, { client, configuration, snapshot, signal })) {
    write(failure);
    failed++;
  }
  if (failed > 0)
    throw new UserError(
      `prune: ${plural(failed, 'change')} failed${stopsController ? ', and the controller stays stopped' : ''}; ` +
        'run it again once the reason above is mended',
    );
  write(`Removed ${sumOf(removal)}.`);
  return 0;
}

/**
 * `left behind`: only namespaces that the controller no longer looks after: it can run meanwhile, and keeps its state and the logins
 * of its cache proxies. `part`: these stay, too, but it must not run.
 */
type Extent = 'all' | 'part' | 'left behind';

/** Throws UserError for some namespaces of a list that the controller still has: it would put the copies back. */
async function extentOf(client: KubeClient, namespace: string, listed: readonly string[] | undefined): Promise<Extent> {
  if (listed === undefined) return 'all';
  const { state, remembered } = await peekState(client, namespace);
  if (!remembered) return 'all';
  const saved = state.namespaces();
  if (saved === undefined) return 'part';
  const kept = saved.filter((name) => !listed.includes(name));
  if (kept.length === saved.length) return 'left behind';
  if (kept.length > 0)
    throw new UserError(
      `prune: the controller looks after ${some(saved, 5)}: give all of them to remove Pullpass, or take off its list ` +
        'what is to be removed, and give only that',
    );
  return 'all';
}

interface RemoveOptions extends Pick<PruneOptions, 'client' | 'configuration' | 'signal'> {
  snapshot: Snapshot;
}

/** Yields a line for each object that could not be removed, and goes on. */
async function* remove(
  { plans, named, leftovers }: Removal,
  { client, configuration, snapshot, signal }: RemoveOptions,
): AsyncGenerator<string> {
  const proxies = createProxies(configuration, snapshot.world.instance);
  const consumers = createConsumers({
    proxies: () => proxies,
    isGoing: () => true,
    context: ({ config }) => ({
      kube: createProxyKube({ client, proxy: config.name, instance: snapshot.world.instance, signal }),
      signal,
    }),
  });
  const applier = createApplier({ client, world: snapshot.world, consumers, content: () => undefined });
  const concerned = new Set(plans.map((plan) => plan.namespace));
  for (const scope of snapshot.scopes.filter(({ namespace }) => concerned.has(namespace.name))) {
    const { failures } = await reconcileNamespace(scope, applier, signal, NOBODY);
    for (const failure of failures) yield `${scope.namespace.name}: not removed: ${describeFailure(failure)}`;
  }
  // References to copies that are already gone: no removal of a copy above has released them.
  const copies = new Set(
    plans.flatMap(({ deleteCopies }) =>
      deleteCopies.map(({ namespace, name }) => nameOf({ namespace, copyName: name })),
    ),
  );
  const dangling = pendingReferences({ named }).filter((copy) => !copies.has(nameOf(copy)));
  for (const [copy, { namespace, copyName }] of new Map(dangling.map((each) => [nameOf(each), each]))) {
    try {
      await consumers.removeCopy({ namespace, name: copyName }, () => Promise.resolve(), signal);
    } catch (error) {
      yield `copy ${copy}: ${messageOf(error)}`;
    }
  }
  for (const { path, what, preconditions } of leftovers) {
    try {
      await client.delete(path, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }, { signal });
    } catch (error) {
      if (!isNotFound(error)) yield `${what}: not removed: ${messageOf(error)}`;
    }
  }
}
