/** Rule on who may read the copies, besides the pods that pull with them. */
import type { SecretReader } from '../observe/observation.ts';
import { agree, plural, quote, some } from '../../text.ts';
import type { Hit, Rule } from './rule.ts';

const SHOWN = 12;

export const pullSecretsReadable: Rule = {
  id: 'PP047',
  name: 'pull-secrets-readable',
  category: 'Credentials',
  severity: 'info',
  title: 'Who may read every pull Secret of the cluster',
  cause:
    'A ClusterRoleBinding lets these subjects get, list or watch every Secret, and so every copy and source. The ' +
    'controller and the components of Kubernetes itself are left out. In one namespace its own roles count too, and ' +
    'whoever may create pods there can read its Secrets.',
  remedy:
    'Check that each of them needs it: bind a role with resourceNames, or a RoleBinding in single namespaces, instead.',
  check: ({ secretReaders = [], configured, sources }): Hit[] => {
    if (!configured || sources.length === 0 || secretReaders.length === 0) return [];
    return [
      {
        object: { kind: 'Configuration', name: 'pullpass' },
        message:
          `${plural(secretReaders.length, 'subject')} of RBAC may read every Secret of the cluster, and so the copies of ` +
          `${agree(sources.length, 'the source', 'all sources')}: ${some(secretReaders.map(wordsOf), SHOWN)}.`,
      },
    ];
  },
};

/** `ServiceAccount argocd/controller (get, list: ClusterRole "cluster-admin")`. */
function wordsOf({ kind, namespace, name, verbs, roles }: SecretReader): string {
  const subject = `${kind} ${namespace === undefined ? quote(name) : `${namespace}/${name}`}`;
  return `${subject} (${verbs.join(', ')}: ${agree(roles.length, 'ClusterRole', 'ClusterRoles')} ${some(roles.map(quote), 2)})`;
}
