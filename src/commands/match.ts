/** `pullpass match`: shows which credentials a kubelet would try for an image, in order, and why. */
import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { readInputFile } from './input-file.ts';
import { match, matchFromDockerConfig } from './match-lookup.ts';
import type { MatchResult } from './match-lookup.ts';
import { readPullSecrets } from './match-secrets.ts';
import { renderMatch } from './match-text.ts';
import { options } from './options.ts';
import type { Cluster } from './options.ts';
import type { Output } from './output.ts';

interface Flags extends Cluster {
  dockerConfig?: string;
  namespace?: string;
  serviceAccount: string;
  output: Output;
}

const EXIT_NO_MATCH = 4;

export function matchCommand(env: Environment): Command {
  return new Command('match')
    .summary('show which credentials a kubelet would try for an image, in order, and why')
    .description(
      'Shows which credentials a kubelet would try for an image, in order, and why. Never prints a password.\n' +
        'Exit status: 0, 4 when none matches, 1 when the Docker config cannot be used.',
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
      const result = await lookUp(image, flags, env);
      for (const note of result.notes) env.writeErr(`${note}\n`);
      env.writeOut(renderMatch(result, flags.output, env.colors));
      env.exitWith(result.matches.length > 0 ? 0 : EXIT_NO_MATCH);
    });
}

async function lookUp(
  image: string,
  { dockerConfig, namespace, serviceAccount, ...cluster }: Flags,
  env: Environment,
): Promise<MatchResult> {
  if (dockerConfig === '-') return matchFromDockerConfig(image, await env.readInput(), 'stdin');
  if (dockerConfig !== undefined) return matchFromDockerConfig(image, readInputFile(dockerConfig), dockerConfig);
  if (namespace === undefined)
    throw new UsageError('match: give --docker-config FILE, or --namespace NAME to read the cluster');
  return match(image, await withClient(env, cluster, (client) => readPullSecrets(client, namespace, serviceAccount)));
}
