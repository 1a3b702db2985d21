/** Errors are named where they are understood; `main.ts` prints `message` as one line and exits with `exitCode`. */

/** Something the user can put right. The message says what is wrong, where, and what to do; it never holds a credential. */
export class UserError extends Error {
  override name = 'UserError';
  readonly exitCode: number;
  constructor(message: string, options: ErrorOptions & { exitCode?: number } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The command line itself is wrong: exit status 64, EX_USAGE of sysexits(3). */
export class UsageError extends UserError {
  override name = 'UsageError';
  constructor(message: string) {
    super(message, { exitCode: 64 });
  }
}

/** The text of anything thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * What kind of failure an error is: who makes it knows, and says so in a field `kind`. Whether and when there is another try is
 * decided from that, in one place (`retry.ts`).
 *
 * - `passing`: passes by itself, as a lost race or an API server that is not there
 * - `superseded`: what it was for is another by now
 * - `not yet`: something else has to happen first, and is about to
 * - `refused`: the answer stays the same until something changes, and then an event says so
 * - `forbidden`: a right is missing; nothing says when it is there
 * - `fault`: all others
 */
export type FailureKind = 'passing' | 'superseded' | 'not yet' | 'refused' | 'forbidden' | 'fault';

export function kindOf(error: unknown): FailureKind {
  return error instanceof Error && 'kind' in error ? (error.kind as FailureKind) : 'fault';
}

/** How long the server asked to wait, in milliseconds, where it did. */
export const retryAfterOf = (error: unknown): number | undefined =>
  error instanceof Error && 'retryAfterMs' in error ? (error.retryAfterMs as number | undefined) : undefined;

/** Told only when it lasts. */
export const isPassing = (error: unknown): boolean => ['passing', 'superseded', 'not yet'].includes(kindOf(error));
