/** `pullpass controller`: what it gives to the manager. */
import { loadConfiguration } from '../config/load.ts';
import { runManager } from '../controller/manager.ts';
import { UserError } from '../errors.ts';
import { createClient } from '../kube/client.ts';
import { connect } from '../kube/connection.ts';
import { loadKubeConfig } from '../kube/kubeconfig.ts';
import { createLog, LOG_LEVELS } from '../log.ts';
import { createReach } from '../proxies/reach.ts';
import { readEgress } from '../registry/egress.ts';
import { createMetrics } from '../server/metrics.ts';
import type { Environment } from './environment.ts';
import { refuseBeyondTheList, unwelcome } from './listed.ts';
import type { Cluster } from './options.ts';

export interface Flags extends Cluster {
  config: string;
  namespace: string;
  namespaces?: readonly string[];
  identity: string;
  leaderElection: boolean;
  concurrency: number;
  address: string;
  secureReport: boolean;
}

export async function run(
  { version, userAgent, egress, logLevel, untilInterrupted }: Environment,
  { namespace, namespaces, identity, leaderElection, concurrency, address, secureReport, ...flags }: Flags,
): Promise<void> {
  if (!(LOG_LEVELS as readonly string[]).includes(logLevel))
    throw new UserError(`LOG_LEVEL is "${logLevel}": use one of ${LOG_LEVELS.join(', ')}`);
  const log = createLog(logLevel);
  const configuration = await loadConfiguration(flags.config);
  refuseBeyondTheList('controller', configuration, { namespace, namespaces, secureReport });
  for (const line of unwelcome(configuration, namespaces)) log.warn(line);
  const metrics = createMetrics({ version });
  const connection = connect(loadKubeConfig(flags));
  const reach = createReach({ userAgent, egress });
  const { https, http } = readEgress(egress);
  if (https !== undefined || http !== undefined)
    log.info(
      { https: https?.host, http: http?.host },
      'registries and cache proxies are asked through an egress proxy, except what NO_PROXY lists',
    );
  const { host } = new URL(connection.server);
  const client = createClient(connection, {
    userAgent,
    onCall: (...call) => metrics.countRequest(host, ...call),
  });
  try {
    await runManager(
      {
        client,
        configuration,
        configurationFile: flags.config,
        metrics,
        log,
        reach,
        version,
        namespace,
        namespaces,
        identity,
        leaderElection,
        concurrency,
        address,
        secureReport,
        onListening: (url) => url !== undefined && log.info({ url }, 'serving /livez, /readyz, /metrics and /report'),
      },
      untilInterrupted(),
    );
  } finally {
    await reach.close();
    await connection.close();
  }
}
