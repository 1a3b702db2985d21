/** The policies as data; how they judge is in test/rights, on a real API server. */
import { expect, test } from 'vitest';
import { sameBut, text } from '../../src/admission/cel.ts';
import { policiesFor } from '../../src/admission/policies.ts';
import { objectsOf } from '../../src/admission/policy.ts';
import type { Writes } from '../../src/admission/policy.ts';
import { allRights } from '../../src/plan/rights.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import { configuration as plain } from '../integration/env/cluster.ts';
import { PRODUCTS as configuration } from '../rights/products.ts';

const identity = { namespace: 'elsewhere', serviceAccount: 'runner' };
const policies = policiesFor(configuration, identity.namespace);
const objects = policies.flatMap((policy) => objectsOf(policy, identity, { name: 'pullpass', labels: {} }));

test('every policy holds the one identity, fails closed, and has a binding that denies', () => {
  const made = objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
  expect(made.map(({ metadata }) => metadata?.name)).toEqual(
    ['serviceaccounts', 'secrets', 'events', 'leases', 'status', 'reports', 'cache-proxies', 'everything-else'].map(
      (name) => `pullpass-${name}`,
    ),
  );
  for (const { spec, metadata } of made) {
    expect(spec).toMatchObject({
      failurePolicy: 'Fail',
      matchConditions: [{ expression: "request.userInfo.username == 'system:serviceaccount:elsewhere:runner'" }],
    });
    expect(objects).toContainEqual(
      expect.objectContaining({
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata,
        spec: { policyName: metadata?.name, validationActions: ['Deny'] },
      }),
    );
  }
});

test('every right to write has a policy that judges it; all else is left to the one that refuses', () => {
  const operations: Record<string, Writes['operations'][number]> = {
    create: 'CREATE',
    update: 'UPDATE',
    patch: 'UPDATE',
    delete: 'DELETE',
  };
  const judged = policies.flatMap(({ name, judges }) => (name === 'everything-else' ? [] : judges));
  for (const { apiGroup, resource, verbs } of allRights(configuration, identity)) {
    for (const verb of verbs.filter((each) => each in operations)) {
      const by = judged.filter(
        (writes) =>
          writes.apiGroup === apiGroup &&
          writes.resources.includes(resource) &&
          writes.operations.some((operation) => operation === operations[verb]),
      );
      expect(by, `${verb} ${resource}`).toHaveLength(1);
    }
  }
  expect(policies.at(-1)?.except).toEqual(expect.arrayContaining(judged));
});

test('what the adapters patch is what the rights to patch are for, beyond objects with a policy of their own', () => {
  const own = ['secrets', 'configmaps', 'serviceaccounts', 'events', 'clusterreports', 'clusterpolicyreports'];
  const granted = allRights(configuration, identity)
    .filter(({ resource, verbs }) => verbs.includes('patch') && !own.includes(resource))
    .flatMap(({ apiGroup, resource, namespace, resourceNames = [] }) =>
      resourceNames.map((name) => ({ apiGroup, resource, namespace, name })),
    );
  const edited = createProxies(configuration).flatMap(({ adapter }) => adapter.edited ?? []);
  expect(edited.map(({ fields: _, ...object }) => object)).toEqual(granted);
  for (const { fields } of edited) expect(fields.length).toBeGreaterThan(0);
});

test('a configuration with more names than an expression can hold is refused in one line', () => {
  const sources = Array.from({ length: 500 }, (_, i) => ({ name: `s${i}`, copyName: `${'c'.repeat(240)}${i}` }));
  expect(() =>
    policiesFor(plain(...sources), 'elsewhere').flatMap((policy) =>
      objectsOf(policy, identity, { name: 'x', labels: {} }),
    ),
  ).toThrow(/too many names for an admission policy/);
});

test('text is quoted, and a free field frees nothing beside it', () => {
  expect(text(String.raw`it's \ here`)).toBe(String.raw`'it\'s \\ here'`);
  expect(sameBut('object', 'oldObject', [['a', 'x.y/z']])).toBe(
    [
      "object.all(key, key in ['a'] || (key in oldObject && object[key] == oldObject[key]))",
      "oldObject.all(key, key in ['a'] || key in object)",
      "object.?a.orValue({}).all(key, key in ['x.y/z'] || (key in oldObject.?a.orValue({}) && object.?a.orValue({})[key] == oldObject.?a.orValue({})[key]))",
      "oldObject.?a.orValue({}).all(key, key in ['x.y/z'] || key in object.?a.orValue({}))",
    ].join(' &&\n'),
  );
});
