/** Rules on what stops writes of the controller: its brake, and a pause. */
import { confirmingLine } from '../../config/confirmation.ts';
import { describeHeld } from '../../plan/removals.ts';
import type { Hit, Rule } from './rule.ts';
import { capital } from '../../text.ts';

const CONFIGURATION = { kind: 'Configuration', name: 'pullpass' };

export const removalHeld: Rule = {
  id: 'PP092',
  name: 'removal-held',
  category: 'Controller',
  severity: 'warning',
  title: 'The configuration would remove too much at once, and is held',
  cause:
    'As it is, the configuration takes copies or references away from more than 10 and more than 5 % of ' +
    'the namespaces: often a guard that admits too few, or a source that was dropped. A controller that ' +
    'starts with it or reloads it removes nothing; what stays is not updated any more.',
  remedy:
    'Correct the configuration. If the removal is meant: `pullpass plan --config FILE` prints the line ' +
    'that confirms it, bound to this very configuration; add it.',
  check: ({ held }): Hit[] =>
    held === undefined
      ? []
      : [
          {
            object: CONFIGURATION,
            message: `${capital(describeHeld(held))}.`,
            remedy: `Correct the configuration. If the removal is meant, add this line to it: \`${confirmingLine(held.confirm)}\``,
          },
        ],
};

export const paused: Rule = {
  id: 'PP093',
  name: 'paused',
  category: 'Controller',
  severity: 'warning',
  title: 'The controller is paused',
  cause:
    'The configuration says `paused: true`: no copy, reference or cache proxy is written and no login is ' +
    'tried. Rotations do not arrive, and who opts in gets nothing.',
  remedy: 'Take `paused: true` out of the configuration when the reason for it is gone.',
  check: ({ paused: is = false }): Hit[] =>
    is
      ? [
          {
            object: CONFIGURATION,
            message: 'The configuration says paused: true: nothing is written, and no rotation arrives.',
          },
        ]
      : [],
};
