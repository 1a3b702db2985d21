/** What is kept of pods that wait. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPendingPods, projectPendingPod } from '../../src/observe/pending-pods.ts';

type Given = Parameters<typeof projectPendingPod>[0];
const IMAGE = 'registry.example.com/app:1';
const UNAUTHORIZED = `failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": failed to authorize: 401 Unauthorized`;
const status = (parts: object = {}) => ({
  name: 'main',
  image: IMAGE,
  imageID: '',
  ready: false,
  restartCount: 0,
  ...parts,
});
const waits = (reason: string, message = '') => status({ state: { waiting: { reason, message } } });

function given(parts: { metadata?: object; spec?: object; status?: object } = {}): Given {
  return {
    metadata: {
      ...{ namespace: 'team-a', name: 'web-1', uid: 'p1', resourceVersion: '7' },
      creationTimestamp: '2026-03-01T12:00:00Z',
      ownerReferences: [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'x' },
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'o1', controller: true },
      ],
      ...parts.metadata,
    },
    spec: { containers: [{ name: 'main', image: IMAGE }], serviceAccountName: 'default', ...parts.spec },
    status: { phase: 'Pending', containerStatuses: [waits('ErrImagePull', UNAUTHORIZED)], ...parts.status },
  };
}

test('of a pod that fails to pull for want of a login: who makes it anew, what it has, what it wants', () => {
  expect(projectPendingPod(given({ spec: { imagePullSecrets: [{ name: 'other' }] } })).stuck).toEqual({
    ...{ namespace: 'team-a', name: 'web-1', uid: 'p1', resourceVersion: '7' },
    createdAt: Date.parse('2026-03-01T12:00:00Z'),
    owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'o1' },
    serviceAccount: 'default',
    pullSecrets: ['other'],
    images: [IMAGE],
  });
});

describe('nothing but its name is kept of a pod', () => {
  test.each<[string, Parameters<typeof given>[0]]>([
    ['whose image is not found', { status: { containerStatuses: [waits('ErrImagePull', `${IMAGE}: not found`)] } }],
    [
      'whose registry has no address',
      { status: { containerStatuses: [waits('ErrImagePull', 'dial tcp: no such host')] } },
    ],
    [
      'whose image is asked for too often',
      { status: { containerStatuses: [waits('ErrImagePull', '429 Too Many Requests')] } },
    ],
    ['that waits for something else', { status: { containerStatuses: [waits('ContainerCreating')] } }],
    [
      'that a node made',
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'n', controller: true }] } },
    ],
    ['that mirrors a static one', { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }],
    ['that is being deleted', { metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } }],
    ['that runs', { status: { phase: 'Running' } }],
    [
      'of which a container ran before',
      { status: { containerStatuses: [{ ...waits('ErrImagePull', UNAUTHORIZED), restartCount: 1 }] } },
    ],
    [
      'of which an init container ran',
      { status: { initContainerStatuses: [status({ name: 'init', state: { terminated: { exitCode: 0 } } })] } },
    ],
    [
      'of which an ephemeral container runs',
      { status: { ephemeralContainerStatuses: [status({ name: 'debug', state: { running: {} } })] } },
    ],
    [
      'of which an ephemeral container alone cannot be pulled',
      {
        status: {
          containerStatuses: [waits('ContainerCreating')],
          ephemeralContainerStatuses: [{ ...waits('ErrImagePull', UNAUTHORIZED), name: 'debug' }],
        },
      },
    ],
    [
      'with more pull secrets than are kept',
      { spec: { imagePullSecrets: Array.from({ length: 999 }, (_, i) => ({ name: `s${i}`.repeat(9) })) } },
    ],
  ])('%s', (_, parts) => {
    expect(projectPendingPod(given(parts))).not.toHaveProperty('stuck');
  });
});

test('init containers count; an owner that is no controller does not', () => {
  const { stuck } = projectPendingPod(
    given({
      metadata: { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'o1' }] },
      spec: { initContainers: [{ name: 'init', image: 'registry.example.com/init' }] },
      status: {
        containerStatuses: [waits('PodInitializing')],
        initContainerStatuses: [{ ...waits('ImagePullBackOff', UNAUTHORIZED), name: 'init' }],
      },
    }),
  );
  expect([stuck?.images, stuck?.owner]).toEqual([['registry.example.com/init'], undefined]);
});

test('between two tries older kubelets do not say why: what the try before said stands, for the same pod and image', () => {
  const before = projectPendingPod(given());
  const vague = { status: { containerStatuses: [waits('ImagePullBackOff', `Back-off pulling image "${IMAGE}"`)] } };
  expect(projectPendingPod(given(vague), before).stuck?.images).toEqual([IMAGE]);
  expect(projectPendingPod(given(vague))).not.toHaveProperty('stuck');
  expect(projectPendingPod(given({ ...vague, metadata: { uid: 'p2' } }), before)).not.toHaveProperty('stuck');
  const found = { status: { containerStatuses: [waits('ErrImagePull', `${IMAGE}: not found`)] } };
  expect(projectPendingPod(given(found), before)).not.toHaveProperty('stuck');
});

test('a pod keeps little, whatever its tenant writes', () => {
  const long = fc.string({ maxLength: 40 }).map((text) => text.repeat(2_000));
  fc.assert(
    fc.property(fc.array(long, { maxLength: 30 }), (texts) => {
      const kept = projectPendingPod(
        given({
          metadata: {
            ownerReferences: [
              { apiVersion: texts[0] ?? '', kind: 'Job', name: texts[1] ?? '', uid: texts[2] ?? '', controller: true },
            ],
            annotations: { 'batch.kubernetes.io/job-index-failure-count': texts[3] ?? '1' },
          },
          spec: {
            containers: texts.map((image, i) => ({ name: `c${i}`, image })),
            imagePullSecrets: texts.slice(0, 2).map((name) => ({ name })),
          },
          status: {
            conditions: texts.flatMap((type) => [
              { type, status: type },
              { type, status: type },
            ]),
            containerStatuses: texts.map((_, i) => ({ ...waits('ErrImagePull', UNAUTHORIZED), name: `c${i}` })),
          },
        }),
      );
      expect(JSON.stringify(kept).length).toBeLessThan(100_000);
    }),
    { numRuns: 50 },
  );
});

test('without a source that heals nothing is watched, and nothing is kept', () => {
  const pods = createPendingPods();
  pods.store.put({ namespace: 'a', name: 'b', uid: 'u', resourceVersion: '1', createdAt: 1 });
  expect(pods.feeds({ sources: [] })).toEqual([]);
  expect(pods.store.size).toBe(0);
  const listed = createPendingPods(['a', 'b']);
  const healing = { sources: [{ healing: { mode: 'evict' } }] } as unknown as Parameters<typeof listed.feeds>[0];
  expect(listed.feeds(healing).map(({ selector }) => [selector.path, selector.fieldSelector])).toEqual([
    ['/api/v1/namespaces/a/pods', 'status.phase=Pending'],
    ['/api/v1/namespaces/b/pods', 'status.phase=Pending'],
  ]);
});
