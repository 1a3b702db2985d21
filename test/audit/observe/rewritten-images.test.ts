/** Images that kube-image-keeper v1 rewrote, as its webhook does it. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { originalImage } from '../../../src/audit/observe/rewritten-images.ts';
import { createPodTally, projectPod } from '../../../src/audit/observe/pod-images.ts';

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

describe('the original of a rewritten image', () => {
  test.each([
    ['localhost:7439/nginx:1.27', 'nginx:1.27'],
    ['localhost:7439/quay.io/x/y:1', 'quay.io/x/y:1'],
    ['localhost:7439/registry.corp-5000/app:1', 'registry.corp:5000/app:1'],
    ['localhost:9000/docker.io/x', 'docker.io/x'],
  ])('%s is %s', (image, original) => {
    expect(originalImage(image, 'app', false, { 'original-image-app': original })).toBe(original);
    expect(originalImage(image, 'app', true, { 'original-init-image-app': original })).toBe(original);
  });

  test.each([
    ['was not rewritten', 'quay.io/x/y:1', 'quay.io/x/y:1'],
    ['is another one than the annotation says', 'localhost:7439/quay.io/x/y:2', 'quay.io/x/y:1'],
    ['is of a registry on the node', 'localhost:5000/app:1', undefined],
    ['has no name', 'localhost:7439/', ''],
  ])('is unknown if it %s', (_, image, annotated) => {
    const annotations = annotated === undefined ? {} : { 'original-image-app': annotated };
    expect(originalImage(image, 'app', false, annotations)).toBeUndefined();
  });

  test('of a container with a long name is under its SHA-1', () => {
    const image = 'localhost:7439/nginx';
    const [fits, long] = ['a'.repeat(48), 'a'.repeat(49)];
    expect(originalImage(image, fits, false, { [`original-image-${fits}`]: 'nginx' })).toBe('nginx');
    expect(originalImage(image, long, false, { [`original-image-${sha1(long)}`]: 'nginx' })).toBe('nginx');
    const init = 'a'.repeat(44);
    expect(originalImage(image, init, true, { [`original-init-image-${sha1(init)}`]: 'nginx' })).toBe('nginx');
  });

  test('is not taken from an annotation of a container of the other kind', () => {
    expect(originalImage('localhost:7439/nginx', 'app', true, { 'original-image-app': 'nginx' })).toBeUndefined();
  });
});

const POD = {
  metadata: {
    namespace: 'team-a',
    name: 'web',
    annotations: { 'original-image-app': 'quay.io/x/y:1', 'original-init-image-init': 'busybox' },
  },
  spec: {
    initContainers: [{ name: 'init', image: 'localhost:7439/busybox' }],
    containers: [
      { name: 'app', image: 'localhost:7439/quay.io/x/y:1' },
      { name: 'side', image: 'nginx' },
    ],
    ephemeralContainers: [{ name: 'app', image: 'localhost:7439/quay.io/x/y:1' }],
  },
  status: {
    containerStatuses: [
      {
        name: 'app',
        image: 'localhost:7439/quay.io/x/y:1',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: 'ErrImagePull' } },
      },
    ],
  },
};

test('a pod has its original images, those that were rewritten, and its failures under the original name', () => {
  const { images, rewritten, failures } = projectPod({ ...POD, spec: { ...POD.spec, ephemeralContainers: [] } });
  expect([images, rewritten, failures.map(({ image }) => image)]).toEqual([
    ['busybox', 'quay.io/x/y:1', 'nginx'],
    ['busybox', 'quay.io/x/y:1'],
    ['quay.io/x/y:1'],
  ]);
});

test('an ephemeral container is not rewritten: its image stays as it is', () => {
  expect(projectPod(POD).images).toContain('localhost:7439/quay.io/x/y:1');
});

test('pods that pull an image themselves are apart from those for which it is pulled', () => {
  const tally = createPodTally();
  tally.add({ ...POD, status: {}, spec: { containers: [{ name: 'app', image: 'localhost:7439/quay.io/x/y:1' }] } });
  tally.add({ ...POD, status: {}, spec: { containers: [{ name: 'app', image: 'quay.io/x/y:1' }] } });
  expect(tally.workloads().map(({ images, rewritten }) => [images, rewritten])).toEqual([
    [['quay.io/x/y:1'], ['quay.io/x/y:1']],
    [['quay.io/x/y:1'], undefined],
  ]);
});
