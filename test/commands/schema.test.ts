import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { schemaCommand } from '../../src/cli/schema.ts';
import { configurationJsonSchema, providerJsonSchema } from '../../src/commands/schema.ts';
import { parseConfiguration } from '../../src/config/load.ts';
import { parseProvider } from '../../src/config/provider.ts';
import { FULL, GOOD } from '../config/documents.ts';
import { run } from './environment.ts';

interface Node {
  properties?: Record<string, Node>;
  items?: Node;
  anyOf?: Node[];
  required?: string[];
  description?: string;
  additionalProperties?: boolean;
}

test('is a draft 7 schema with an id and a title, for editors', async () => {
  expect(JSON.parse((await run(schemaCommand, [])).out)).toMatchObject({
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'urn:pullpass:configuration:v1alpha1',
    title: 'Pullpass configuration',
    type: 'object',
  });
});

test('keys with a default may be left out', () => {
  const schema = configurationJsonSchema() as Node;
  expect(schema.required).toEqual(['apiVersion', 'kind', 'sources']);
  expect(schema.properties?.['sources']?.items?.required).toEqual(['name', 'secret', 'copyName']);
});

test('every mapping refuses unknown keys, and every key of a source is explained', () => {
  const mappings = (node: Node): Node[] => [
    ...(node.properties ? [node] : []),
    ...[...Object.values(node.properties ?? {}), ...(node.items ? [node.items] : []), ...(node.anyOf ?? [])].flatMap(
      mappings,
    ),
  ];
  const schema = configurationJsonSchema() as Node;
  expect(mappings(schema).map(({ additionalProperties }) => additionalProperties)).not.toContain(undefined);
  const keys = Object.entries(schema.properties?.['sources']?.items?.properties ?? {});
  expect(keys).toHaveLength(13);
  expect(keys.filter(([, { description }]) => description === undefined)).toEqual([]);
});

describe('a JSON Schema validator', () => {
  const validate = new Ajv({ strict: false }).compile(configurationJsonSchema());
  const accepts = (text: string): unknown => validate(parse(text));

  test('accepts what the controller accepts', () => {
    for (const text of [GOOD, FULL]) expect([parseConfiguration(text, 'c').ok, accepts(text)]).toEqual([true, true]);
  });

  test('refuses unknown and missing keys', () => {
    for (const text of [`${GOOD}verify: auto\n`, GOOD.replace(/ {4}copyName.*\n/, '')]) {
      expect([parseConfiguration(text, 'c').ok, accepts(text)]).toEqual([false, false]);
    }
  });
});

describe('of a provider', () => {
  const validate = new Ajv({ strict: false }).compile(providerJsonSchema());
  const shipped = readFileSync(`${import.meta.dirname}/../../manifests/components/provider/provider.yaml`, 'utf8');

  test('is printed by --kind', async () => {
    const { out } = await run(schemaCommand, ['--kind', 'Provider']);
    expect(JSON.parse(out)).toMatchObject({
      $id: 'urn:pullpass:provider:v1alpha1',
      properties: { kind: { const: 'Provider' } },
    });
  });

  const HELPER = `${shipped.slice(0, shipped.indexOf('ask:'))}ask: { helper: docker-credential-x, registries: [a.corp], refreshEvery: 4h }\n`;
  test.each<[string, string, boolean]>([
    ['the shipped document', shipped, true],
    ['one with a helper', HELPER, true],
    ['an unknown key', `${shipped}more: 1\n`, false],
    ['a path as the program', shipped.replace('plugin: ecr', 'plugin: ../ecr'), false],
    ['a helper without a time', HELPER.replace(', refreshEvery: 4h', ''), false],
  ])('%s: as the provider itself says', (_, text, valid) => {
    expect([parseProvider(text, 'p')?.ok, validate(parse(text))]).toEqual([valid, valid]);
  });
});
