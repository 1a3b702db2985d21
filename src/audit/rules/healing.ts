/** Rule on pods that healing is about. */
import type { Rule } from './rule.ts';
import { plural } from '../../text.ts';

export const podHealing: Rule = {
  id: 'PP030',
  name: 'pod-healing',
  category: 'Pulls',
  severity: 'warning',
  title: 'Pods that are to be made anew',
  cause:
    'These pods were made before their ServiceAccount had the reference, and cannot pull without it. Their source has ' +
    '`healing`: the finding says whether they are evicted, would be (dry-run), or why they are left alone.',
  remedy: 'See the line of each finding.',
  check: ({ healing = [] }) =>
    healing.map(({ namespace, owner: { kind, name }, source, pods, example, action, note }) => ({
      object: { kind, namespace, name },
      about: source,
      message: `${namespace}/${kind} ${name}: ${plural(pods, 'pod')}${kind === 'Pod' ? '' : `, such as ${example}`}. ${note}`,
      remedy: REMEDIES[action],
    })),
};

const REMEDIES = {
  evict: 'Nothing to do: the controller evicts a few at a time.',
  'dry-run':
    'Have the pods made anew, such as by `kubectl rollout restart`, or let Pullpass do it: `healing: { mode: evict }`',
  none: 'Do what the finding says, or have the pods made anew yourself, such as by `kubectl rollout restart`',
} as const;
