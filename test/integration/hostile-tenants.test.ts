/** Tenants who make their objects as large as the API server takes: they are told, and nobody else notices. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANNOTATION_ADDED, ANNOTATION_SERVICE_ACCOUNTS, ANNOTATION_SYNC } from '../../src/names.ts';
import { configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  const config = configuration({ name: 'hub', serviceAccounts: ['*'] });
  const copy = 'hub-copy';
  /** 60,000 names. */
  const record = Array.from({ length: 60_000 }, (_, i) => i.toString(36))
    .join(',')
    .slice(0, 250 * 1024);
  let cluster: Cluster;
  let url = '';

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source(config.sources[0]?.secret ?? { namespace: '', name: '' }, { 'registry.corp': 'pw-1' });
    await cluster.controller(config, {
      address: '127.0.0.1:0',
      onListening: (at) => {
        url = at ?? '';
      },
    });
  });
  afterAll(async () => cluster.close());

  const reasons = async (namespace: string) =>
    (await cluster.events(namespace))
      .map(({ reason, regarding }) => `${reason} ${regarding.kind}/${regarding.name}`)
      .sort();

  test('records of 250 KiB in a namespace that never opted in hold up nobody', async () => {
    await cluster.namespace('quiet');
    for (let i = 0; i < 5; i++)
      await cluster.serviceAccount('quiet', `sa-${i}`, { annotations: { [ANNOTATION_ADDED]: record } });
    // Each was planned for 8 seconds, with everything else standing still.
    const from = performance.now();
    for (let i = 0; i < 10; i++) {
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      await pause(50);
    }
    await cluster.namespace('neighbour', { annotations: { [ANNOTATION_SYNC]: 'enabled' } });
    await eventually(async () => expect(await cluster.pullSecrets('neighbour')).toEqual([copy]));
    expect(performance.now() - from).toBeLessThan(8_000);
    expect(await reasons('quiet')).toEqual([]);
  });

  test('such a record is told once opted in, replaced by a true one, and opting out removes what that one names', async () => {
    await cluster.namespace('told', { annotations: { [ANNOTATION_SYNC]: 'enabled' } });
    await cluster.serviceAccount('told', 'large', {
      annotations: { [ANNOTATION_ADDED]: `mine,${record}` },
      imagePullSecrets: [{ name: 'mine' }],
    });
    await eventually(async () => {
      expect(await cluster.pullSecrets('told', 'large')).toEqual(['mine', copy]);
      expect((await cluster.getServiceAccount('told', 'large')).metadata?.annotations?.[ANNOTATION_ADDED]).toBe(copy);
    });
    await eventually(async () => expect(await reasons('told')).toEqual(['InvalidAnnotation ServiceAccount/large']));
    await cluster.annotateNamespace('told', { [ANNOTATION_SYNC]: null });
    await eventually(async () => {
      expect(await cluster.pullSecrets('told', 'large')).toEqual(['mine']);
      expect(await cluster.getSecret('told', copy)).toBeUndefined();
    });
  });

  test('a list of pull secrets that is too long is left alone and told; its neighbours get theirs, and opting out deletes the copy', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => ({ name: `secret-${i}-${'x'.repeat(30)}` }));
    await cluster.namespace('long', { annotations: { [ANNOTATION_SYNC]: 'enabled' } });
    await cluster.serviceAccount('long', 'large', { imagePullSecrets: many });
    await eventually(async () => expect(await reasons('long')).toEqual(['TooManyPullSecrets ServiceAccount/large']));
    await eventually(async () => expect(await cluster.pullSecrets('long')).toEqual([copy]));
    expect(await cluster.pullSecrets('long', 'large')).toHaveLength(many.length);
    await cluster.annotateNamespace('long', { [ANNOTATION_SYNC]: null });
    await eventually(async () => expect(await cluster.getSecret('long', copy)).toBeUndefined());
    expect(await cluster.pullSecrets('long', 'large')).toHaveLength(many.length);
  });

  test('a list of globs that is too long counts as far as it is whole, and that is told', async () => {
    const globs = ['chosen-*', ...Array.from({ length: 255 }, () => `*${'a'.repeat(128)}b`), 'left-*'].join(',');
    await cluster.namespace('globs', {
      annotations: { [ANNOTATION_SYNC]: 'enabled', [ANNOTATION_SERVICE_ACCOUNTS]: globs },
    });
    for (const name of ['chosen-1', 'left-1']) await cluster.serviceAccount('globs', name);
    await eventually(async () => expect(await cluster.pullSecrets('globs', 'chosen-1')).toEqual([copy]));
    expect(await cluster.pullSecrets('globs', 'left-1')).toEqual([]);
    await eventually(async () => expect(await reasons('globs')).toEqual(['InvalidAnnotation Namespace/globs']));
  });
});
