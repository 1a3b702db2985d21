/** The tables that the chart evaluates, without Helm: they are those of the code, and need no defaults filled in. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { rightsWithDefaults, shippedWithCache, tables } from '../../charts/tables.ts';
import { API_PORTS, egressOf, evaluateEgress, REGISTRY_PORT } from '../../src/plan/egress.ts';
import type { Address } from '../../src/plan/egress.ts';
import { allRights, evaluate } from '../../src/plan/rights.ts';
import type { Rule } from '../../src/plan/rule.ts';
import { documents, documentWith, KINDS, read } from '../config/arbitraries.ts';
import type { Document } from '../config/arbitraries.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const file = (name: string): string => readFileSync(path.join(ROOT, name), 'utf8');

test.each([...tables()])('%s is up to date: npm run generate', (name, text) => {
  expect(file(name)).toBe(text);
});

test('the component lets the controller reach the probe of the example, and is what the README has', () => {
  const { cacheProxies } = shippedWithCache();
  const url = new URL(cacheProxies[0]?.probe?.url ?? '');
  expect(file('README.md')).toContain(url.origin);
  const { spec } = parse(file('manifests/components/networkpolicy/network-policy.yaml')) as {
    spec: { egress: { ports?: { port: number }[]; to?: object[] }[] };
  };
  const to = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': url.hostname.split('.')[1] } } };
  expect(spec.egress.some((rule) => rule.ports === undefined && JSON.stringify(rule.to) === JSON.stringify([to]))).toBe(
    true,
  );
  expect(spec.egress.flatMap(({ ports = [] }) => ports.map(({ port }) => port))).toContain(Number(url.port));
});

test('a workload without a kind is a Deployment, as the schema says', () => {
  const resources = rightsWithDefaults().flatMap(({ resource }) => ('default' in resource ? [resource.default] : []));
  expect(resources).toEqual(['Deployment']);
});

describe('on configurations as people write them', () => {
  const controllers = fc.record({
    namespace: fc.constantFrom('pullpass-system', 'elsewhere'),
    secureReport: fc.boolean(),
  });
  const { rights } = parse(file('charts/pullpass/files/rights.yaml')) as { rights: Rule[] };
  const { addresses } = parse(file('charts/pullpass/files/egress.yaml')) as { addresses: Address[] };
  const agree = (documents: fc.Arbitrary<Document>, numRuns: number): void =>
    fc.assert(
      fc.property(documents, controllers, (document, controller) => {
        const configuration = read(document);
        expect(evaluate(rights, { ...document, controller })).toEqual(allRights(configuration, controller));
        const { namespace } = controller;
        expect(evaluateEgress(addresses, document, { namespace, ports: [REGISTRY_PORT, ...API_PORTS] })).toEqual(
          egressOf(configuration, { namespace }),
        );
      }),
      { numRuns },
    );

  test('the generated tables say the same as the code on parsed ones', () => agree(documents, 300));
  test.each(KINDS)('also with a cache proxy of kind %s', (kind) => agree(documentWith([kind]), 50));
});
