/** Commands that need no cluster: `validate`, `rbac`, `schema`. */
import { Command, Option } from 'commander';
import { text } from 'node:stream/consumers';
import { renderRbac } from '../commands/rbac.ts';
import { renderSchema } from '../commands/schema.ts';
import { validateConfiguration } from '../commands/validate.ts';
import { loadConfiguration, readConfigurationText } from '../config/load.ts';
import { options } from './options.ts';

export function validateCommand(): Command {
  return new Command('validate')
    .summary('check a configuration, or logins, offline')
    .description(
      'Checks a configuration offline and prints every error with its line; or the logins of a Docker config or a Secret, before they become a source. Exit status: 0 valid, 1 errors.',
    )
    .argument('<file>', 'configuration file, Docker config or manifest of a Secret, or - for standard input')
    .action(async (file: string) => {
      const result = validateConfiguration(
        file === '-' ? await text(process.stdin) : await readConfigurationText(file),
        file === '-' ? 'stdin' : file,
      );
      (result.exitCode === 0 ? process.stdout : process.stderr).write(`${result.text}\n`);
      process.exitCode = result.exitCode;
    });
}

export function rbacCommand(): Command {
  return new Command('rbac')
    .summary('print the RBAC objects that a configuration needs')
    .description(
      'Prints the RBAC objects that a configuration needs, Secrets limited by name. To apply: pullpass rbac --config FILE | kubectl apply -f -',
    )
    .addOption(options.config())
    .addOption(options.namespace())
    .addOption(new Option('--service-account <name>', 'ServiceAccount that the controller runs as').default('pullpass'))
    .addOption(
      new Option('--secure-report', 'with what `controller --secure-report` needs to ask who may see /report').default(
        false,
      ),
    )
    .action(
      async (flags: { config: string; controllerNamespace: string; serviceAccount: string; secureReport: boolean }) => {
        const configuration = await loadConfiguration(flags.config);
        process.stdout.write(
          renderRbac(configuration, {
            namespace: flags.controllerNamespace,
            serviceAccount: flags.serviceAccount,
            secureReport: flags.secureReport,
          }),
        );
      },
    );
}

export function schemaCommand(): Command {
  return new Command('schema')
    .summary("print the configuration's JSON Schema")
    .description("Prints the configuration's JSON Schema, for editors and CI.")
    .action(() => {
      process.stdout.write(`${renderSchema()}\n`);
    });
}
