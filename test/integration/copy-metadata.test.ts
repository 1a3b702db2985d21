/** Labels and annotations that the configuration gives to copies: put on, kept, changed and taken off, and nothing else of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { renderPolicies } from '../../src/commands/policies-text.ts';
import { messageOf } from '../../src/errors.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { configuration, createCluster, eventually, IDENTITY } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { applyPolicies, hasAdmission, putPolicies } from './env/policies.ts';
import { onEachServer } from './env/servers.ts';

const ENABLED = { 'pullpass.dev/sync': 'enabled' };
const PRUNE = 'argocd.argoproj.io/sync-options';
const NOTE = 'example.com/note';
const given = (copyMetadata?: object): Configuration =>
  configuration({ name: 'hub', namespaces: { allow: ['*'] }, ...(copyMetadata && { copyMetadata }) });
const full = given({
  labels: { tier: 'login', 'example.com/team': 'platform' },
  annotations: { [PRUNE]: 'Prune=false', [NOTE]: "two\nlines, it's \\ 100 %" },
});

onEachServer((server) => {
  let cluster: Cluster;
  let controller: Controller;
  let directory: string;
  let file: string;
  let judged = false;

  const take = async (config: Configuration): Promise<void> => {
    if (judged) await putPolicies(cluster.admin, renderPolicies(config, IDENTITY));
    await writeFile(file, stringify(config));
  };
  /** Without what Pullpass always writes. */
  const metadataOf = async (namespace: string): Promise<{ labels: object; annotations: object }> => {
    const { labels = {}, annotations = {} } = (await cluster.getSecret(namespace, 'hub-copy'))?.metadata ?? {};
    const others = Object.entries(labels).filter(
      ([key]) => !/^(pullpass.dev\/|app.kubernetes.io\/managed-by$)/.test(key),
    );
    return { labels: Object.fromEntries(others), annotations };
  };
  const has = async (namespace: string, labels: object, annotations: object): Promise<void> =>
    eventually(async () => expect(await metadataOf(namespace)).toEqual({ labels, annotations }));
  const all = {
    labels: { tier: 'login', 'example.com/team': 'platform' },
    annotations: { [PRUNE]: 'Prune=false', [NOTE]: "two\nlines, it's \\ 100 %" },
  };

  beforeAll(async () => {
    cluster = await createCluster(server());
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-metadata-'));
    file = path.join(directory, 'config.yaml');
    await cluster.applyRbac(full);
    judged = await hasAdmission(cluster.admin);
    if (judged) {
      const { client, close } = await cluster.asController();
      await applyPolicies(cluster.admin, renderPolicies(full, IDENTITY), client);
      await close();
    }
    await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'hub.corp': 'one' });
    for (const name of ['md-1', 'md-2']) await cluster.namespace(name, { annotations: ENABLED });
    await writeFile(file, stringify(full));
    controller = await cluster.controller(full, { configurationFile: file, timings: { configurationMs: 50 } });
  }, 60_000);
  afterAll(async () => {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('are on a new copy from its first write, and cost no write of their own', async () => {
    for (const name of ['md-1', 'md-2']) await has(name, all.labels, all.annotations);
    await cluster.settled(full);
    expect(
      controller
        .writes()
        .filter((write) => write.includes('secrets'))
        .sort(),
    ).toEqual(expect.arrayContaining(['patch secrets 201', 'patch secrets 201']));
    controller.forget();
    await cluster.namespace('md-3', { annotations: ENABLED });
    await has('md-3', all.labels, all.annotations);
    await cluster.settled(full);
    expect(controller.writes().filter((write) => write.startsWith('patch secrets'))).toEqual(['patch secrets 201']);
  });

  test('stay through a rotation; what others put on the copy stays, too', async () => {
    await cluster.patchSecret('md-1', 'hub-copy', {
      metadata: { labels: { theirs: 'x' }, annotations: { 'a.corp/b': 'c' } },
    });
    await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'hub.corp': 'two' });
    await eventually(async () => expect(await cluster.login('md-1', 'hub-copy')).toEqual({ 'hub.corp': 'two' }));
    await has('md-1', { ...all.labels, theirs: 'x' }, { ...all.annotations, 'a.corp/b': 'c' });
  });

  test('are put back when somebody changes or removes them, in one write each, and the copy stays the same', async () => {
    const uid = (await cluster.getSecret('md-2', 'hub-copy'))?.metadata?.uid;
    await cluster.settled(full);
    controller.forget();
    await cluster.patchSecret('md-2', 'hub-copy', { metadata: { labels: { tier: 'other' } } });
    await has('md-2', all.labels, all.annotations);
    await cluster.patchSecret('md-2', 'hub-copy', { metadata: { annotations: { [PRUNE]: null } } });
    await has('md-2', all.labels, all.annotations);
    await cluster.settled(full);
    expect(controller.writes()).toEqual(['patch secrets 200', 'patch secrets 200']);
    expect((await cluster.getSecret('md-2', 'hub-copy'))?.metadata?.uid).toBe(uid);
  });

  test('with the policies, the token of the controller can give copies these and no others', async (context) => {
    if (!judged) return context.skip('the sandbox has no admission');
    const { client, close } = await cluster.asController();
    const tries: [metadata: object, isAllowed: boolean][] = [
      [{ labels: { tier: 'login' }, annotations: { [PRUNE]: 'Prune=false' } }, true],
      [{ labels: { tier: null }, annotations: { [NOTE]: null } }, true],
      [{ labels: { tier: 'another' } }, false],
      [{ labels: { more: '' } }, false],
      [{ labels: { theirs: null } }, false],
      [{ labels: { [PRUNE]: 'Prune-false' } }, false],
      [{ annotations: { [PRUNE]: 'Prune=true' } }, false],
      [{ annotations: { more: 'x' } }, false],
      [{ annotations: { 'a.corp/b': null } }, false],
      [{ annotations: { 'a.corp/b': 'x' } }, false],
    ];
    const answers = await Promise.all(
      tries.map(([metadata]) =>
        client
          .patch(
            '/api/v1/namespaces/md-1/secrets/hub-copy',
            'application/merge-patch+json',
            { metadata },
            { query: { dryRun: 'All' } },
          )
          .then(
            () => 'allowed',
            (error: unknown) => messageOf(error),
          ),
      ),
    );
    await close();
    for (const [i, [metadata, isAllowed]] of tries.entries())
      expect(answers[i], JSON.stringify(metadata)).toMatch(
        isAllowed ? /^allowed$/ : /leaves all else of a Secret as it is/,
      );
  });

  test('with the policies, the token cannot take a label of others off by applying it first', async (context) => {
    if (!judged) return context.skip('the sandbox has no admission');
    const { client, close } = await cluster.asController();
    const at = '/api/v1/namespaces/md-1/secrets/hub-copy';
    const live = await cluster.getSecret('md-1', 'hub-copy');
    const { name, namespace, labels, annotations } = live?.metadata ?? {};
    const { type, data } = live ?? {};
    await client.patch(
      at,
      'application/apply-patch+yaml',
      { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels, annotations }, type, data },
      { query: { fieldManager: 'pullpass', force: true } },
    );
    const taken = { metadata: { labels: { theirs: null } } };
    await expect(client.patch(at, 'application/merge-patch+json', taken)).rejects.toThrow(
      /leaves all else of a Secret/,
    );
    await close();
    // The controller gives up what is not its own, and it stays with the others.
    await has('md-1', { ...all.labels, theirs: 'x' }, { ...all.annotations, 'a.corp/b': 'c' });
    await cluster.settled(full);
  });

  test('somebody who changes them each time is paced and told; the login and new references do not wait', async () => {
    await cluster.namespace('md-fight', { annotations: { ...ENABLED, 'pullpass.dev/service-accounts': '*' } });
    await has('md-fight', all.labels, all.annotations);
    for (let i = 0; i < 5; i++) {
      await cluster.admin.patch(
        '/api/v1/namespaces/md-fight/secrets/hub-copy',
        'application/merge-patch+json',
        { metadata: { labels: { tier: `v${i}` } } },
        { query: { fieldManager: 'labeller' } },
      );
      if (i < 3) await has('md-fight', all.labels, all.annotations);
      else await new Promise((resolve) => setTimeout(resolve, 1_500));
    }
    await eventually(async () =>
      expect(await cluster.events('md-fight')).toContainEqual(
        expect.objectContaining({ reason: 'WriteUndone', note: expect.stringContaining('"labeller"') as string }),
      ),
    );
    await cluster.serviceAccount('md-fight', 'late');
    await eventually(async () => expect(await cluster.pullSecrets('md-fight', 'late')).toEqual(['hub-copy']));
    await cluster.deleteNamespace('md-fight');
  }, 60_000);

  test('change with the configuration, and go with it: only those, and from every copy', async () => {
    const next = given({ labels: { tier: 'changed' }, annotations: { [NOTE]: 'short' } });
    await take(next);
    await has('md-2', { tier: 'changed' }, { [NOTE]: 'short' });
    await has('md-1', { tier: 'changed', theirs: 'x' }, { [NOTE]: 'short', 'a.corp/b': 'c' });
    await cluster.settled(next);
    controller.forget();
    await take(given());
    await has('md-1', { theirs: 'x' }, { 'a.corp/b': 'c' });
    for (const name of ['md-2', 'md-3']) await has(name, {}, {});
    await cluster.settled(given());
    const writes = controller.writes().filter((write) => write === 'patch secrets 200');
    expect(writes).toEqual(Array(3).fill('patch secrets 200'));
    expect(await cluster.login('md-1', 'hub-copy')).toEqual({ 'hub.corp': 'two' });
  });

  test('a value that somebody else applied as well stays with them', async () => {
    await cluster.admin.patch(
      '/api/v1/namespaces/md-3/secrets/hub-copy',
      'application/apply-patch+yaml',
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'hub-copy', namespace: 'md-3', labels: { shared: 'yes' } },
      },
      { query: { fieldManager: 'gitops' } },
    );
    await take(given({ labels: { shared: 'yes', mine: 'too' } }));
    await has('md-3', { shared: 'yes', mine: 'too' }, {});
    await take(given());
    await has('md-3', { shared: 'yes' }, {});
    await has('md-2', {}, {});
  });
});
