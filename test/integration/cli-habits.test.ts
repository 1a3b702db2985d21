/** Commands as people of kubectl use them: without a file, with one namespace, with several clusters, and with rights of their own. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { auditCommand } from '../../src/cli/audit.ts';
import { planCommand } from '../../src/cli/plan.ts';
import { rbacCommand } from '../../src/cli/rbac.ts';
import { renderRbac } from '../../src/commands/rbac-text.ts';
import { waitCommand } from '../../src/cli/wait.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { paths } from '../../src/kube/paths.ts';
import { run } from '../commands/environment.ts';
import { CONTROLLER_NAMESPACE, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const manifest = (name: string): string =>
  readFileSync(path.resolve(import.meta.dirname, '../../manifests', name), 'utf8');
const CONFIG = manifest('config.yaml').replace('verify: auto', 'verify: "off"');
const config = configurationSchema.parse(parse(CONFIG));
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

onEachServer((server) => {
  let cluster: Cluster;
  let controller: Controller;
  let directory: string;
  let admin: string[];

  const kubeconfig = async (name: string, text: string): Promise<string[]> => {
    await writeFile(path.join(directory, name), text);
    return ['--kubeconfig', path.join(directory, name)];
  };
  const setConfig = async (data: Record<string, string>): Promise<void> => {
    await cluster.admin.delete(paths.configMaps(CONTROLLER_NAMESPACE, 'pullpass-config')).catch(() => undefined);
    await cluster.admin.create(paths.configMaps(CONTROLLER_NAMESPACE), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'pullpass-config' },
      data,
    });
  };
  const apply = async (text: string): Promise<void> => {
    for (const document of parseAllDocuments(text)) {
      const { kind, metadata, ...rest } = document.toJS() as {
        kind: string;
        metadata: { name: string; namespace?: string };
      };
      const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
      const at = kind === 'ServiceAccount' ? '/api/v1' : RBAC;
      await cluster.admin.patch(
        `${at}${scope}/${kind.toLowerCase()}s/${metadata.name}`,
        'application/apply-patch+yaml',
        { kind, metadata, ...rest },
        { query: { fieldManager: 'test', force: true } },
      );
    }
  };

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-habits-'));
    cluster = await createCluster(server());
    await cluster.namespace(CONTROLLER_NAMESPACE);
    admin = await kubeconfig('admin', server().adminKubeconfig());
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
    await cluster.close();
  });

  describe('a cluster without Pullpass', () => {
    test('is audited, and a line says of what nothing is said', async () => {
      const { out, err, status } = await run(auditCommand, [...admin, '-o', 'yaml']);
      expect([status, parse(out)]).toMatchObject([0, { kind: 'AuditReport', configured: false }]);
      expect(err).toMatch(/^no ConfigMap pullpass-system\/pullpass-config: without Pullpass, .*\n$/);
      expect(await run(auditCommand, [...admin, '--no-config'])).toMatchObject({ err: '', status: 0 });
    });

    test('is no cluster that has no pending changes', async () => {
      await expect(run(planCommand, admin)).rejects.toThrow(
        /^there is no ConfigMap pullpass-system\/pullpass-config.*--config FILE.*--controller-namespace NAME/,
      );
    });

    test('a ConfigMap that may not be read is no absent one', async () => {
      await cluster.serviceAccount(CONTROLLER_NAMESPACE, 'nobody');
      const flags = await kubeconfig(
        'nobody',
        await server().kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'nobody' }),
      );
      for (const command of [auditCommand, planCommand])
        await expect(run(command, flags)).rejects.toThrow(/^no right to get ConfigMap .*, or give --config FILE$/);
    });
  });

  describe('with the ConfigMap of a controller', () => {
    beforeAll(async () => {
      await setConfig({ 'config.yaml': CONFIG });
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'upstream-registry' }, { 'registry.corp': 'pw-1' });
      for (const name of ['team-a', 'team-b'])
        await cluster.namespace(name, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    });

    test('its errors are told as those of a file', async () => {
      await setConfig({ 'config.yaml': `${CONFIG}\noops: 1\n` });
      await expect(run(planCommand, admin)).rejects.toThrow(
        /^configmap pullpass-system\/pullpass-config:\d+:1: oops: is not a known key/,
      );
      await setConfig({ other: '' });
      await expect(run(planCommand, admin)).rejects.toThrow('has no key "config.yaml"');
      await setConfig({ 'config.yaml': CONFIG });
    });

    test('plan is about all namespaces, or only those that are named', async () => {
      const pending = async (...flags: string[]): Promise<unknown> => {
        const { out, status } = await run(planCommand, [...admin, '-o', 'json', ...flags]);
        const { only, pending: count } = JSON.parse(out) as { only?: string[]; pending: number };
        return [status, only, count];
      };
      expect(await pending('-A')).toEqual([2, undefined, 2]);
      expect(await pending('-n', 'team-a')).toEqual([2, ['team-a'], 1]);
      expect(await pending('-n', 'default')).toEqual([0, ['default'], 0]);
      expect((await run(planCommand, [...admin, '-n', 'team-a'])).out).toMatch(
        /2 changes pending in 1 of namespace team-a/,
      );
      await expect(run(planCommand, [...admin, '-n', 'gone'])).rejects.toThrow('plan: there is no namespace "gone"');
    });

    test('rbac --check finds what is missing, what is beyond, and what is left over', async () => {
      const check = async (...flags: string[]): Promise<{ status: number; out: string }> =>
        run(rbacCommand, ['--check', ...admin, ...flags]);
      const none = await check();
      expect(none.status).toBe(3);
      expect(none.out).toMatch(/^missing: cannot get namespaces, needed to see which namespaces opt in/m);

      await cluster.applyRbac(config);
      expect(await check()).toMatchObject({
        status: 0,
        out: 'system:serviceaccount:pullpass-system:pullpass: has exactly the rights that the configuration needs\n',
      });

      await apply(
        renderRbac(config, { namespace: CONTROLLER_NAMESPACE, serviceAccount: 'pullpass' })
          .split('---\n')
          .filter((text) => /^kind: Role(Binding)?$/m.test(text))
          .join('---\n')
          .replaceAll('namespace: pullpass-system\n  labels', 'namespace: team-a\n  labels'),
      );
      const wide = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'wide' } };
      await cluster.admin.create(`${RBAC}/clusterroles`, {
        ...wide,
        kind: 'ClusterRole',
        rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['*'] }],
      });
      await cluster.admin.create(`${RBAC}/clusterrolebindings`, {
        ...wide,
        kind: 'ClusterRoleBinding',
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'wide' },
        subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:serviceaccounts' }],
      });
      const more = await check('-o', 'json');
      expect([more.status, JSON.parse(more.out)]).toMatchObject([
        3,
        {
          missing: [],
          beyond: [
            {
              rights: '* secrets with any name, in all namespaces',
              by: 'ClusterRole wide, bound by ClusterRoleBinding wide',
            },
          ],
          leftOver: ['Role team-a/pullpass'],
          notChecked: [],
        },
      ]);
      await cluster.admin.delete(`${RBAC}/clusterrolebindings/wide`);
      for (const kind of ['roles', 'rolebindings'])
        await cluster.admin.delete(`${RBAC}/namespaces/team-a/${kind}/pullpass`);
      expect((await check()).status).toBe(0);
    });

    describe('and wait', () => {
      let reader: string[];
      const wait = (...flags: string[]) => run(waitCommand, ['--source', 'upstream', ...flags]);
      beforeAll(async () => {
        controller = await cluster.controller(config);
        await eventually(async () =>
          expect(await cluster.login('team-b', 'upstream-registry')).toEqual({ 'registry.corp': 'pw-1' }),
        );
        // The ServiceAccount and the roles of the example, and nothing more.
        const job = manifest('example/wait-job.yaml').split('---\n');
        await apply(job.filter((text) => !/^kind: Job$/m.test(text)).join('---\n'));
        const account = { namespace: CONTROLLER_NAMESPACE, name: 'pullpass-wait' };
        reader = await kubeconfig('reader', await server().kubeconfigFor(account));
      });

      test('works with exactly the rights of the example Job, which are those that rbac --for wait prints', async () => {
        const { out } = await run(rbacCommand, ['--for', 'wait', ...admin]);
        expect(manifest('example/wait-job.yaml')).toContain(out.slice(out.indexOf('---\n')));
        expect(await wait(...reader, '--timeout', '30s')).toMatchObject({
          status: 0,
          out: expect.stringMatching(/^complete: the old credential can be revoked/) as string,
        });
        const yaml = await wait(...reader, '--timeout', '1m', '-o', 'yaml');
        expect(parse(yaml.out)).toMatchObject({ kind: 'Rotation', source: 'upstream', complete: true });
      });

      test('says that it is safe in every cluster only if each is complete: one without an answer is not', async () => {
        const [, file = ''] = admin;
        const both = parse(readFileSync(file, 'utf8')) as {
          clusters: { name: string; cluster: { server: string } }[];
          contexts: { name: string; context: { cluster: string; user: string } }[];
          'current-context': string;
        };
        const [first] = both.contexts;
        const [cluster0] = both.clusters;
        if (first === undefined || cluster0 === undefined) throw new Error('a kubeconfig without a context');
        both.clusters.push({ name: 'dead', cluster: { ...cluster0.cluster, server: 'https://127.0.0.1:1' } });
        both.contexts = [
          { ...first, name: 'east' },
          { ...first, name: 'west' },
          { name: 'dead', context: { ...first.context, cluster: 'dead' } },
        ];
        both['current-context'] = 'east';
        const flags = await kubeconfig('many', JSON.stringify(both));

        const good = await wait(...flags, '--context', 'east', '--context', 'west', '--timeout', '30s');
        expect(good.status).toBe(0);
        expect(good.out).toMatch(
          /^east: complete: [^]*\nwest: complete: [^]*\nsafe to revoke in every cluster: .* 2 of 2\n$/,
        );

        const bad = await wait(...flags, '--context', 'east,dead', '--timeout', '0', '-o', 'json');
        expect([bad.status, JSON.parse(bad.out)]).toMatchObject([
          1,
          { complete: false, contexts: { east: { complete: true }, dead: { complete: false } } },
        ]);
        await expect(wait(...flags, '--context', 'east,gone')).rejects.toThrow('no context "gone"');

        const audits = await run(auditCommand, [...flags, '--context', 'east,dead', '-o', 'json']);
        expect([audits.status, JSON.parse(audits.out)]).toMatchObject([
          1,
          {
            kind: 'AuditReportList',
            contexts: { east: { configured: true }, dead: { error: expect.any(String) as string } },
          },
        ]);
        await controller.stop();
      });
    });
  });
});
