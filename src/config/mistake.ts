/** One mistake in a configuration file, and its message. */
import { UserError } from '../errors.ts';

export interface ConfigProblem {
  /** As the user named it; `stdin` for standard input. */
  file: string;
  /** 1-based. */
  line: number;
  /** 1-based, in UTF-16 code units as editors count. */
  column: number;
  /** Path in the document, such as `sources[0].copyName`; empty for the document itself. */
  path: string;
  /** What is wrong and what to do: one line, never a value that could be a credential. */
  message: string;
}

/** `file:line:column: path: message`, always one line. */
export function renderProblem({ file, line, column, path, message }: ConfigProblem): string {
  return [`${file}:${line}:${column}`, ...(path === '' ? [] : [path]), message].join(': ').replace(/\s+/g, ' ');
}

/** A configuration that cannot be used: the message has one line per problem. */
export class ConfigurationError extends UserError {
  override name = 'ConfigurationError';
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(renderProblem).join('\n'));
    this.problems = problems;
  }
}
