/** Whether a Job stands an eviction, by the rules of the Job controller of Kubernetes 1.36. */
import type { V1Job, V1JobSpec, V1JobStatus, V1PodFailurePolicyRule } from '@kubernetes/client-node';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { whyJobForbids } from '../../src/plan/job.ts';

const POD = { conditions: [{ type: 'PodScheduled', status: 'True' }], indexFailures: 0 };
const job = (spec: Partial<V1JobSpec> = {}, status: V1JobStatus = {}): V1Job => ({
  spec: { template: {}, ...spec },
  status,
});
const rules = (...list: V1PodFailurePolicyRule[]): Partial<V1JobSpec> => ({ podFailurePolicy: { rules: list } });
const on = (action: string, type: string, status = 'True'): V1PodFailurePolicyRule => ({
  action,
  onPodConditions: [{ type, status }],
});
const exits = (action: string, operator: string, ...values: number[]): V1PodFailurePolicyRule => ({
  action,
  onExitCodes: { operator, values },
});
const ignore = on('Ignore', 'DisruptionTarget');

test.each<[string, V1Job]>([
  ['the default, without a failure so far', job()],
  ['four failures of six', job({}, { failed: 4 })],
  ['failures that its podFailurePolicy ignores', job({ backoffLimit: 0, ...rules(ignore) })],
  [
    'an index whose failures are ignored',
    job({ backoffLimitPerIndex: 0, backoffLimit: 2 ** 31 - 1, ...rules(ignore) }),
  ],
  ['an index that had one of three', job({ backoffLimitPerIndex: 3 })],
  ['a rule on other exit codes before', job({ backoffLimit: 0, ...rules(exits('FailJob', 'In', 1, 42), ignore) })],
  ['a rule on all exit codes but this', job({ backoffLimit: 0, ...rules(exits('FailJob', 'NotIn', 137), ignore) })],
  [
    'a rule on a condition that the pod does not have',
    job({ backoffLimit: 0, ...rules(on('FailJob', 'ConfigIssue'), ignore) }),
  ],
  ['a rule on no disruption', job({ backoffLimit: 0, ...rules(on('FailJob', 'DisruptionTarget', 'False'), ignore) })],
  ['a suspension that is over', job({ suspend: false })],
  ['the controller of Kubernetes, named', job({ managedBy: 'kubernetes.io/job-controller' })],
  ['a condition that does not hold', job({}, { conditions: [{ type: 'Failed', status: 'False' }] })],
])('stands it: %s', (_, given) => {
  expect(whyJobForbids(given, POD)).toBeUndefined();
});

test.each<[string, string, V1Job]>([
  ['backoffLimit', 'no failure is allowed', job({ backoffLimit: 0 })],
  ['backoffLimit', 'the eviction would be the last one', job({ backoffLimit: 1 })],
  ['had 5 of the 6', 'five of six', job({}, { failed: 5 })],
  [
    'had 5 of the 6',
    'four and one not counted yet',
    job({}, { failed: 4, uncountedTerminatedPods: { failed: ['u'] } }),
  ],
  ['had 5 of the 6', 'four and one that ends', job({}, { failed: 4, terminating: 1 })],
  ['backoffLimitPerIndex', 'the index has none to spare', job({ backoffLimitPerIndex: 1 })],
  ['may fail', 'a disruption fails it', job(rules(on('FailJob', 'DisruptionTarget')))],
  ['may fail', 'a disruption fails the index', job(rules(on('FailIndex', 'DisruptionTarget')))],
  ['may fail', 'the exit code of a pod that is ended fails it', job(rules(exits('FailJob', 'In', 137), ignore))],
  ['may fail', 'any exit code fails it', job(rules(exits('FailJob', 'NotIn', 0), ignore))],
  ['may fail', 'what kubelets change fails it', job(rules(on('FailJob', 'Ready', 'False'), ignore))],
  ['may fail', 'what the pod has fails it', job(rules(on('FailJob', 'PodScheduled'), ignore))],
  ['backoffLimit', 'it may be counted before', job({ backoffLimit: 0, ...rules(exits('Count', 'In', 137), ignore) })],
  [
    'backoffLimit',
    'the ignored rule may not be the one',
    job({ backoffLimit: 0, ...rules(exits('Ignore', 'In', 137)) }),
  ],
  ['suspended', 'it is suspended', job({ suspend: true })],
  ['has ended', 'it is complete', job({}, { conditions: [{ type: 'Complete', status: 'True' }] })],
  ['has ended', 'it is about to fail', job({}, { conditions: [{ type: 'FailureTarget', status: 'True' }] })],
  ['managedBy', 'another controller has it', job({ managedBy: 'kueue.x-k8s.io/multikueue' })],
])('does not stand it (%s): %s', (why, _, given) => {
  expect(whyJobForbids(given, POD)).toContain(why);
});

describe('whatever the Job is', () => {
  const rule = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('Ignore', 'Count', 'FailJob', 'FailIndex'),
        fc.constantFrom('In', 'NotIn'),
        fc.array(fc.constantFrom(1, 137)),
      )
      .map(([action, operator, values]) => exits(action, operator, ...values)),
    fc
      .tuple(
        fc.constantFrom('Ignore', 'Count', 'FailJob', 'FailIndex'),
        fc.constantFrom('DisruptionTarget', 'Ready', 'Odd', 'PodScheduled'),
        fc.constantFrom('True', 'False'),
      )
      .map(([action, type, status]) => on(action, type, status)),
  );
  const spec = fc.record({
    backoffLimit: fc.integer({ min: 0, max: 3 }),
    podFailurePolicy: fc.array(rule, { maxLength: 4 }).map((list) => ({ rules: list })),
  });

  /** What the Job controller makes of the pod: the first rule that matches, as its source has it. */
  function outcome(
    given: Partial<V1JobSpec>,
    failed: number,
    exitCode: number | undefined,
    ready: string,
  ): 'lives' | 'ends' {
    const has = [...POD.conditions, { type: 'DisruptionTarget', status: 'True' }, { type: 'Ready', status: ready }];
    for (const { action, onExitCodes, onPodConditions = [] } of given.podFailurePolicy?.rules ?? []) {
      const matches =
        onExitCodes === undefined
          ? onPodConditions.some(({ type, status }) => has.some((each) => each.type === type && each.status === status))
          : exitCode !== undefined && onExitCodes.values.includes(exitCode) === (onExitCodes.operator === 'In');
      if (!matches) continue;
      if (action === 'Ignore') return 'lives';
      if (action !== 'Count') return 'ends';
      break;
    }
    return failed + 1 > (given.backoffLimit ?? 6) ? 'ends' : 'lives';
  }

  test('it lives after an eviction that is allowed, whatever the kubelet says of the pod', () => {
    fc.assert(
      fc.property(
        spec,
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom(undefined, 137),
        fc.constantFrom('True', 'False'),
        (given, failed, code, ready) => {
          if (whyJobForbids(job(given, { failed }), POD) !== undefined) return;
          expect(outcome(given, failed, code, ready)).toBe('lives');
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
