/** `pullpass prune`. */
import { Command, Option } from 'commander';
import { createInterface } from 'node:readline/promises';
import { runPrune } from '../commands/prune.ts';
import { loadConfiguration } from '../config/load.ts';
import { UserError } from '../errors.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { options } from './options.ts';
import type { Configured } from './options.ts';

export function pruneCommand(env: Environment): Command {
  return new Command('prune')
    .summary('remove everything that Pullpass put into the cluster')
    .description(
      'Removes every copy and every reference that Pullpass put into the cluster; asks first. Stop the controller before.',
    )
    .addOption(options.config())
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.namespace())
    .addOption(new Option('-y, --yes', 'do not ask'))
    .action(async (flags: Configured & { controllerNamespace: string; yes?: boolean }) => {
      const configuration = await loadConfiguration(flags.config);
      process.exitCode = await withClient(env, flags, (client) =>
        runPrune({
          client,
          configuration,
          namespace: flags.controllerNamespace,
          signal: env.untilInterrupted(),
          write: (line) => process.stdout.write(`${line}\n`),
          confirm: flags.yes === true ? () => Promise.resolve(true) : ask,
        }),
      );
    });
}

async function ask(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UserError('prune: asks before it removes anything, and standard input is not a terminal; use --yes');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}
