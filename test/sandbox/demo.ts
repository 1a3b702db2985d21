/**
 * `npm run demo`: a plain copier beside Pullpass, on an API server of its own; with `--all`, all that Pullpass promises. It measures
 * and checks what it shows.
 * Exit status: 0 if all promises hold, 1 if one does not, 64 for a wrong option, 130 after Ctrl-C.
 */
import { once } from 'node:events';
import picocolors from 'picocolors';
import { ACTS, stop } from './demo/acts/index.ts';
import { ExpectationError } from './demo/expect.ts';
import { inviteToPlay } from './demo/keep.ts';
import { createLogins } from './demo/logins.ts';
import { createDuel } from './demo/duel/index.ts';
import { createNarrator, duration } from './demo/narrator.ts';
import { startReal, startSandbox } from './demo/server.ts';
import { setStage } from './demo/stage.ts';

const USAGE = `usage: npm run demo [-- --all] [-- --keep] [-- --real]
  --all    the full walk: every promise, in fourteen acts
  --keep   stay up afterwards, until Ctrl-C, for kubectl and pullpass
  --real   play on a real kube-apiserver, where setup-envtest has put one`;

/** Nothing here takes this long; something hangs. */
const LIMIT_MS = 240_000;

const options = process.argv.slice(2);
if (options.some((option) => !['--all', '--keep', '--real'].includes(option))) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(64);
}
const all = options.includes('--all');
const keep = options.includes('--keep');

const interrupted = new AbortController();
const late = new AbortController();
const limit = setTimeout(() => late.abort(), LIMIT_MS);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort());
const signal = AbortSignal.any([interrupted.signal, late.signal]);

const color = process.stdout.isTTY && picocolors.isColorSupported;
const logins = createLogins();
const tell = createNarrator({
  write: (text) => {
    process.stdout.write(text);
  },
  color,
  redact: logins.redact,
});
const cleanUp = new AsyncDisposableStack();
const log: { lines: readonly string[] } = { lines: [] };

async function play(): Promise<void> {
  const startedAt = performance.now();
  tell.title(
    all
      ? 'Pullpass demo: the real controller on an API server of its own'
      : 'Pullpass demo: a plain copier, and the real controller, on an API server of their own',
  );
  const duel = all ? undefined : await createDuel({ cleanUp, logins });
  const stage = await setStage({
    startServer: options.includes('--real') ? startReal : startSandbox,
    tell,
    logins,
    color,
    signal,
    cleanUp,
    scene: duel,
  });
  log.lines = stage.controller.log;
  await duel?.play(stage);
  for (const [index, act] of (all ? ACTS : []).entries()) {
    tell.title(act.title, index + 1);
    await act.play(stage);
  }
  if (!keep) {
    tell.title(stop.title);
    await stop.play(stage);
  }
  tell.end(`All of it holds, after ${duration(performance.now() - startedAt)}.`);
  if (!all) tell.note('Everything else: npm run demo -- --all. To type the commands yourself: npm run demo -- --keep.');
  clearTimeout(limit);
  if (!keep) return;
  inviteToPlay(tell, stage.files, String((await stage.controller.logged('serving /livez'))['url']), all);
  if (!interrupted.signal.aborted) await once(interrupted.signal, 'abort');
}

/** The last warnings of the controller: most often they say why. */
function lastWords(lines: readonly string[]): string[] {
  const warnings = lines.filter((line) => /^\{"level":"(warn|error|fatal)"/.test(line)).slice(-5);
  return warnings.map((line) => {
    const { level, msg } = JSON.parse(line) as { level: string; msg: string };
    return `the controller said (${level}): ${msg}`;
  });
}

try {
  await play();
} catch (error) {
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
  if (interrupted.signal.aborted) {
    tell.end('Stopped; everything is taken down.');
  } else {
    const message = error instanceof Error ? error.message : String(error);
    tell.fails(
      late.signal.aborted
        ? `not through after ${LIMIT_MS / 1000} s`
        : error instanceof ExpectationError
          ? message
          : `unexpected: ${message}`,
    );
    for (const line of lastWords(log.lines)) tell.note(line);
  }
} finally {
  clearTimeout(limit);
  await cleanUp.disposeAsync();
}
