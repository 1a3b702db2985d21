/** The source that a command is about. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';

/** The only one unless `name` says which. Throws UsageError, with the name of the command. */
export function namedSource({ sources }: Configuration, name: string | undefined, command: string): SourceConfig {
  const names = sources.map((source) => source.name).join(', ');
  const [only, ...more] = name === undefined ? sources : sources.filter((source) => source.name === name);
  if (only !== undefined && more.length === 0) return only;
  throw new UsageError(
    name === undefined
      ? `${command}: the configuration has several sources; give one with --source: ${names}`
      : `${command}: the configuration has no source "${name}"; it has: ${names}`,
  );
}
