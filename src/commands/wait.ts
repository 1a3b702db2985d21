/** `pullpass wait`: blocks until a rotation is complete, and says what is behind if it does not become so. */
import { quoteKey } from '../credentials/registry-name.ts';
import { messageOf, UsageError } from '../errors.ts';
import { UnreachableError } from '../kube/api-error.ts';
import { sleep } from '../async/sleep.ts';
import { isDone } from '../rotation/proxy-progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';

export interface WaitOptions {
  source: string;
  /** Reads how all rotations stand. */
  observe: () => Promise<readonly RotationProgress[]>;
  timeoutMs: number;
  intervalMs?: number;
  /** A line of progress; called when it differs from the one before. */
  progress: (line: string) => void;
  /** The configuration says so: then nothing gets any further. */
  paused?: boolean;
  now?: () => number;
  signal: AbortSignal;
}

/** Resolves to what to print and the exit status: 0 complete, 1 not in time. Throws UsageError for an unknown source. */
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
  let last = '';
  let at: RotationProgress | undefined;
  let trouble: string;
  for (;;) {
    try {
      const all = await observe();
      at = all.find((rotation) => rotation.source === source);
      if (at === undefined)
        throw new UsageError(
          `wait: the configuration has no source "${source}"; it has: ${all.map((r) => r.source).join(', ')}`,
        );
      trouble = '';
    } catch (error) {
      // An API server that restarts in the middle of a rotation is no reason to stop waiting.
      if (!(error instanceof UnreachableError)) throw error;
      trouble = messageOf(error);
    }
    if (at?.complete === true && trouble === '')
      return { text: `complete: the old credential can be revoked (${summary(at)})`, exitCode: 0 };
    const line = `${paused ? 'paused; ' : ''}${trouble || (at === undefined ? 'waiting' : summary(at))}`;
    if (line !== last) progress((last = line));
    if (now() >= deadline || signal.aborted) break;
    await sleep(Math.min(intervalMs, Math.max(0, deadline - now())), signal);
  }
  const lines = [
    'not complete: do not revoke the old credential yet. Behind:',
    ...(paused ? ['the configuration says paused: true, so nothing is written until it is taken out'] : []),
    ...(trouble ? [trouble] : []),
    ...(at === undefined ? [] : [...behind(at), ...revocable(at)]),
  ];
  return { text: lines.join('\n  '), exitCode: 1 };
}

/** Whatever is held back keeps its old login; the rest is where it belongs. */
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
