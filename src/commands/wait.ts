/** `pullpass wait`: blocks until a rotation is complete; at the timeout it says what is behind. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { sleep } from '../async/sleep.ts';
import { loadConfiguration } from '../config/load.ts';
import { quoteKey } from '../credentials/registry-name.ts';
import { messageOf, UsageError } from '../errors.ts';
import { UnreachableError } from '../kube/api-error.ts';
import { isDone } from '../rotation/proxy-progress.ts';
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
      'Blocks, with progress, until every copy and every cache proxy carries what the source holds now.\n' +
        'Exit status: 0 "complete: the old credential can be revoked", 1 not in time (what is behind is printed).',
    )
    .requiredOption('--source <name>', 'name of the source in the configuration')
    .addOption(new Option('--timeout <seconds>', 'how long to wait').default(600).argParser(between(0, 86_400)))
    .option('--scan', 'then list other pull Secrets of the cluster with a login of the same user')
    .action(async ({ config, controllerNamespace, source, timeout, scan, ...cluster }: Configured & Flags) => {
      const configuration = await loadConfiguration(config);
      const signal = env.untilInterrupted();
      await withClient(env, cluster, async (client) => {
        const { text, exitCode } = await runWait({
          source,
          timeoutMs: timeout * 1000,
          signal,
          observe: createLook({ client, configuration, namespace: controllerNamespace }),
          progress: (line) => env.writeErr(`${source}: ${line}\n`),
          paused: configuration.paused,
        });
        (exitCode === 0 ? env.writeOut : env.writeErr)(`${text}\n`);
        env.exitWith(exitCode);
        if (scan === true) env.writeErr(await scanElsewhere({ client, configuration, source, signal }));
      });
    });
}

interface Flags {
  source: string;
  timeout: number;
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
      if (!whole && (seen.complete || over)) seen = rotationOf(source, await observe(true));
      at = seen;
      line = summary(at);
      if (at.complete) return { text: `complete: the old credential can be revoked (${line})`, exitCode: 0 };
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
    ...(at === undefined ? [] : behind(at)),
    ...(at === undefined || trouble.length > 0 ? [] : revocable(at)),
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
function revocable({ held, current, copies, proxies }: RotationProgress): string[] {
  if (
    held.length === 0 ||
    current.length === 0 ||
    copies.behind.length > 0 ||
    (copies.kept ?? []).length > 0 ||
    !proxies.every(isDone)
  )
    return [];
  const kept = held.map(({ key }) => quoteKey(key)).join(', ');
  return [
    `The old logins of ${current.map(quoteKey).join(', ')} can be revoked: their new ones are everywhere. Keep those of ${kept}.`,
  ];
}

function summary({ copies, proxies, heldBack }: RotationProgress): string {
  const done = copies.total - copies.behind.length - (copies.kept ?? []).length;
  const applied = proxies.filter((proxy) => proxy.applied === true);
  const verified = applied.filter((proxy) => proxy.verified === 'verified');
  const parts = [
    `${done}/${copies.total} copies`,
    ...(proxies.length === 0
      ? []
      : [`${applied.length}/${proxies.length} cache proxies`, `${verified.length} verified`]),
  ];
  return `${heldBack.length > 0 ? 'held back; ' : ''}${parts.join(', ')}`;
}

function behind({ copies, proxies, heldBack }: RotationProgress): string[] {
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
    ...proxies.filter((proxy) => !isDone(proxy)).map(({ name, why }) => `cache proxy ${name}: ${why}`),
  ];
}
