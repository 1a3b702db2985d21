/** Rules on annotations of tenants that have no effect, from the problems in the controller's plans. */
import { ANNOTATION_SOURCES, ANNOTATION_SYNC } from '../../names.ts';
import { deniedBy, orLabel } from '../../plan/problem.ts';
import { hitOf, problemsOf } from './problems.ts';
import type { Hit, Rule } from './rule.ts';
import { some, quote } from '../../text.ts';

export const optInDenied: Rule = {
  id: 'PP007',
  name: 'opt-in-denied',
  category: 'Copies and references',
  severity: 'warning',
  title: 'A namespace opted in where the guard says no',
  cause:
    "The namespace carries pullpass.dev/sync: enabled, but the source's guard (sources[].namespaces) does not admit it, so it gets no copy.",
  remedy:
    'Allow the namespace in the configuration (sources[].namespaces), or remove the annotation from the namespace.',
  check: (facts) =>
    problemsOf(facts)
      .filter((problem) => problem.reason === 'OptInDenied')
      .map(({ object: { kind, name }, sources, labels }): Hit => ({
        object: { kind, name },
        about: '',
        // Not the text of the Event: the platform team reads audits, tenants read Events.
        message: `Namespace "${name}" ${deniedBy(sources)}.`,
        remedy:
          `Allow the namespace in the configuration (sources[].namespaces)${orLabel({ labels })}; or remove the annotation: ` +
          `\`kubectl annotate namespace ${name} ${ANNOTATION_SYNC}-\``,
      })),
};

export const badAnnotation: Rule = {
  id: 'PP008',
  name: 'bad-annotation',
  category: 'Copies and references',
  severity: 'warning',
  title: 'An annotation has a value that means nothing',
  cause: 'A pullpass.dev annotation has a value that Pullpass does not know; it is treated as if it were not there.',
  remedy:
    'Correct the annotation: pullpass.dev/sync takes "enabled" or "disabled"; pullpass.dev/service-accounts takes names with "*" and "?", separated by commas.',
  check: (facts) =>
    problemsOf(facts)
      .filter((problem) => problem.reason === 'InvalidAnnotation')
      .map((problem): Hit => ({ ...hitOf(problem), about: problem.annotation ?? '' })),
};

export const unknownSource: Rule = {
  id: 'PP009',
  name: 'unknown-source',
  category: 'Copies and references',
  severity: 'warning',
  title: 'A namespace names a source that does not exist',
  cause:
    'pullpass.dev/sources names a source that the configuration does not have: a typing error, or the source was renamed or dropped.',
  remedy: 'Correct the annotation pullpass.dev/sources, or add the source to the configuration.',
  check: (facts) => {
    if (!facts.configured) return [];
    const known = some(facts.sources.map(({ config }) => quote(config.name)));
    return problemsOf(facts)
      .filter(({ reason }) => reason === 'UnknownSource')
      .map(hitOf)
      .map((hit): Hit => ({ ...hit, about: ANNOTATION_SOURCES, message: `${hit.message} It has ${known}.` }));
  },
};
