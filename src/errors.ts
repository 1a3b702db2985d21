/** Errors for the user, and kinds of failure. `main.ts` prints `message` as one line and exits with `exitCode`. */

/** An error that the user can correct. The message says what is wrong, where, and what to do; it never holds a credential. */
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
 * The kind of a failure: the code that creates the error sets it in a field `kind`. From it, one place decides whether and when
 * to retry (`retry.ts`).
 *
 * - `passing`: passes by itself, such as a lost race or an API server that is not there
 * - `superseded`: the object that it was planned for has changed
 * - `not yet`: something else must happen first, and soon will
 * - `refused`: the answer stays the same until something changes, and a watch event tells that
 * - `forbidden`: a right is missing; no event tells when it is granted
 * - `fault`: all others
 */
export type FailureKind = 'passing' | 'superseded' | 'not yet' | 'refused' | 'forbidden' | 'fault';

export function kindOf(error: unknown): FailureKind {
  return error instanceof Error && 'kind' in error ? (error.kind as FailureKind) : 'fault';
}

/** How long the server asked to wait, in milliseconds; undefined: it did not. */
export const retryAfterOf = (error: unknown): number | undefined =>
  error instanceof Error && 'retryAfterMs' in error ? (error.retryAfterMs as number | undefined) : undefined;

/** Whether it is to be reported only when it lasts. */
export const isPassing = (error: unknown): boolean => ['passing', 'superseded', 'not yet'].includes(kindOf(error));
