/** Reads the pod templates of workloads: what pods that are made later will pull, and with which pull Secrets. */
import type { V1Job, V1ObjectMeta, V1PodSpec } from '@kubernetes/client-node';
import { isForbidden, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { listPages } from '../../kube/list.ts';
import { paths } from '../../kube/paths.ts';
import type { Template } from './observation.ts';
import { projectPod } from './pod-images.ts';

const KINDS = [
  { kind: 'Deployment', group: 'apps/v1', resource: 'deployments' },
  { kind: 'StatefulSet', group: 'apps/v1', resource: 'statefulsets' },
  { kind: 'DaemonSet', group: 'apps/v1', resource: 'daemonsets' },
  { kind: 'Job', group: 'batch/v1', resource: 'jobs' },
  { kind: 'CronJob', group: 'batch/v1', resource: 'cronjobs' },
] as const;

interface Templated {
  readonly metadata?: V1ObjectMeta;
  readonly spec?: {
    readonly template?: { readonly spec?: V1PodSpec };
    readonly jobTemplate?: { readonly spec?: { readonly template?: { readonly spec?: V1PodSpec } } };
  };
  readonly status?: V1Job['status'];
}

/** `refused`: kinds and namespaces that may not be listed, with the server's message. Throws ApiError for any error but a 403. */
export async function readTemplates({
  client,
  namespaces,
  signal,
}: {
  readonly client: KubeClient;
  /** undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}): Promise<{ readonly templates: readonly Template[]; readonly refused: readonly string[] }> {
  const templates: Template[] = [];
  const refused: string[] = [];
  for (const namespace of namespaces ?? [undefined])
    for (const { kind, group, resource } of KINDS) {
      let found: Template[] = [];
      try {
        await listPages(
          client,
          { path: paths.object(group, namespace, resource) },
          {
            ...(signal && { signal }),
            each: (object) => found.push(...templateOf(kind, object as unknown as Templated)),
            restart: () => (found = []),
          },
        );
        templates.push(...found);
      } catch (error) {
        // An API server without the kind has no such workloads.
        if (isNotFound(error)) continue;
        if (!isForbidden(error)) throw error;
        refused.push(`${kind}s${namespace === undefined ? '' : ` in ${namespace}`}: ${(error as Error).message}`);
      }
    }
  return { templates, refused };
}

/** Nothing for a Job that has ended, or that another object made: the template of that object counts. */
function templateOf(kind: string, { metadata = {}, spec = {}, status }: Templated): Template[] {
  const hasEnded = status?.conditions?.some(
    (condition) => (condition.type === 'Complete' || condition.type === 'Failed') && condition.status === 'True',
  );
  if (hasEnded === true || metadata.ownerReferences?.some(({ controller }) => controller === true)) return [];
  const pod = spec.template?.spec ?? spec.jobTemplate?.spec?.template?.spec;
  if (pod === undefined) return [];
  const { namespace, serviceAccount, pullSecrets, images } = projectPod({
    metadata: { namespace: metadata.namespace ?? '' },
    spec: pod,
  });
  return [{ namespace, owner: { kind, name: metadata.name ?? '' }, serviceAccount, pullSecrets, images }];
}
