/** Watches the configuration file of a running controller. */
import { isDeepStrictEqual } from 'node:util';
import { messageOf, UserError } from '../errors.ts';
import { parseConfiguration, type ConfigProblem } from './load.ts';
import { readConfigurationText, unreadable } from './read-file.ts';
import type { Configuration } from './schema.ts';

/** If `onChange` throws, the version is a problem, and the one before is taken to be in force still. */
interface WatchOptions {
  /** The configuration in force when the watch starts. The first check compares with it, so no change is missed. */
  running: Configuration;
  intervalMs: number;
  /** A valid version that differs from the one in force: now it is in force. Changed comments alone do not count. */
  onChange: (configuration: Configuration) => void;
  /** A version that cannot be used, called once per version; the one in force stays. */
  onProblem: (problems: ConfigProblem[]) => void;
  /** After problems, the file again has the configuration in force. */
  onRestored?: () => void;
  /** Ends the watch; no callback comes after it. */
  signal: AbortSignal;
}

export interface ConfigurationWatch {
  /** Checks the file now, without waiting for the interval. Never rejects. */
  check(): Promise<void>;
}

/**
 * Polls the content: the kubelet updates a ConfigMap mount by swapping a symlink two levels up, which fs.watch on the
 * file does not see. The timer does not keep the process alive.
 */
export function watchConfiguration(path: string, options: WatchOptions): ConfigurationWatch {
  const { intervalMs, signal, onChange, onProblem, onRestored } = options;
  let running = options.running;
  let judged: string | undefined; // the version that was checked last, or why it could not be read
  let inTrouble = false;
  let current: Promise<void> | undefined;

  function judge(version: string, result: ReturnType<typeof parseConfiguration>): void {
    if (signal.aborted || version === judged) return;
    judged = version;
    if (!result.ok) {
      inTrouble = true;
      onProblem(result.problems);
      return;
    }
    const restored = inTrouble;
    inTrouble = false;
    if (!isDeepStrictEqual(result.configuration, running)) {
      try {
        onChange(result.configuration);
      } catch (error) {
        inTrouble = true;
        onProblem([trouble(`cannot be put in force: ${messageOf(error)}`)]);
        return;
      }
      running = result.configuration;
    } else if (restored) {
      onRestored?.();
    }
  }

  async function look(): Promise<void> {
    let text: string;
    try {
      text = await readConfigurationText(path, { pipes: false });
    } catch (error) {
      const message = unreadable(error instanceof UserError ? error.cause : error);
      judge(`unreadable: ${message}`, { ok: false, problems: [trouble(message)] });
      return;
    }
    const version = `text: ${text}`;
    if (version !== judged) judge(version, parseConfiguration(text, path));
  }

  const trouble = (message: string): ConfigProblem => ({ file: path, line: 1, column: 1, path: '', message });

  /** The last resort: whoever is told must not fail, and nothing may stop the watch. */
  function failed(error: unknown): void {
    try {
      judge(`failed: ${messageOf(error)}`, {
        ok: false,
        problems: [trouble(`cannot be checked: ${messageOf(error)}`)],
      });
    } catch {
      // Nobody is there to be told.
    }
  }

  // A check that is still running is shared: two at a time would race.
  const check = () =>
    (current ??= look()
      .catch(failed)
      .finally(() => {
        current = undefined;
      }));
  if (!signal.aborted) {
    const timer = setInterval(() => void check(), intervalMs).unref();
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(timer);
      },
      { once: true },
    );
  }
  return { check };
}
