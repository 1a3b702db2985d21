/** `pullpass schema`: prints the JSON Schema of the configuration or of a provider's document, for editors and CI. */
import * as z from 'zod';
import { providerSchema } from '../config/provider.ts';
import { configurationSchema } from '../config/schema.ts';
import type { DocumentKind } from './choices.ts';
import type { Environment } from './environment.ts';

export interface Flags {
  kind: DocumentKind;
}

export function run({ writeOut }: Environment, { kind }: Flags): void {
  const schema = kind === 'Provider' ? providerJsonSchema() : configurationJsonSchema();
  writeOut(`${JSON.stringify(schema, null, 2)}\n`);
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
