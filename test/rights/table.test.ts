/**
 * Everything that somebody with the controller's token could try, against a real API server: what RBAC refuses, and what the policies
 * refuse where RBAC cannot. docs/least-privilege.md is the result; after a change, write it anew: `vitest run test/rights -u`.
 */
import { parseAllDocuments } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderPolicies } from '../../src/commands/policies-text.ts';
import { createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { applyPolicies, removePolicies } from '../integration/env/policies.ts';
import { rawClient } from '../integration/env/raw-client.ts';
import type { RawClient } from '../integration/env/raw-client.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { ACCOUNTS } from './accounts.ts';
import { ALLOWED } from './allowed.ts';
import { SELF } from './attempt.ts';
import type { Attempt } from './attempt.ts';
import { SERVICE_ACCOUNT, setUp, SHIPPED_POLICIES } from './cluster.ts';
import { OTHERS } from './others.ts';
import { page } from './page.ts';
import type { Judged } from './page.ts';
import { PRODUCT_ATTEMPTS, PRODUCT_USES, PRODUCTS, setUpObjects, setUpProducts } from './products.ts';
import { SECRETS } from './secrets.ts';
import { WHOLE_CLUSTER } from './whole-cluster.ts';

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);

describe.skipIf('missing' in real)("with the controller's token on kube-apiserver", () => {
  let server: ApiServer;
  let cluster: Cluster;
  let admin: RawClient;
  let controller: RawClient;
  let shipped: Judged[];
  let products: Judged[];

  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found);
    cluster = await createCluster(server);
    await setUp(cluster);
    admin = rawClient(server, server.admin);
    const [kubeconfig] = parseAllDocuments(await server.kubeconfigFor(SERVICE_ACCOUNT));
    controller = rawClient(server, { token: String(kubeconfig?.getIn(['users', 0, 'user', 'token'])) });
    shipped = await judge([...ACCOUNTS, ...SECRETS, ...OTHERS, ...WHOLE_CLUSTER, ...ALLOWED], SHIPPED_POLICIES);

    await removePolicies(cluster.admin, SHIPPED_POLICIES);
    await setUpProducts(cluster);
    await cluster.applyRbac(PRODUCTS);
    await eventually(() => setUpObjects(cluster));
    const identity = { namespace: SERVICE_ACCOUNT.namespace, serviceAccount: SERVICE_ACCOUNT.name };
    products = await judge([...PRODUCT_ATTEMPTS, ...PRODUCT_USES], renderPolicies(PRODUCTS, identity));
  }, 240_000);
  afterAll(async () => {
    admin.close();
    controller.close();
    await cluster.close();
    await server.stop();
  });

  /** Asks all of it by rights alone; with the policies; as an administrator; and by mistake bound to cluster-admin. */
  async function judge(attempts: readonly Attempt[], policies: string): Promise<Judged[]> {
    const rights = await askAll(controller, attempts);
    const { client, close } = await cluster.asController();
    await applyPolicies(cluster.admin, policies, client);
    await close();
    const held = await askAll(controller, attempts);
    const others = await askAll(admin, attempts);
    const binding = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
    await cluster.admin.create(binding, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'mistake' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [SELF],
    });
    await eventually(async () => expect((await controller.call('GET', '/api/v1/nodes')).code).toBe(200));
    const mistaken = await askAll(controller, attempts);
    await cluster.admin.delete(`${binding}/mistake`);
    await eventually(async () => expect((await controller.call('GET', '/api/v1/nodes')).code).toBe(403));
    return attempts.map((attempt, i) => ({
      attempt,
      rights: rights[i] ?? '',
      held: held[i] ?? '',
      admin: others[i] ?? '',
      mistaken: mistaken[i] ?? '',
    }));
  }

  test('nobody else is refused anything, so nothing below is refused for a mistake in the request', () => {
    const odd = [...shipped, ...products].filter(
      ({ admin, attempt }) => admin !== 'passes' && !(attempt.loose === true && /^\d+$/.test(admin)),
    );
    expect(odd).toEqual([]);
  });

  test('each attempt is refused, by RBAC or by a policy; and what the token is good for passes', () => {
    const uses = new Set([...ALLOWED, ...PRODUCT_USES]);
    for (const { attempt, rights, held } of [...shipped, ...products]) {
      const what = `${attempt.verb} ${attempt.on}: ${attempt.tried}`;
      expect.soft(rights, what).toMatch(/^(passes|RBAC)$/);
      expect.soft(held, what).toMatch(uses.has(attempt) ? /^passes$/ : rights === 'RBAC' ? /^RBAC$/ : /^policy /);
    }
    expect(shipped.length).toBeGreaterThan(100);
  });

  test('bound to cluster-admin by mistake, it can write nothing more but the policies themselves, which no policy sees', () => {
    const written = [...shipped, ...products].filter(
      ({ attempt: { verb }, held, mistaken }) =>
        held === 'RBAC' && mistaken === 'passes' && !['get', 'list', 'watch', 'impersonate'].includes(verb),
    );
    expect(written.map(({ attempt: { verb, on, tried } }) => `${verb} ${on}: ${tried}`)).toEqual([
      'create Secret, the copy: make it by a POST',
      'update Secret, the copy: replace it',
      "deletecollection Secret, the copy: all with the copy's name, in a namespace",
      'delete ValidatingAdmissionPolicy: delete the one that holds it',
      'patch ValidatingAdmissionPolicy: change it',
      'delete ValidatingAdmissionPolicyBinding: delete it',
      'patch ValidatingAdmissionPolicyBinding: let it only warn',
      'create TokenReview: ask whose a token is',
      'create SubjectAccessReview: ask what others may',
    ]);
  });

  test('docs/least-privilege.md is this table', async () => {
    await expect(page(shipped, products)).toMatchFileSnapshot('../../docs/least-privilege.md');
  });
});

async function askAll(who: RawClient, attempts: readonly Attempt[]): Promise<string[]> {
  const answers: string[] = [];
  for (const attempt of attempts) answers.push(await ask(who, attempt));
  return answers;
}

/** `passes`, `RBAC`, `policy <name>`, or the status of another answer. */
async function ask(who: RawClient, { method, path, body, type, headers }: Attempt): Promise<string> {
  const { code, text } = await who.call(method, path, {
    ...(body !== undefined && { body }),
    ...(type !== undefined && { type }),
    ...(headers !== undefined && { headers }),
  });
  const [, policy] = /ValidatingAdmissionPolicy 'pullpass-([-a-z]+)'/.exec(text) ?? [];
  if (policy !== undefined) return `policy ${policy}`;
  if (code === 403 && / cannot /.test(text)) return 'RBAC';
  return code < 300 ? 'passes' : `${code}`;
}
