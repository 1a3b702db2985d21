/** The composition root: the only place that reads the command line and the environment and makes clients. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import picocolors from 'picocolors';
import manifest from '../package.json' with { type: 'json' };
import { runAudit } from './commands/audit.ts';
import { knownTo } from './commands/audit-known.ts';
import type { Severity } from './audit/finding.ts';
import { SEVERITIES } from './audit/finding.ts';
import { TEXT_OUTPUTS } from './audit/render/index.ts';
import type { TextOutput } from './audit/render/index.ts';
import { runMatch } from './commands/match.ts';
import type { MatchOptions } from './commands/match.ts';
import type { MatchOutput } from './commands/match-render.ts';
import { pendingIn, pendingProxies, planCluster, readCluster, renderPlan } from './commands/plan.ts';
import type { Output } from './commands/plan.ts';
import { runPrune } from './commands/prune.ts';
import { readPullSecrets } from './commands/pull-secrets.ts';
import { renderRbac } from './commands/rbac.ts';
import { renderSchema } from './commands/schema.ts';
import { observeRotations } from './commands/rotation.ts';
import { renderChecks, runChecks } from './commands/verify.ts';
import { runWait } from './commands/wait.ts';
import { validateConfiguration } from './commands/validate.ts';
import { loadConfiguration, readConfigurationText } from './config/load.ts';
import { runManager } from './controller/manager.ts';
import { digestOf } from './credentials/digest.ts';
import { messageOf, UsageError, UserError } from './errors.ts';
import { isForbidden } from './kube/api-error.ts';
import { createClient } from './kube/client.ts';
import type { KubeClient } from './kube/client.ts';
import { connect } from './kube/connection.ts';
import { loadKubeConfig } from './kube/kubeconfig.ts';
import { createLog, LOG_LEVELS } from './log.ts';
import { DEFAULT_NAMESPACE } from './names.ts';
import { createReach } from './registry/reach.ts';
import { createMetrics } from './server/metrics.ts';

const logLevel = process.env['LOG_LEVEL'] ?? 'info';
const userAgent = `pullpass/${manifest.version}`;

interface Connected {
  config: string;
  kubeconfig?: string;
  context?: string;
}
interface ControllerFlags extends Connected {
  namespace: string;
  identity: string;
  leaderElection: boolean;
  concurrency: number;
  address: string;
}

const options = {
  config: () => new Option('--config <file>', 'configuration file').env('PULLPASS_CONFIG').makeOptionMandatory(),
  kubeconfig: () => new Option('--kubeconfig <file>', 'kubeconfig; otherwise $KUBECONFIG, ~/.kube/config, or the pod itself'),
  context: () => new Option('--context <name>', 'context of the kubeconfig'),
  namespace: () => new Option('--controller-namespace <name>', 'namespace that the controller runs in').env('POD_NAMESPACE').default(DEFAULT_NAMESPACE),
  output: () => new Option('-o, --output <format>', 'how to print').choices(['table', 'json', 'yaml']).default('table'),
};

function program(): Command {
  const root = new Command('pullpass')
    .description('Keeps every image pull in a cluster logged in when a registry credential changes in one place.')
    .version(manifest.version, '-V, --version')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .addHelpText('after', '\nExit status: 0 done, 1 an error (one line on stderr), 64 a wrong command line; others are with each command.\nDocumentation: README.md. LOG_LEVEL=debug adds stack traces.');

  root.command('controller').summary('run the controller until SIGTERM')
    .description('Runs the controller until SIGTERM. Exit status: 0 on a clean stop.')
    .addOption(options.config()).addOption(options.kubeconfig()).addOption(options.context())
    .addOption(new Option('--namespace <name>', 'namespace of the Lease').env('POD_NAMESPACE').default(DEFAULT_NAMESPACE))
    .addOption(new Option('--identity <name>', 'name of this replica').env('POD_NAME').default(`${hostname()}-${process.pid}`, 'host name and process id'))
    .addOption(new Option('--no-leader-election', 'do not compete for the Lease: for a single replica'))
    .addOption(new Option('--concurrency <n>', 'namespaces reconciled at the same time').env('PULLPASS_CONCURRENCY').default(32).argParser(between(1, 256)))
    .addOption(new Option('--address <host:port>', 'address of /livez, /readyz and /metrics; 0 switches it off').env('PULLPASS_ADDRESS').default(':8080'))
    .action(runController);

  root.command('validate').summary('check a configuration offline')
    .description('Checks a configuration offline and prints every error with its line. Exit status: 0 valid, 1 errors.')
    .argument('<file>', 'configuration file, or - for standard input')
    .action(async (file: string) => {
      const result = validateConfiguration(file === '-' ? await text(process.stdin) : await readConfigurationText(file), file === '-' ? 'stdin' : file);
      (result.exitCode === 0 ? process.stdout : process.stderr).write(`${result.text}\n`);
      process.exitCode = result.exitCode;
    });

  root.command('plan').summary('show what the controller would change now')
    .description('Shows what the controller would change now, and changes nothing. Exit status: 0 nothing to change, 2 changes pending.')
    .addOption(options.config()).addOption(options.kubeconfig()).addOption(options.context()).addOption(options.namespace()).addOption(options.output())
    .action(async (flags: Connected & { output: Output; controllerNamespace: string }) => {
      const configuration = await loadConfiguration(flags.config);
      const plan = await withClient(flags, async (client) => {
        const snapshot = await readCluster(client, configuration, newDigest());
        return { ...planCluster(snapshot), rotations: await observeRotations({ client, configuration, namespace: flags.controllerNamespace, snapshot }) };
      });
      process.stdout.write(renderPlan(plan, flags.output, colors()));
      process.exitCode = pendingIn(plan).length > 0 || pendingProxies(plan).length > 0 ? 2 : 0;
    });

  root.command('audit').summary('say what would break, and why')
    .description('Says what would break, and why: findings, and which registries are used with which credential. Changes nothing.\nExit status: 0, 3 when findings reach --fail-on.')
    .addOption(new Option('--config <file>', 'configuration file; without one, what needs no source is audited').env('PULLPASS_CONFIG'))
    .addOption(options.kubeconfig()).addOption(options.context()).addOption(options.namespace())
    .addOption(new Option('-n, --namespace <name>', 'only this namespace; repeat it for more').argParser((name: string, names: string[] = []) => [...names, name]))
    .addOption(new Option('--fail-on <severity>', 'exit with 3 when a finding is at least this severe').choices([...SEVERITIES]))
    .addOption(new Option('-o, --output <format>', 'how to print').choices([...TEXT_OUTPUTS]).default('table'))
    .action(audit);

  root.command('match').summary('show which credentials a kubelet would try for an image, in order, and why')
    .description('Shows which credentials a kubelet would try for an image, in order, and why. Never prints a password.\nExit status: 0, 4 when none matches, 1 when the Docker config cannot be used.')
    .argument('<image>', 'image as in a pod, such as registry.corp/team/app:1.0')
    .addOption(new Option('--docker-config <file>', 'a Docker config.json, or the manifest of a pull Secret; - for standard input'))
    .addOption(new Option('-n, --namespace <name>', 'read the pull Secrets of a ServiceAccount in this namespace').conflicts('dockerConfig'))
    .addOption(new Option('--service-account <name>', 'which ServiceAccount').default('default'))
    .addOption(options.kubeconfig()).addOption(options.context()).addOption(options.output())
    .action(async (image: string, flags: { dockerConfig?: string; namespace?: string; serviceAccount: string; kubeconfig?: string; context?: string; output: MatchOutput }) => {
      const result = runMatch({ image, output: flags.output, color: colors(), from: await pullSecretsOf(flags) });
      for (const note of result.notes) process.stderr.write(`${note}\n`);
      process.stdout.write(result.text);
      process.exitCode = result.exitCode;
    });

  root.command('rbac').summary('print the RBAC objects that a configuration needs')
    .description('Prints the RBAC objects that a configuration needs, Secrets limited by name. To apply: pullpass rbac --config FILE | kubectl apply -f -')
    .addOption(options.config()).addOption(options.namespace())
    .addOption(new Option('--service-account <name>', 'ServiceAccount that the controller runs as').default('pullpass'))
    .action(async (flags: { config: string; controllerNamespace: string; serviceAccount: string }) => {
      const configuration = await loadConfiguration(flags.config);
      process.stdout.write(renderRbac(configuration, { namespace: flags.controllerNamespace, serviceAccount: flags.serviceAccount }));
    });

  root.command('verify').summary('try credentials at their registries and through the cache proxies')
    .description('Tries every credential at its registry, and every cache proxy by a private pull through it. One try each.\nExit status: 0, 3 when one is refused.')
    .addOption(options.config()).addOption(options.kubeconfig()).addOption(options.context()).addOption(options.output())
    .action(async (flags: Connected & { output: Output }) => {
      const configuration = await loadConfiguration(flags.config);
      const reach = createReach({ userAgent });
      try {
        const checks = await withClient(flags, async (client) =>
          runChecks({ client, configuration, reach, signal: untilInterrupted(), snapshot: await readCluster(client, configuration, newDigest()) }));
        const { text: out, exitCode } = renderChecks(checks, flags.output, colors());
        process.stdout.write(out);
        process.exitCode = exitCode;
      } finally {
        await reach.close();
      }
    });

  root.command('wait').summary('block until a rotation is complete: the old credential can be revoked')
    .description('Blocks, with progress, until every copy and every cache proxy carries what the source holds now.\nExit status: 0 "complete: the old credential can be revoked", 1 not in time (what is behind is printed).')
    .addOption(options.config()).addOption(options.kubeconfig()).addOption(options.context()).addOption(options.namespace())
    .requiredOption('--source <name>', 'name of the source in the configuration')
    .addOption(new Option('--timeout <seconds>', 'how long to wait').default(600).argParser(between(0, 86_400)))
    .action(async (flags: Connected & { source: string; timeout: number; controllerNamespace: string }) => {
      const configuration = await loadConfiguration(flags.config);
      const { text: out, exitCode } = await withClient(flags, (client) =>
        runWait({
          source: flags.source, timeoutMs: flags.timeout * 1000, signal: untilInterrupted(),
          observe: async () => observeRotations({ client, configuration, namespace: flags.controllerNamespace, snapshot: await readCluster(client, configuration, newDigest()) }),
          progress: (line) => process.stderr.write(`${flags.source}: ${line}\n`),
        }));
      (exitCode === 0 ? process.stdout : process.stderr).write(`${out}\n`);
      process.exitCode = exitCode;
    });

  root.command('prune').summary('remove everything that Pullpass put into the cluster')
    .description('Removes every copy and every reference that Pullpass put into the cluster; asks first. Stop the controller before.')
    .addOption(options.config()).addOption(options.kubeconfig()).addOption(options.context()).addOption(options.namespace())
    .addOption(new Option('-y, --yes', 'do not ask'))
    .action(async (flags: Connected & { controllerNamespace: string; yes?: boolean }) => {
      const configuration = await loadConfiguration(flags.config);
      process.exitCode = await withClient(flags, (client) =>
        runPrune({
          client, configuration, namespace: flags.controllerNamespace, digest: newDigest(), signal: untilInterrupted(),
          write: (line) => process.stdout.write(`${line}\n`),
          confirm: flags.yes === true ? () => Promise.resolve(true) : ask,
        }));
    });

  root.command('schema').summary("print the configuration's JSON Schema")
    .description("Prints the configuration's JSON Schema, for editors and CI.")
    .action(() => {
      process.stdout.write(`${renderSchema()}\n`);
    });

  return root;
}

async function runController(flags: ControllerFlags): Promise<void> {
  const log = createLog(checkedLogLevel());
  const configuration = await loadConfiguration(flags.config);
  const metrics = createMetrics({ version: manifest.version });
  const connection = connect(loadKubeConfig(flags));
  const reach = createReach({ userAgent });
  const client = createClient(connection, { userAgent, onCall: (verb, resource, code) => metrics.apiRequests.inc({ verb, resource, code: String(code) }) });
  try {
    await runManager({
      client, configuration, configurationFile: flags.config, metrics, log, reach, digest: newDigest(),
      namespace: flags.namespace, identity: flags.identity, leaderElection: flags.leaderElection, concurrency: flags.concurrency, address: flags.address,
      onListening: (url) => url !== undefined && log.info({ url }, 'serving /livez, /readyz and /metrics'),
    }, untilInterrupted());
  } finally {
    await reach.close();
    await connection.close();
  }
}

async function audit(flags: { config?: string; kubeconfig?: string; context?: string; controllerNamespace: string; namespace?: string[]; failOn?: Severity; output: TextOutput }): Promise<void> {
  const configuration = flags.config === undefined ? undefined : await loadConfiguration(flags.config);
  const live = process.stderr.isTTY;
  const { text: out, exitCode } = await withClient(flags, async (client) =>
    runAudit({
      client, configuration, digest: newDigest(), namespaces: flags.namespace, failOn: flags.failOn, output: flags.output, color: colors(),
      width: process.stdout.isTTY ? process.stdout.columns : undefined, version: manifest.version,
      controller: { namespace: flags.controllerNamespace, name: 'pullpass' },
      known: configuration === undefined ? undefined : await knownTo(client, configuration, flags.controllerNamespace, newDigest()),
      progress: live ? (line) => process.stderr.write(`\r\u001b[K${line}`) : undefined,
    }));
  if (live) process.stderr.write('\r\u001b[K');
  process.stdout.write(out);
  process.exitCode = exitCode;
}

async function pullSecretsOf(flags: { dockerConfig?: string; namespace?: string; serviceAccount: string; kubeconfig?: string; context?: string }): Promise<MatchOptions['from']> {
  const { dockerConfig, namespace } = flags;
  if (dockerConfig !== undefined) {
    return { name: dockerConfig === '-' ? 'stdin' : dockerConfig, dockerConfig: dockerConfig === '-' ? await text(process.stdin) : readText(dockerConfig) };
  }
  if (namespace === undefined) throw new UsageError('match: give --docker-config FILE, or --namespace NAME to read the cluster');
  return { pullSecrets: await withClient(flags, (client) => readPullSecrets(client, namespace, flags.serviceAccount)) };
}

/** A client for one command, closed afterwards. */
async function withClient<T>(flags: { kubeconfig?: string; context?: string }, use: (client: KubeClient) => Promise<T>): Promise<T> {
  const connection = connect(loadKubeConfig(flags));
  try {
    return await use(createClient(connection, { userAgent }));
  } finally {
    await connection.close();
  }
}

/** Contents are compared by a digest whose key nobody else has, not even the next process. */
function newDigest(): (base64: string) => string {
  const key = randomBytes(32);
  return (content) => digestOf(content, key);
}

/** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
function untilInterrupted(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  }
  return stop.signal;
}

async function ask(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UserError('prune: asks before it removes anything, and standard input is not a terminal; use --yes');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? messageOf(error)}`, { cause: error });
  }
}

function checkedLogLevel(): string {
  if ((LOG_LEVELS as readonly string[]).includes(logLevel)) return logLevel;
  throw new UserError(`LOG_LEVEL is "${logLevel}": use one of ${LOG_LEVELS.join(', ')}`);
}

const colors = (): boolean => process.stdout.isTTY && picocolors.isColorSupported;

function between(low: number, high: number): (value: string) => number {
  return (value) => {
    const n = Number(value);
    if (!Number.isInteger(n) || n < low || n > high) throw new InvalidArgumentError(`must be a whole number from ${low} to ${high}.`);
    return n;
  };
}

/** One line that says what is wrong and what to do. */
function fail(error: unknown): void {
  if (logLevel === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  const hint = isForbidden(error) ? '; ask for that right, or use a kubeconfig that has it' : '';
  process.stderr.write(`pullpass: ${messageOf(error)}${hint}\n`);
  process.exitCode = error instanceof UserError ? error.exitCode : 1;
}

// A reader that has seen enough (`pullpass plan | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const root = program();
for (const command of [root, ...root.commands]) {
  command.exitOverride().showSuggestionAfterError().configureOutput({ outputError: (message, write) => write(message.replace(/^error: /, 'pullpass: ')) });
}
try {
  await root.parseAsync();
} catch (error) {
  // commander has printed its own line; help and version come here too, with status 0.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 64;
  else fail(error);
}
