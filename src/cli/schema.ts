/** `pullpass schema`: its arguments and options. */
import { Command, Option } from 'commander';
import { DOCUMENT_KINDS } from '../commands/choices.ts';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/schema.ts';

export function schemaCommand(env: Environment): Command {
  return new Command('schema')
    .summary('print the JSON Schema of a document')
    .description(
      'Prints the JSON Schema of the configuration, or of the document of `pullpass provider`, for editors and CI.',
    )
    .addOption(new Option('--kind <kind>', '`kind` of the document').choices(DOCUMENT_KINDS).default('Configuration'))
    .action(async (flags: Flags) => (await import('../commands/schema.ts')).run(env, flags));
}
