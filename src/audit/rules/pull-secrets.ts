/** Secrets that ServiceAccounts or pods pull with, and that are not there or of no use. */
import { quote } from '../../plan/problem.ts';
import type { Facts } from '../facts.ts';
import type { Rule } from '../finding.ts';
import { secretKey } from '../observation.ts';
import type { PullSecret } from '../observation.ts';
import { some } from '../words.ts';

export const danglingReference: Rule = {
  id: 'PP006', name: 'dangling-reference', severity: 'warning', title: 'A reference to a Secret that does not exist',
  cause: 'imagePullSecrets names a Secret that is not in the namespace. Kubernetes accepts that; kubelets then pull without it and write a Warning Event FailedToRetrieveImagePullSecret at every pull.',
  remedy: 'Create the Secret, or remove its name from imagePullSecrets.',
  check: (facts) => {
    // What the controller is about to write is no dangling reference but a missing copy.
    const coming = new Set(facts.plans.flatMap(({ namespace, writeCopies }) => writeCopies.map(({ name }) => secretKey(namespace, name))));
    return referenced(facts, ({ state }) => state === 'missing')
      .filter(({ namespace, name }) => !coming.has(secretKey(namespace, name)))
      .map(({ namespace, name, by }) => ({ object: { kind: 'Secret', namespace, name }, message: `Secret ${quote(name)} in ${namespace} does not exist, but ${by} to pull with.` }));
  },
};

export const pullSecretBroken: Rule = {
  id: 'PP011', name: 'pull-secret-broken', severity: 'error', title: 'A pull Secret fails every pull of its pods',
  cause: 'Kubelets read a pull Secret as a whole: one entry that cannot be parsed fails every pull of a pod that names it, also from registries that it is not about.',
  remedy: 'Mend the Docker config in the Secret: `pullpass match IMAGE --docker-config FILE` tells what is wrong with it.',
  check: (facts) => unusable(facts, true).map(({ namespace, name, by, problem }) => ({
    object: { kind: 'Secret', namespace, name }, message: `Secret ${quote(name)} in ${namespace} cannot be parsed (${problem}), and ${by} to pull with: every such pull fails.`,
  })),
};

export const pullSecretUseless: Rule = {
  id: 'PP012', name: 'pull-secret-useless', severity: 'warning', title: 'A pull Secret holds no credential',
  cause: 'The Secret has the wrong type, or nothing in it that kubelets would read: they pull as if it were not there.',
  remedy: 'Make it a Secret of type kubernetes.io/dockerconfigjson with at least one registry, or remove its name from imagePullSecrets.',
  check: (facts) => unusable(facts, false).map(({ namespace, name, by, problem }) => ({
    object: { kind: 'Secret', namespace, name }, message: `Secret ${quote(name)} in ${namespace} ${problem}, but ${by} to pull with.`,
  })),
};

interface Referenced {
  readonly namespace: string;
  readonly name: string;
  /** Completes "Secret x ..., but". */
  readonly by: string;
}

/** One a Secret, however many name it. */
function referenced({ scopes, managed, pullSecrets, account }: Facts, wanted: (secret: PullSecret) => boolean): Referenced[] {
  const found = new Map<string, { namespace: string; name: string; accounts: Set<string>; pods: Set<string> }>();
  const at = (namespace: string, name: string) => {
    const key = secretKey(namespace, name);
    const secret = pullSecrets.get(key);
    if (secret === undefined || !wanted(secret)) return undefined;
    let entry = found.get(key);
    if (entry === undefined) found.set(key, (entry = { namespace, name, accounts: new Set(), pods: new Set() }));
    return entry;
  };
  for (const { serviceAccounts } of scopes) for (const { namespace, name, pullSecrets: names = [] } of serviceAccounts) for (const each of names) at(namespace, each)?.accounts.add(name);
  for (const { namespace, owner, pullSecrets: names, serviceAccount } of managed) {
    for (const each of names) if (account(namespace, serviceAccount)?.pullSecrets?.includes(each) !== true) at(namespace, each)?.pods.add(`${owner.kind} ${owner.name}`);
  }
  return [...found.values()].map(({ namespace, name, accounts, pods }) => {
    const parts = [
      ...(accounts.size > 0 ? [`ServiceAccount${accounts.size > 1 ? 's' : ''} ${some([...accounts])}`] : []),
      ...(pods.size > 0 ? [`pods of ${some([...pods])}`] : []),
    ];
    return { namespace, name, by: `${parts.join(' and ')} name${accounts.size === 1 && pods.size === 0 ? 's' : ''} it` };
  });
}

function unusable(facts: Facts, breaksPulls: boolean): (Referenced & { problem: string })[] {
  const problemOf = (secret: PullSecret | undefined) => (secret?.state === 'read' ? secret.content.problem : undefined);
  return referenced(facts, (secret) => problemOf(secret)?.breaksPulls === breaksPulls)
    .map((each) => ({ ...each, problem: problemOf(facts.pullSecrets.get(secretKey(each.namespace, each.name)))?.text ?? '' }));
}
