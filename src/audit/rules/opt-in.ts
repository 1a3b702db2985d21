/** What tenants wrote into annotations, and what the configuration makes of it: the controller's own judgement. */
import { ANNOTATION_SYNC } from '../../names.ts';
import type { EventReason } from '../../names.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import { some, quote } from '../../text.ts';

export const optInDenied: Rule = {
  id: 'PP007',
  name: 'opt-in-denied',
  severity: 'warning',
  title: 'A namespace opted in where the guard says no',
  cause:
    "The namespace carries pullpass.dev/sync: enabled, but the source's guard (sources[].namespaces) does not admit it, so it gets no copy.",
  remedy:
    'Allow the namespace in the configuration (sources[].namespaces), or remove the annotation from the namespace.',
  check: (facts) =>
    problems(facts, 'OptInDenied').map(({ object, ...hit }) => ({
      object,
      ...hit,
      remedy: `Allow the namespace in the configuration (sources[].namespaces), or remove the annotation: \`kubectl annotate namespace ${object.name} ${ANNOTATION_SYNC}-\``,
    })),
};

export const badAnnotation: Rule = {
  id: 'PP008',
  name: 'bad-annotation',
  severity: 'warning',
  title: 'An annotation has a value that means nothing',
  cause: 'A pullpass.dev annotation has a value that Pullpass does not know; it is treated as if it were not there.',
  remedy:
    'Correct the annotation: pullpass.dev/sync takes "enabled" or "disabled"; pullpass.dev/service-accounts takes names with "*" and "?", separated by commas.',
  check: (facts) => problems(facts, 'InvalidAnnotation'),
};

export const unknownSource: Rule = {
  id: 'PP009',
  name: 'unknown-source',
  severity: 'warning',
  title: 'A namespace names a source that does not exist',
  cause:
    'pullpass.dev/sources names a source that the configuration does not have: a typing error, or the source was renamed or dropped.',
  remedy: 'Correct the annotation pullpass.dev/sources, or add the source to the configuration.',
  check: (facts) =>
    !facts.configured
      ? []
      : problems(facts, 'UnknownSource').map(({ message, ...hit }) => ({
          ...hit,
          message: `${message} It has ${some(facts.sources.map(({ config }) => quote(config.name)))}.`,
        })),
};

function problems({ plans }: Facts, wanted: EventReason): Hit[] {
  return plans.flatMap((plan) =>
    plan.problems
      .filter(({ reason }) => reason === wanted)
      .map(({ object, note }): Hit => ({
        object: {
          kind: object.kind,
          name: object.name,
          ...(object.namespace !== undefined && { namespace: object.namespace }),
        },
        about: /^pullpass\.dev\/[a-z-]+/.exec(note)?.[0] ?? '',
        // Who reads an audit is the platform team.
        message: `${object.kind} "${object.name}"${object.kind === 'Namespace' ? '' : ` in ${plan.namespace}`}${note.replace(/^The namespace(?= opted in)|^/, (start) => (start === '' ? ': ' : '')).replace(/: ask the platform team .*$/, '.')}`,
      })),
  );
}
