/** `pullpass match`. */
import { Command, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { MatchOutput } from '../commands/match-render.ts';
import { runMatch } from '../commands/match.ts';
import type { MatchOptions } from '../commands/match.ts';
import { readPullSecrets } from '../commands/match-secrets.ts';
import { messageOf, UsageError, UserError } from '../errors.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { options } from './options.ts';
import type { Cluster } from './options.ts';

interface Flags extends Cluster {
  dockerConfig?: string;
  namespace?: string;
  serviceAccount: string;
  output: MatchOutput;
}

export function matchCommand(env: Environment): Command {
  return new Command('match')
    .summary('show which credentials a kubelet would try for an image, in order, and why')
    .description(
      'Shows which credentials a kubelet would try for an image, in order, and why. Never prints a password.\nExit status: 0, 4 when none matches, 1 when the Docker config cannot be used.',
    )
    .argument('<image>', 'image as in a pod, such as registry.corp/team/app:1.0')
    .addOption(
      new Option(
        '--docker-config <file>',
        'a Docker config.json, or the manifest of a pull Secret; - for standard input',
      ),
    )
    .addOption(
      new Option('-n, --namespace <name>', 'read the pull Secrets of a ServiceAccount in this namespace').conflicts(
        'dockerConfig',
      ),
    )
    .addOption(new Option('--service-account <name>', 'which ServiceAccount').default('default'))
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.output())
    .action(async (image: string, flags: Flags) => {
      const result = runMatch({
        image,
        output: flags.output,
        color: env.colors(),
        from: await pullSecretsOf(flags, env),
      });
      for (const note of result.notes) process.stderr.write(`${note}\n`);
      process.stdout.write(result.text);
      process.exitCode = result.exitCode;
    });
}

async function pullSecretsOf(
  { dockerConfig, namespace, serviceAccount, ...flags }: Flags,
  env: Environment,
): Promise<MatchOptions['from']> {
  if (dockerConfig !== undefined) {
    return {
      name: dockerConfig === '-' ? 'stdin' : dockerConfig,
      dockerConfig: dockerConfig === '-' ? await text(process.stdin) : readText(dockerConfig),
    };
  }
  if (namespace === undefined)
    throw new UsageError('match: give --docker-config FILE, or --namespace NAME to read the cluster');
  return { pullSecrets: await withClient(env, flags, (client) => readPullSecrets(client, namespace, serviceAccount)) };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? messageOf(error)}`, {
      cause: error,
    });
  }
}
