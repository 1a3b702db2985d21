/** What Pullpass wrote and another writer took back. It is told from one look: the object says what was written. */
import { recordOf } from '../../plan/service-account.ts';
import { UNDONE_DOCS, UNNAMED } from '../../plan/undone.ts';
import { agree, quoteList } from '../../text.ts';
import { copiesThatAre, howStale, secretIn } from './copies.ts';
import { CHECK_RUNNING } from './remedies.ts';
import type { Hit, Rule } from './rule.ts';

export const writeUndone: Rule = {
  id: 'PP014',
  name: 'write-undone',
  category: 'Copies and references',
  severity: 'error',
  title: 'Another writer undoes what Pullpass writes',
  cause:
    'The ServiceAccount has the record of a reference that its imagePullSecrets no longer have, or another field manager wrote the ' +
    'copy: a tool puts back what it has in Git or in a template. Pullpass writes it again, after a growing delay of up to 5 minutes, ' +
    'and pods that are made in between pull without the credential.',
  remedy:
    `Have the other tool leave imagePullSecrets and the copy alone: ${UNDONE_DOCS} says how, for Argo CD (ignoreDifferences), Flux, ` +
    `Helm and kubectl. If nobody else writes it any more: ${CHECK_RUNNING}`,
  check: (facts) => [
    ...facts.plans.flatMap((plan) =>
      plan.editReferences.flatMap(({ account, edit }): Hit[] => {
        const undone = edit.add.filter((name) => recordOf(account).has(name));
        if (undone.length === 0) return [];
        const object = { kind: 'ServiceAccount', namespace: plan.namespace, name: account.name };
        const message =
          `Pullpass added ${quoteList(undone)} to ServiceAccount "${account.name}" in ${plan.namespace}, and another writer took ` +
          `${agree(undone.length, 'it', 'them')} out of imagePullSecrets: ${account.undoneBy ?? UNNAMED}.`;
        return [{ object, message }];
      }),
    ),
    ...copiesThatAre(facts, 'stale').flatMap(({ plan, of, copy }): Hit[] =>
      copy?.undoneBy === undefined
        ? []
        : [
            {
              object: secretIn(plan, of.copyName),
              about: of.source,
              message: `Copy "${of.copyName}" in ${plan.namespace} ${howStale(copy, of.source)}: another writer wrote it, ${copy.undoneBy}.`,
            },
          ],
    ),
  ],
};
