/** The guards in CEL, judged by a real API server: the same answers as the planner's. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guardOf } from '../../src/admission/guard.ts';
import { admitted } from '../../src/plan/selection.ts';
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
    const group = '/apis/admissionregistration.k8s.io/v1';
    const common = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: 'guards' } };
    // One policy refuses every ConfigMap, and says what each guard thinks of the name in it.
    const policy = {
      ...common,
      kind: 'ValidatingAdmissionPolicy',
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        },
        variables: batches.map((batch, i) => ({
          name: `batch${i}`,
          expression: batch
            .map((guard) => `(${guardOf(guard).replaceAll('request.namespace', 'object.data.name')} ? '1' : '0')`)
            .join(' + '),
        })),
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
        spec: { policyName: 'guards', validationActions: ['Deny'] },
      },
    });
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
        const planned = admitted({ ...base, namespaces } as SourceConfig, name);
        if (planned) admits++;
        expect(answers.charAt(i), JSON.stringify({ name, ...namespaces })).toBe(planned ? '1' : '0');
      }
    }
    expect(admits).toBeGreaterThan(5_000);
  }, 120_000);
});
