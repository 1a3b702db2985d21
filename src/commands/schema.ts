/** `pullpass schema`: prints the JSON Schema of the configuration or of a provider's document, for editors and CI. */
import { Command, Option } from 'commander';
import { z } from 'zod';
import { providerSchema } from '../config/provider.ts';
import { configurationSchema } from '../config/schema.ts';
import type { Environment } from './environment.ts';

const KINDS = { Configuration: configurationJsonSchema, Provider: providerJsonSchema };

export function schemaCommand({ writeOut }: Environment): Command {
  return new Command('schema')
    .summary('print the JSON Schema of a document')
    .description(
      'Prints the JSON Schema of the configuration, or of the document of `pullpass provider`, for editors and CI.',
    )
    .addOption(
      new Option('--kind <kind>', '`kind` of the document')
        .choices(Object.keys(KINDS))
        .default('Configuration' satisfies keyof typeof KINDS),
    )
    .action(({ kind }: { kind: keyof typeof KINDS }) => writeOut(`${JSON.stringify(KINDS[kind](), null, 2)}\n`));
}

/**
 * JSON Schema of what a user writes: keys with a default are optional. Draft 7, which YAML editors understand.
 * It checks the shape only; `pullpass validate` also checks cron expressions, time zones and duplicate names.
 */
export function configurationJsonSchema(): Record<string, unknown> {
  return jsonSchema(configurationSchema, {
    $id: 'urn:pullpass:configuration:v1alpha1',
    title: 'Pullpass configuration',
    description: 'Which registry credentials Pullpass copies, and into which namespaces they may go.',
  });
}

/** The same of a document of kind Provider. */
export function providerJsonSchema(): Record<string, unknown> {
  return jsonSchema(providerSchema, {
    $id: 'urn:pullpass:provider:v1alpha1',
    title: 'Pullpass provider',
    description: 'Which program is asked for a login, and which Secret gets it.',
  });
}

function jsonSchema(
  of: z.core.$ZodType,
  head: Record<'$id' | 'title' | 'description', string>,
): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(of, { io: 'input', target: 'draft-7' });
  return { $schema, ...head, ...schema };
}
