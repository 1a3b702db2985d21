/** The composition root: the only place that reads the command line and the environment. The commands themselves are in cli/. */
import { Command, CommanderError } from 'commander';
import picocolors from 'picocolors';
import manifest from '../package.json' with { type: 'json' };
import { controllerCommand } from './cli/controller.ts';
import type { Environment } from './cli/environment.ts';
import { auditCommand, planCommand, verifyCommand, waitCommand } from './cli/look.ts';
import { matchCommand } from './cli/match.ts';
import { rbacCommand, schemaCommand, validateCommand } from './cli/offline.ts';
import { pruneCommand } from './cli/prune.ts';
import { messageOf, UserError } from './errors.ts';
import { isForbidden } from './kube/api-error.ts';

const env: Environment = {
  version: manifest.version,
  userAgent: `pullpass/${manifest.version}`,
  logLevel: process.env['LOG_LEVEL'] ?? 'info',
  colors: () => process.stdout.isTTY && picocolors.isColorSupported,
  untilInterrupted() {
    const stop = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stop.signal.aborted) process.exit(1);
        stop.abort();
      });
    }
    return stop.signal;
  },
};

const root = new Command('pullpass')
  .description('Keeps every image pull in a cluster logged in when a registry credential changes in one place.')
  .version(manifest.version, '-V, --version')
  .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
  .addHelpText(
    'after',
    '\nExit status: 0 done, 1 an error (one line on stderr), 64 a wrong command line; others are with each command.\nDocumentation: README.md. LOG_LEVEL=debug adds stack traces.',
  );
const commands = [
  controllerCommand(env),
  validateCommand(),
  planCommand(env),
  auditCommand(env),
  matchCommand(env),
  rbacCommand(),
  verifyCommand(env),
  waitCommand(env),
  pruneCommand(env),
  schemaCommand(),
];
for (const command of commands) root.addCommand(command.copyInheritedSettings(root));
for (const command of [root, ...commands]) {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (message, write) => write(message.replace(/^error: /, 'pullpass: ')) });
}

// A reader that has seen enough (`pullpass plan | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await root.parseAsync();
} catch (error) {
  // commander has printed its own line; help and version come here too, with status 0.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 64;
  else fail(error);
}

/** One line that says what is wrong and what to do. */
function fail(error: unknown): void {
  if (env.logLevel === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  const hint = isForbidden(error) ? '; ask for that right, or use a kubeconfig that has it' : '';
  process.stderr.write(`pullpass: ${messageOf(error)}${hint}\n`);
  process.exitCode = error instanceof UserError ? error.exitCode : 1;
}
