/** `pullpass controller`: its options, and what it gives to the manager. */
import { Command, Option } from 'commander';
import { loadConfiguration } from '../config/load.ts';
import { runManager } from '../controller/manager.ts';
import { UserError } from '../errors.ts';
import { createClient } from '../kube/client.ts';
import { connect } from '../kube/connection.ts';
import { loadKubeConfig } from '../kube/kubeconfig.ts';
import { createLog, LOG_LEVELS } from '../log.ts';
import { DEFAULT_NAMESPACE } from '../names.ts';
import { createReach } from '../proxies/reach.ts';
import { readEgress } from '../registry/egress.ts';
import { createMetrics } from '../server/metrics.ts';
import type { Environment } from './environment.ts';
import { refuseBeyondTheList, unwelcome } from './listed.ts';
import { between, options } from './options.ts';
import type { Cluster } from './options.ts';

interface Flags extends Cluster {
  config: string;
  namespace: string;
  namespaces?: readonly string[];
  identity: string;
  leaderElection: boolean;
  concurrency: number;
  address: string;
  secureReport: boolean;
}

export function controllerCommand(env: Environment): Command {
  return new Command('controller')
    .summary('run the controller until SIGTERM')
    .description('Runs the controller until SIGTERM. Exit status: 0 on a clean stop.')
    .addOption(new Option('--config <file>', 'configuration file').env('PULLPASS_CONFIG').makeOptionMandatory())
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(
      new Option('--namespace <name>', 'namespace of the Lease').env('POD_NAMESPACE').default(DEFAULT_NAMESPACE),
    )
    .addOption(options.listed())
    .addOption(
      new Option('--identity <name>', 'name of this replica')
        .env('POD_NAME')
        .default(env.identity, 'host name and process id'),
    )
    .addOption(new Option('--no-leader-election', 'do not compete for the Lease: for a single replica'))
    .addOption(
      new Option('--concurrency <n>', 'namespaces reconciled at the same time')
        .env('PULLPASS_CONCURRENCY')
        .default(32)
        .argParser(between(1, 256)),
    )
    .addOption(
      new Option('--address <host:port>', 'address of /livez, /readyz, /metrics and /report; 0 switches it off')
        .env('PULLPASS_ADDRESS')
        .default(':8080'),
    )
    .addOption(
      new Option(
        '--secure-report',
        'show /report only to whom Kubernetes lets get that path: bearer token, TokenReview, SubjectAccessReview',
      ).default(false),
    )
    .action((flags: Flags) => run(flags, env));
}

async function run(
  { namespace, namespaces, identity, leaderElection, concurrency, address, secureReport, ...flags }: Flags,
  { version, userAgent, egress, logLevel, untilInterrupted }: Environment,
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
