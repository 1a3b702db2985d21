/** `pullpass schema`: its arguments and options. */
import { Command } from 'commander';
import type { Environment } from '../commands/environment.ts';

export function schemaCommand(env: Environment): Command {
  return new Command('schema')
    .summary("print the configuration's JSON Schema")
    .description("Prints the configuration's JSON Schema, for editors and CI.")
    .action(async () => (await import('../commands/schema.ts')).run(env));
}
