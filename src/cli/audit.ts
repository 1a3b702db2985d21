/** `pullpass audit`: its arguments and options. */
import { Command, Option } from 'commander';
import { TEXT_OUTPUTS } from '../audit/render/formats.ts';
import { SEVERITIES } from '../audit/rules/rule.ts';
import type { Flags } from '../commands/audit.ts';
import type { Environment } from '../commands/environment.ts';
import { options } from './options.ts';

export function auditCommand(env: Environment): Command {
  return new Command('audit')
    .summary('say what would break, and why')
    .description(
      'Says what would break, and why: findings, and which registries are used with which credential. Changes nothing. ' +
        'In a cluster without Pullpass it audits what needs no source.\n' +
        'With --without-...: whose next pull would have no login if that were gone; of pods, and of the templates of workloads.\n' +
        'Exit status: 0, 3 when findings reach --fail-on, or when a pull would have no login or cannot be checked; with several contexts the worst.',
    )
    .addOption(options.config())
    .option('--no-config', 'audit what needs no source, and look for no configuration')
    .addOption(options.kubeconfig())
    .addOption(options.contexts())
    .addOption(options.controllerNamespace())
    .addOption(options.listed())
    .addOption(options.namespaces('only this namespace, in findings, counts and exit status'))
    .addOption(options.allNamespaces())
    .addOption(
      new Option('--fail-on <severity>', 'exit with 3 when a finding is at least this severe').choices(SEVERITIES),
    )
    .addOption(
      new Option('--without-secret <name>', 'what if this pull Secret were gone; or <namespace>/<name>').conflicts([
        'withoutSource',
        'withoutLogin',
        'failOn',
      ]),
    )
    .addOption(
      new Option('--without-source <name>', 'what if this source and its copies were gone').conflicts([
        'withoutLogin',
        'failOn',
      ]),
    )
    .addOption(
      new Option(
        '--without-login <registry>',
        'what if the login that sources have for this registry were revoked there',
      ).conflicts('failOn'),
    )
    .addOption(new Option('-o, --output <format>', 'how to print').choices(TEXT_OUTPUTS).default('table'))
    .action(async (flags: Flags) => (await import('../commands/audit.ts')).run(env, flags));
}
