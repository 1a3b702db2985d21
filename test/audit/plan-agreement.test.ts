/** Audit and controller share the plan: whatever the controller would change is a finding, and where it would change nothing there is none. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planNamespace } from '../../src/plan/namespace.ts';
import { account, copy, namespace } from '../plan/observations.ts';
import { auditedSource, findingsOf, goodScope, observation } from './observations.ts';

const MENDED_BY_CONTROLLER = new Set(['PP001', 'PP002', 'PP004', 'PP005', 'PP010']);

const clusters = fc.record({
  sync: fc.constantFrom('enabled', 'disabled', undefined, 'nonsense'),
  accounts: fc.constantFrom(undefined, '*', 'ci', '!default'),
  copyState: fc.constantFrom('none', 'good', 'old', 'foreign', 'wrong type'),
  pullSecrets: fc.constantFrom(undefined, [], ['regcred'], ['own', 'regcred'], ['own']),
  added: fc.constantFrom(undefined, 'regcred'),
  retained: fc.boolean(),
});

test('a namespace has such a finding if and only if the plan changes a copy or a reference', () => {
  fc.assert(
    fc.property(clusters, ({ sync, accounts, copyState, pullSecrets, added, retained }) => {
      const source = auditedSource();
      const observed = {
        ...source.observed,
        config: { ...source.config, onOptOut: retained ? ('retain' as const) : ('remove' as const) },
      };
      const copies =
        copyState === 'none'
          ? []
          : [
              copy(
                {
                  good: {},
                  old: { digest: 'old' },
                  foreign: { ours: false, digest: 'x' },
                  'wrong type': { type: 'Opaque' },
                }[copyState],
              ),
            ];
      const audited = observation({
        sources: [{ ...source, config: observed.config, observed }],
        scopes: [
          goodScope({
            namespace: namespace({ sync, serviceAccounts: accounts }),
            serviceAccounts: [account({ pullSecrets, added, annotated: added !== undefined }), account({ name: 'ci' })],
            copies,
          }),
        ],
        workloads: [],
      });
      const plan = planNamespace(audited.scopes[0] ?? expect.fail('no scope'));
      const changes =
        [...plan.writeCopies, ...plan.deleteCopies].length +
        plan.editReferences.filter(({ edit }) => edit.add.length + edit.remove.length > 0).length;
      const found = findingsOf(audited).filter(({ rule }) => MENDED_BY_CONTROLLER.has(rule));
      expect(found.length > 0).toBe(changes > 0);
    }),
    { numRuns: 400 },
  );
});
