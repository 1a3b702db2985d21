/** Absence is never health: a replica that has read nothing is not ready, and has no report. */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import type { Program } from '../integration/env/program.ts';
import { onSandbox } from './on-sandbox.ts';

const document = {
  ...configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } }),
  schedules: { audit: '0 * * * *' },
};

const on = onSandbox(async (cluster) => {
  await cluster.applyRbac(configurationSchema.parse(document));
  await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'pw' });
  await cluster.namespace('team-a', { annotations: { 'pullpass.dev/sync': 'enabled' } });
});

/** Statuses of a page, as often as it answers, until `over`. */
async function statuses(program: Program, page: string, over: () => boolean): Promise<number[]> {
  const seen: number[] = [];
  while (!over()) {
    seen.push(await program.status(page));
    await delay(20);
  }
  return seen;
}

test('from its first answer on, a replica is ready only when it has read all', async () => {
  const slow = [
    on.sandbox.faults.add({
      match: { verb: 'create', resource: 'selfsubjectaccessreviews' },
      kind: 'slow',
      milliseconds: 400,
    }),
    on.sandbox.faults.add({ match: { verb: 'watch', resource: 'namespaces' }, kind: 'slow', milliseconds: 800 }),
    on.sandbox.faults.add({ match: { verb: 'list', resource: 'namespaces' }, kind: 'slow', milliseconds: 800 }),
  ];
  const program = await startProgram(on.sandbox, { configuration: document });
  const isInStep = (): boolean => program.logs.some(({ msg }) => msg === 'in step with the API server');
  await program.url();
  const [ready, reports] = await Promise.all([
    statuses(program, '/readyz', isInStep),
    statuses(program, '/report', isInStep),
  ]);
  // It may be ready a moment before it says so in its log: then every answer after the first 200 is one, too.
  for (const seen of [ready, reports]) {
    expect(seen.filter((status) => status === 503).length).toBeGreaterThan(5);
    expect([...seen].sort((a, b) => b - a)).toEqual(seen);
  }
  expect(await program.status('/readyz')).toBe(200);
  for (const each of slow) each.remove();
  await program.stop();
});

test('an API server that answers nothing: alive, not ready, and nothing is reported', async () => {
  const sockets = new Set<Socket>();
  const mute = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const kubeconfig = on.sandbox
    .adminKubeconfig()
    .replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${(mute.address() as AddressInfo).port}`);
  const program = await startProgram(on.sandbox, { configuration: document, kubeconfig });
  await program.url();
  for (let i = 0; i < 20; i++) {
    expect(await program.status('/readyz')).toBe(503);
    expect(await program.status('/report')).not.toBe(200);
    expect(await program.status('/livez')).toBe(200);
    await delay(100);
  }
  program.kill('SIGKILL');
  await program.stop();
  for (const socket of sockets) socket.destroy();
  mute.close();
});

test('a server that fails at first does not make the controller forget what was in force', async () => {
  const first = await startProgram(on.sandbox, { configuration: document });
  await first.logged('leading');
  await expect.poll(async () => on.cluster.login('team-a', 'hub-copy'), { timeout: 10_000 }).toBeDefined();
  await first.stop();
  const copy = await on.cluster.getSecret('team-a', 'hub-copy');
  const broken = on.sandbox.faults.add({
    match: { verb: 'get', resource: 'secrets', name: 'pullpass-state' },
    kind: 'status',
    code: 500,
    times: 3,
  });
  const second = await startProgram(on.sandbox, { configuration: document });
  await second.logged('leading');
  await second.ready();
  expect(broken.hits).toBe(3);
  await delay(1_000);
  // With another key every copy would look wrong, and be written anew.
  expect((await on.cluster.getSecret('team-a', 'hub-copy'))?.metadata?.resourceVersion).toBe(
    copy?.metadata?.resourceVersion,
  );
  await second.stop();
});
