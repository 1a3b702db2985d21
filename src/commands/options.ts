/** Options that several commands share. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseNamespaceList } from '../config/namespace-list.ts';
import { DEFAULT_NAMESPACE } from '../names.ts';
import { OUTPUTS } from './output.ts';

/** Flags of a command that talks to a cluster. */
export interface Cluster {
  kubeconfig?: string;
  context?: string;
}

/** Flags of a command that compares a cluster with a configuration. */
export interface Configured extends Cluster {
  config: string;
  controllerNamespace: string;
  namespaces?: readonly string[];
}

export const options = {
  config: () => new Option('--config <file>', 'configuration file').env('PULLPASS_CONFIG').makeOptionMandatory(),
  kubeconfig: () =>
    new Option('--kubeconfig <file>', 'kubeconfig; otherwise $KUBECONFIG, ~/.kube/config, or the pod itself'),
  context: () => new Option('--context <name>', 'context of the kubeconfig'),
  controllerNamespace: () =>
    new Option('--controller-namespace <name>', 'namespace that the controller runs in')
      .env('POD_NAMESPACE')
      .default(DEFAULT_NAMESPACE),
  namespaces: () =>
    new Option(
      '--namespaces <list>',
      'only these namespaces, comma-separated: the list is the opt-in; as the controller',
    )
      .env('PULLPASS_NAMESPACES')
      .argParser(namespaceList),
  output: () => new Option('-o, --output <format>', 'how to print').choices(OUTPUTS).default('table'),
};

/** A command with the flags of {@link Configured}. */
export const configuredCommand = (name: string): Command =>
  new Command(name)
    .addOption(options.config())
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.controllerNamespace())
    .addOption(options.namespaces());

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
