/** Rules on pull Secrets that do not exist or cannot be used. */
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import type { Facts } from '../facts/facts.ts';
import type { Rule } from './rule.ts';
import type { PullSecret } from '../observe/observation.ts';
import { agree, capital, quote, some } from '../../text.ts';

export const danglingReference: Rule = {
  id: 'PP006',
  name: 'dangling-reference',
  category: 'Copies and references',
  severity: 'warning',
  title: 'A reference to a Secret that does not exist',
  cause:
    'imagePullSecrets names a Secret that is not in the namespace. Kubernetes accepts that; kubelets ' +
    'then pull without it and write a Warning Event FailedToRetrieveImagePullSecret at every pull.',
  remedy: 'Create the Secret, or remove its name from imagePullSecrets.',
  *check(facts) {
    // A copy that the controller is about to write has its own rule, copy-missing; one that waits for its source, those of the source.
    // Pods may have been born with the reference to it.
    const isComing = (namespace: string, secret: string): boolean => {
      const plan = facts.planOf(namespace);
      return (
        plan?.writeCopies.some(({ name }) => name === secret) === true ||
        plan?.standings.some(
          ({ copyName, choice, copy }) => copyName === secret && choice.in && copy === 'unavailable',
        ) === true
      );
    };
    const missing = yield* referencedSteps(facts, ({ state }) => state === 'missing');
    return missing
      .filter(({ namespace, name }) => !isComing(namespace, name))
      .map(({ namespace, name, by }) => ({
        object: { kind: 'Secret', namespace, name },
        message: `Secret ${quote(name)} in ${namespace} does not exist, but ${by} to pull with.`,
      }));
  },
};

export const pullSecretBroken: Rule = {
  id: 'PP011',
  name: 'pull-secret-broken',
  category: 'Copies and references',
  severity: 'error',
  title: 'A pull Secret fails every pull of its pods',
  cause:
    'Kubelets read a pull Secret as a whole: one entry that cannot be parsed fails every pull of a pod ' +
    'that names it, also from registries that it is not about.',
  remedy:
    'Mend the Docker config in the Secret: `pullpass match IMAGE --docker-config FILE` tells what is wrong with it.',
  *check(facts) {
    const broken = yield* unusableSteps(facts, true);
    return broken.map(({ namespace, name, by, problem }) => ({
      object: { kind: 'Secret', namespace, name },
      message: `Secret ${quote(name)} in ${namespace} cannot be parsed (${problem}), and ${by} to pull with: every such pull fails.`,
      remedy: `Correct or remove the entry in Secret ${namespace}/${name}, or remove its name from imagePullSecrets.`,
    }));
  },
};

export const pullSecretUseless: Rule = {
  id: 'PP012',
  name: 'pull-secret-useless',
  category: 'Copies and references',
  severity: 'warning',
  title: 'A pull Secret holds no credential',
  cause: 'The Secret has the wrong type, or nothing in it that kubelets would read: they pull as if it were not there.',
  remedy:
    'Put at least one registry into it. The type of a Secret cannot be changed: where that is wrong, ' +
    'delete it and create it again as kubernetes.io/dockerconfigjson. Or remove its name from ' +
    'imagePullSecrets.',
  *check(facts) {
    const useless = yield* unusableSteps(facts, false);
    return useless.map(({ namespace, name, who, one, problem }) => {
      // "is of type ...; <advice>": the advice goes into the remedy.
      const [what = '', advice = 'put a Docker config there'] = problem.split(/; (.*)/s);
      const wrongType = what.startsWith('is of type ');
      return {
        object: { kind: 'Secret', namespace, name },
        message:
          `${capital(who)} in ${namespace} ${one ? 'pulls' : 'pull'} with Secret ${quote(name)}, ` +
          `${/^(?:is|has) /.test(what) ? 'which' : 'whose'} ${what}: kubelets ignore it.`,
        remedy: wrongType
          ? `The type of a Secret cannot be changed: delete it and create it again (\`kubectl -n ${namespace} ` +
            `create secret docker-registry ${name} ...\`), or remove its name from imagePullSecrets.`
          : `Correct Secret ${namespace}/${name}: ${advice}; or remove its name from imagePullSecrets.`,
      };
    });
  },
};

interface Referenced {
  readonly namespace: string;
  readonly name: string;
  /** The ServiceAccounts and pods that name it. */
  readonly who: string;
  /** Whether one ServiceAccount is all of them. */
  readonly one: boolean;
  /** Completes "Secret x ..., but" or "..., and". */
  readonly by: string;
}

/** One item per Secret, however many name it. */
function* referencedSteps(
  { scopes, managed, pullSecrets, account }: Facts,
  wanted: (secret: PullSecret) => boolean,
): Steps<Referenced[]> {
  const found = new Map<string, { namespace: string; name: string; accounts: Set<string>; pods: Set<string> }>();
  const at = (namespace: string, name: string) => {
    // Few match, and tenants can name any number of Secrets: check first.
    const secret = pullSecrets.get(namespace)?.get(name);
    if (secret === undefined || !wanted(secret)) return undefined;
    const key = `${namespace}/${name}`;
    let entry = found.get(key);
    if (entry === undefined) found.set(key, (entry = { namespace, name, accounts: new Set(), pods: new Set() }));
    return entry;
  };
  yield* stepwise(scopes, 1_000, ({ serviceAccounts }) => {
    for (const { namespace, name, pullSecrets: names = [] } of serviceAccounts)
      for (const each of names) at(namespace, each)?.accounts.add(name);
  });
  yield* stepwise(managed, 2_000, ({ namespace, owner, pullSecrets: names, serviceAccount }) => {
    for (const each of names) {
      const found = at(namespace, each);
      if (found !== undefined && account(namespace, serviceAccount)?.pullSecrets?.includes(each) !== true)
        found.pods.add(`${owner.kind} ${owner.name}`);
    }
  });
  return [...found.values()].map(({ namespace, name, accounts, pods }) => {
    const parts = [
      ...(accounts.size > 0
        ? [`${agree(accounts.size, 'ServiceAccount', 'ServiceAccounts')} ${some([...accounts].map(quote))}`]
        : []),
      ...(pods.size > 0 ? [`pods of ${some([...pods])}`] : []),
    ];
    const who = parts.join(' and ');
    const one = accounts.size === 1 && pods.size === 0;
    return { namespace, name, who, one, by: `${who} ${one ? 'names' : 'name'} it` };
  });
}

function* unusableSteps(facts: Facts, breaksPulls: boolean): Steps<(Referenced & { problem: string })[]> {
  const problemOf = (secret: PullSecret | undefined) => (secret?.state === 'read' ? secret.content.problem : undefined);
  const found = yield* referencedSteps(facts, (secret) => problemOf(secret)?.breaksPulls === breaksPulls);
  return found.map((each) => ({
    ...each,
    problem: problemOf(facts.pullSecrets.get(each.namespace)?.get(each.name))?.text ?? '',
  }));
}
