import type { EgressVariables } from '../registry/egress.ts';

/** What a command may use of the process that it runs in. */
export interface Environment {
  readonly version: string;
  readonly userAgent: string;
  /** As given in LOG_LEVEL; the controller refuses an unknown level. */
  readonly logLevel: string;
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, for registries, token servers and cache proxies; not for the API server. */
  readonly egress: EgressVariables;
  /** The value of an environment variable, for the programs that `pullpass provider` starts; undefined: it is not set. */
  variable(name: string): string | undefined;
  /** Identifies this process: host name and process id. */
  readonly identity: string;
  /** Whether standard output shows colours. */
  readonly colors: boolean;
  /** Columns of standard output; undefined if it is not a terminal. */
  readonly width: number | undefined;
  /** The whole of standard input. */
  readInput(): Promise<string>;
  writeOut(text: string): void;
  writeErr(text: string): void;
  /** Replaces the progress line on standard error; '' clears it. Does nothing if standard error is not a terminal. */
  showProgress(line: string): void;
  /** The answer; undefined if standard input is not a terminal. */
  ask(question: string): Promise<string | undefined>;
  /** As {@link ask}, but the terminal does not show what is typed. */
  askSecret(question: string): Promise<string | undefined>;
  /** Sets the exit status for when all work is done; 0 unless set. */
  exitWith(status: number): void;
  /** For a command that reads much and ends soon: takes less memory, for a little more CPU. */
  saveMemory(): void;
  /** Aborts at the first SIGTERM or SIGINT; the second one ends the process at once. */
  untilInterrupted(): AbortSignal;
}
