/** The observation, and what is worked out from it once for all rules: plans, keyrings, coverage. Pure. */
import type { ImageReference } from '../../credentials/image-reference.ts';
import { braked } from '../../plan/removals.ts';
import type { HeldRemoval, Planned } from '../../plan/removals.ts';
import { planSteps } from '../../plan/namespace.ts';
import type { ObservedServiceAccount } from '../../plan/observed.ts';
import { coverageSteps } from './coverage.ts';
import type { RegistryCoverage } from './coverage.ts';
import { createImageBook, createKeyBook } from './keys.ts';
import type { KeyBook } from './keys.ts';
import type { AuditedSource, Observation, Workload } from '../observe/observation.ts';
import { inOneGo } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import { usedEntrySteps } from './used-entries.ts';
import type { UsedEntries } from './used-entries.ts';
import type { NamespacePlan } from '../../plan/namespace-plan.ts';

export interface Facts extends Observation {
  /** What the controller would do: one a scope, in the same order. */
  readonly plans: readonly NamespacePlan[];
  /** Why it takes nothing away; undefined: the brake holds nothing. */
  readonly held: HeldRemoval | undefined;
  readonly keys: KeyBook;
  readonly coverage: readonly RegistryCoverage[];
  /** By namespace. */
  readonly planOf: (namespace: string) => NamespacePlan | undefined;
  /** undefined: kubelets cannot read it. */
  readonly image: (reference: string) => ImageReference | undefined;
  readonly account: (namespace: string, name: string) => ObservedServiceAccount | undefined;
  /** Sources that hold an entry for an image of this name. */
  readonly sourcesFor: (imageName: string) => readonly AuditedSource[];
  /** Entries of each source that somebody needs. */
  readonly usedEntries: UsedEntries;
  /** Workloads that no kubelet pulls for with its own means only. */
  readonly managed: readonly Workload[];
}

export const createFacts = (observation: Observation): Facts => inOneGo(factSteps(observation));

/** The same in steps. */
export function* factSteps(observation: Observation): Steps<Facts> {
  const { scopes, sources, workloads } = observation;
  const keys = createKeyBook(observation);
  const image = createImageBook();
  const accounts = new Map(
    scopes.map(({ namespace, serviceAccounts }) => [
      namespace.name,
      new Map(serviceAccounts.map((account) => [account.name, account])),
    ]),
  );
  const good = sources.flatMap((source) =>
    source.content === undefined ? [] : [{ source, keys: keys.ofContent(source.config.copyName, source.content) }],
  );
  // Without a configuration nobody knows which references are too many: a plan would remove all that Pullpass added.
  const planned: Planned[] = [];
  for (const scope of scopes) {
    planned.push({ scope, plan: yield* planSteps(observation.configured ? scope : { ...scope, serviceAccounts: [] }) });
    if (planned.length % 500 === 0) yield;
  }
  const { plans, held } =
    observation.confirmation === undefined
      ? { plans: planned.map(({ plan }) => plan), held: undefined }
      : braked(planned, observation.confirmation);
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
