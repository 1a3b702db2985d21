/** Rule on whether the controller runs, from its Lease. */
import { LEASE_NAME } from '../../names.ts';
import type { Hit, Rule } from './rule.ts';
import { quote } from '../../text.ts';

/** In milliseconds. A holder renews every few seconds; a silence of this length is too long to be clock skew. */
const SILENCE_MS = 60_000;

export const controllerNotRunning: Rule = {
  id: 'PP091',
  name: 'controller-not-running',
  category: 'Controller',
  severity: 'error',
  title: 'The controller does not run',
  cause:
    'Nobody holds the Lease of the controller, or its holder has not renewed it for more than a minute: ' +
    'no copy is made, no rotation arrives, nothing is mended. (With `--no-leader-election` there is no ' +
    'Lease; one that is left from before is to be deleted.)',
  remedy:
    'Look at its pods and their log: `kubectl --namespace pullpass-system get pods`, `kubectl --namespace pullpass-system logs deployment/pullpass`',
  check: ({ lease, now }): Hit[] => {
    if (lease === undefined) return [];
    const { namespace, holder, renewedAt } = lease;
    const hit = (message: string): Hit[] => [{ object: { kind: 'Lease', namespace, name: LEASE_NAME }, message }];
    if (holder === '') return hit(`Nobody holds Lease "${LEASE_NAME}" in ${namespace}: no controller runs.`);
    if (renewedAt === undefined || now - renewedAt <= SILENCE_MS) return [];
    return hit(
      `${quote(holder)} holds Lease "${LEASE_NAME}" in ${namespace} and has not renewed it since ${new Date(renewedAt).toISOString()}: no controller runs.`,
    );
  },
};
