/** `pullpass match`: its arguments and options. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { RUNTIMES } from '../commands/choices.ts';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/match.ts';
import { options } from './options.ts';

export function matchCommand(env: Environment): Command {
  return new Command('match')
    .summary('show which credentials a kubelet would try for an image, in order, and why')
    .description(
      'Shows which credentials a kubelet would try for an image, in order, and why. Never prints a password.\n' +
        'With --mirror: which login the container runtime sends to a mirror of the image.\n' +
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
    .addOption(
      new Option(
        '--mirror <location>',
        "a mirror of the image's registry: HOST[:PORT][/PATH], as in registries.conf",
      ).argParser(mirrorLocation),
    )
    .addOption(
      new Option('--runtime <name>', 'with --mirror: the container runtime of the nodes (default: containerd)').choices(
        RUNTIMES,
      ),
    )
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.output())
    .action(async (image: string, flags: Flags) => (await import('../commands/match.ts')).run(env, image, flags));
}

/** A location as CRI-O reads it in registries.conf. */
function mirrorLocation(value: string): string {
  if (/^[a-z0-9.-]+:\/\//i.test(value)) throw new InvalidArgumentError('leave the scheme out: HOST[:PORT][/PATH].');
  const location = value.replace(/\/+$/, '');
  const [host = '', ...path] = location.split('/');
  if (!/^(?:[a-z0-9.-]+|\[[a-f0-9:]+\])(?::\d+)?$/i.test(host) || path.some((part) => !/^[a-z0-9._-]+$/.test(part)))
    throw new InvalidArgumentError('must be HOST[:PORT][/PATH], without a tag.');
  return location;
}
