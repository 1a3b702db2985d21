/** Commands that look at a cluster and change nothing: `plan`, `audit`, `verify`, `wait`. */
import { Command, Option } from 'commander';
import { SEVERITIES } from '../audit/rules/rule.ts';
import type { Severity } from '../audit/rules/rule.ts';
import { TEXT_OUTPUTS } from '../audit/render/outputs.ts';
import type { TextOutput } from '../audit/render/outputs.ts';
import { runAudit } from '../commands/audit.ts';
import { isPending, renderPlan } from '../commands/plan.ts';
import type { Output } from '../commands/plan.ts';
import { renderChecks, runChecks } from '../commands/verify.ts';
import { runWait } from '../commands/wait.ts';
import { loadConfiguration } from '../config/load.ts';
import { readNamedCopies } from '../reconcile/named-copies.ts';
import { observeRotations } from '../rotation/progress.ts';
import { planCluster, problemsOf, readCluster } from '../sources/snapshot.ts';
import { createReach } from '../proxies/reach.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { between, options } from './options.ts';
import type { Cluster, Configured } from './options.ts';

export function planCommand(env: Environment): Command {
  return new Command('plan')
    .summary('show what the controller would change now')
    .description(
      'Shows what the controller would change now, and changes nothing. Exit status: 0 nothing to change, 2 changes pending or held.',
    )
    .addOption(options.config())
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.namespace())
    .addOption(options.output())
    .action(async (flags: Configured & { output: Output; controllerNamespace: string }) => {
      const configuration = await loadConfiguration(flags.config);
      const plan = await withClient(env, flags, async (client) => {
        const snapshot = await readCluster(client, configuration, flags.controllerNamespace);
        const planned = planCluster(snapshot, {}, configuration);
        const plans = planned.namespaces;
        const rotations = await observeRotations({ client, configuration, snapshot, plans, users: new Map() });
        const named = await readNamedCopies({ client, configuration, scopes: snapshot.scopes });
        const sources = problemsOf(snapshot.book);
        return { ...planned, sources, rotations, named, paused: configuration.paused };
      });
      process.stdout.write(renderPlan(plan, flags.output, env.colors()));
      process.exitCode = isPending(plan) ? 2 : 0;
    });
}

export function auditCommand(env: Environment): Command {
  return new Command('audit')
    .summary('say what would break, and why')
    .description(
      'Says what would break, and why: findings, and which registries are used with which credential. Changes nothing.\nExit status: 0, 3 when findings reach --fail-on.',
    )
    .addOption(
      new Option('--config <file>', 'configuration file; without one, what needs no source is audited').env(
        'PULLPASS_CONFIG',
      ),
    )
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.namespace())
    .addOption(
      new Option('-n, --namespace <name>', 'only this namespace; repeat it for more').argParser(
        (name: string, names: string[] = []) => [...names, name],
      ),
    )
    .addOption(
      new Option('--fail-on <severity>', 'exit with 3 when a finding is at least this severe').choices([...SEVERITIES]),
    )
    .addOption(new Option('-o, --output <format>', 'how to print').choices([...TEXT_OUTPUTS]).default('table'))
    .action(
      async (
        flags: Cluster & {
          config?: string;
          controllerNamespace: string;
          namespace?: string[];
          failOn?: Severity;
          output: TextOutput;
        },
      ) => {
        const configuration = flags.config === undefined ? undefined : await loadConfiguration(flags.config);
        const live = process.stderr.isTTY;
        const { text: out, exitCode } = await withClient(env, flags, async (client) =>
          runAudit({
            client,
            configuration,
            namespaces: flags.namespace,
            failOn: flags.failOn,
            output: flags.output,
            color: env.colors(),
            width: process.stdout.isTTY ? process.stdout.columns : undefined,
            version: env.version,
            controller: { namespace: flags.controllerNamespace, name: 'pullpass' },
            progress: live ? (line) => process.stderr.write(`\r\u001b[K${line}`) : undefined,
          }),
        );
        if (live) process.stderr.write('\r\u001b[K');
        process.stdout.write(out);
        process.exitCode = exitCode;
      },
    );
}

export function verifyCommand(env: Environment): Command {
  return new Command('verify')
    .summary('try credentials at their registries and through the cache proxies')
    .description(
      'Tries every credential at its registry, and every cache proxy by a private pull through it. One try each.\nExit status: 0, 3 when one is refused.',
    )
    .addOption(options.config())
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.namespace())
    .addOption(options.output())
    .action(async (flags: Configured & { output: Output; controllerNamespace: string }) => {
      const configuration = await loadConfiguration(flags.config);
      const reach = createReach({ userAgent: env.userAgent });
      try {
        const checks = await withClient(env, flags, async (client) =>
          runChecks({
            client,
            configuration,
            reach,
            signal: env.untilInterrupted(),
            snapshot: await readCluster(client, configuration, flags.controllerNamespace),
          }),
        );
        const { text: out, exitCode } = renderChecks(checks, flags.output, env.colors());
        process.stdout.write(out);
        process.exitCode = exitCode;
      } finally {
        await reach.close();
      }
    });
}

export function waitCommand(env: Environment): Command {
  return new Command('wait')
    .summary('block until a rotation is complete: the old credential can be revoked')
    .description(
      'Blocks, with progress, until every copy and every cache proxy carries what the source holds now.\nExit status: 0 "complete: the old credential can be revoked", 1 not in time (what is behind is printed).',
    )
    .addOption(options.config())
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.namespace())
    .requiredOption('--source <name>', 'name of the source in the configuration')
    .addOption(new Option('--timeout <seconds>', 'how long to wait').default(600).argParser(between(0, 86_400)))
    .action(async (flags: Configured & { source: string; timeout: number; controllerNamespace: string }) => {
      const configuration = await loadConfiguration(flags.config);
      const users = new Map<string, string>();
      const { text: out, exitCode } = await withClient(env, flags, (client) =>
        runWait({
          source: flags.source,
          timeoutMs: flags.timeout * 1000,
          signal: env.untilInterrupted(),
          observe: async () =>
            observeRotations({
              client,
              configuration,
              snapshot: await readCluster(client, configuration, flags.controllerNamespace),
              users,
            }),
          progress: (line) => process.stderr.write(`${flags.source}: ${line}\n`),
          paused: configuration.paused,
        }),
      );
      (exitCode === 0 ? process.stdout : process.stderr).write(`${out}\n`);
      process.exitCode = exitCode;
    });
}
