/** `pullpass audit`: says what would break, and why. Writes nothing. */
import { Command, Option } from 'commander';
import { knownTo } from '../audit/observe/known.ts';
import { observe } from '../audit/observe/observe.ts';
import type { ObserveOptions } from '../audit/observe/observe.ts';
import { renderReport, TEXT_OUTPUTS } from '../audit/render/outputs.ts';
import type { RenderOptions, TextOutput } from '../audit/render/outputs.ts';
import { createReport } from '../audit/report/create.ts';
import type { Report } from '../audit/report/report.ts';
import { SEVERITIES } from '../audit/rules/rule.ts';
import type { Severity } from '../audit/rules/rule.ts';
import { loadConfiguration } from '../config/load.ts';
import { UsageError } from '../errors.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { options } from './options.ts';
import type { Cluster } from './options.ts';

interface Flags extends Cluster {
  config?: string;
  controllerNamespace: string;
  namespace?: string[];
  namespaces?: readonly string[];
  failOn?: Severity;
  output: TextOutput;
}

export function auditCommand(env: Environment): Command {
  return new Command('audit')
    .summary('say what would break, and why')
    .description(
      'Says what would break, and why: findings, and which registries are used with which credential. Changes nothing.\n' +
        'Exit status: 0, 3 when findings reach --fail-on.',
    )
    .addOption(
      new Option('--config <file>', 'configuration file; without one, what needs no source is audited').env(
        'PULLPASS_CONFIG',
      ),
    )
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.controllerNamespace())
    .addOption(options.namespaces())
    .addOption(
      new Option('-n, --namespace <name>', 'only this namespace; repeat it for more').argParser(
        (name: string, names: string[] = []) => [...names, name],
      ),
    )
    .addOption(
      new Option('--fail-on <severity>', 'exit with 3 when a finding is at least this severe').choices(SEVERITIES),
    )
    .addOption(new Option('-o, --output <format>', 'how to print').choices(TEXT_OUTPUTS).default('table'))
    .action(
      async ({ config, controllerNamespace, namespace, namespaces: listed, failOn, output, ...cluster }: Flags) => {
        const outside = listed && namespace?.find((name) => !listed.includes(name));
        if (outside !== undefined)
          throw new UsageError(`audit: --namespace ${outside} is not in the list of --namespaces`);
        const configuration = config === undefined ? undefined : await loadConfiguration(config);
        const { text, exitCode } = await withClient(env, cluster, (client) =>
          runAudit({
            client,
            configuration,
            namespaces: namespace,
            listed,
            failOn,
            output,
            color: env.colors,
            width: env.width,
            version: env.version,
            controller: { namespace: controllerNamespace, name: 'pullpass' },
            progress: env.showProgress,
          }),
        );
        env.showProgress('');
        env.writeOut(text);
        env.exitWith(exitCode);
      },
    );
}

export interface AuditOptions
  extends RenderOptions, Pick<ObserveOptions, 'client' | 'configuration' | 'controller' | 'now' | 'signal'> {
  /** Names of the namespaces to audit; undefined: all. */
  readonly namespaces?: readonly string[] | undefined;
  /** The namespaces of `--namespaces`; undefined: the whole cluster. */
  readonly listed?: readonly string[] | undefined;
  /** The lowest severity that makes the command fail; undefined: none does. */
  readonly failOn?: Severity | undefined;
  /** Gets a line of progress, for a terminal. */
  readonly progress?: ((line: string) => void) | undefined;
}

const EXIT_FINDINGS = 3;

/** Throws UserError if a namespace does not exist, or if nothing in the cluster may be read. */
export async function runAudit(options: AuditOptions): Promise<{ report: Report; text: string; exitCode: number }> {
  const { client, configuration, namespaces, listed, failOn, controller, signal, progress, ...rest } = options;
  const observation = await observe({
    ...rest,
    client,
    configuration,
    only: namespaces,
    listed,
    controller,
    signal,
    known:
      configuration &&
      ((snapshot) => knownTo({ client, configuration, snapshot, only: namespaces ?? listed, mayAsk: true, signal })),
    progress: progress && ((step, done) => progress(`${done} ${step} read`)),
  });
  const report = createReport(observation);
  return { report, text: renderReport(report, options), exitCode: reaches(report, failOn) ? EXIT_FINDINGS : 0 };
}

function reaches({ summary }: Report, failOn: Severity | undefined): boolean {
  return (
    failOn !== undefined &&
    SEVERITIES.slice(0, SEVERITIES.indexOf(failOn) + 1).some((severity) => summary.findings[severity] > 0)
  );
}
