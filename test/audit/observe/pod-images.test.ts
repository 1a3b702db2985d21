/** Pods become workloads: alike ones are counted, not kept. */
import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { createPodTally, projectPod } from '../../../src/audit/observe/pod-images.ts';

function pod(
  name: string,
  parts: {
    owner?: { kind: string; name: string };
    hash?: string;
    status?: V1Pod['status'];
    spec?: Partial<V1Pod['spec']>;
    metadata?: V1Pod['metadata'];
  } = {},
): V1Pod {
  const { owner, hash, status, spec, metadata } = parts;
  return {
    metadata: {
      namespace: 'team-a',
      name,
      ...(hash !== undefined && { labels: { 'pod-template-hash': hash } }),
      ...(owner && { ownerReferences: [{ ...owner, apiVersion: 'v1', uid: 'u', controller: true }] }),
      ...metadata,
    },
    spec: {
      containers: [{ name: 'app', image: 'nginx:1.27' }],
      serviceAccountName: 'default',
      imagePullSecrets: [{ name: 'regcred' }],
      ...spec,
    },
    ...(status && { status }),
  };
}

const waiting = (reason: string, message?: string) => ({
  name: 'app',
  image: 'nginx:1.27',
  imageID: '',
  ready: false,
  restartCount: 0,
  state: { waiting: { reason, ...(message !== undefined && { message }) } },
});

describe('owners', () => {
  test('of a ReplicaSet with its template hash are the Deployment', () => {
    expect(projectPod(pod('web-7d4-x', { owner: { kind: 'ReplicaSet', name: 'web-7d4' }, hash: '7d4' })).owner).toEqual(
      { kind: 'Deployment', name: 'web' },
    );
  });
  test('of a bare ReplicaSet are the ReplicaSet', () => {
    expect(projectPod(pod('web-x', { owner: { kind: 'ReplicaSet', name: 'web' } })).owner).toEqual({
      kind: 'ReplicaSet',
      name: 'web',
    });
  });
  test('of a scheduled Job are the CronJob, of another Job the Job', () => {
    expect(projectPod(pod('a', { owner: { kind: 'Job', name: 'backup-29345670' } })).owner).toEqual({
      kind: 'CronJob',
      name: 'backup',
    });
    expect(projectPod(pod('a', { owner: { kind: 'Job', name: 'seed' } })).owner).toEqual({ kind: 'Job', name: 'seed' });
  });
  test('of a static pod are nobody', () => {
    expect(projectPod(pod('etcd-node', { owner: { kind: 'Node', name: 'node' } }))).toMatchObject({
      owner: { kind: 'Pod', name: 'etcd-node' },
      isStatic: true,
    });
  });
});

describe('tally', () => {
  test('alike pods are one workload with a count', () => {
    const tally = createPodTally();
    for (let i = 0; i < 1000; i++)
      tally.add(pod(`web-7d4-${i}`, { owner: { kind: 'ReplicaSet', name: 'web-7d4' }, hash: '7d4' }));
    expect(tally.workloads()).toHaveLength(1);
    expect(tally.workloads()[0]).toMatchObject({ pods: 1000, owner: { kind: 'Deployment', name: 'web' } });
  });
  test('pods that fail are apart from those that do not, and the most telling message stays', () => {
    const tally = createPodTally();
    const owner = { kind: 'StatefulSet', name: 'db' };
    tally.add(pod('db-0', { owner }));
    tally.add(
      pod('db-1', {
        owner,
        status: { containerStatuses: [waiting('ImagePullBackOff', 'Back-off pulling image "nginx:1.27"')] },
      }),
    );
    tally.add(pod('db-2', { owner, status: { containerStatuses: [waiting('ErrImagePull', '401 Unauthorized')] } }));
    expect(tally.workloads().map(({ pods, failures }) => [pods, failures.map(({ message }) => message)])).toEqual([
      [1, []],
      [2, ['401 Unauthorized']],
    ]);
  });
  test('pods that are over or about to go do not count', () => {
    const tally = createPodTally();
    tally.add(pod('a', { status: { phase: 'Succeeded' } }));
    tally.add(pod('b', { status: { phase: 'Failed' } }));
    tally.add(pod('c', { metadata: { namespace: 'team-a', name: 'c', deletionTimestamp: new Date() } }));
    expect(tally.pods).toBe(0);
  });
  test('images of init and ephemeral containers count, and their failures are told apart', () => {
    const workload = projectPod(
      pod('a', {
        spec: {
          initContainers: [{ name: 'init', image: 'busybox' }],
          ephemeralContainers: [{ name: 'debug', image: 'alpine' }],
        },
        status: {
          initContainerStatuses: [{ ...waiting('ErrImagePull'), name: 'init' }],
          ephemeralContainerStatuses: [{ ...waiting('InvalidImageName'), name: 'debug' }],
          containerStatuses: [waiting('PodInitializing')],
        },
      }),
    );
    expect(workload.images).toEqual(['busybox', 'nginx:1.27', 'alpine']);
    expect(workload.failures.map(({ image, containerKind, reason }) => [image, containerKind, reason])).toEqual([
      ['busybox', 'init container', 'ErrImagePull'],
      ['alpine', 'ephemeral container', 'InvalidImageName'],
    ]);
  });
  test('what registries say is kept without logins, queries and line breaks, and bounded', () => {
    const said = `GET https://robot:hunter2@registry.corp/v2/?X-Signature=abc\nAuthorization: Bearer abcdefghijklmnop\u202e${'x'.repeat(5000)}`;
    const [failure] = projectPod(pod('a', { status: { containerStatuses: [waiting('ErrImagePull', said)] } })).failures;
    expect(failure?.message).toMatch(
      /^GET https:\/\/\*\*\*@registry\.corp\/v2\/\?\.\.\. Authorization: Bearer \*\*\* x+\.\.\.$/,
    );
    expect(failure?.message.length).toBeLessThan(410);
  });
});

test('of a pod as large as it gets little is kept', () => {
  const containers = Array.from({ length: 2_000 }, (_, i) => ({
    name: `c${i}`,
    image: `registry.corp/${i}${'x'.repeat(300)}`,
  }));
  const waiting = containers.map(({ name, image }) => ({
    name,
    image,
    ready: false,
    restartCount: 0,
    imageID: '',
    state: { waiting: { reason: 'ErrImagePull', message: 'x'.repeat(100_000) } },
  }));
  const workload = projectPod({
    metadata: {
      name: 'p',
      ownerReferences: [{ apiVersion: 'v1', kind: 'x'.repeat(10_000), name: 'y'.repeat(10_000), uid: '' }],
    },
    spec: {
      containers: [{ name: 'first', image: 'z'.repeat(100_000) }, ...containers],
      imagePullSecrets: Array.from({ length: 10_000 }, (_, i) => ({ name: `s${i}` })),
    },
    status: { containerStatuses: waiting },
  });
  expect(JSON.stringify(workload).length).toBeLessThan(32 * 1024);
  expect(workload.images.length).toBeGreaterThan(10);
  expect(workload.failures).toHaveLength(8);
});
