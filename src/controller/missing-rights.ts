/** Asks the API server which rights that the configuration needs are missing, and logs each. */
import type { V1SelfSubjectAccessReview } from '@kubernetes/client-node';
import type { Configuration } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import type { Log } from '../log.ts';
import { accessChecks, allRights } from '../plan/rights.ts';
import type { RightsOptions } from '../plan/rights.ts';
import type { Metrics } from '../server/metrics.ts';

/** One line per missing right. Throws if the API server cannot be asked. */
export async function missingRights(
  client: KubeClient,
  configuration: Configuration,
  namespace: string,
  signal: AbortSignal,
  options: Omit<RightsOptions, 'namespace'> = {},
): Promise<string[]> {
  const flags = options.namespaces === undefined ? '' : ' --namespaces';
  const checks = accessChecks(allRights(configuration, { namespace, ...options }), flags);
  const missing = await deniedOf(client, checks, { signal });
  const bare = (options.namespaces ?? []).filter(
    (name) => !checks.some((check) => check.namespace === name && !missing.includes(check)),
  );
  return [
    ...bare.map(
      (name) =>
        `namespace "${name}": it is listed, and there is no right in it: it does not exist, or the output of ` +
        `\`pullpass rbac${flags}\` was not applied since it was made`,
    ),
    ...missing.filter((check) => !bare.includes(check.namespace ?? '')).map(({ description }) => description),
  ];
}

interface AskOptions {
  readonly signal?: AbortSignal;
  /** Whose rights; absent: our own. To ask for others needs a right. */
  readonly as?: { readonly user: string; readonly groups: readonly string[] };
}

/** Those that the API server does not allow. */
export async function deniedOf(
  client: KubeClient,
  checks: ReturnType<typeof accessChecks>,
  { signal, as }: AskOptions,
): Promise<ReturnType<typeof accessChecks>> {
  const answers = await Promise.all(
    checks.map(({ verb, group, resource: of, namespace, name }) => {
      const [resource, subresource] = of.split('/');
      return client.create<V1SelfSubjectAccessReview>(
        as === undefined ? paths.selfSubjectAccessReviews() : paths.subjectAccessReviews(),
        {
          apiVersion: 'authorization.k8s.io/v1',
          kind: as === undefined ? 'SelfSubjectAccessReview' : 'SubjectAccessReview',
          spec: {
            ...as,
            resourceAttributes: {
              verb,
              group,
              resource,
              ...(subresource !== undefined && { subresource }),
              ...(namespace !== undefined && { namespace }),
              ...(name !== undefined && { name }),
            },
          },
        },
        { signal },
      );
    }),
  );
  return checks.filter((_, i) => answers[i]?.status?.allowed !== true);
}

/** Logs which rights are missing, and when all are there again. */
interface RightsCheck {
  check(configuration: Configuration): Promise<void>;
  /** Whether the last check found a missing right, or failed. */
  missing(): boolean;
}

interface RightsCheckOptions extends RightsOptions {
  client: KubeClient;
  log: Log;
  metrics: Pick<Metrics, 'missingRights'>;
  stop: AbortSignal;
}

export function createRightsCheck({ client, log, metrics, stop, ...controller }: RightsCheckOptions): RightsCheck {
  let areMissing = false;
  return {
    async check(configuration) {
      try {
        const missing = await missingRights(client, configuration, controller.namespace, stop, controller);
        metrics.missingRights.set(missing.length);
        for (const right of missing) log.error(right);
        if (areMissing && missing.length === 0) log.info('every right that the configuration needs is there now');
        areMissing = missing.length > 0;
      } catch (error) {
        if (!stop.aborted) log.warn(`cannot check our own rights: ${messageOf(error)}`);
        areMissing = true;
      }
    },
    missing: () => areMissing,
  };
}
