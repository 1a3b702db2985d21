/** `pullpass schema`: prints the JSON Schema of the configuration, for editors and CI. */
import * as z from 'zod';
import { configurationSchema } from '../config/schema.ts';
import type { Environment } from './environment.ts';

export function run({ writeOut }: Environment): void {
  writeOut(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
}

/**
 * JSON Schema of what a user writes: keys with a default are optional. Draft 7, which YAML editors understand.
 * It checks the shape only; `pullpass validate` also checks cron expressions, time zones and duplicate names.
 */
export function configurationJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(configurationSchema, { io: 'input', target: 'draft-7' });
  return {
    $schema,
    $id: 'urn:pullpass:configuration:v1alpha1',
    title: 'Pullpass configuration',
    description: 'Which registry credentials Pullpass copies, and into which namespaces they may go.',
    ...schema,
  };
}
