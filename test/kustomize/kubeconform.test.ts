/** kubeconform finds nothing in the manifests and their components that Kubernetes would not know. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, tellMissing } from '../monitoring/tools.ts';
import { findOpenApi, findTool } from '../release/tools.ts';
import { COMPONENTS, kubectl, KUSTOMIZATIONS, nameOf, objectsOf, render } from './rendering.ts';
import { LOCATION, writeSchemas } from './schemas.ts';

const kubeconform = findTool('kubeconform');
const openapi = findOpenApi();
const missing = [kubeconform, openapi, kubectl].find((tool) => 'missing' in tool);
tellMissing('the manifests in the eyes of kubeconform', missing ?? kubeconform);

describe.skipIf(missing !== undefined)('kubeconform', () => {
  let schemas = '';
  beforeAll(() => {
    if ('missing' in openapi) return;
    schemas = mkdtempSync(path.join(tmpdir(), 'schemas-'));
    writeSchemas(schemas, openapi.openapi, openapi.crds);
  });
  afterAll(() => rmSync(schemas, { recursive: true, force: true }));

  const check = (text: string): { status: number | null; output: string } =>
    run(kubeconform, ['-strict', '-summary', '-schema-location', path.join(schemas, LOCATION), '-'], text);

  test('knows all kinds and fields', () => {
    // Each object once, however often it is rendered. What components add does not depend on others: combinations.test.ts.
    const texts = [
      ...[[], ...COMPONENTS.map((name) => [name]), COMPONENTS].map((names) => render(names)),
      render([], KUSTOMIZATIONS),
    ];
    const objects = new Map(texts.flatMap(objectsOf).map((object) => [JSON.stringify(object), object]));
    const names = new Set([...objects.values()].map(nameOf));
    expect(objects.size).toBeGreaterThan(names.size); // Components change the Deployment.
    const { status, output } = check([...objects.keys()].join('\n---\n'));
    expect(output).toContain(
      `Summary: ${objects.size} resources found parsing stdin - Valid: ${objects.size}, Invalid: 0, Errors: 0`,
    );
    expect(status).toBe(0);
  });

  test.each([
    ['a field of a pod that does not exist', 'terminationGracePeriodSeconds:', 'terminationGraceSeconds:'],
    ['a value of another type', 'replicas: 2', 'replicas: "2"'],
    ['a field of a CRD that does not exist', 'matchLabels:', 'matchLabel:'],
    ['a key twice', 'replicas: 2', 'replicas: 2\n  replicas: 3'],
    ['a kind that does not exist', 'kind: Deployment', 'kind: Deploymend'],
  ])('would tell %s', (_, right, wrong) => {
    const all = render(COMPONENTS);
    expect(all).toContain(right);
    expect(check(all.replaceAll(right, wrong)).status).toBe(1);
  });
});
