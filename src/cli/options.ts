/** Options that several commands share. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { OUTPUTS } from '../commands/choices.ts';
import { parseNamespaceList } from '../config/namespace-list.ts';
import { CONFIG_NAME, DEFAULT_NAMESPACE } from '../names.ts';
import { duration, sayDuration } from './duration.ts';

export const options = {
  config: () =>
    new Option(
      '--config <file>',
      `configuration file; otherwise ConfigMap ${CONFIG_NAME} in the controller's namespace`,
    ).env('PULLPASS_CONFIG'),
  kubeconfig: () =>
    new Option('--kubeconfig <file>', 'kubeconfig; otherwise $KUBECONFIG, ~/.kube/config, or the pod itself'),
  context: () => new Option('--context <name>', 'context of the kubeconfig'),
  contexts: () =>
    new Option(
      '--context <name>',
      'context of the kubeconfig; several, repeated or with commas: all of them',
    ).argParser(names),
  namespaces: (what: string) => new Option('-n, --namespace <name>', `${what}; repeat it for more`).argParser(names),
  allNamespaces: () => new Option('-A, --all-namespaces', 'all namespaces: the default').conflicts('namespace'),
  timeout: (ms: number) =>
    new Option('--timeout <duration>', 'how long to wait, such as 10m or 1h30m')
      .default(ms, sayDuration(ms))
      .argParser(duration(LONGEST_WAIT_MS)),
  controllerNamespace: () =>
    new Option('--controller-namespace <name>', 'namespace that the controller runs in')
      .env('POD_NAMESPACE')
      .default(DEFAULT_NAMESPACE),
  listed: () =>
    new Option(
      '--namespaces <list>',
      'only these namespaces, comma-separated: the list is the opt-in; as the controller',
    )
      .env('PULLPASS_NAMESPACES')
      .argParser(namespaceList),
  output: (what = 'how to print') => new Option('-o, --output <format>', what).choices(OUTPUTS).default('table'),
};

const LONGEST_WAIT_MS = 24 * 3_600_000;

/** Adds to a list: names can be repeated, and joined by commas. Each once, in the order in which they are given. */
function names(given: string, before: string[] = []): string[] {
  const all = given.split(',').map((name) => name.trim());
  if (all.includes('')) throw new InvalidArgumentError('has an empty name.');
  return [...new Set([...before, ...all])];
}

/** A command with the flags of {@link Configured}. */
export const configuredCommand = (name: string, context = options.context()): Command =>
  new Command(name)
    .addOption(options.config())
    .addOption(options.kubeconfig())
    .addOption(context)
    .addOption(options.controllerNamespace())
    .addOption(options.listed());

function namespaceList(value: string): readonly string[] {
  const parsed = parseNamespaceList(value);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.problem);
  return parsed.namespaces;
}

/** Parses a whole number from `low` to `high`. */
export function between(low: number, high: number): (value: string) => number {
  return (value) => {
    const n = Number(value);
    if (!Number.isInteger(n) || n < low || n > high)
      throw new InvalidArgumentError(`must be a whole number from ${low} to ${high}.`);
    return n;
  };
}
