/**
 * Who owns what: copies that cannot be changed or do not go, copies that somebody else made, and two installations in one
 * cluster. The program runs as users run it; PULLPASS_PROGRAM holds the same against an older version.
 */
import type { V1Secret } from '@kubernetes/client-node';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runPrune } from '../../src/commands/prune.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { paths } from '../../src/kube/paths.ts';
import { configurationDocument, CONTROLLER_NAMESPACE, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import type { Program } from '../integration/env/program.ts';
import { onEachServer } from '../integration/env/servers.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';

const OTHER = 'second-system';
const REGISTRY = 'registry.corp';
const KEEP = 'example.com/keep';

onEachServer((server, kind) => {
  let cluster: Cluster;
  let programs: Program[] = [];
  let run = 0;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.admin.create(paths.namespaces(), named('Namespace', CONTROLLER_NAMESPACE));
    await cluster.admin.create(paths.namespaces(), named('Namespace', OTHER));
  });
  afterEach(async () => {
    await Promise.all(programs.map((program) => program.stop()));
    programs = [];
  });
  afterAll(() => cluster.close());

  const named = (kindOf: string, name: string) => ({ apiVersion: 'v1', kind: kindOf, metadata: { name } });
  /** From now on no Secret is written in the namespace; resolves to what ends it. */
  async function refuseSecrets(namespace: string): Promise<() => Promise<void>> {
    if (kind === 'sandbox') {
      const fault = (server() as Sandbox).faults.add({
        match: { verb: 'patch', resource: 'secrets', namespace },
        kind: 'status',
        code: 403,
        message:
          'secrets "x" is forbidden: exceeded quota: none, requested: secrets=1, used: secrets=0, limited: secrets=0',
      });
      return () => Promise.resolve(fault.remove());
    }
    const api = '/apis/admissionregistration.k8s.io/v1';
    const policies = `${api}/validatingadmissionpolicies`;
    const bindings = `${api}/validatingadmissionpolicybindings`;
    const head = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: namespace } };
    await cluster.admin.create(policies, {
      ...head,
      kind: 'ValidatingAdmissionPolicy',
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['secrets'] },
          ],
        },
        validations: [{ expression: `object.metadata.namespace != '${namespace}'`, reason: 'Forbidden' }],
      },
    });
    await cluster.admin.create(bindings, {
      ...head,
      kind: 'ValidatingAdmissionPolicyBinding',
      spec: { policyName: namespace, validationActions: ['Deny'] },
    });
    await eventually(async () => {
      await cluster.admin.delete(paths.secrets(namespace, 'probe')).catch(() => undefined);
      await expect(cluster.secret(namespace, 'probe', {})).rejects.toMatchObject({ code: 403 });
    });
    return async () => {
      await cluster.admin.delete(`${bindings}/${namespace}`);
      await cluster.admin.delete(`${policies}/${namespace}`);
      await eventually(async () => void (await cluster.secret(namespace, 'probe', {})));
    };
  }
  /** Other names for each test: they share a server. */
  const names = () => {
    const id = `t${++run}`;
    return { id, source: `hub-${id}`, copy: `copy-${id}`, tenant: (name: string) => `${name}-${id}` };
  };
  const optedIn = (name: string) => cluster.namespace(name, { annotations: { 'pullpass.dev/sync': 'enabled' } });
  async function controller(
    { source, copy, id }: ReturnType<typeof names>,
    {
      namespace = CONTROLLER_NAMESPACE,
      copyName = copy,
      allow = [`*-${id}`],
      verify = 'off',
    }: { namespace?: string; copyName?: string; allow?: string[]; verify?: string } = {},
  ): Promise<{ program: Program; document: object }> {
    const secret = { namespace, name: source };
    const document = configurationDocument({ name: source, secret, copyName, verify, namespaces: { allow } });
    if (namespace === CONTROLLER_NAMESPACE) await cluster.applyRbac(configurationSchema.parse(document));
    const program = await startProgram(server(), {
      configuration: document,
      namespace,
      ...(namespace !== CONTROLLER_NAMESPACE && { kubeconfig: server().adminKubeconfig() }),
      args: ['--no-leader-election'],
    });
    programs.push(program);
    return { program, document };
  }
  const holds = (namespace: string, copy: string, password: string, timeoutMs?: number): Promise<void> =>
    eventually(
      async () => expect(await cluster.login(namespace, copy)).toEqual({ [REGISTRY]: password }),
      timeoutMs ?? 15_000,
    );
  const reasons = async (namespace: string): Promise<string[]> =>
    (await cluster.events(namespace)).filter(({ type }) => type === 'Warning').map(({ reason }) => reason);
  const told = (namespace: string, reason: string, text: string): Promise<void> =>
    eventually(async () => {
      expect(await cluster.events(namespace)).toContainEqual(
        expect.objectContaining({ reason, note: expect.stringContaining(text) as unknown }),
      );
    }, 15_000);
  /** Versions of the copy and the ServiceAccount, some time apart: equal ones mean that nobody wrote. */
  async function steady(namespace: string, copy: string, ms = 2_500): Promise<void> {
    const look = async (): Promise<unknown> => [
      (await cluster.getSecret(namespace, copy))?.metadata?.resourceVersion,
      (await cluster.getServiceAccount(namespace, 'default')).metadata?.resourceVersion,
    ];
    const before = await look();
    await delay(ms);
    expect(await look()).toEqual(before);
  }

  test(
    'row 4: a copy that its tenant made immutable is replaced at the next rotation',
    { timeout: 60_000 },
    async () => {
      const at = names();
      const tenant = at.tenant('team');
      const source = { namespace: CONTROLLER_NAMESPACE, name: at.source };
      await cluster.source(source, { [REGISTRY]: 'old' });
      await optedIn(tenant);
      const { program } = await controller(at);
      await holds(tenant, at.copy, 'old');
      await eventually(async () => expect(await cluster.pullSecrets(tenant)).toEqual([at.copy]));
      await cluster.patchSecret(tenant, at.copy, { immutable: true });
      await steady(tenant, at.copy, 1_000);
      await cluster.source(source, { [REGISTRY]: 'new' });
      await holds(tenant, at.copy, 'new');
      await program.logged('rotation complete');
      expect((await cluster.getSecret(tenant, at.copy))?.immutable).toBeUndefined();
      expect(await reasons(tenant)).toEqual([]);
    },
  );

  test(
    'row 4: a deleted copy that a finalizer keeps is still rotated; one that cannot be is told apart, with the finalizer',
    { timeout: 90_000 },
    async () => {
      const at = names();
      const [soft, hard, well] = [at.tenant('soft'), at.tenant('hard'), at.tenant('well')];
      const source = { namespace: CONTROLLER_NAMESPACE, name: at.source };
      await cluster.source(source, { [REGISTRY]: 'old' });
      for (const tenant of [soft, hard, well]) await optedIn(tenant);
      const { program } = await controller(at);
      for (const tenant of [soft, hard, well]) await holds(tenant, at.copy, 'old');
      await cluster.patchSecret(soft, at.copy, { metadata: { finalizers: [KEEP] } });
      await cluster.patchSecret(hard, at.copy, { metadata: { finalizers: [KEEP] }, immutable: true });
      await cluster.deleteSecret(soft, at.copy);
      await cluster.deleteSecret(hard, at.copy);
      for (const tenant of [soft, hard]) await told(tenant, 'CopyBlocked', KEEP);

      await cluster.source(source, { [REGISTRY]: 'new' });
      for (const tenant of [soft, well]) await holds(tenant, at.copy, 'new');
      await program.logged(/rotation not complete: .*hard-.*example\.com\/keep/);
      expect((await program.page('/metrics')).text).toMatch(
        new RegExp(`pullpass_copies\\{source="${at.source}",state="blocked"\\} 1`),
      );
      expect(await reasons(hard)).toEqual(['CopyBlocked']);
      expect(await reasons(well)).toEqual([]);

      for (const tenant of [soft, hard]) await cluster.patchSecret(tenant, at.copy, { metadata: { finalizers: null } });
      for (const tenant of [soft, hard]) {
        await holds(tenant, at.copy, 'new');
        await eventually(async () => {
          expect((await cluster.getSecret(tenant, at.copy))?.metadata?.deletionTimestamp).toBeUndefined();
        });
      }
      await program.logged('rotation complete');
    },
  );

  test(
    'row 4: a quota or a policy that refuses the copy is told, counts as no copy that is behind, and is not tried fast',
    { timeout: 90_000 },
    async () => {
      const at = names();
      const [barred, well] = [at.tenant('barred'), at.tenant('well')];
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: at.source }, { [REGISTRY]: 'old' });
      for (const tenant of [barred, well]) await optedIn(tenant);
      const allow = await refuseSecrets(barred);
      const { program } = await controller(at);
      await holds(well, at.copy, 'old');
      await told(barred, 'WriteRefused', kind === 'sandbox' ? 'ResourceQuota' : 'policy');
      await program.logged(/rotation not complete: all others are done, and blocked is barred-/);
      expect((await program.page('/metrics')).text).toMatch(
        new RegExp(`pullpass_copies\\{source="${at.source}",state="blocked"\\} 1`),
      );
      const tries = (): number =>
        program.logs.filter(({ namespace, msg }) => namespace === barred && String(msg).includes('HTTP status 403'))
          .length;
      const before = tries();
      await delay(3_000);
      expect(tries() - before).toBeLessThan(6);
      await allow();
      await cluster.annotateNamespace(barred, { touched: 'yes' });
      await holds(barred, at.copy, 'old');
      await program.logged('every copy and cache proxy carries the source');
    },
  );

  test(
    'row 11: a person who copied a copy elsewhere, labels and all, is told why it is gone',
    { timeout: 60_000 },
    async () => {
      const at = names();
      const [tenant, elsewhere] = [at.tenant('team'), at.tenant('elsewhere')];
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: at.source }, { [REGISTRY]: 'old' });
      await optedIn(tenant);
      await cluster.namespace(elsewhere);
      await controller(at);
      await holds(tenant, at.copy, 'old');
      const { metadata, type, data } = (await cluster.getSecret(tenant, at.copy)) as V1Secret;
      // `kubectl get -o yaml`, another namespace, `kubectl create`.
      await cluster.secret(elsewhere, at.copy, {
        metadata: { labels: metadata?.labels ?? {} },
        ...(type && { type }),
        ...(data && { data }),
      });
      await eventually(async () => expect(await cluster.getSecret(elsewhere, at.copy)).toBeUndefined());
      await told(elsewhere, 'CopyRemoved', at.copy);
      // Its own opt-out is no news to the namespace.
      await cluster.annotateNamespace(tenant, { 'pullpass.dev/sync': 'disabled' });
      await eventually(async () => expect(await cluster.getSecret(tenant, at.copy)).toBeUndefined());
      await delay(500);
      expect(await reasons(tenant)).toEqual([]);
    },
  );

  test(
    'row 11: a first start with all in order warns nobody, however long its registry takes',
    { timeout: 60_000 },
    async () => {
      const at = names();
      // Takes its time, and then gives no answer: the login is not refused.
      const registry = createServer((socket) => {
        socket.on('error', () => undefined);
        setTimeout(() => socket.destroy(), 2_000);
      });
      await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
      const host = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: at.source }, { [host]: 'good' });
      const tenants = Array.from({ length: 20 }, (_, i) => at.tenant(`team${i}`));
      for (const tenant of tenants) await optedIn(tenant);
      await controller(at, { verify: 'auto' });
      for (const tenant of tenants)
        await eventually(async () => expect(await cluster.login(tenant, at.copy)).toEqual({ [host]: 'good' }), 30_000);
      await delay(1_000);
      for (const tenant of tenants) expect(await reasons(tenant)).toEqual([]);
      registry.close();
    },
  );

  test(
    'row 12: of two installations with one copy name, the second stands back, says so, and takes over when the first is gone',
    { timeout: 90_000 },
    async () => {
      const at = names();
      const [both, first] = [at.tenant('both'), at.tenant('first')];
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: at.source }, { [REGISTRY]: 'first' });
      await cluster.source({ namespace: OTHER, name: at.source }, { [REGISTRY]: 'second' });
      for (const tenant of [both, first]) await optedIn(tenant);
      const one = await controller(at);
      for (const tenant of [both, first]) await holds(tenant, at.copy, 'first');
      const two = await controller(at, { namespace: OTHER, allow: [both] });
      await two.program.ready();
      await delay(1_000);
      for (const tenant of [both, first]) {
        await eventually(async () => expect(await cluster.pullSecrets(tenant)).toEqual([at.copy]));
        await steady(tenant, at.copy);
        await holds(tenant, at.copy, 'first', 0);
        expect(await cluster.pullSecrets(tenant)).toEqual([at.copy]);
      }
      await told(both, 'SecretNotOurs', CONTROLLER_NAMESPACE);
      // It may opt in, and the second's guard does not admit it: nothing is said about the copy.
      expect((await reasons(first)).filter((reason) => reason !== 'OptInDenied')).toEqual([]);
      const said = two.program.logs.filter(({ reason }) => reason === 'SecretNotOurs');
      expect(said).toHaveLength(1);

      await one.program.stop();
      const status = await runPrune({
        client: cluster.admin,
        configuration: configurationSchema.parse(one.document),
        namespace: CONTROLLER_NAMESPACE,
        write: () => undefined,
        confirm: () => Promise.resolve(true),
        signal: new AbortController().signal,
      });
      expect(status).toBe(0);
      await holds(both, at.copy, 'second');
      await eventually(async () => expect(await cluster.pullSecrets(both)).toEqual([at.copy]));
      await steady(both, at.copy);
      expect(await cluster.getSecret(first, at.copy)).toBeUndefined();
    },
  );

  test(
    'row 12: two installations with copy names of their own keep their references beside each other',
    { timeout: 90_000 },
    async () => {
      const at = names();
      const tenant = at.tenant('team');
      const [a, b] = [`${at.copy}-a`, `${at.copy}-b`];
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: at.source }, { [REGISTRY]: 'first' });
      await cluster.source({ namespace: OTHER, name: at.source }, { [REGISTRY]: 'second' });
      await optedIn(tenant);
      const one = await controller(at, { copyName: a });
      await controller(at, { namespace: OTHER, copyName: b });
      await holds(tenant, a, 'first');
      await holds(tenant, b, 'second');
      await eventually(async () => expect([...(await cluster.pullSecrets(tenant))].sort()).toEqual([a, b]));
      await delay(500);
      await steady(tenant, a);
      expect([...(await cluster.pullSecrets(tenant))].sort()).toEqual([a, b]);

      // Out of both: each takes its own.
      await one.program.stop();
      await cluster.annotateNamespace(tenant, { 'pullpass.dev/sync': 'disabled' });
      await eventually(async () => expect(await cluster.pullSecrets(tenant)).toEqual([a]));
      expect(
        (await cluster.getServiceAccount(tenant, 'default')).metadata?.annotations?.['pullpass.dev/added-pull-secrets'],
      ).toBe(a);
    },
  );
});
