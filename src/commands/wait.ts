/** `pullpass wait`: blocks until a rotation is complete; at the timeout it says what is behind. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { sleep } from '../async/sleep.ts';
import { loadConfiguration } from '../config/load.ts';
import { quoteKey } from '../credentials/registry-name.ts';
import { messageOf, UsageError } from '../errors.ts';
import { UnreachableError } from '../kube/api-error.ts';
import { stateOf } from '../plan/proxy.ts';
import { isProxyDone } from '../rotation/proxy-progress.ts';
import type { ProofTerms, ProxyProgress } from '../rotation/proxy-progress.ts';
import { isComplete } from '../rotation/progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { between, configuredCommand } from './options.ts';
import type { Configured } from './options.ts';
import { createLook } from './wait-look.ts';
import { scanElsewhere } from './wait-scan.ts';

export function waitCommand(env: Environment): Command {
  return configuredCommand('wait')
    .summary('block until a rotation is complete: the old credential can be revoked')
    .description(
      'Blocks, with progress, until every copy and every cache proxy carries what the source holds now, every cache proxy has\n' +
        'settled, and each one with a probe was shown to pull with its login.\n' +
        'Exit status: 0 "complete: the old credential can be revoked", 1 not in time (what is behind is printed).',
    )
    .requiredOption('--source <name>', 'name of the source in the configuration')
    .addOption(new Option('--timeout <seconds>', 'how long to wait').default(1200).argParser(between(0, 86_400)))
    .option('--require-proof', 'ask for a proof of every cache proxy, also of those without a probe')
    .option('--accept-unproven <name...>', 'cache proxies that need no proof: what has settled is enough')
    .option('--scan', 'then list other pull Secrets of the cluster with a login of the same user')
    .action(async ({ config, controllerNamespace, source, timeout, ...flags }: Configured & Flags) => {
      const { requireProof, acceptUnproven = [], scan = false, ...cluster } = flags;
      const signal = env.untilInterrupted();
      const configuration = await loadConfiguration(config);
      const known = configuration.cacheProxies.map(({ name }) => name);
      for (const name of acceptUnproven)
        if (!known.includes(name))
          throw new UsageError(
            `wait: there is no cache proxy "${name}"; the configuration has: ${known.join(', ') || 'none'}`,
          );
      await withClient(env, cluster, async (client) => {
        const { text, exitCode } = await runWait({
          source,
          timeoutMs: timeout * 1000,
          signal,
          observe: createLook({ client, configuration, namespace: controllerNamespace }),
          progress: (line) => env.writeErr(`${source}: ${line}\n`),
          paused: configuration.paused,
          terms: { requireProof, acceptUnproven },
        });
        (exitCode === 0 ? env.writeOut : env.writeErr)(`${text}\n`);
        env.exitWith(exitCode);
        if (scan) env.writeErr(await scanElsewhere({ client, configuration, source, signal }));
      });
    });
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
  timeoutMs,
  intervalMs = 1_000,
  progress,
  paused = false,
  terms = {},
  now = Date.now,
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
      if (isComplete(at, terms)) return { text: [completeLine(line), ...shown(at)].join('\n  '), exitCode: 0 };
      trouble = [];
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

/** Names the logins to revoke if only some entries are held back, and the others have arrived everywhere. */
function revocable({ held, current, copies, proxies }: RotationProgress, terms: ProofTerms): string[] {
  if (
    held.length === 0 ||
    current.length === 0 ||
    copies.behind.length > 0 ||
    (copies.kept ?? []).length > 0 ||
    !proxies.every((proxy) => isProxyDone(proxy, terms))
  )
    return [];
  const kept = held.map(({ key }) => quoteKey(key)).join(', ');
  return [
    `The old logins of ${current.map(quoteKey).join(', ')} can be revoked: their new ones are everywhere. Keep those of ${kept}.`,
  ];
}

function summary({ copies, proxies, heldBack }: RotationProgress): string {
  const done = copies.total - copies.behind.length - (copies.kept ?? []).length;
  const settled = proxies.filter((proxy) => proxy.applied === true && proxy.settled);
  const proven = settled.filter((proxy) => proxy.proven && proxy.verified !== 'refused');
  const parts = [
    `${done}/${copies.total} copies`,
    ...(proxies.length === 0
      ? []
      : [`${settled.length}/${proxies.length} cache proxies settled`, `${proven.length} proven`]),
  ];
  return `${heldBack.length > 0 ? 'held back; ' : ''}${parts.join(', ')}`;
}

const completeLine = (line: string): string =>
  `complete: the old credential can be revoked, everywhere Pullpass manages (${line})`;

/** How each cache proxy is known to be done, and what that does not cover. */
function shown({ proxies }: RotationProgress): string[] {
  return [
    ...proxies.map((proxy) => {
      const { name, proven, verified, reason, why } = proxy;
      const how = !proven
        ? 'not proven'
        : verified === 'verified'
          ? 'proven'
          : `proven, now ${stateOf({ state: verified, reason })}`;
      return `cache proxy ${name}: ${how}: ${why}`;
    }),
    ...(proxies.some(({ proven }) => proven)
      ? ['While the old credential works too, a proof shows that a login works, not which one.']
      : []),
    'Not covered: pulls already under way, and Secrets that Pullpass does not manage.',
  ];
}

function behind({ copies, proxies, heldBack }: RotationProgress, terms: ProofTerms): string[] {
  const { kept = [] } = copies;
  const ten = (namespaces: readonly string[]): string =>
    `${namespaces.slice(0, 10).join(', ')}${namespaces.length > 10 ? ', ...' : ''}`;
  return [
    ...heldBack.map((why) => `the source is held back: ${why}`),
    ...(copies.behind.length === 0 ? [] : [`${copies.behind.length} copies: ${ten(copies.behind)}`]),
    ...(kept.length === 0
      ? []
      : [
          `${kept.length} copies that are to be removed are kept by the brake, with the old credential: ${ten(kept)}. \`pullpass plan\` says how to go on`,
        ]),
    ...proxies.filter((proxy) => !isProxyDone(proxy, terms)).map(standing),
  ];
}

function standing({ name, applied, checked, verified, reason, why }: ProxyProgress): string {
  return `cache proxy ${name}: ${applied === true && checked ? `${stateOf({ state: verified, reason })}: ` : ''}${why}`;
}
