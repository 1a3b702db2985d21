/** The configuration that a command works with: a file, or else the ConfigMap of the cluster's controller. */
import type { V1ConfigMap } from '@kubernetes/client-node';
import { loadConfiguration, readConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { CONFIG_KEY, CONFIG_NAME } from '../names.ts';
import type { Configured } from './options.ts';

type Where = Pick<Configured, 'config' | 'controllerNamespace'>;

/** Throws UserError, one line: why there is none and what to do; ConfigurationError if it has errors. */
export async function configurationFor(client: KubeClient, where: Where): Promise<Configuration> {
  const found = await findConfiguration(client, where);
  if (found !== undefined) return found;
  throw new UserError(
    `there is no ${nameIn(where.controllerNamespace)}, which holds the configuration of a controller: give --config FILE, ` +
      'or --controller-namespace NAME if the controller runs in another namespace',
  );
}

/** As {@link configurationFor}; undefined: the cluster has no such ConfigMap. One that may not be read is an error. */
export async function findConfiguration(
  client: KubeClient,
  { config, controllerNamespace }: Where,
): Promise<Configuration | undefined> {
  if (config !== undefined) return loadConfiguration(config);
  const what = nameIn(controllerNamespace);
  let data: V1ConfigMap['data'];
  try {
    ({ data } = await client.get<V1ConfigMap>(paths.configMaps(controllerNamespace, CONFIG_NAME)));
  } catch (cause) {
    if (isNotFound(cause)) return undefined;
    if (!isForbidden(cause)) throw cause;
    throw new UserError(
      `no right to get ${what}, the configuration of the controller: ask for that right, or give --config FILE`,
      { cause },
    );
  }
  const text = data?.[CONFIG_KEY];
  if (text === undefined)
    throw new UserError(`${what} has no key "${CONFIG_KEY}", where the configuration is: give --config FILE`);
  return readConfiguration(text, `configmap ${controllerNamespace}/${CONFIG_NAME}`);
}

export const nameIn = (namespace: string): string => `ConfigMap ${namespace}/${CONFIG_NAME}`;
