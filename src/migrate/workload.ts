/** A workload as a migration looks at it: its template's names, and who wrote them; of a tool, also what it is told. Pure. */
import type { V1Job, V1ObjectMeta, V1PodSpec, V1SecretKeySelector } from '@kubernetes/client-node';
import { dnsSubdomain } from '../config/kubernetes-names.ts';
import { objectOf } from './json.ts';
import type { SeenContainer, SeenVariable, SeenWorkload } from './observed.ts';
import { isToolImage } from './tool-workloads.ts';

export interface Templated {
  readonly metadata?: V1ObjectMeta;
  readonly spec?: {
    readonly template?: { readonly spec?: V1PodSpec };
    readonly jobTemplate?: { readonly spec?: { readonly template?: { readonly spec?: V1PodSpec } } };
  };
  readonly status?: V1Job['status'];
}

/** Nothing for a Job that has ended, or for what another object made: the template of that object counts. */
export function workloadOf(
  kind: SeenWorkload['kind'],
  { metadata = {}, spec = {}, status }: Templated,
): SeenWorkload[] {
  const hasEnded = status?.conditions?.some(
    ({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True',
  );
  if (hasEnded === true || metadata.ownerReferences?.some(({ controller }) => controller === true)) return [];
  const pod = spec.template?.spec ?? spec.jobTemplate?.spec?.template?.spec;
  if (pod === undefined) return [];
  const pullSecrets = (pod.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
  const isTool = pod.containers.some(({ image }) => isToolImage(image ?? ''));
  if (pullSecrets.length === 0 && !isTool) return [];
  return [
    {
      kind,
      namespace: metadata.namespace ?? '',
      name: metadata.name ?? '',
      serviceAccount: pod.serviceAccountName ?? 'default',
      pullSecrets,
      added: addedOf(metadata.managedFields, kind, pullSecrets),
      containers: isTool ? pod.containers.map((container) => containerOf(container, pod)) : [],
    },
  ];
}

/**
 * The API server records who wrote a field before admission: what a webhook or a policy adds belongs to nobody, and stays so when
 * the object is applied or patched again.
 */
function addedOf(managed: V1ObjectMeta['managedFields'], kind: string, names: readonly string[]): string[] | undefined {
  if (managed === undefined || managed.length === 0) return undefined;
  const path = [
    ...(kind === 'CronJob' ? ['f:spec', 'f:jobTemplate'] : []),
    'f:spec',
    'f:template',
    'f:spec',
    'f:imagePullSecrets',
  ];
  const lists = managed.flatMap(({ fieldsV1 }) => {
    let at: unknown = fieldsV1;
    for (const step of path) at = objectOf(at)[step];
    return at === undefined ? [] : [objectOf(at)];
  });
  // Without keys, the list belongs to its writer as a whole.
  if (lists.some((list) => Object.keys(list).every((key) => key === '.'))) return [];
  return names.filter((name) => !lists.some((list) => `k:${JSON.stringify({ name })}` in list));
}

function containerOf(
  { image = '', args = [], command = [], env = [], envFrom = [], volumeMounts = [] }: V1PodSpec['containers'][number],
  { volumes = [] }: V1PodSpec,
): SeenContainer {
  return {
    image,
    // The first word of `command` is the program.
    args: [...command.slice(1), ...args],
    env: env.map(({ name, value, valueFrom }) => ({
      name,
      value: valueFrom === undefined ? (value ?? '') : undefined,
      secret: keyRef(valueFrom?.secretKeyRef),
    })),
    envFrom: envFrom.length > 0,
    mounts: volumeMounts.flatMap(({ name, mountPath, subPath }) => {
      const volume = volumes.find((each) => each.name === name);
      const secret =
        volume?.secret?.secretName ?? volume?.projected?.sources?.flatMap((source) => source.secret?.name ?? [])[0];
      const items = volume?.secret?.items;
      // A renamed key: its path in the volume is not its name.
      const renamed = items?.length === 1 ? items[0]?.key : undefined;
      return isSecretName(secret)
        ? [{ path: mountPath, secret, key: renamed ?? subPath, isFile: subPath !== undefined }]
        : [];
    }),
  };
}

/** In a pod template the API server takes any text for it, and a plan puts it into a command: `--server=...` is the name of no Secret. */
const isSecretName = (name: string | undefined): name is string => dnsSubdomain.safeParse(name).success;

const keyRef = (ref: V1SecretKeySelector | undefined): SeenVariable['secret'] =>
  ref !== undefined && isSecretName(ref.name) ? { name: ref.name, key: ref.key } : undefined;
