/** `pullpass controller`: its arguments and options. */
import { Command, Option } from 'commander';
import type { Flags } from '../commands/controller.ts';
import type { Environment } from '../commands/environment.ts';
import { DEFAULT_NAMESPACE } from '../names.ts';
import { between, options } from './options.ts';

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
    .action(async (flags: Flags) => (await import('../commands/controller.ts')).run(env, flags));
}
