/** `pullpass provider`: its arguments and options. */
import { Command, Option } from 'commander';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/provider.ts';
import { options } from './options.ts';

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
    .action(async (flags: Flags) => (await import('../commands/provider.ts')).run(env, flags));
}
