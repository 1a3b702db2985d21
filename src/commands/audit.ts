/** `pullpass audit`: says what would break, and why. Writes nothing. */
import { knownTo } from '../audit/observe/known.ts';
import { observe } from '../audit/observe/observe.ts';
import type { ObserveOptions } from '../audit/observe/observe.ts';
import type { Without } from '../audit/report/what-if.ts';
import type { TextOutput } from '../audit/render/formats.ts';
import { renderReport } from '../audit/render/outputs.ts';
import type { RenderOptions } from '../audit/render/outputs.ts';
import { createReport } from '../audit/report/create.ts';
import type { Report } from '../audit/report/report.ts';
import { SEVERITIES } from '../audit/rules/rule.ts';
import type { Severity } from '../audit/rules/rule.ts';
import type { Configuration } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { renderAudits } from './audits-output.ts';
import type { Audited } from './audits-output.ts';
import { OUTPUTS } from './choices.ts';
import { findConfiguration, givenConfiguration, nameIn } from './configuration.ts';
import { withClient } from './connect.ts';
import { inContexts } from './contexts.ts';
import type { Environment } from './environment.ts';
import type { Configured } from './options.ts';
import { runWhatIf } from './what-if.ts';
import type { Output } from './output.ts';

export interface Flags extends Omit<Configured, 'context' | 'config'> {
  /** false: `--no-config`. */
  config?: string | false;
  context?: string[];
  namespace?: string[];
  namespaces?: readonly string[];
  failOn?: Severity;
  withoutSecret?: string;
  withoutSource?: string;
  withoutLogin?: string;
  output: TextOutput;
}

export async function run(env: Environment, { context: contexts = [], ...flags }: Flags): Promise<void> {
  const { kubeconfig, output, config, namespace, namespaces: listed } = flags;
  const outside = listed && namespace?.find((name) => !listed.includes(name));
  if (outside !== undefined) throw new UsageError(`audit: --namespace ${outside} is not in the list of --namespaces`);
  env.saveMemory();
  const [context, ...more] = contexts;
  const without = withoutOf(flags);
  if (without !== undefined && (more.length > 0 || !isOutput(output)))
    throw new UsageError(`audit: --without-... answers for one cluster: one --context, and -o ${OUTPUTS.join(', ')}`);
  if (more.length > 0 && !isOutput(output))
    throw new UsageError(`audit: -o ${output} shows one cluster: give one --context, or -o ${OUTPUTS.join(', ')}`);
  const given = config === false ? undefined : await givenConfiguration({ ...(config !== undefined && { config }) });
  const { text, exitCode } =
    more.length > 0 && isOutput(output)
      ? renderAudits(
          await inContexts(env, { kubeconfig, contexts }, (client, name) =>
            auditIn(client, { env, flags, given, prefix: `${name}: ` }),
          ),
          output,
        )
      : await withClient(env, { ...flags, ...(context !== undefined && { context }) }, (client) =>
          without !== undefined && isOutput(output)
            ? whatIfIn(client, without, { env, flags: { ...flags, output }, given })
            : auditIn(client, { env, flags, given, prefix: '' }),
        );
  env.showProgress('');
  env.writeOut(text);
  env.exitWith(exitCode);
}

const isOutput = (output: string): output is Output => (OUTPUTS as readonly string[]).includes(output);

interface Run {
  readonly env: Environment;
  readonly flags: Omit<Flags, 'context'>;
  /** Of the file that was given. */
  readonly given: Configuration | undefined;
  /** In front of lines about this cluster. */
  readonly prefix: string;
}

async function auditIn(client: KubeClient, { env, flags, given, prefix }: Run): Promise<Audited> {
  const { config, controllerNamespace, namespace: namespaces, failOn, output } = flags;
  const configuration = given ?? (config === false ? undefined : await findConfiguration(client, controllerNamespace));
  if (configuration === undefined && config === undefined)
    env.writeErr(
      `${prefix}no ${nameIn(controllerNamespace)}: without Pullpass, pulls and their credentials are audited, and nothing is said ` +
        'about sources and copies; if a controller runs elsewhere, give --controller-namespace NAME or --config FILE\n',
    );
  return runAudit({
    client,
    configuration,
    namespaces,
    listed: flags.namespaces,
    failOn,
    output,
    color: env.colors,
    width: env.width,
    version: env.version,
    controller: { namespace: controllerNamespace, name: 'pullpass' },
    progress: (line) => env.showProgress(`${prefix}${line}`),
  });
}

function withoutOf({ withoutSecret, withoutSource, withoutLogin }: Flags): Without | undefined {
  if (withoutSource !== undefined) return { source: withoutSource };
  if (withoutLogin !== undefined) return { login: withoutLogin };
  if (withoutSecret === undefined) return undefined;
  const [namespace = '', name, ...rest] = withoutSecret.split('/');
  if (rest.length > 0 || namespace === '' || name === '')
    throw new UsageError(`audit: --without-secret ${withoutSecret}: give a name, or <namespace>/<name>`);
  return name === undefined ? { secret: namespace } : { secret: name, namespace };
}

interface WhatIfRun extends Pick<Run, 'env' | 'given'> {
  readonly flags: Omit<Flags, 'context' | 'output'> & { readonly output: Output };
}

async function whatIfIn(client: KubeClient, without: Without, { env, flags, given }: WhatIfRun) {
  const { config, controllerNamespace, namespace: namespaces, namespaces: listed, output } = flags;
  const configuration = given ?? (config === false ? undefined : await findConfiguration(client, controllerNamespace));
  return runWhatIf({
    client,
    configuration,
    without,
    namespaces,
    listed,
    controllerNamespace,
    output,
    color: env.colors,
  });
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
export async function runAudit(options: AuditOptions): Promise<Audited> {
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
