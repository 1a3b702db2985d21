/** The recipes for sources that other tools write: known to the tools' own CRDs, and their templates make Docker configs that kubelets can use. */
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { parseSecret } from '../../src/credentials/docker-config.ts';
import { onEachHelm } from '../chart/helm.ts';
import { LOCATION, writeSchemas } from '../kustomize/schemas.ts';
import { run, tellMissing } from '../monitoring/tools.ts';
import { findOpenApi, findTool, findWriterCrds } from '../release/tools.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = 'manifests/example/sources';
/** No module of Go has their CRDs as they are now: they were checked by hand, on a kube-apiserver with strict validation. */
const BY_HAND = ['argo-cd-application.yaml', 'generator-gitlab.yaml', 'vault-secrets-operator.yaml'];

interface Recipe {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec?: {
    readonly target?: { readonly name: string; readonly template: Template };
    readonly template?: Template;
    readonly destination?: {
      readonly name: string;
      readonly type: string;
      readonly transformation: { readonly templates: Record<string, { readonly text: string }> };
    };
  };
}
interface Template {
  readonly type: string;
  readonly metadata?: { readonly annotations: Record<string, string> };
  readonly data: Record<string, string>;
}

const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const files = globSync(`${FOLDER}/**/*.yaml`, { cwd: ROOT }).sort();
const recipes = files.flatMap((file) =>
  parseAllDocuments(read(file)).map((document) => ({ file, object: document.toJS() as Recipe })),
);

test('each file is named by a page', () => {
  const pages = read('docs/sources.md') + read('docs/generators.md');
  expect(files.length).toBeGreaterThan(8);
  expect(files.filter((file) => !pages.includes(file) && !pages.includes(path.dirname(file)))).toEqual([]);
  expect(files.map(path.dirname)).toContain(`${FOLDER}/sops`);
});

const kubeconform = findTool('kubeconform');
const openapi = findOpenApi();
const crds = findWriterCrds();
const missing = [kubeconform, openapi, crds].find((each) => 'missing' in each);
if (missing !== undefined && 'missing' in missing) tellMissing('the recipes in the eyes of the tools’ CRDs', missing);

describe.skipIf(missing !== undefined)('kubeconform', () => {
  let schemas = '';
  beforeAll(() => {
    if ('missing' in openapi || 'missing' in crds) return;
    schemas = mkdtempSync(path.join(tmpdir(), 'recipes-'));
    writeSchemas(schemas, openapi.openapi, crds);
  });
  afterAll(() => rmSync(schemas, { recursive: true, force: true }));
  const check = (objects: readonly object[]): { status: number | null; output: string } =>
    run(
      kubeconform,
      ['-strict', '-summary', '-schema-location', path.join(schemas, LOCATION), '-'],
      objects.map((object) => stringify(object)).join('---\n'),
    );
  const known = recipes.filter(({ file }) => !BY_HAND.includes(path.basename(file))).map(({ object }) => object);

  test('knows all kinds and fields, but for those that no module has', () => {
    const { output } = check(known);
    expect(output).toContain(`Valid: ${known.length}, Invalid: 0, Errors: 0`);
  });

  test('would tell a field that does not exist', () => {
    expect(check([{ ...known[0], spec: { ...known[0]?.spec, refreshIntervall: '1h' } }]).status).toBe(1);
  });
});

/** What a generator or a store gives: a password that breaks JSON made by hand, and an end. */
const GIVEN = {
  username: 'robot',
  password: String.raw`p"w\1 {{x}}`,
  token: String.raw`p"w\1 {{x}}`,
  registry: 'quay.io',
  auth: Buffer.from(String.raw`robot:p"w\1 {{x}}`).toString('base64'),
  proxy_endpoint: 'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  expires_at: '1900000000',
  expiry: '1900000000',
};

// The tools' templates are Go's with the functions of sprig. So are Helm's.
onEachHelm((helm) => {
  const render = async (text: string): Promise<string> => {
    const chart = mkdtempSync(path.join(tmpdir(), 'recipe-'));
    mkdirSync(path.join(chart, 'templates'));
    writeFileSync(path.join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: recipe\nversion: 1.0.0\n');
    const inside = `{{ with .Values.given }}{{ dict "made" (tpl ${JSON.stringify(text)} (merge (dict "Template" $.Template) .)) | toYaml }}{{ end }}`;
    writeFileSync(path.join(chart, 'templates/made.yaml'), inside);
    const said = await helm.run(['template', 'recipe', chart], { values: { given: { ...GIVEN, Secrets: GIVEN } } });
    rmSync(chart, { recursive: true });
    if (said.status !== 0) throw new Error(said.stderr);
    return (parseAllDocuments(said.stdout)[0]?.toJS() as { made: string }).made;
  };
  interface Made {
    readonly file: string;
    readonly type: string;
    readonly text: string;
    readonly annotations?: Record<string, string>;
  }
  const templates = recipes.flatMap(({ file, object: { kind, spec } }): Made[] => {
    const template = spec?.target?.template ?? (kind === 'SealedSecret' ? spec?.template : undefined);
    const { destination } = spec ?? {};
    if (template !== undefined)
      return [{ file, type: template.type, text: template.data['.dockerconfigjson'] ?? '', ...template.metadata }];
    if (destination === undefined || kind !== 'VaultStaticSecret') return [];
    const { text = '' } = destination.transformation.templates['.dockerconfigjson'] ?? {};
    return [{ file, type: destination.type, text }];
  });

  test.each(templates)('$file makes a login of what it gets', async ({ type, text, annotations }) => {
    const data = { '.dockerconfigjson': Buffer.from(await render(text)).toString('base64') };
    const parsed = parseSecret({ type, data });
    const credentials = parsed.ok ? parsed.credentials : parsed.problems;
    expect(credentials).toEqual([expect.objectContaining({ password: GIVEN.password })]);
    expect(credentials).toEqual([expect.not.objectContaining({ unusable: expect.anything() as unknown })]);
    const end = annotations?.['pullpass.dev/expires-at'];
    // An end that a store holds goes through as it is.
    if (end !== undefined && end !== '{{ .expires_at }}')
      expect(await render(end)).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test('there are templates to look at', () => expect(templates.length).toBeGreaterThan(5));
});
