/** The observation, and what is computed from it once for all rules: plans, keyrings, coverage. Pure. */
import type { ImageReference } from '../../credentials/image-reference.ts';
import { clusterSteps } from '../../plan/cluster.ts';
import type { ClusterPlans } from '../../plan/cluster.ts';
import type { ObservedServiceAccount } from '../../plan/observed.ts';
import { coverageSteps } from './coverage.ts';
import type { RegistryCoverage } from './coverage.ts';
import { createImageBook, createKeyBook } from './keys.ts';
import type { KeyBook } from './keys.ts';
import type { AuditedSource, Observation, Workload } from '../observe/observation.ts';
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import { usedEntrySteps } from './used-entries.ts';
import type { UsedEntries } from './used-entries.ts';
import type { NamespacePlan } from '../../plan/namespace-plan.ts';

/** The plans are those that the controller would make. */
export interface Facts extends Observation, ClusterPlans {
  readonly keys: KeyBook;
  readonly coverage: readonly RegistryCoverage[];
  /** By namespace. */
  readonly planOf: (namespace: string) => NamespacePlan | undefined;
  /** undefined: kubelets cannot parse the reference. */
  readonly image: (reference: string) => ImageReference | undefined;
  readonly account: (namespace: string, name: string) => ObservedServiceAccount | undefined;
  /** Sources that hold an entry for an image of this name. */
  readonly sourcesFor: (imageName: string) => readonly AuditedSource[];
  /** Entries of each source that an image, alias or cache proxy needs. */
  readonly usedEntries: UsedEntries;
  /** Workloads without static pods, which have no pull secrets. */
  readonly managed: readonly Workload[];
}

export function* factSteps(observation: Observation): Steps<Facts> {
  const { configured, confirmation, scopes, sources, workloads } = observation;
  const keys = createKeyBook(observation);
  const image = createImageBook();
  const accounts = new Map<string, ReadonlyMap<string, ObservedServiceAccount>>();
  yield* stepwise(scopes, 1_000, ({ namespace, serviceAccounts }) => {
    accounts.set(namespace.name, new Map(serviceAccounts.map((account) => [account.name, account])));
  });
  const good = sources.flatMap((source) =>
    source.content === undefined ? [] : [{ source, keys: keys.ofContent(source.config.copyName, source.content) }],
  );
  // Without a configuration, a plan would remove every reference that Pullpass added: plan no references.
  const plannable = configured ? scopes : scopes.map((scope) => ({ ...scope, serviceAccounts: [] }));
  const { plans, held } = yield* clusterSteps(plannable, confirmation);
  const byNamespace = new Map(plans.map((plan) => [plan.namespace, plan]));
  return {
    ...observation,
    plans,
    held,
    planOf: (namespace) => byNamespace.get(namespace),
    keys,
    coverage: yield* coverageSteps(observation, keys, image),
    image,
    account: (namespace, name) => accounts.get(namespace)?.get(name),
    sourcesFor: (name) => good.filter((each) => each.keys.picks(name).length > 0).map(({ source }) => source),
    usedEntries: yield* usedEntrySteps(observation, keys, image),
    managed: workloads.filter(({ isStatic }) => !isStatic),
  };
}
