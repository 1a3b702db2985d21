/** A rolled workload counts only once no pod with the login before is left. */
import { describe, expect, test } from 'vitest';
import { rolling } from '../../src/proxies/workload.ts';
import type { RollingWorkload } from '../../src/proxies/workload.ts';

const workload = (status: RollingWorkload['status'], replicas?: number): RollingWorkload => ({
  metadata: { name: 'cache', generation: 3 },
  spec: replicas === undefined ? {} : { replicas },
  ...(status && { status }),
});

describe('a workload', () => {
  test.each([
    [
      'whose controller has not seen the change',
      workload({ observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1 }),
      'the roll has not begun yet',
    ],
    ['without any status', workload(undefined), 'the roll has not begun yet'],
    [
      'whose new pods are not all there',
      workload({ observedGeneration: 3, replicas: 2, updatedReplicas: 1, readyReplicas: 2 }, 2),
      '1 of 2 pods were rolled',
    ],
    [
      'that still has an old pod',
      workload({ observedGeneration: 3, replicas: 2, updatedReplicas: 1, readyReplicas: 2 }),
      '1 pods with the login before are still there',
    ],
    [
      'whose new pod is not ready',
      workload({ observedGeneration: 3, replicas: 1, updatedReplicas: 1 }),
      '0 of 1 pods are ready',
    ],
    [
      'that is a DaemonSet with a node to go',
      workload({ observedGeneration: 3, desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberReady: 3 }),
      '2 of 3 pods were rolled',
    ],
  ])('%s is still rolling', (_, object, why) => expect(rolling(object)).toBe(why));

  test.each([
    ['a Deployment', workload({ observedGeneration: 3, replicas: 1, updatedReplicas: 1, readyReplicas: 1 })],
    ['scaled to nothing', workload({ observedGeneration: 3 }, 0)],
    [
      'a DaemonSet',
      workload({ observedGeneration: 4, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 3 }),
    ],
  ])('%s that runs with the new login is done', (_, object) => expect(rolling(object)).toBeUndefined());
});
