/**
 * Versions side by side: an upgrade, a rollback, and an older program that meets what a newer one left. All of them are programs
 * as users run them.
 */
import type { V1Secret } from '@kubernetes/client-node';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { paths } from '../../src/kube/paths.ts';
import { LEASE_NAME, STATE_NAME } from '../../src/names.ts';
import { STATE_FORMAT } from '../../src/observe/records.ts';
import { configurationDocument, CONTROLLER_NAMESPACE, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import type { Program } from '../integration/env/program.ts';
import { onEachServer } from '../integration/env/servers.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import { released } from './released.ts';

const QUICK = path.join(import.meta.dirname, '..', 'attack', 'quick-terms.ts');
const document = configurationDocument({ name: 'hub', namespaces: { allow: ['team-*'] } });
const SOURCE = { namespace: CONTROLLER_NAMESPACE, name: 'hub' };
/** Without stack traces. */
const QUIET = { LOG_LEVEL: 'info' };
const NEWER =
  /^pullpass: Secret pullpass-state was written by a newer Pullpass \(format 2; this one knows 1\), so this one does nothing: /;

const old = released('0.1.0');

onEachServer((server) => {
  let cluster: Cluster;
  let programs: Program[] = [];

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(configurationSchema.parse(document));
    await cluster.source(SOURCE, { 'registry.corp': 'one' });
  });
  afterEach(async () => {
    await Promise.all(programs.map((program) => program.stop()));
    programs = [];
  });
  afterAll(() => cluster.close());

  async function start(identity: string, program?: string): Promise<Program> {
    const runtime = [process.execPath, '--import', QUICK];
    const started = await startProgram(server(), {
      configuration: document,
      identity,
      env: QUIET,
      ...(program === undefined ? { runtime } : { program }),
    });
    programs.push(started);
    return started;
  }
  const optIn = (name: string): Promise<void> =>
    cluster.namespace(name, { annotations: { 'pullpass.dev/sync': 'enabled' } });
  const holds = (name: string, password: string): Promise<void> =>
    eventually(async () => {
      expect(await cluster.login(name, 'hub-copy')).toEqual({ 'registry.corp': password });
      expect(await cluster.pullSecrets(name)).toEqual(['hub-copy']);
    });
  /** Versions of all that a program keeps in a namespace: they show writes that change nothing, too. */
  async function versions(name: string): Promise<unknown[]> {
    const copy = await cluster.getSecret(name, 'hub-copy');
    const account = await cluster.getServiceAccount(name, 'default');
    return [copy?.metadata?.resourceVersion, account.metadata?.resourceVersion];
  }
  const state = async (): Promise<V1Secret | undefined> => cluster.getSecret(CONTROLLER_NAMESPACE, STATE_NAME);
  const stateText = async (): Promise<string> =>
    Buffer.from((await state())?.data?.['state.json'] ?? '', 'base64').toString();
  async function writeState(change: (state: Record<string, unknown>) => object): Promise<void> {
    const text = JSON.stringify(change(JSON.parse(await stateText()) as Record<string, unknown>));
    await cluster.patchSecret(CONTROLLER_NAMESPACE, STATE_NAME, {
      data: { 'state.json': Buffer.from(text).toString('base64') },
    });
  }
  const deleteLease = (): Promise<void> =>
    cluster.admin.delete(paths.leases(CONTROLLER_NAMESPACE, LEASE_NAME)).catch(() => undefined);

  test.skipIf('missing' in old)(
    `upgraded from 0.1.0 and rolled back, with replicas of both: each goes on with what the other left, and writes nothing that is in sync${'missing' in old ? ` (${old.missing})` : ''}`,
    async () => {
      const main = path.join((old as { directory: string }).directory, 'src', 'main.ts');
      const before = await start('old-1', main);
      await before.logged(/^leading$/);
      await optIn('team-a');
      await holds('team-a', 'one');
      expect(JSON.parse(await stateText())).not.toHaveProperty('format');

      // The upgrade: the new replica waits until the old one goes.
      const after = await start('new-1');
      await after.ready();
      await cluster.source(SOURCE, { 'registry.corp': 'two' });
      await holds('team-a', 'two');
      const inSync = await versions('team-a');
      await before.stop();
      await after.logged(/^leading$/);
      await optIn('team-b');
      await holds('team-b', 'two');
      await eventually(async () => expect(JSON.parse(await stateText())).toHaveProperty('format', STATE_FORMAT));
      expect(await versions('team-a')).toEqual(inSync);

      // The rollback: what the new version accepted is in force for the old one, too.
      const again = await start('old-2', main);
      await again.ready();
      await cluster.source(SOURCE, { 'registry.corp': 'three' });
      await holds('team-b', 'three');
      const both = [await versions('team-a'), await versions('team-b')];
      await after.stop();
      await again.logged(/^leading$/);
      await optIn('team-c');
      await holds('team-c', 'three');
      expect([await versions('team-a'), await versions('team-b')]).toEqual(both);
      expect(again.logs.filter(({ level }) => level === 'error')).toEqual([]);
      await cluster.source(SOURCE, { 'registry.corp': 'four' });
      for (const team of ['team-a', 'team-b', 'team-c']) await holds(team, 'four');
    },
    120_000,
  );

  test('an older program that starts on the state of a newer one stops without a write, and says so', async () => {
    const first = await start('first');
    await first.logged(/^leading$/);
    await optIn('team-d');
    await eventually(async () => expect(await cluster.login('team-d', 'hub-copy')).toBeDefined());
    await eventually(async () => expect(await stateText()).toContain('"format"'));
    await first.stop();
    await deleteLease();
    await writeState((known) => ({ ...known, format: 2 }));
    const left = await state();

    const second = await start('second');
    expect(await second.exited).toBe(1);
    expect(second.stderr).toEqual([expect.stringMatching(NEWER)]);
    expect((await state())?.metadata?.resourceVersion).toBe(left?.metadata?.resourceVersion);
    await expect(cluster.admin.get(paths.leases(CONTROLLER_NAMESPACE, LEASE_NAME))).rejects.toMatchObject({
      code: 404,
    });
    await writeState((known) => ({ ...known, format: STATE_FORMAT }));
  });

  test('an older replica that runs while a newer one takes over stops when it would lead', async () => {
    await deleteLease();
    const first = await start('first');
    await first.logged(/^leading$/);
    await optIn('team-e');
    const password = Object.values((await cluster.login('team-d', 'hub-copy')) ?? {})[0] ?? '';
    await holds('team-e', password);
    const second = await start('second');
    await second.ready();
    await first.stop();
    await second.logged(/^leading$/);
    // A newer version writes between two terms of this one.
    const third = await start('third');
    await third.ready();
    await writeState((known) => ({ ...known, format: 2, writer: 'newer' }));
    const left = await state();
    await second.stop();
    expect(await third.exited).toBe(1);
    expect(third.stderr).toEqual([expect.stringMatching(NEWER)]);
    expect(await state()).toMatchObject({ metadata: { resourceVersion: left?.metadata?.resourceVersion } });
    await writeState((known) => ({ ...known, format: STATE_FORMAT }));
  });

  test('a leader under which a newer version wrote the state does not write over it', async () => {
    await deleteLease();
    const first = await start('first');
    await first.logged(/^leading$/);
    await delay(500);
    await writeState((known) => ({ ...known, format: 2 }));
    const left = await state();
    await cluster.source(SOURCE, { 'registry.corp': 'five' });
    await delay(2_000);
    expect((await state())?.metadata?.resourceVersion).toBe(left?.metadata?.resourceVersion);
    // Nothing is spread that could not be remembered.
    expect(await cluster.login('team-e', 'hub-copy')).not.toEqual({ 'registry.corp': 'five' });
  });
});

test('an API server that is too old is refused in one line, and nothing is written', async () => {
  const sandbox = await startSandbox({ version: 'v1.21.14' });
  const cluster = await createCluster(sandbox);
  await cluster.applyRbac(configurationSchema.parse(document));
  await cluster.source(SOURCE, { 'registry.corp': 'one' });
  const program = await startProgram(sandbox, { configuration: document, env: QUIET });
  expect(await program.exited).toBe(1);
  expect(program.stderr).toEqual([
    expect.stringMatching(
      /^pullpass: the API server https:\S+ runs Kubernetes v1\.21\.14, and Pullpass needs 1\.22 or newer/,
    ),
  ]);
  expect(sandbox.store.get('/secrets', CONTROLLER_NAMESPACE, STATE_NAME)).toBeUndefined();
  await program.stop();
  await cluster.close();
  await sandbox.stop();
});

afterAll(() => {
  if ('directory' in old) rmSync(old.directory, { recursive: true, force: true });
});
