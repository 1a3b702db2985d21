/** The observation, and what is computed from it once for all rules: plans, keyrings, coverage. Pure. */
import type { ImageReference } from '../../credentials/image-reference.ts';
import { clusterSteps } from '../../plan/cluster.ts';
import type { ClusterPlans } from '../../plan/cluster.ts';
import type { ObservedServiceAccount } from '../../plan/observed.ts';
import { coverageSteps } from './coverage.ts';
import type { RegistryCoverage } from './coverage.ts';
import { createImageBook, createKeyBook } from './keys.ts';
import type { KeyBook } from './keys.ts';
import { inForceSteps } from './in-force.ts';
import type { AuditedSource, Observation, PullContent, Workload } from '../observe/observation.ts';
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import { usedEntrySteps } from './used-entries.ts';
import type { UsedEntries } from './used-entries.ts';
import type { NamespacePlan } from '../../plan/namespace-plan.ts';

/** The plans are those that the controller would make. */
export interface Facts extends Omit<Observation, 'sources'>, ClusterPlans {
  /** In the order of the configuration; `content`: from the copies, if what is in force is not known otherwise. */
  readonly sources: readonly AuditedSource[];
  readonly keys: KeyBook;
  readonly coverage: readonly RegistryCoverage[];
  /** By namespace. */
  readonly planOf: (namespace: string) => NamespacePlan | undefined;
  /** undefined: kubelets cannot parse the reference. */
  readonly image: (reference: string) => ImageReference | undefined;
  readonly account: (namespace: string, name: string) => ObservedServiceAccount | undefined;
  /** Sources of which the content in force has a login for an image of this name. */
  readonly sourcesFor: (imageName: string) => readonly AuditedSource[];
  /** Other sources that have an entry for it, which is held back, or has only reached the canaries. */
  readonly waitingFor: (
    imageName: string,
  ) => readonly { readonly source: AuditedSource; readonly by: 'held' | 'canaries' }[];
  /** Entries of each source that an image, alias or cache proxy needs. */
  readonly usedEntries: UsedEntries;
  /** Workloads without static pods, which have no pull secrets. */
  readonly managed: readonly Workload[];
}

export function* factSteps(seen: Observation): Steps<Facts> {
  const observation = { ...seen, sources: yield* inForceSteps(seen) };
  const { configured, confirmation, scopes, sources, workloads } = observation;
  const keys = createKeyBook(observation);
  const image = createImageBook();
  const accounts = new Map<string, ReadonlyMap<string, ObservedServiceAccount>>();
  yield* stepwise(scopes, 1_000, ({ namespace, serviceAccounts }) => {
    accounts.set(namespace.name, new Map(serviceAccounts.map((account) => [account.name, account])));
  });
  const keysOf = (select: (source: AuditedSource) => PullContent | undefined) =>
    sources.flatMap((source) => {
      const content = select(source);
      return content === undefined ? [] : [{ source, keys: keys.ofContent(source.config.copyName, content) }];
    });
  const good = keysOf(({ content }) => content);
  const first = keysOf(({ next }) => next);
  const written = keysOf((source) => source.written);
  const sourcesFor = (name: string): readonly AuditedSource[] =>
    good.filter((each) => each.keys.picks(name).length > 0).map(({ source }) => source);
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
    sourcesFor,
    waitingFor(name) {
      const has = new Set(sourcesFor(name));
      const onCanaries = first.filter((each) => each.keys.picks(name).length > 0).map(({ source }) => source);
      const held = written
        .filter((each) => each.keys.picks(name).length > 0 || each.keys.useless(name).length > 0)
        .map(({ source }) => source);
      return [
        ...onCanaries.map((source) => ({ source, by: 'canaries' as const })),
        ...held.filter((source) => !onCanaries.includes(source)).map((source) => ({ source, by: 'held' as const })),
      ].filter(({ source }) => !has.has(source));
    },
    usedEntries: yield* usedEntrySteps(observation, keys, image),
    managed: workloads.filter(({ isStatic }) => !isStatic),
  };
}
