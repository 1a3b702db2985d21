/** Images that pods in a few namespaces cannot pull now: the sign at a canary that a login does not work. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';

/** The `waiting` reasons that kubelets give for a container whose image cannot be pulled. */
export const PULL_FAILURES: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'RegistryUnavailable',
  'ImageInspectError',
  'SignatureValidationFailed',
]);

/** Those that no login can cause. */
const NEVER_ASKED = ['ErrImageNeverPull', 'InvalidImageName'];

/**
 * One line per namespace and image; it stays the same while the image fails, whichever pods want it. `counts`: whether a failing
 * image concerns the login. Throws ApiError without the right to list pods.
 */
export async function failingPulls(
  client: KubeClient,
  namespaces: Iterable<string>,
  counts: (image: string) => boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const found = new Map<string, Set<string>>();
  for (const namespace of namespaces) {
    const images = new Set<string>();
    found.set(namespace, images);
    await listPages(
      client,
      { path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods` },
      {
        signal,
        each: (pod) =>
          failingImages(pod as unknown as V1Pod)
            .filter(counts)
            .forEach((image) => images.add(image)),
        restart: () => images.clear(),
      },
    );
  }
  return [...found].flatMap(([namespace, images]) =>
    [...images]
      .sort()
      .map((image) => `namespace ${namespace}: image ${JSON.stringify(image.slice(0, 200))} cannot be pulled`),
  );
}

function failingImages({ spec, status }: V1Pod): string[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = spec ?? {};
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const images = new Map(
    [...initContainers, ...containers, ...ephemeralContainers].map(({ name, image }) => [name, image]),
  );
  const failing = ({ state }: V1ContainerStatus): boolean => {
    const reason = state?.waiting?.reason ?? '';
    return PULL_FAILURES.has(reason) && !NEVER_ASKED.includes(reason);
  };
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses]
    .filter(failing)
    .map(({ name, image }) => images.get(name) ?? image);
}
