/** `pullpass provider`: its options, and what it gives to the provider. */
import { Command, Option } from 'commander';
import { loadProvider } from '../config/provider.ts';
import { UserError } from '../errors.ts';
import { createLog, LOG_LEVELS } from '../log.ts';
import { runProvider } from '../provider/provider.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { options } from './options.ts';
import type { Cluster } from './options.ts';

interface Flags extends Cluster {
  config: string;
  plugins: string;
  identity: string;
  address: string;
}

export function providerCommand(env: Environment): Command {
  return new Command('provider')
    .summary('keep a source fresh by a credential provider plugin or helper, until SIGTERM')
    .description(
      'Asks a credential provider plugin of kubelets, or a Docker credential helper, for a login, writes it into one Secret, and ' +
        'renews it long before it ends. Runs until SIGTERM, in a Deployment of its own: docs/provider.md. Exit status: 0 on a clean stop.',
    )
    .addOption(
      new Option('--config <file>', 'document of kind Provider').env('PULLPASS_PROVIDER_CONFIG').makeOptionMandatory(),
    )
    .addOption(
      new Option('--plugins <folder>', 'folder that the program is in; also its PATH')
        .env('PULLPASS_PLUGINS')
        .default('/plugins'),
    )
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(
      new Option('--identity <name>', 'name in Events')
        .env('POD_NAME')
        .default(env.identity, 'host name and process id'),
    )
    .addOption(
      new Option('--address <host:port>', 'address of /livez, /readyz and /metrics; 0 switches it off')
        .env('PULLPASS_ADDRESS')
        .default(':8080'),
    )
    .action((flags: Flags) => run(flags, env));
}

async function run({ plugins, identity, address, ...flags }: Flags, env: Environment): Promise<void> {
  const { logLevel, variable } = env;
  if (!(LOG_LEVELS as readonly string[]).includes(logLevel))
    throw new UserError(`LOG_LEVEL is "${logLevel}": use one of ${LOG_LEVELS.join(', ')}`);
  const log = createLog(logLevel);
  const config = await loadProvider(flags.config);
  await withClient(env, flags, (client) =>
    runProvider(
      {
        client,
        config,
        folder: plugins,
        variable,
        identity,
        address,
        log,
        onListening: (url) => url !== undefined && log.info({ url }, 'serving /livez, /readyz and /metrics'),
      },
      env.untilInterrupted(),
    ),
  );
}
