/** Rule on rights that the controller has and should not have. */
import type { Hit, Rule } from './rule.ts';
import { some, quote } from '../../text.ts';
import { isPlainName } from './remedies.ts';

export const controllerExcessiveRights: Rule = {
  id: 'PP090',
  name: 'controller-excessive-rights',
  category: 'Controller',
  severity: 'warning',
  title: 'The controller may touch Secrets that are none of its business',
  cause:
    'A role that is bound to the ServiceAccount of the controller has a rule on Secrets without ' +
    'resourceNames. Pullpass needs its copies and sources by name only: whoever takes over the ' +
    'controller could read the rest, too.',
  remedy: 'Apply the output of `pullpass rbac --config FILE`, and remove the binding of the other role.',
  check: ({ grants = [] }) =>
    grants
      .filter(({ names }) => names.length === 0)
      .map(({ role, namespace, verbs }): Hit => ({
        object: {
          kind: role.kind,
          name: role.name,
          ...(role.namespace !== undefined && { namespace: role.namespace }),
        },
        about: namespace ?? '*',
        message: `${role.kind} "${role.name}" lets the controller ${some(
          verbs.map((verb) => (verb === '*' ? 'do anything with' : quote(verb).slice(1, -1))),
          8,
        )} every Secret ${namespace === undefined ? 'in the cluster' : `in namespace ${namespace}`}.`,
        remedy:
          `Find its bindings: \`kubectl get clusterrolebindings,rolebindings -A -o ` +
          `wide${isPlainName(role.name) ? ` | grep ${role.name}` : ''}\`, remove the one for the controller, ` +
          `and apply the output of \`pullpass rbac --config FILE\``,
      })),
};
