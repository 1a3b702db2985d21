/** The configuration that a command works with: a file, or else the ConfigMap of the cluster's controller. */
import type { V1ConfigMap } from '@kubernetes/client-node';
import { loadConfiguration, readConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { CONFIG_KEY, CONFIG_NAME } from '../names.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import type { Configured } from './options.ts';

/** Reads a file before it connects: a wrong path needs no cluster to be found. */
export async function withConfiguration<T>(
  env: Environment,
  flags: Configured,
  use: (client: KubeClient, configuration: Configuration) => Promise<T>,
): Promise<T> {
  const given = await givenConfiguration(flags);
  return withClient(env, flags, async (client) =>
    use(client, given ?? (await configurationIn(client, flags.controllerNamespace))),
  );
}

/** Of the file that was given; undefined: none was. */
export const givenConfiguration = async ({ config }: Pick<Configured, 'config'>): Promise<Configuration | undefined> =>
  config === undefined ? undefined : loadConfiguration(config);

/** `namespace`: the controller's. Throws UserError, one line: why there is none and what to do; ConfigurationError for its errors. */
export async function configurationIn(client: KubeClient, namespace: string): Promise<Configuration> {
  const found = await findConfiguration(client, namespace);
  if (found !== undefined) return found;
  throw new UserError(
    `there is no ${nameIn(namespace)}, which holds the configuration of a controller: give --config FILE, ` +
      'or --controller-namespace NAME if the controller runs in another namespace',
  );
}

/** As {@link configurationIn}; undefined: the cluster has no such ConfigMap. One that may not be read is an error. */
export async function findConfiguration(client: KubeClient, namespace: string): Promise<Configuration | undefined> {
  const what = nameIn(namespace);
  let data: V1ConfigMap['data'];
  try {
    ({ data } = await client.get<V1ConfigMap>(paths.configMaps(namespace, CONFIG_NAME)));
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
  return readConfiguration(text, `configmap ${namespace}/${CONFIG_NAME}`);
}

export const nameIn = (namespace: string): string => `ConfigMap ${namespace}/${CONFIG_NAME}`;
