/** `pullpass wait`: blocks until a rotation is complete, in one cluster or in several; at the timeout it says what is behind. */
import { UsageError } from '../errors.ts';
import type { ProofTerms } from '../rotation/proxy-progress.ts';
import { configurationIn, givenConfiguration } from './configuration.ts';
import { withClient } from './connect.ts';
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { inContexts } from './contexts.ts';
import type { Environment } from './environment.ts';
import type { Configured } from './options.ts';
import type { Output } from './output.ts';
import { createLook } from './wait-look.ts';
import { renderWait, renderWaits, textOf } from './wait-output.ts';
import { runWait } from './wait-run.ts';
import type { Waited } from './wait-run.ts';
import { scanElsewhere } from './wait-scan.ts';

export interface Flags extends Omit<Configured, 'context'> {
  context?: string[];
  source: string;
  timeout: number;
  requireProof?: boolean;
  acceptUnproven?: string[];
  scan?: boolean;
  output: Output;
}

export async function run(env: Environment, { context: contexts = [], ...flags }: Flags): Promise<void> {
  const signal = env.untilInterrupted();
  const { kubeconfig, controllerNamespace, source, output, scan = false } = flags;
  const given = await givenConfiguration(flags);
  if (given !== undefined) checkNames(given, flags);
  const begin = async (client: KubeClient) =>
    awaited({
      client,
      configuration: given ?? (await configurationIn(client, controllerNamespace)),
      flags,
      signal,
    });
  const say = (text: string, exitCode: number): void => {
    (exitCode === 0 || output !== 'table' ? env.writeOut : env.writeErr)(text);
    env.exitWith(exitCode);
  };
  const [context, ...more] = contexts;
  if (more.length === 0) {
    await withClient(env, { ...flags, ...(context !== undefined && { context }) }, async (client) => {
      const begun = await begin(client);
      const waited = await watchRotation(env, begun);
      say(renderWait(source, waited, output), waited.exitCode);
      if (scan) env.writeErr(await scanElsewhere(begun));
    });
    return;
  }
  const scans: string[] = [];
  const all = await inContexts(env, { kubeconfig, contexts }, async (client, name) => {
    const begun = await begin(client);
    const waited = await watchRotation(env, { ...begun, prefix: `${name}: ` });
    if (scan) scans.push(`${name}: ${await scanElsewhere(begun)}`);
    return waited;
  });
  const { text, exitCode } = renderWaits(source, all, output);
  say(text, exitCode);
  scans.sort().forEach(env.writeErr);
}

/** Throws UsageError for a cache proxy that the configuration does not have. */
function checkNames({ cacheProxies }: Configuration, { acceptUnproven = [] }: Pick<Flags, 'acceptUnproven'>): void {
  const known = cacheProxies.map(({ name }) => name);
  for (const name of acceptUnproven)
    if (!known.includes(name))
      throw new UsageError(
        `wait: there is no cache proxy "${name}"; the configuration has: ${known.join(', ') || 'none'}`,
      );
}

function awaited({
  client,
  configuration,
  flags,
  signal,
}: {
  readonly client: KubeClient;
  readonly configuration: Configuration;
  readonly flags: Omit<Flags, 'context'>;
  readonly signal: AbortSignal;
}): Awaited & { readonly instance: string } {
  checkNames(configuration, flags);
  const { source, controllerNamespace: namespace, timeout: timeoutMs, requireProof, acceptUnproven } = flags;
  const terms = { requireProof, acceptUnproven };
  const listed = flags.namespaces;
  return { client, configuration, source, namespace, instance: namespace, listed, timeoutMs, terms, signal };
}

interface Awaited {
  client: KubeClient;
  configuration: Configuration;
  source: string;
  /** Where the controller keeps its state. */
  namespace: string;
  /** The namespaces of `--namespaces`; undefined: the whole cluster. */
  listed?: readonly string[] | undefined;
  timeoutMs: number;
  terms?: ProofTerms;
  signal: AbortSignal;
  /** In front of each line of progress. */
  prefix?: string;
}

/** Says how far it is and how it ended; resolves to the exit status. */
export async function awaitRotation(env: Pick<Environment, 'writeOut' | 'writeErr'>, options: Awaited): Promise<0 | 1> {
  const waited = await watchRotation(env, options);
  (waited.exitCode === 0 ? env.writeOut : env.writeErr)(textOf(waited));
  return waited.exitCode;
}

function watchRotation(
  env: Pick<Environment, 'writeErr'>,
  { client, configuration, namespace, listed, prefix = '', ...options }: Awaited,
): Promise<Waited> {
  const { look, elsewhere } = createLook({ client, configuration, namespace, listed });
  return runWait({
    ...options,
    observe: look,
    elsewhere,
    progress: (line) => env.writeErr(`${prefix}${options.source}: ${line}\n`),
    paused: configuration.paused,
  });
}
