/** `pullpass wait`: blocks until a rotation is complete; at the timeout it says what is behind. */
import { monotonic } from '../clock.ts';
import type { Command } from 'commander';
import { Option } from 'commander';
import { sleep } from '../async/sleep.ts';
import { loadConfiguration } from '../config/load.ts';
import { messageOf, UsageError } from '../errors.ts';
import { UnreachableError } from '../kube/api-error.ts';
import type { ProofTerms } from '../rotation/proxy-progress.ts';
import { isComplete } from '../rotation/progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import { withClient } from './connect.ts';
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Environment } from './environment.ts';
import { between, configuredCommand } from './options.ts';
import type { Configured } from './options.ts';
import { createLook } from './wait-look.ts';
import type { Elsewhere } from './wait-look.ts';
import { behind, completeLine, NOT_COVERED, revocable, shown, summary } from './wait-text.ts';
import { scanElsewhere } from './wait-scan.ts';

export function waitCommand(env: Environment): Command {
  return configuredCommand('wait')
    .summary('block until a rotation is complete: the old credential can be revoked')
    .description(
      'Blocks, with progress, until every copy and every cache proxy carries what the source holds now, every cache proxy has ' +
        'settled, and each one with a probe was shown to pull with its login.\n' +
        'Exit status: 0 "complete: the old credential can be revoked", 1 not in time (what is behind is printed).',
    )
    .requiredOption('--source <name>', 'name of the source in the configuration')
    .addOption(new Option('--timeout <seconds>', 'how long to wait').default(1200).argParser(between(0, 86_400)))
    .option('--require-proof', 'ask for a proof of every cache proxy, also of those without a probe')
    .option('--accept-unproven <name...>', 'cache proxies that need no proof: what has settled is enough')
    .option('--scan', 'then list other pull Secrets of the cluster with a login of the same user')
    .action(async ({ config, controllerNamespace, source, timeout, ...flags }: Configured & Flags) => {
      const { requireProof, acceptUnproven = [], scan = false, namespaces: listed, ...cluster } = flags;
      const signal = env.untilInterrupted();
      const configuration = await loadConfiguration(config);
      const known = configuration.cacheProxies.map(({ name }) => name);
      for (const name of acceptUnproven)
        if (!known.includes(name))
          throw new UsageError(
            `wait: there is no cache proxy "${name}"; the configuration has: ${known.join(', ') || 'none'}`,
          );
      await withClient(env, cluster, async (client) => {
        const terms = { requireProof, acceptUnproven };
        const look = { client, configuration, namespace: controllerNamespace, listed };
        env.exitWith(await awaitRotation(env, { ...look, source, timeoutMs: timeout * 1000, terms, signal }));
        if (scan)
          env.writeErr(
            await scanElsewhere({ client, configuration, source, instance: controllerNamespace, listed, signal }),
          );
      });
    });
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
}

/** Says how far it is and how it ended; resolves to the exit status. */
export async function awaitRotation(
  env: Pick<Environment, 'writeOut' | 'writeErr'>,
  { client, configuration, namespace, listed, ...options }: Awaited,
): Promise<0 | 1> {
  const { look, elsewhere } = createLook({ client, configuration, namespace, listed });
  const { text, exitCode } = await runWait({
    ...options,
    observe: look,
    elsewhere,
    progress: (line) => env.writeErr(`${options.source}: ${line}\n`),
    paused: configuration.paused,
  });
  (exitCode === 0 ? env.writeOut : env.writeErr)(`${text}\n`);
  return exitCode;
}

interface Flags {
  source: string;
  timeout: number;
  requireProof?: boolean;
  acceptUnproven?: string[];
  scan?: boolean;
}

interface WaitOptions {
  source: string;
  /** Reads the progress of all rotations. `whole`: reads everything, not only what a rotation changes. */
  observe: (whole: boolean) => Promise<readonly RotationProgress[]>;
  /** What products made of the login, for a rotation that is complete otherwise. */
  elsewhere?: (rotation: RotationProgress) => Promise<Elsewhere>;
  timeoutMs: number;
  intervalMs?: number;
  /** Gets a line of progress each time it differs from the last one. */
  progress: (line: string) => void;
  /** Whether the configuration says `paused: true`: then no rotation makes progress. */
  paused?: boolean;
  terms?: ProofTerms;
  now?: () => number;
  signal: AbortSignal;
}

const LOOKS_PER_WHOLE = 10;

/** Resolves to what to print and the exit status: 0 complete, 1 timeout. Throws UsageError for an unknown source. */
export async function runWait({
  source,
  observe,
  elsewhere = () => Promise.resolve({ behind: [], unseen: [], also: [] }),
  timeoutMs,
  intervalMs = 1_000,
  progress,
  paused = false,
  terms = {},
  now = monotonic,
  signal,
}: WaitOptions): Promise<{ text: string; exitCode: 0 | 1 }> {
  const deadline = now() + timeoutMs;
  const isOver = (): boolean => now() >= deadline || signal.aborted;
  let last = '';
  let at: RotationProgress | undefined;
  let trouble: string[];
  for (let looks = 0; ; looks++) {
    let line: string;
    let over: boolean;
    try {
      const whole = looks % LOOKS_PER_WHOLE === 0;
      let seen = rotationOf(source, await observe(whole));
      over = isOver();
      // Only a whole look may say "complete" or list what can be revoked: a namespace may have opted in since the last one.
      if (!whole && (isComplete(seen, terms) || over)) seen = rotationOf(source, await observe(true));
      at = seen;
      line = summary(at);
      trouble = [];
      if (isComplete(at, terms)) {
        const { behind: held, unseen, also } = await elsewhere(at);
        const accepted = new Set(terms.acceptUnproven);
        trouble = [...held, ...unseen.filter(({ proxy }) => !accepted.has(proxy))].map(({ line: why }) => why);
        if (trouble.length === 0)
          return {
            text: [completeLine(line), ...shown(at), ...unseen.map(({ line: why }) => why), ...also, NOT_COVERED].join(
              '\n  ',
            ),
            exitCode: 0,
          };
        line = `${line}; ${trouble.join('; ')}`;
      }
    } catch (error) {
      // The API server may restart during a rotation: keep waiting.
      if (!(error instanceof UnreachableError)) throw error;
      over = isOver();
      line = messageOf(error);
      trouble = [line];
    }
    if (paused) line = `paused; ${line}`;
    if (line !== last) progress((last = line));
    if (over) break;
    await sleep(Math.min(intervalMs, Math.max(0, deadline - now())), signal);
  }
  const lines = [
    'not complete: do not revoke the old credential yet. Behind:',
    ...(paused ? ['the configuration says paused: true, so nothing is written until it is taken out'] : []),
    ...trouble,
    ...(at === undefined ? [] : behind(at, terms)),
    ...(at === undefined || trouble.length > 0 ? [] : revocable(at, terms)),
  ];
  return { text: lines.join('\n  '), exitCode: 1 };
}

function rotationOf(source: string, all: readonly RotationProgress[]): RotationProgress {
  const found = all.find((rotation) => rotation.source === source);
  if (found !== undefined) return found;
  const names = all.map((rotation) => rotation.source).join(', ');
  throw new UsageError(`wait: the configuration has no source "${source}"; it has: ${names}`);
}
