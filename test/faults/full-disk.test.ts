/** A disk that is full where the log goes: the program works on without one. */
import { expect, test } from 'vitest';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';

test('a log that cannot be written stops nothing', { timeout: 60_000 }, async () => {
  await using sandbox = await startSandbox();
  const cluster = await createCluster(sandbox);
  const document = configurationDocument({ name: 'hub' });
  await cluster.applyRbac(configurationSchema.parse(document));
  await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'pw' });
  await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
  const port = await freePort();
  const program = await startProgram(sandbox, {
    configuration: document,
    // Every write to this device fails with ENOSPC.
    runtime: ['/bin/sh', '-c', 'exec "$0" "$@" >/dev/full 2>/dev/full', process.execPath],
    args: ['--address', `127.0.0.1:${port}`],
  });
  const alive = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/livez`)).status;
  try {
    await eventually(async () => {
      expect(await cluster.login('team', 'hub-copy')).toEqual({ 'registry.corp': 'pw' });
      expect(await alive()).toBe(200);
    }, 30_000);
    await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'new' });
    await eventually(async () => {
      expect(await cluster.login('team', 'hub-copy')).toEqual({ 'registry.corp': 'new' });
      expect(await alive()).toBe(200);
    });
  } finally {
    await program.stop();
    await cluster.close();
  }
});

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
