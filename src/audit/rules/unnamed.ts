/** Rule on pull Secrets that no ServiceAccount and no pod names. */
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import type { Facts } from '../facts/facts.ts';
import type { ListedSecret } from '../observe/observation.ts';
import { DEFAULT_NAMESPACE } from '../../names.ts';
import { agree, plural, quote, some } from '../../text.ts';
import type { Hit, Rule } from './rule.ts';

const WHO_ELSE =
  'what else may read it: workloads that run now and then or have no replicas, tools that read Secrets by name, ' +
  "and CRI-O's credential provider, which takes mirror logins from every pull Secret of a pod's namespace";

export const pullSecretUnnamed: Rule = {
  id: 'PP013',
  name: 'pull-secret-unnamed',
  category: 'Copies and references',
  severity: 'info',
  title: 'A pull Secret that nobody names',
  cause:
    'No ServiceAccount and no pod of the namespace has it in imagePullSecrets: kubelets never read it. It is ' +
    'forgotten at a rotation, and a login that nobody needs can only leak. Secrets that Pullpass, Helm, OpenShift or ' +
    'kube-image-keeper made are left out.',
  remedy: `Look for ${WHO_ELSE}. If nothing does, delete the Secret.`,
  *check({ allPullSecrets, accountsSeen, podsSeen, scopes, workloads, sources, configured }) {
    if (allPullSecrets === undefined || accountsSeen !== true || !podsSeen) return [];
    const named = yield* namesSteps({ scopes, workloads });
    const own = new Set(sources.map(({ config: { secret } }) => `${secret.namespace}/${secret.name}`));
    const groups = new Map<string, ListedSecret[]>();
    yield* stepwise(allPullSecrets, 2_000, (secret) => {
      const { namespace, name, maker, content } = secret;
      const names = named.get(namespace);
      // Without a configuration it is unknown which Secrets are sources.
      if (!configured && namespace === DEFAULT_NAMESPACE) return;
      // A namespace that came while the audit read is not known.
      if (maker !== 'unknown' || names === undefined || names === 'unknown') return;
      if (names.has(name) || own.has(`${namespace}/${name}`)) return;
      const id = `${name} ${content.id}`;
      groups.set(id, [...(groups.get(id) ?? []), secret]);
    });
    return [...groups.values()].flatMap(([first, ...more]): Hit[] =>
      first === undefined
        ? []
        : [
            {
              object: { kind: 'Secret', namespace: first.namespace, name: first.name },
              message:
                `No ServiceAccount and no running pod of ${first.namespace} names pull Secret ${quote(first.name)}` +
                (more.length === 0
                  ? '.'
                  : `. The same goes for ${plural(more.length, 'Secret')} with that name and content, in ` +
                    `${agree(more.length, 'namespace', 'namespaces')} ${some(more.map(({ namespace }) => namespace))}.`),
              remedy: `Look for ${WHO_ELSE}. If nothing does: \`kubectl -n ${first.namespace} delete secret ${first.name}\``,
            },
          ],
    );
  },
};

/** By namespace: all names in imagePullSecrets; `unknown`: a list there is too long to be kept. */
function* namesSteps({
  scopes,
  workloads,
}: Pick<Facts, 'scopes' | 'workloads'>): Steps<Map<string, Set<string> | 'unknown'>> {
  const found = new Map<string, Set<string> | 'unknown'>();
  yield* stepwise(scopes, 500, ({ namespace, serviceAccounts }) => {
    found.set(
      namespace.name,
      serviceAccounts.some(({ oversized }) => oversized === true)
        ? 'unknown'
        : new Set(serviceAccounts.flatMap(({ pullSecrets = [] }) => pullSecrets)),
    );
  });
  yield* stepwise(workloads, 2_000, ({ namespace, pullSecrets }) => {
    const names = found.get(namespace);
    if (names !== undefined && names !== 'unknown') for (const name of pullSecrets) names.add(name);
  });
  return found;
}
