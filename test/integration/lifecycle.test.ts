/** Two replicas, a configuration that changes, a clean stop. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Configuration } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const ENABLED = { 'pullpass.dev/sync': 'enabled' };

onEachServer((server) => {
  let cluster: Cluster;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-lifecycle-'));
    cluster = await createCluster(server());
    await cluster.applyRbac(configuration({ name: 'hub' }));
    for (const name of ['hub', 'corp'])
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name }, { [`${name}.corp`]: 'pw' });
  });
  afterAll(async () => {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  });

  describe('two replicas', () => {
    const config = configuration({ name: 'hub', namespaces: { allow: ['ha-*'] } });
    const election = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 };

    test('one writes; when it is stopped, the other goes on at once', async () => {
      const a = await cluster.controller(config, { leaderElection: true, identity: 'a', timings: { election } });
      await cluster.namespace('ha-1', { annotations: ENABLED });
      await eventually(async () => expect(await cluster.pullSecrets('ha-1')).toEqual(['hub-copy']));
      const b = await cluster.controller(config, { leaderElection: true, identity: 'b', timings: { election } });
      await cluster.namespace('ha-2', { annotations: ENABLED });
      await eventually(async () => expect(await cluster.pullSecrets('ha-2')).toEqual(['hub-copy']));
      expect(b.writes().filter((write) => /secrets|serviceaccounts/.test(write))).toEqual([]);

      await a.stop();
      // The Lease was given back, not left to run out.
      const lease = await cluster.admin.get<{ spec: { holderIdentity?: string } }>(
        `/apis/coordination.k8s.io/v1/namespaces/${CONTROLLER_NAMESPACE}/leases/pullpass-controller`,
      );
      expect(['', 'b']).toContain(lease.spec.holderIdentity ?? '');
      await cluster.namespace('ha-3', { annotations: ENABLED });
      await eventually(async () => expect(await cluster.pullSecrets('ha-3')).toEqual(['hub-copy']));
      expect(b.writes().filter((write) => write.startsWith('patch serviceaccounts'))).toHaveLength(1);
      await b.stop();
    });
  });

  describe('a configuration that changes', () => {
    const hub = { name: 'hub', namespaces: { allow: ['cfg-*'] } };
    const before = configuration(hub, { name: 'corp', namespaces: { allow: ['cfg-*'] } });
    const renamed: Configuration = {
      ...configuration({ ...hub, copyName: 'renamed-copy' }),
      retiredCopyNames: ['hub-copy', 'corp-copy'],
    };

    test('takes effect without a restart: a dropped source and a renamed copy leave nothing behind, a bad version changes nothing', async () => {
      const file = path.join(directory, 'config.yaml');
      await writeFile(file, stringify(before));
      const controller = await cluster.controller(before, {
        configurationFile: file,
        timings: { configurationMs: 50 },
      });
      await cluster.namespace('cfg-1', { annotations: ENABLED });
      await eventually(async () => expect(await cluster.pullSecrets('cfg-1')).toEqual(['corp-copy', 'hub-copy']));

      await writeFile(file, 'kind: Nonsense\n');
      await eventually(async () =>
        expect(controller.logs.map((l) => l['msg'])).toContainEqual(
          expect.stringMatching(/configuration refused, the one in force stays: .*config\.yaml:1/),
        ),
      );
      await cluster.namespace('cfg-2', { annotations: ENABLED });
      await eventually(async () => expect(await cluster.pullSecrets('cfg-2')).toEqual(['corp-copy', 'hub-copy']));

      await cluster.applyRbac(renamed);
      await writeFile(file, stringify(renamed));
      for (const namespace of ['cfg-1', 'cfg-2']) {
        await eventually(async () => {
          expect(await cluster.pullSecrets(namespace)).toEqual(['renamed-copy']);
          expect(await cluster.login(namespace, 'renamed-copy')).toEqual({ 'hub.corp': 'pw' });
          expect(await cluster.getSecret(namespace, 'hub-copy')).toBeUndefined();
          expect(await cluster.getSecret(namespace, 'corp-copy')).toBeUndefined();
        });
      }
      await controller.stop();
    });
  });

  describe('what was remembered of a source that the configuration has no more', () => {
    const tried = (...names: string[]): Configuration =>
      configuration(...names.map((name) => ({ name, verify: 'auto', namespaces: { allow: ['forget-*'] } })));
    /** Where nobody listens: what is remembered is that there was no answer. */
    const change = async (name: string, password: string): Promise<void> =>
      cluster.source({ namespace: CONTROLLER_NAMESPACE, name }, { '127.0.0.1:1': password });
    async function remembered(): Promise<Record<string, { passed: string[] }>> {
      const text = (await cluster.getSecret(CONTROLLER_NAMESPACE, 'pullpass-state'))?.data?.['state.json'] ?? '';
      return (
        (
          JSON.parse(Buffer.from(text, 'base64').toString() || '{}') as {
            sources?: Record<string, { passed: string[] }>;
          }
        ).sources ?? {}
      );
    }
    const names = async (): Promise<string[]> => Object.keys(await remembered()).sort();
    /** Whether the change was written down: all that is to go is gone by then. */
    async function afterChange(password: string): Promise<string[]> {
      const { kept } = await remembered();
      await change('kept', password);
      await eventually(async () => expect((await remembered())['kept']?.passed[0]).not.toBe(kept?.passed[0]));
      return names();
    }

    test('goes from the state with the next thing to remember, after a reload and after a restart', async () => {
      for (const name of ['kept', 'dropped', 'dropped-later']) await change(name, 'one');
      const file = path.join(directory, 'forgotten.yaml');
      await writeFile(file, stringify(tried('kept', 'dropped', 'dropped-later')));
      const first = await cluster.controller(tried('kept', 'dropped', 'dropped-later'), {
        configurationFile: file,
        timings: { configurationMs: 50 },
      });
      await eventually(async () => expect(await names()).toEqual(['dropped', 'dropped-later', 'kept']));

      await writeFile(file, stringify(tried('kept', 'dropped-later')));
      await eventually(async () => {
        expect(first.logs.map(({ msg }) => msg)).toContain('configuration reloaded');
      });
      expect(await afterChange('two')).toEqual(['dropped-later', 'kept']);
      await first.stop();

      const second = await cluster.controller(tried('kept'));
      expect(await afterChange('three')).toEqual(['kept']);
      await second.stop();
    });
  });

  describe('a clean stop', () => {
    test('finishes what is in flight: no namespace is left with half of its writes', async () => {
      const config = configuration({ name: 'hub', namespaces: { allow: ['stop-*'] } });
      const names = Array.from({ length: 30 }, (_, i) => `stop-${i}`);
      await Promise.all(names.map((name) => cluster.namespace(name)));
      const controller = await cluster.controller(config, { concurrency: 4 });
      await Promise.all(names.map((name) => cluster.annotateNamespace(name, ENABLED)));
      await eventually(async () => expect(controller.writes().length).toBeGreaterThan(3));
      await controller.stop();
      for (const name of names) {
        const has = (await cluster.getSecret(name, 'hub-copy')) !== undefined;
        expect([name, await cluster.pullSecrets(name)]).toEqual([name, has ? ['hub-copy'] : []]);
      }
      expect(controller.logs.at(-1)?.['msg']).toBe('stopped');
    });
  });
});
