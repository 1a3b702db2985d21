/** Namespaces that wait for a source that has nothing yet: one Event about the source, and none about them, however many they are. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAudit } from '../../src/commands/audit.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  const config = configuration({ name: 'late' });
  const names = Array.from({ length: 20 }, (_, i) => `waiting-${i}`);
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    for (const name of names) await cluster.namespace(name, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.controller(config);
  });
  afterAll(async () => cluster.close());

  const eventsOf = async (namespace: string): Promise<string[]> =>
    (await cluster.events(namespace)).map(({ reason, regarding }) => `${reason} ${regarding.kind}/${regarding.name}`);
  const audited = async () =>
    (await runAudit({ client: cluster.admin, configuration: config, output: 'table', color: false })).report;

  test('the Secret of the source gets the Event, the audit one line, and no rotation is complete', async () => {
    await eventually(async () => expect(await eventsOf(CONTROLLER_NAMESPACE)).toEqual(['SourceInvalid Secret/late']));
    const { findings, sources } = await audited();
    expect(findings.map(({ rule, message }) => `${rule} ${message}`)).toEqual([
      expect.stringContaining('does not exist: 20 namespaces wait for a first copy.'),
    ]);
    expect(sources).toMatchObject([{ state: 'missing', rotation: { complete: false, copies: 0 } }]);
  });

  test('when it comes all get their copy, and nobody was alarmed meanwhile', async () => {
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'late' }, { 'registry.corp': 'pw' });
    await cluster.settled(config);
    expect(await cluster.login('waiting-19', 'late-copy')).toEqual({ 'registry.corp': 'pw' });
    for (const name of names) expect(await eventsOf(name)).toEqual([]);
    await eventually(async () => expect((await audited()).sources).toMatchObject([{ rotation: { complete: true } }]));
  });
});
