/** Install, upgrade, roll back, test and uninstall on a real API server, with the controller as a process of its own. */
import type { V1Deployment } from '@kubernetes/client-node';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHART } from '../../charts/build.ts';
import manifest from '../../package.json' with { type: 'json' };
import { isNotFound } from '../../src/kube/api-error.ts';
import { paths } from '../../src/kube/paths.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import type { Program } from '../integration/env/program.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { IMAGE, NAMESPACE, onEachHelm } from './helm.ts';
import { createRelease, DEPLOYMENT, JOBS } from './release.ts';
import type { Release } from './release.ts';
import { MATRIX, source } from './values.ts';

/** Helm 4 applies server-side, where what another tool wrote is a conflict. */
const TAKE_OVER: Record<number, string[]> = {
  3: ['--take-ownership'],
  4: ['--take-ownership', '--force-conflicts'],
};
const kubectl = findOnPath('kubectl', 'see https://kubernetes.io/docs/tasks/tools/');
const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);

describe.skipIf('missing' in real)('on kube-apiserver', () => {
  let server: ApiServer;
  let cluster: Cluster;
  let directory: string;
  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found);
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-chart-'));
    await writeFile(path.join(directory, 'kubeconfig'), server.adminKubeconfig());
    cluster = await createCluster(server);
  });
  afterAll(async () => {
    await cluster.close();
    await server.stop();
    await rm(directory, { recursive: true });
  });

  onEachHelm((helm) => {
    const values = (...sources: object[]) => ({ image: IMAGE, config: { sources } });
    const first = { ...source('hub'), verify: 'off' };
    const second = { ...source('corp'), verify: 'off' };
    const team = `team-${helm.major}`;
    let release: Release;
    let program: Program;
    /** What the kubelet does with a changed ConfigMap. */
    const mount = async () => writeFile(program.configurationFile, await release.configuration());
    const deployment = () => cluster.admin.get<V1Deployment>(DEPLOYMENT);
    const ok = async (said: ReturnType<Release['run']>): Promise<string> => {
      const { status, stdout, stderr } = await said;
      expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
      return stdout;
    };

    beforeAll(() => {
      release = createRelease(helm, server, cluster);
    });
    afterAll(async () => {
      await program?.stop();
      await cluster.deleteNamespace(NAMESPACE).catch(() => undefined);
      await eventually(async () => {
        await expect(cluster.admin.get(`/api/v1/namespaces/${NAMESPACE}`)).rejects.toSatisfy(isNotFound);
      }, 60_000);
    });

    test('install makes the namespace and all objects, and the notes say the next commands', async () => {
      const said = await ok(release.helm('install', values(first), ['--create-namespace']));
      expect(said).toContain(`kubectl create secret generic hub --namespace ${NAMESPACE}`);
      expect(said).toContain('kubectl annotate namespace MY-TEAM pullpass.dev/sync=enabled');
      expect(said).toContain(`helm test pullpass --namespace ${NAMESPACE}`);
      expect((await deployment()).spec?.replicas).toBe(2);
    });

    test.each(Object.entries(MATRIX))(
      'the API server takes what is rendered with %s, field by field',
      async (_, given) => {
        // Not where the release is: its fields would stay.
        const namespace = `dry-${helm.major}`;
        await cluster.admin.create(paths.namespaces(), { metadata: { name: namespace } }).catch(() => undefined);
        for (const object of await helm.template(given, { namespace })) {
          const { apiVersion, kind, metadata } = object;
          if (apiVersion.startsWith('monitoring.')) continue; // No CRDs here.
          const collection = `${kind.toLowerCase()}s`.replace(/ys$/, 'ies');
          const scope = /^(Cluster|Validating)/.test(kind) ? '' : `/namespaces/${metadata.namespace ?? namespace}`;
          const path = `${apiVersion === 'v1' ? '/api' : '/apis'}/${apiVersion}${scope}/${collection}/${metadata.name}`;
          const query = { dryRun: 'All', fieldValidation: 'Strict', fieldManager: 'test', force: true };
          await cluster.admin.patch(path, 'application/apply-patch+yaml', object, { query });
        }
      },
    );

    test('its pods pass the restricted Pod Security Standard', async () => {
      await cluster.namespace(`restricted-${helm.major}`, {
        labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
      });
      const namespace = `restricted-${helm.major}`;
      const objects = await helm.template({ uninstall: { prune: true } }, { namespace });
      const pods = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');
      expect(pods).toHaveLength(3);
      for (const { template } of pods.map(({ spec }) => spec as { template: { spec: object } }))
        await cluster.admin.create(
          paths.pods(namespace),
          { metadata: { generateName: 'a-' }, spec: { ...template.spec, serviceAccountName: 'default' } },
          { query: { dryRun: 'All', fieldValidation: 'Strict' } },
        );
    });

    test('a second release in the same namespace is refused', async () => {
      const said = await helm.run(['install', 'other', CHART, '--namespace', NAMESPACE], {
        kubeconfig: server.adminKubeconfig(),
        values: values(first),
      });
      expect(said.status).toBe(1);
      expect(said.stderr).toMatch(/exists and cannot be imported into the current release/);
    });

    test('a namespace opts in, and the controller makes the copy with the rights of the chart', async () => {
      await cluster.source({ namespace: NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-1' });
      await cluster.namespace(team, { annotations: { 'pullpass.dev/sync': 'enabled' } });
      program = await startProgram(server, { configuration: await release.configuration() });
      await program.ready();
      await expect
        .poll(() => cluster.login(team, 'hub-copy'), { timeout: 20_000 })
        .toEqual({ 'registry.corp': 'pw-1' });
      await expect.poll(() => cluster.pullSecrets(team)).toEqual(['hub-copy']);
    });

    test('helm test reads the cluster as the controller does, and finds it in step', async () => {
      const testing = release.run('test', 'pullpass', '--timeout', '90s');
      const played = await release.play('pullpass-test');
      expect(played).toMatchObject({ status: 0, output: expect.stringContaining(team) as string });
      expect(await ok(testing)).toMatch(/Succeeded/);
    });

    test('upgrade: a new configuration is reloaded, with its rights', async () => {
      await cluster.source({ namespace: NAMESPACE, name: 'corp' }, { 'registry.corp': 'pw-2' });
      await ok(release.helm('upgrade', { ...values(first, second), replicas: 3 }));
      await mount();
      await expect
        .poll(() => cluster.login(team, 'corp-copy'), { timeout: 30_000 })
        .toEqual({ 'registry.corp': 'pw-2' });
      expect((await deployment()).spec?.replicas).toBe(3);
    });

    test('rollback puts the configuration and the Deployment back, and the controller follows', async () => {
      const before = await release.configuration();
      await ok(release.run('rollback', 'pullpass', '1'));
      expect((await deployment()).spec?.replicas).toBe(2);
      expect(await release.configuration()).not.toBe(before);
      expect(await release.configuration()).not.toContain('corp');
      await ok(release.run('rollback', 'pullpass', '2'));
      expect(await release.configuration()).toBe(before);
      await ok(release.run('rollback', 'pullpass', '1'));
      await mount();
      const reloads = () => program.logs.filter(({ msg }) => msg === 'configuration reloaded');
      await expect.poll(() => reloads().length, { timeout: 30_000 }).toBe(2);
      expect(reloads().at(-1)).toMatchObject({ sources: ['hub'] });
      expect(await cluster.login(team, 'hub-copy')).toEqual({ 'registry.corp': 'pw-1' });
    });

    describe('uninstall with prune', () => {
      /** Plays the Deployment controller and the kubelet: scaled to 0, the controller ends. */
      const stopWhenScaled = () =>
        eventually(async () => {
          const { spec, metadata } = await deployment();
          expect(spec?.replicas).toBe(0);
          await program.stop();
          await cluster.admin.patch(`${DEPLOYMENT}/status`, 'application/merge-patch+json', {
            status: { observedGeneration: metadata?.generation ?? 0 },
          });
        }, 60_000);

      const jobs = async () => (await cluster.admin.get<{ items: unknown[] }>(JOBS)).items;

      test('says what remains when it cannot remove all, and keeps the release', async () => {
        const config = { sources: [first], retiredCopyNames: ['corp-copy'] };
        await ok(release.helm('upgrade', { ...values(first), config, uninstall: { prune: true } }));
        const allow = await refuse(team);
        const uninstalling = release.run('uninstall', 'pullpass', '--timeout', '90s');
        const [played] = await Promise.all([release.play('pullpass-uninstall'), stopWhenScaled()]);
        expect(played.status).toBe(1);
        expect(played.output).toMatch(new RegExp(`^${team}: not removed: .*ServiceAccount default: .*keep it`, 'm'));
        expect(played.output).toMatch(/prune: \d changes? failed, and the controller stays stopped; run it again/);
        const said = await uninstalling;
        expect([said.status, said.stderr]).toEqual([1, expect.stringMatching(/pullpass-uninstall|hook/i)]);
        expect(await release.configuration()).toContain('hub');
        await allow();
      });

      test('then removes every copy, reference and state, and the release', async () => {
        const uninstalling = release.run('uninstall', 'pullpass', '--timeout', '90s');
        const [played] = await Promise.all([release.play('pullpass-uninstall'), stopWhenScaled()]);
        expect(played).toMatchObject({ status: 0, output: expect.stringMatching(/^Removed /m) as string });
        await ok(uninstalling);
        for (const copy of ['hub-copy', 'corp-copy']) expect(await cluster.getSecret(team, copy)).toBeUndefined();
        expect(await cluster.pullSecrets(team)).toEqual([]);
        expect(await cluster.getSecret(NAMESPACE, 'pullpass-state')).toBeUndefined();
        expect(await cluster.getSecret(NAMESPACE, 'hub')).toBeDefined();
        await expect(deployment()).rejects.toSatisfy(isNotFound);
        expect(await jobs()).toEqual([]);
      });
    });

    test.skipIf('missing' in kubectl)(
      'takes over what kustomize installed, without a restart of its pods',
      async () => {
        const image = `${IMAGE.repository}:${manifest.version}`;
        const text = readFileSync(path.join(CHART, '../../manifests/install.yaml'), 'utf8');
        const input = text.replace(/^( +)image: .*$/m, `$1image: ${image}`);
        // kubectl keeps a cache in its HOME.
        const env = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: path.join(directory, 'kubeconfig') };
        execFileSync('kubectl', ['apply', '-f', '-'], { env, input, stdio: 'pipe' });
        const before = await deployment();
        expect(before.spec?.template.spec?.containers[0]?.image).toBe(image);
        await ok(release.helm('install', values(first), TAKE_OVER[helm.major]));
        const after = await deployment();
        expect(after.metadata).toMatchObject({
          uid: before.metadata?.uid,
          annotations: { 'meta.helm.sh/release-name': 'pullpass' },
        });
        expect(after.spec?.template).toEqual(before.spec?.template);
        expect(await release.configuration()).toContain('hub');
        await ok(release.run('uninstall', 'pullpass'));
      },
    );
  });

  /** Nobody can change ServiceAccounts of this namespace until the result is called. */
  async function refuse(namespace: string): Promise<() => Promise<void>> {
    const kinds = ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'];
    const [policies = '', bindings = ''] = kinds.map((kind) => `/apis/admissionregistration.k8s.io/v1/${kind}`);
    const isRefused = async (): Promise<boolean> => {
      const touch = { metadata: { annotations: { touched: 'yes' } } };
      return cluster.admin
        .patch(paths.serviceAccounts(namespace, 'default'), 'application/merge-patch+json', touch, {
          query: { dryRun: 'All' },
        })
        .then(
          () => false,
          () => true,
        );
    };
    await cluster.admin.create(policies, {
      metadata: { name: 'keep' },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['serviceaccounts'] },
          ],
        },
        validations: [{ expression: `request.namespace != '${namespace}'`, message: 'keep it' }],
      },
    });
    await cluster.admin.create(bindings, {
      metadata: { name: 'keep' },
      spec: { policyName: 'keep', validationActions: ['Deny'] },
    });
    await expect.poll(isRefused, { timeout: 30_000 }).toBe(true);
    return async () => {
      for (const kind of [bindings, policies]) await cluster.admin.delete(`${kind}/keep`);
      await expect.poll(isRefused, { timeout: 30_000 }).toBe(false);
    };
  }
});
