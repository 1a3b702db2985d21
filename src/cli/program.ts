/** The command line: all commands, and what they share. */
import { Command } from 'commander';
import { auditCommand } from './audit.ts';
import { completeCommand, completionCommand } from './completion.ts';
import { controllerCommand } from './controller.ts';
import { loginCommand } from './login.ts';
import { logoutCommand } from './logout.ts';
import { matchCommand } from './match.ts';
import { migrateCommand } from './migrate.ts';
import { planCommand } from './plan.ts';
import { providerCommand } from './provider.ts';
import { pruneCommand } from './prune.ts';
import { rbacCommand } from './rbac.ts';
import { schemaCommand } from './schema.ts';
import { validateCommand } from './validate.ts';
import { verifyCommand } from './verify.ts';
import { waitCommand } from './wait.ts';
import type { Environment } from '../commands/environment.ts';

/** `name`: as it is typed. */
export function createProgram(env: Environment, name = 'pullpass'): Command {
  const root = new Command(name)
    .description('Keeps every image pull in a cluster logged in when a registry credential changes in one place.')
    .version(env.version, '-V, --version')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 an error (one line on stderr), 64 a wrong command line; others are with each command.\n' +
        'Documentation: README.md. LOG_LEVEL=debug adds stack traces.',
    );
  const commands = [
    controllerCommand,
    providerCommand,
    validateCommand,
    planCommand,
    auditCommand,
    matchCommand,
    migrateCommand,
    rbacCommand,
    loginCommand,
    logoutCommand,
    verifyCommand,
    waitCommand,
    pruneCommand,
    schemaCommand,
    completionCommand,
    completeCommand,
  ].map((command) => command(env));
  for (const command of commands)
    root.addCommand(command.copyInheritedSettings(root), { hidden: command.name().startsWith('_') });
  for (const command of [root, ...commands]) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({
        outputError: (message, write) => write(message.replace(/^error: /, 'pullpass: ').replace('\n(', ' (')),
      });
  }
  return root;
}
