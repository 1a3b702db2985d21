/**
 * Runs a foreign program: bounded in time and output, in a process group of its own, with no variable that was not named. What it
 * writes to stderr can hold a token, so no text of it leaves this file: only words of our own that are found in it.
 */
import { spawn } from 'node:child_process';
import { kill } from 'node:process';
import { messageOf } from '../errors.ts';
import { some } from '../text.ts';
import { ProviderFailure } from './failure.ts';

/** A login of ECR is about 2 KiB, an identity token of a cloud at most a few. */
export const MAX_OUTPUT_BYTES = 256 * 1024;
const MAX_STDERR_BYTES = 64 * 1024;

/** Causes that the programs of the clouds name, and what they mean. They are looked for in stderr, and printed from here. */
const KNOWN_CAUSES: readonly [found: RegExp, said: string][] = [
  [/AccessDenied|not authorized to perform|\b403\b/i, 'access denied'],
  [/ExpiredToken|token (?:has|is) expired/i, 'an expired token'],
  [/InvalidIdentityToken|InvalidClientTokenId|UnrecognizedClient|\b401\b/i, 'an identity that the cloud does not know'],
  [/no EC2 IMDS role|failed to refresh cached credentials|NoCredentialProviders/i, 'no identity of the cloud found'],
  [/no such host|name resolution/i, 'a host that DNS does not know'],
  [/connection refused|no route to host|network is unreachable/i, 'no connection'],
  [/i\/o timeout|deadline exceeded|request canceled/i, 'no answer in time'],
  [/x509|certificate/i, 'a certificate that does not verify'],
  [/Throttl|TooManyRequests|\b429\b/i, 'too many requests'],
  [/no such file or directory/i, 'a file that is not there'],
];

export interface ProgramRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Its standard input. */
  readonly input: string;
  readonly timeoutMs: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What it wrote to stdout. @throws ProviderFailure */
export function runProgram({ file, args, env, input, timeoutMs, signal }: ProgramRun): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  if (signal.aborted) return Promise.reject(new ProviderFailure('timeout', 'was stopped'));
  let child;
  try {
    child = spawn(file, args, { env, cwd: '/', detached: true, stdio: 'pipe' });
  } catch (error) {
    // Node itself refuses it: the permission model.
    return Promise.reject(new ProviderFailure('program', `cannot be started: ${messageOf(error)}`));
  }
  const { pid, stdin, stdout, stderr } = child;
  const output: Buffer[] = [];
  let size = 0;
  let said = '';
  let saidBytes = 0;

  /** Also what the program started and left behind, which would hold the pipes open. */
  function killGroup(): void {
    try {
      if (pid !== undefined) kill(-pid, 'SIGKILL');
    } catch {
      // None of the group is left.
    }
  }
  function fail(failure: ProviderFailure): void {
    killGroup();
    // Who left the group still has the other ends.
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
    settle();
    reject(failure);
  }
  const stop = (): void => fail(new ProviderFailure('timeout', 'was stopped'));
  const timer = setTimeout(
    () => fail(new ProviderFailure('timeout', `did not end within ${timeoutMs / 1000} seconds`)),
    timeoutMs,
  );
  function settle(): void {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }

  signal.addEventListener('abort', stop, { once: true });
  stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_OUTPUT_BYTES)
      fail(new ProviderFailure('output', `wrote more than ${MAX_OUTPUT_BYTES / 1024} KiB to stdout`));
    else output.push(chunk);
  });
  stderr.on('data', (chunk: Buffer) => {
    if (saidBytes < MAX_STDERR_BYTES) said += chunk.subarray(0, MAX_STDERR_BYTES - saidBytes).toString('latin1');
    saidBytes += chunk.length;
  });
  // It may end, or close its end, without reading all of it.
  stdin.on('error', () => undefined);
  stdin.end(input);
  child.on('error', (error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'is not there' : error.code === 'EACCES' ? 'is not executable' : error.code;
    fail(new ProviderFailure('program', `cannot be started: ${why}`));
  });
  child.on('exit', killGroup);
  child.on('close', (status, ended) => {
    settle();
    if (status === 0) return resolve(Buffer.concat(output));
    const causes = KNOWN_CAUSES.filter(([found]) => found.test(said)).map(([, cause]) => cause);
    const how = status === null ? `was ended by ${ended}` : `ended with status ${status}`;
    const why = causes.length > 0 ? `; it speaks of ${some(causes)}` : '';
    reject(new ProviderFailure('exit', `${how}${why}`));
  });
  return promise;
}
