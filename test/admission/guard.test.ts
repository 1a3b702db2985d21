/** The guards in CEL, judged by a real API server: the same answers as the planner's. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guardOf } from '../../src/admission/guard.ts';
import { admitsName } from '../../src/plan/selection.ts';
import { selects, selectorText } from '../../src/config/label-selector.ts';
import type { LabelSelector } from '../../src/config/label-selector.ts';
import type { SourceConfig } from '../../src/config/schema.ts';
import { configuration } from '../integration/env/cluster.ts';
import { rawClient } from '../integration/env/raw-client.ts';
import type { RawClient } from '../integration/env/raw-client.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import type { ApiServer } from '../integration/env/api-server.ts';

const [base] = configuration({ name: 'hub' }).sources;

test('a guard reads like the lists that it is made of', () => {
  expect(guardOf({ allow: ['*'], deny: ['kube-*', 'pullpass-system'] })).toBe(
    "true && !((request.namespace in ['pullpass-system'] || request.namespace.matches('^(?:kube-.*)$')))",
  );
  expect(guardOf({ allow: ['team-?', 'a.b', '!team-x'], deny: [] })).toBe(
    "((request.namespace in ['a.b'] || request.namespace.matches('^(?:team-.)$')) && !(request.namespace in ['team-x'])) && !(false)",
  );
  const selector: LabelSelector = {
    matchLabels: { env: 'prod' },
    matchExpressions: [{ key: 'x', operator: 'Exists' }],
  };
  expect(guardOf({ allow: ['*'], deny: ['*'], selector })).toBe(
    "true && !(true) && namespaceObject.metadata.?labels[?'env'].optMap(value, value in ['prod']).orValue(false) && " +
      "namespaceObject.metadata.?labels[?'x'].hasValue()",
  );
});

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);

describe.skipIf('missing' in real)('on kube-apiserver', () => {
  let server: ApiServer;
  let admin: RawClient;
  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found, { namespaceLifecycle: false });
    admin = rawClient(server, server.admin);
  }, 60_000);
  afterAll(async () => {
    admin.close();
    await server.stop();
  });

  /** A policy that refuses everything, and says what each guard thinks of it. `batches`: CEL of texts. */
  async function say(name: string, resources: string[], batches: readonly string[]): Promise<void> {
    const group = '/apis/admissionregistration.k8s.io/v1';
    const common = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name } };
    const policy = {
      ...common,
      kind: 'ValidatingAdmissionPolicy',
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources }],
        },
        variables: batches.map((expression, i) => ({ name: `batch${i}`, expression })),
        validations: [
          {
            expression: 'false',
            messageExpression: `':' + ${batches.map((_, i) => `variables.batch${i}`).join(' + ')} + ':'`,
          },
        ],
      },
    };
    const made = await admin.call('POST', `${group}/validatingadmissionpolicies`, { body: policy });
    expect(made.text, made.text.slice(0, 500)).toContain('"uid"');
    await admin.call('POST', `${group}/validatingadmissionpolicybindings`, {
      body: {
        ...common,
        kind: 'ValidatingAdmissionPolicyBinding',
        spec: { policyName: name, validationActions: ['Deny'] },
      },
    });
  }

  test('2,000 guards give the answers of the planner for names that are near to them', async () => {
    const letter = fc.constantFrom('a', 'b', '-', '.', '1');
    const glob = fc
      .array(fc.oneof({ weight: 3, arbitrary: letter }, fc.constantFrom('*', '?', '*')), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''));
    const patterns = fc.array(
      fc.tuple(fc.constantFrom('', '', '!'), glob).map((parts) => parts.join('')),
      { maxLength: 4 },
    );
    const guards = fc.sample(fc.record({ allow: patterns, deny: patterns }), { numRuns: 2_000, seed: 12 });
    const names = fc.sample(
      fc.array(letter, { minLength: 1, maxLength: 7 }).map((parts) => parts.join('')),
      {
        numRuns: 40,
        seed: 12,
      },
    );
    const batches = Array.from({ length: 20 }, (_, i) => guards.slice(i * 100, i * 100 + 100));
    await say(
      'guards',
      ['configmaps'],
      batches.map((batch) =>
        batch
          .map((guard) => `(${guardOf(guard).replaceAll('request.namespace', 'object.data.name')} ? '1' : '0')`)
          .join(' + '),
      ),
    );
    const ask = async (name: string): Promise<string | undefined> => {
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { name } };
      const { text } = await admin.call('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', { body });
      return /:([01]{2000}):/.exec(text)?.[1];
    };
    await expect.poll(() => ask('a'), { timeout: 20_000 }).toBeDefined();

    let admits = 0;
    for (const name of names) {
      const answers = (await ask(name)) ?? '';
      for (const [i, namespaces] of guards.entries()) {
        const planned = admitsName({ ...base, namespaces } as SourceConfig, name);
        if (planned) admits++;
        expect(answers.charAt(i), JSON.stringify({ name, ...namespaces })).toBe(planned ? '1' : '0');
      }
    }
    expect(admits).toBeGreaterThan(5_000);
  }, 120_000);

  test('600 selectors give the answers of the API server itself, in its lists and in CEL', async () => {
    const key = fc.constantFrom('env', 'tier', 'example.com/team', 'kubernetes.io/metadata.name');
    const value = fc.constantFrom('', 'a', 'b', 'A', 'ns-1');
    const requirement = fc.oneof(
      fc.record({
        key,
        operator: fc.constantFrom('In' as const, 'NotIn' as const),
        values: fc.uniqueArray(value, { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
    );
    const selectors = fc.sample(
      fc
        .record({
          matchLabels: fc.dictionary(key, value, { maxKeys: 2 }),
          matchExpressions: fc.array(requirement, { maxLength: 2 }),
        })
        .filter((each) => Object.keys(each.matchLabels).length + each.matchExpressions.length > 0),
      { numRuns: 600, seed: 15 },
    );
    const sets = fc.sample(fc.dictionary(key, value, { maxKeys: 3 }), { numRuns: 25, seed: 15 });
    const namespaces = new Map<string, Record<string, string>>();
    for (const [i, { 'kubernetes.io/metadata.name': _, ...labels }] of sets.entries()) {
      const name = `ns-${i}`;
      namespaces.set(name, { ...labels, 'kubernetes.io/metadata.name': name });
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: i === 0 ? undefined : labels } };
      if (i === 0) namespaces.set(name, { 'kubernetes.io/metadata.name': name });
      expect((await admin.call('POST', '/api/v1/namespaces', { body })).text).toContain('"uid"');
    }
    const batches = Array.from({ length: 20 }, (_, i) => selectors.slice(i * 30, i * 30 + 30));
    const guard = (selector: LabelSelector): string => guardOf({ allow: ['*'], deny: [], selector });
    await say(
      'selectors',
      ['secrets'],
      batches.map((batch) => batch.map((each) => `(${guard(each)} ? '1' : '0')`).join(' + ')),
    );
    const ask = async (namespace: string): Promise<string | undefined> => {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } };
      const { text } = await admin.call('POST', `/api/v1/namespaces/${namespace}/secrets?dryRun=All`, { body });
      return /:([01]{600}):/.exec(text)?.[1];
    };
    await expect.poll(() => ask('ns-0'), { timeout: 20_000 }).toBeDefined();

    let selected = 0;
    const inCel = new Map<string, string>();
    for (const name of namespaces.keys()) inCel.set(name, (await ask(name)) ?? '');
    for (const [i, selector] of selectors.entries()) {
      const { text } = await admin.call(
        'GET',
        `/api/v1/namespaces?labelSelector=${encodeURIComponent(selectorText(selector))}`,
      );
      const listed = (JSON.parse(text) as { items: { metadata: { name: string } }[] }).items.map(
        (each) => each.metadata.name,
      );
      for (const [name, labels] of namespaces) {
        const ours = selects(selector, labels);
        if (ours) selected++;
        const about = JSON.stringify({ selector, labels });
        expect(listed.includes(name), `list: ${about}`).toBe(ours);
        expect(inCel.get(name)?.charAt(i), `CEL: ${about}`).toBe(ours ? '1' : '0');
      }
    }
    expect(selected).toBeGreaterThan(1_000);
  }, 120_000);
});
