/**
 * A real etcd is restored from an older backup, and kube-apiserver is restarted, as Kubernetes asks for: the program notices, and
 * follows what is there then. (An API server that goes on serves its own cache, which shows nothing of the restore to anybody.)
 */
import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { isConflict } from '../../src/kube/api-error.ts';
import { CONTROLLER_NAMESPACE, configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);
else
  test('a backup is restored below the program', { timeout: 300_000 }, async () => {
    const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
    await using server = await startRealApi(real.found);
    const cluster = await createCluster(server);
    await cluster.applyRbac(configurationSchema.parse(document));
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw' });
    const program = await startProgram(server, { configuration: document });
    /** Until the API server answers: the first try can be done, and its answer lost. */
    const optIn = (name: string): Promise<void> =>
      eventually(
        () =>
          cluster.namespace(name, { annotations: { 'pullpass.dev/sync': 'enabled' } }).catch((error: unknown) => {
            if (!isConflict(error)) throw error;
          }),
        90_000,
      );
    const has = (name: string, login: object | undefined, ms: number): Promise<void> =>
      eventually(async () => expect(await cluster.login(name, 'hub-copy')).toEqual(login), ms);
    const data = path.join(server.directory, 'etcd');
    const backup = path.join(server.directory, 'backup');
    try {
      await program.logged('leading', 60_000);
      await optIn('before');
      await has('before', { 'registry.corp': 'pw' }, 20_000);

      await server.kill('etcd');
      await cp(data, backup, { recursive: true });
      await server.start('etcd');
      await optIn('lost');
      await has('lost', { 'registry.corp': 'pw' }, 60_000);
      await cluster.deleteSecret('before', 'hub-copy');
      await has('before', { 'registry.corp': 'pw' }, 20_000);
      for (let i = 0; i < 30; i++) await cluster.namespace(`later-${i}`);

      // Back to the backup: "lost" never was, and versions count from lower again.
      await server.kill('etcd');
      await rm(data, { recursive: true });
      await cp(backup, data, { recursive: true });
      await server.kill('kube-apiserver');
      await server.start('etcd');
      await server.start('kube-apiserver');
      await optIn('after');
      await has('after', { 'registry.corp': 'pw' }, 60_000);
      await eventually(async () => expect(await program.status('/readyz')).toBe(200), 60_000);
      expect(program.logs.filter(({ msg }) => String(msg).includes('went back from'))).not.toEqual([]);
    } finally {
      await program.stop();
      await cluster.close();
    }
  });
