/** What main.ts hands to every command: nothing in here reads the environment by itself. */

export interface Environment {
  readonly version: string;
  readonly userAgent: string;
  /** As given; the controller refuses a word that is none. */
  readonly logLevel: string;
  /** Whether standard output takes colours. */
  colors(): boolean;
  /** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
  untilInterrupted(): AbortSignal;
}
