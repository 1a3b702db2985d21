/** All that a command may know of the process that it runs in. */
export interface Environment {
  readonly version: string;
  readonly userAgent: string;
  /** As given; the controller refuses a word that is none. */
  readonly logLevel: string;
  /** Tells this process from all others: host name and process id. */
  readonly identity: string;
  /** Whether standard output takes colours. */
  readonly colors: boolean;
  /** Columns of standard output; undefined where it is no terminal. */
  readonly width: number | undefined;
  /** The whole of standard input. */
  readInput(): Promise<string>;
  writeOut(text: string): void;
  writeErr(text: string): void;
  /** On standard error, in place of the progress shown before; '' clears it. Nothing where that is no terminal. */
  showProgress(line: string): void;
  /** The answer; undefined where standard input is no terminal. */
  ask(question: string): Promise<string | undefined>;
  /** The exit status, once all work is done; 0 unless set. */
  exitWith(status: number): void;
  /** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
  untilInterrupted(): AbortSignal;
}
