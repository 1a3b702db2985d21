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
