/** What the chart has from elsewhere is up to date, and its values are the whole and the same configuration. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { CHART, generated } from '../../charts/build.ts';
import { valuesJsonSchema, valuesSchema } from '../../charts/values.ts';
import { parseConfiguration } from '../../src/config/load.ts';

const read = (file: string): string => readFileSync(path.join(CHART, file), 'utf8');
const values = parse(read('values.yaml')) as Record<string, object>;

test.each([...generated()])('%s is what `npm run generate` writes', (file, text) => {
  expect(read(file)).toBe(text);
});

test('values.yaml has a default for every value, and the schema takes it', () => {
  const paths = (value: unknown, schema: unknown, at = ''): string[] => {
    const { properties } = schema as { properties?: Record<string, object> };
    if (properties === undefined) return [at];
    return Object.entries(properties).flatMap(([key, inner]) =>
      paths((value as Record<string, unknown> | undefined)?.[key], inner, `${at}/${key}`).filter(
        (found) => found !== `${at}/${key}` || (value as Record<string, unknown> | undefined)?.[key] === undefined,
      ),
    );
  };
  const schema = valuesJsonSchema() as { properties: Record<string, object> };
  const { config: _, ...own } = schema.properties;
  expect(paths(values, { properties: own })).toEqual([
    // Instead of minAvailable.
    '/podDisruptionBudget/maxUnavailable',
    // Of a chart above.
    '/global',
    '/enabled',
  ]);
  expect(valuesSchema.safeParse(values).error?.issues ?? []).toEqual([]);
  const valid = new Ajv({ strict: false, formats: { uri: true } }).compile(schema);
  expect([valid(values), valid.errors]).toEqual([true, null]);
});

test('the configuration in values.yaml is the one of the manifests', () => {
  const document = { apiVersion: 'pullpass.dev/v1alpha1', kind: 'Configuration', ...values['config'] };
  const ours = parseConfiguration(JSON.stringify(document), 'values.yaml');
  const theirs = parseConfiguration(
    readFileSync(path.join(CHART, '../../manifests/config.yaml'), 'utf8'),
    'config.yaml',
  );
  expect(ours).toMatchObject({ ok: true });
  expect(ours).toEqual(theirs);
});

test('the schema has no pattern that Go cannot read, and no name of a file on this machine', () => {
  expect(read('values.schema.json')).not.toMatch(/\(\?[=!<]|"\$id"|"\/(?:root|home|work)\//);
});
