/** What a namespace gets for its annotations, and what it loses with them: the product's promises, on an API server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configuration, createCluster, dockerConfig, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const ENABLED = { 'pullpass.dev/sync': 'enabled' };
const SYSTEM = 'pullpass-system';

onEachServer((server) => {
  const config = configuration(
    { name: 'hub', namespaces: { allow: ['*'], deny: ['kube-*', 'pullpass-system', 'denied-*'] } },
    {
      name: 'corp',
      namespaces: { allow: ['corp-*'] },
      serviceAccounts: ['default', 'builder-*', '!builder-x'],
      onOptOut: 'retain',
    },
    { name: 'every', namespaces: { allow: ['every-*'] }, optInByDefault: true },
    {
      name: 'mirrored',
      namespaces: { allow: ['mirror-*'] },
      aliases: [
        { host: 'cache.corp:5000/hub', from: 'docker.io' },
        { host: 'docker.io', login: { secret: 'mirror-login' } },
      ],
    },
    { name: 'legacy', namespaces: { allow: ['legacy-*'] } },
    {
      name: 'labelled',
      namespaces: {
        allow: ['label-*'],
        selector: {
          matchLabels: { env: 'prod' },
          matchExpressions: [{ key: 'example.com/tier', operator: 'NotIn', values: ['sandbox'] }],
        },
      },
      optInByDefault: true,
    },
  );
  let cluster: Cluster;
  let controller: Controller;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source({ namespace: SYSTEM, name: 'hub' }, { 'https://index.docker.io/v1/': 'pw-hub-1' });
    await cluster.source({ namespace: SYSTEM, name: 'corp' }, { 'registry.corp': 'pw-corp-1' });
    await cluster.source({ namespace: SYSTEM, name: 'every' }, { 'every.corp': 'pw-every-1' });
    await cluster.source({ namespace: SYSTEM, name: 'mirrored' }, { 'https://index.docker.io/v1/': 'pw-mirrored-1' });
    await cluster.secret(SYSTEM, 'mirror-login', {
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'robot', password: 'pw-mirror-own' },
    });
    await cluster.source({ namespace: SYSTEM, name: 'labelled' }, { 'labelled.corp': 'pw-labelled-1' });
    await cluster.secret(SYSTEM, 'legacy', {
      type: 'kubernetes.io/dockercfg',
      data: {
        '.dockercfg': Buffer.from(
          JSON.stringify({ 'legacy.corp': { username: 'robot', password: 'pw-legacy-1' } }),
        ).toString('base64'),
      },
    });
    controller = await cluster.controller(config);
  });
  afterAll(async () => cluster.close());

  async function optedIn(name: string, annotations: Record<string, string> = {}): Promise<void> {
    await cluster.namespace(name, { annotations: { ...ENABLED, ...annotations } });
    await cluster.settled(config);
  }

  describe('opting in', () => {
    test('gives the namespace its copy and its default ServiceAccount the reference', async () => {
      await optedIn('in-1');
      const copy = await cluster.getSecret('in-1', 'hub-copy');
      expect(copy).toMatchObject({
        type: 'kubernetes.io/dockerconfigjson',
        metadata: { labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/source': 'hub' } },
      });
      expect(await cluster.login('in-1', 'hub-copy')).toEqual({ 'https://index.docker.io/v1/': 'pw-hub-1' });
      expect(await cluster.pullSecrets('in-1')).toEqual(['hub-copy']);
    });

    test('costs one write for the copy and one per ServiceAccount, and nothing more', async () => {
      await cluster.settled(config);
      controller.forget();
      await optedIn('in-cost');
      expect(controller.writes()).toEqual(
        ['patch secrets 200', 'patch serviceaccounts 200'].map(
          (w) => expect.stringMatching(w.replace('200', '20[01]')) as string,
        ),
      );
      expect(controller.calls.filter(({ verb }) => verb === 'get')).toEqual([]);
    });

    test('later, of a namespace that exists, works the same', async () => {
      await cluster.namespace('in-later');
      expect(await cluster.getSecret('in-later', 'hub-copy')).toBeUndefined();
      await cluster.annotateNamespace('in-later', ENABLED);
      await eventually(async () => expect(await cluster.pullSecrets('in-later')).toEqual(['hub-copy']));
    });

    test('is possible for some sources only', async () => {
      await optedIn('corp-some', { 'pullpass.dev/sources': 'corp' });
      expect(await cluster.getSecret('corp-some', 'hub-copy')).toBeUndefined();
      expect(await cluster.pullSecrets('corp-some')).toEqual(['corp-copy']);
    });

    test('with two sources patches a ServiceAccount once, with both', async () => {
      await cluster.settled(config);
      controller.forget();
      await optedIn('corp-both');
      expect(await cluster.pullSecrets('corp-both')).toEqual(['corp-copy', 'hub-copy']);
      expect(controller.writes().filter((write) => write.startsWith('patch serviceaccounts'))).toHaveLength(1);
    });

    test('is the default where the source says so, and can be declined', async () => {
      await cluster.namespace('every-in');
      await cluster.namespace('every-out', { annotations: { 'pullpass.dev/sync': 'disabled' } });
      await eventually(async () =>
        expect(await cluster.login('every-in', 'every-copy')).toEqual({ 'every.corp': 'pw-every-1' }),
      );
      await cluster.settled(config);
      expect(await cluster.getSecret('every-out', 'every-copy')).toBeUndefined();
    });
  });

  describe('labels', () => {
    const label = (name: string, labels: Record<string, string | null>): Promise<object> =>
      cluster.admin.patch(`/api/v1/namespaces/${name}`, 'application/merge-patch+json', { metadata: { labels } });

    test('with the labels that the source asks for comes the copy; with them go reference and copy', async () => {
      await cluster.namespace('label-1');
      await cluster.settled(config);
      expect(await cluster.getSecret('label-1', 'labelled-copy')).toBeUndefined();
      await label('label-1', { env: 'prod' });
      await eventually(async () => expect(await cluster.pullSecrets('label-1')).toEqual(['labelled-copy']));
      expect(await cluster.login('label-1', 'labelled-copy')).toEqual({ 'labelled.corp': 'pw-labelled-1' });

      controller.forget();
      await label('label-1', { 'example.com/tier': 'sandbox' });
      await eventually(async () => expect(await cluster.getSecret('label-1', 'labelled-copy')).toBeUndefined());
      expect(await cluster.pullSecrets('label-1')).toEqual([]);
      expect(controller.writes()).toEqual(['patch serviceaccounts 200', 'delete secrets 200']);

      await label('label-1', { 'example.com/tier': null });
      await eventually(async () => expect(await cluster.pullSecrets('label-1')).toEqual(['labelled-copy']));
      await label('label-1', { env: null });
      await eventually(async () => expect(await cluster.getSecret('label-1', 'labelled-copy')).toBeUndefined());
    });

    test('a label passes no guard: the name must fit, too; who asks and lacks only the label is told which', async () => {
      await cluster.namespace('unlabel-1', { labels: { env: 'prod' } });
      await cluster.namespace('label-asks', { annotations: { ...ENABLED, 'pullpass.dev/sources': 'labelled' } });
      await eventually(async () =>
        expect(await cluster.events('label-asks')).toContainEqual(
          expect.objectContaining({
            reason: 'OptInDenied',
            note: expect.stringContaining('"env=prod,example.com/tier!=sandbox"') as string,
          }),
        ),
      );
      await cluster.settled(config);
      for (const name of ['unlabel-1', 'label-asks'])
        expect(await cluster.getSecret(name, 'labelled-copy')).toBeUndefined();
    });
  });

  describe('ServiceAccounts', () => {
    test('created later are patched', async () => {
      await optedIn('sa-later', { 'pullpass.dev/service-accounts': '*' });
      await cluster.serviceAccount('sa-later', 'app', { imagePullSecrets: [{ name: 'its-own' }] });
      await eventually(async () =>
        expect(await cluster.pullSecrets('sa-later', 'app')).toEqual(['its-own', 'hub-copy']),
      );
    });

    test("are chosen by the source's patterns, by the namespace's, and one by one", async () => {
      await cluster.namespace('corp-globs', { annotations: { ...ENABLED, 'pullpass.dev/sources': 'corp' } });
      for (const name of ['builder-a', 'builder-x', 'other', 'picked'])
        await cluster.serviceAccount('corp-globs', name);
      await cluster.annotateServiceAccount('corp-globs', 'picked', ENABLED);
      await cluster.annotateServiceAccount('corp-globs', 'default', { 'pullpass.dev/sync': 'disabled' });
      const chosen = async (): Promise<string[]> => {
        const all = ['default', 'builder-a', 'builder-x', 'other', 'picked'];
        const lists = await Promise.all(all.map((name) => cluster.pullSecrets('corp-globs', name)));
        return all.filter((_, i) => lists[i]?.includes('corp-copy'));
      };
      await eventually(async () => expect(await chosen()).toEqual(['builder-a', 'picked']));
      await cluster.annotateNamespace('corp-globs', { 'pullpass.dev/service-accounts': 'o*, builder-x' });
      await eventually(async () => expect(await chosen()).toEqual(['builder-x', 'other', 'picked']));
    });

    test('keep what others wrote, in order, through opt-in and opt-out', async () => {
      await cluster.namespace('sa-others');
      await cluster.serviceAccount('sa-others', 'app', {
        imagePullSecrets: [{ name: 'b' }, { name: 'a' }],
        annotations: { theirs: 'stays' },
      });
      await cluster.annotateNamespace('sa-others', { ...ENABLED, 'pullpass.dev/service-accounts': 'app' });
      await eventually(async () =>
        expect(await cluster.pullSecrets('sa-others', 'app')).toEqual(['b', 'a', 'hub-copy']),
      );
      await cluster.annotateNamespace('sa-others', { 'pullpass.dev/sync': null });
      await eventually(async () => expect(await cluster.pullSecrets('sa-others', 'app')).toEqual(['b', 'a']));
      expect((await cluster.getServiceAccount('sa-others', 'app')).metadata?.annotations).toEqual({ theirs: 'stays' });
    });
  });

  describe('opting out', () => {
    test('removes the references and then the copy, and nothing else', async () => {
      await optedIn('out-1');
      await cluster.secret('out-1', 'unrelated', { type: 'Opaque' });
      await cluster.annotateNamespace('out-1', { 'pullpass.dev/sync': 'disabled' });
      await eventually(async () => expect(await cluster.getSecret('out-1', 'hub-copy')).toBeUndefined());
      const account = await cluster.getServiceAccount('out-1', 'default');
      expect(account.imagePullSecrets ?? []).toEqual([]);
      expect(account.metadata?.annotations ?? {}).toEqual({});
      expect(await cluster.getSecret('out-1', 'unrelated')).toBeDefined();
    });

    test('leaves a reference that was there before Pullpass came', async () => {
      await cluster.namespace('out-kept');
      await cluster.serviceAccount('out-kept', 'app', { imagePullSecrets: [{ name: 'hub-copy' }] });
      await cluster.annotateNamespace('out-kept', { ...ENABLED, 'pullpass.dev/service-accounts': '*' });
      await eventually(async () => expect(await cluster.pullSecrets('out-kept', 'default')).toEqual(['hub-copy']));
      await cluster.annotateNamespace('out-kept', { 'pullpass.dev/sync': 'disabled' });
      await eventually(async () => expect(await cluster.pullSecrets('out-kept', 'default')).toEqual([]));
      await cluster.settled(config);
      expect(await cluster.pullSecrets('out-kept', 'app')).toEqual(['hub-copy']);
    });

    test('retains copy and references where the source says so', async () => {
      await optedIn('corp-retain', { 'pullpass.dev/sources': 'corp' });
      await cluster.annotateNamespace('corp-retain', { 'pullpass.dev/sync': 'disabled' });
      await cluster.settled(config);
      expect(await cluster.login('corp-retain', 'corp-copy')).toEqual({ 'registry.corp': 'pw-corp-1' });
      expect(await cluster.pullSecrets('corp-retain')).toEqual(['corp-copy']);
    });

    test('a bad annotation counts as not opted in, with an Event that says what to write', async () => {
      await optedIn('out-typo');
      await cluster.annotateNamespace('out-typo', { 'pullpass.dev/sync': 'enbled' });
      await eventually(async () => expect(await cluster.getSecret('out-typo', 'hub-copy')).toBeUndefined());
      await eventually(async () =>
        expect(await cluster.events('out-typo')).toContainEqual(
          expect.objectContaining({
            reason: 'InvalidAnnotation',
            type: 'Warning',
            note: expect.stringContaining('"enbled": use "enabled" or "disabled"') as string,
          }),
        ),
      );
    });
  });

  describe('what is not ours', () => {
    test('a tenant who opts in where the guard says no gets an Event and no copy', async () => {
      await cluster.namespace('denied-1', { annotations: ENABLED });
      await eventually(async () =>
        expect(await cluster.events('denied-1')).toContainEqual(expect.objectContaining({ reason: 'OptInDenied' })),
      );
      expect(await cluster.getSecret('denied-1', 'hub-copy')).toBeUndefined();
      expect(await cluster.pullSecrets('denied-1')).toEqual([]);
    });

    test('an unknown source is an Event, and the known ones are given all the same', async () => {
      await optedIn('in-unknown', { 'pullpass.dev/sources': 'hub, nope' });
      expect(await cluster.pullSecrets('in-unknown')).toEqual(['hub-copy']);
      await eventually(async () =>
        expect(await cluster.events('in-unknown')).toContainEqual(
          expect.objectContaining({ reason: 'UnknownSource', note: expect.stringContaining('"nope"') as string }),
        ),
      );
    });

    test("somebody else's Secret by the copy's name is left alone, reported, and not referenced", async () => {
      await cluster.namespace('foreign-1');
      await cluster.secret('foreign-1', 'hub-copy', {
        type: 'kubernetes.io/dockerconfigjson',
        data: dockerConfig({ theirs: 'theirs' }),
      });
      await cluster.annotateNamespace('foreign-1', ENABLED);
      await eventually(async () =>
        expect(await cluster.events('foreign-1')).toContainEqual(
          expect.objectContaining({
            reason: 'SecretNotOurs',
            regarding: expect.objectContaining({ kind: 'Secret', name: 'hub-copy' }) as object,
          }),
        ),
      );
      expect(await cluster.login('foreign-1', 'hub-copy')).toEqual({ theirs: 'theirs' });
      expect(await cluster.pullSecrets('foreign-1')).toEqual([]);
      await cluster.annotateNamespace('foreign-1', { 'pullpass.dev/sync': 'disabled' });
      await cluster.settled(config);
      expect(await cluster.login('foreign-1', 'hub-copy')).toEqual({ theirs: 'theirs' });
    });

    test('adopt lets Pullpass take it over, in place', async () => {
      await cluster.namespace('foreign-2', { annotations: ENABLED });
      await eventually(async () => expect(await cluster.pullSecrets('foreign-2')).toEqual(['hub-copy']));
      await cluster.namespace('foreign-3');
      const { metadata: before } = await cluster.secret('foreign-3', 'hub-copy', {
        type: 'kubernetes.io/dockerconfigjson',
        data: dockerConfig({ theirs: 'theirs' }),
        metadata: { annotations: { 'pullpass.dev/adopt': 'true' } },
      });
      await cluster.annotateNamespace('foreign-3', ENABLED);
      await eventually(async () =>
        expect(await cluster.login('foreign-3', 'hub-copy')).toEqual({ 'https://index.docker.io/v1/': 'pw-hub-1' }),
      );
      expect((await cluster.getSecret('foreign-3', 'hub-copy'))?.metadata?.uid).toBe(before?.uid);
      await eventually(async () => expect(await cluster.pullSecrets('foreign-3')).toEqual(['hub-copy']));
    });
  });

  describe('drift', () => {
    test('made by hand in a copy or a list is put right, in place', async () => {
      await optedIn('drift-1');
      const uid = (await cluster.getSecret('drift-1', 'hub-copy'))?.metadata?.uid;
      await cluster.patchSecret('drift-1', 'hub-copy', { data: dockerConfig({ wrong: 'wrong' }) });
      await eventually(async () =>
        expect(await cluster.login('drift-1', 'hub-copy')).toEqual({ 'https://index.docker.io/v1/': 'pw-hub-1' }),
      );
      expect((await cluster.getSecret('drift-1', 'hub-copy'))?.metadata?.uid).toBe(uid);
      await cluster.admin.patch('/api/v1/namespaces/drift-1/serviceaccounts/default', 'application/merge-patch+json', {
        imagePullSecrets: [{ name: 'theirs' }],
      });
      await eventually(async () => expect(await cluster.pullSecrets('drift-1')).toEqual(['theirs', 'hub-copy']));
      await cluster.deleteSecret('drift-1', 'hub-copy');
      await eventually(async () =>
        expect(await cluster.login('drift-1', 'hub-copy')).toEqual({ 'https://index.docker.io/v1/': 'pw-hub-1' }),
      );
    });

    test('a copy of the wrong type, which is immutable, is made again when it is ours', async () => {
      await cluster.namespace('drift-type');
      await cluster.secret('drift-type', 'hub-copy', {
        type: 'Opaque',
        metadata: { labels: { 'pullpass.dev/source': 'hub' } },
      });
      await cluster.annotateNamespace('drift-type', ENABLED);
      await eventually(async () =>
        expect(await cluster.login('drift-type', 'hub-copy')).toEqual({ 'https://index.docker.io/v1/': 'pw-hub-1' }),
      );
    });
  });

  describe('sources', () => {
    test('a legacy dockercfg becomes a dockerconfigjson copy', async () => {
      await optedIn('legacy-1', { 'pullpass.dev/sources': 'legacy' });
      expect(await cluster.login('legacy-1', 'legacy-copy')).toEqual({ 'legacy.corp': 'pw-legacy-1' });
    });

    test("aliases give mirror hosts the same login, or a mirror's own login the upstream key", async () => {
      await optedIn('mirror-1', { 'pullpass.dev/sources': 'mirrored' });
      expect(Object.keys((await cluster.login('mirror-1', 'mirrored-copy')) ?? {}).sort()).toEqual([
        'cache.corp:5000/hub',
        'docker.io',
        'https://index.docker.io/v1/',
      ]);
      expect(await cluster.login('mirror-1', 'mirrored-copy')).toMatchObject({
        'cache.corp:5000/hub': 'pw-mirrored-1',
      });
      await cluster.patchSecret(SYSTEM, 'mirror-login', { stringData: { password: 'pw-mirror-new' } });
      await eventually(async () => {
        const auths = Buffer.from(
          (await cluster.getSecret('mirror-1', 'mirrored-copy'))?.data?.['.dockerconfigjson'] ?? '',
          'base64',
        ).toString();
        expect(auths).toContain(Buffer.from('robot:pw-mirror-new').toString('base64'));
      });
    });

    test('a rotation writes every copy once, in place, and the state once, and reads nothing', async () => {
      const names = Array.from({ length: 10 }, (_, i) => `rotate-${i}`);
      for (const name of names) await cluster.namespace(name, { annotations: ENABLED });
      await cluster.settled(config);
      const uids = await Promise.all(
        names.map(async (name) => (await cluster.getSecret(name, 'hub-copy'))?.metadata?.uid),
      );
      const before = (
        await cluster.admin.get<{ items: { metadata: { labels?: Record<string, string> } }[] }>('/api/v1/secrets', {
          query: { fieldSelector: 'metadata.name=hub-copy' },
        })
      ).items.filter((s) => s.metadata.labels?.['pullpass.dev/source'] === 'hub').length;
      controller.forget();
      await cluster.source({ namespace: SYSTEM, name: 'hub' }, { 'https://index.docker.io/v1/': 'pw-hub-2' });
      await eventually(async () => {
        for (const name of names)
          expect(await cluster.login(name, 'hub-copy')).toEqual({ 'https://index.docker.io/v1/': 'pw-hub-2' });
      });
      await cluster.settled(config);
      // One more: what is in force is written down before anybody is given it.
      expect(controller.writes().filter((w) => w.includes('secrets'))).toHaveLength(before + 1);
      expect(controller.calls.filter(({ verb }) => verb === 'get')).toEqual([]);
      expect(
        await Promise.all(names.map(async (name) => (await cluster.getSecret(name, 'hub-copy'))?.metadata?.uid)),
      ).toEqual(uids);
    });

    test('one that breaks, empties or goes away changes nothing, says so, and goes on when it is mended', async () => {
      await optedIn('good-1');
      const good = await cluster.login('good-1', 'hub-copy');
      for (const data of [
        { '.dockerconfigjson': Buffer.from('{"auths":{"x":{"auth":"bm9jb2xvbg=="}}}').toString('base64') },
        { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') },
      ]) {
        await cluster.patchSecret(SYSTEM, 'hub', { data });
        await eventually(async () =>
          expect(controller.logs.filter((l) => l['source'] === 'hub').at(-1)?.['msg']).toMatch(/source refused/),
        );
        expect(await cluster.login('good-1', 'hub-copy')).toEqual(good);
      }
      await cluster.deleteSecret(SYSTEM, 'hub');
      await eventually(async () =>
        expect(await cluster.events(SYSTEM)).toContainEqual(
          expect.objectContaining({
            reason: 'SourceInvalid',
            note: expect.stringContaining('The last good content stays') as string,
          }),
        ),
      );
      await cluster.namespace('good-2', { annotations: ENABLED });
      await eventually(async () => expect(await cluster.login('good-2', 'hub-copy')).toEqual(good));
      expect(await cluster.login('good-1', 'hub-copy')).toEqual(good);
      await cluster.source({ namespace: SYSTEM, name: 'hub' }, { 'https://index.docker.io/v1/': 'pw-hub-3' });
      await eventually(async () => {
        for (const name of ['good-1', 'good-2'])
          expect(await cluster.login(name, 'hub-copy')).toEqual({ 'https://index.docker.io/v1/': 'pw-hub-3' });
      });
    });
  });

  test('in sync: zero writes, and nothing but watches is asked', async () => {
    await optedIn('idle-1');
    await cluster.settled(config);
    controller.forget();
    // Everything that can wake it without a change: an unrelated annotation, an unrelated Secret, a new unconcerned namespace.
    await cluster.annotateNamespace('idle-1', { unrelated: 'change' });
    await cluster.secret('idle-1', 'unrelated', { type: 'Opaque' });
    await cluster.namespace('idle-2');
    await cluster.annotateServiceAccount('idle-1', 'default', { unrelated: 'change' });
    await cluster.settled(config);
    expect(controller.calls.filter(({ verb }) => verb !== 'watch')).toEqual([]);
  });

  test('a namespace that is deleted goes away without a word of complaint', async () => {
    await optedIn('gone-1');
    await cluster.deleteNamespace('gone-1');
    await eventually(async () => {
      await expect(cluster.admin.get('/api/v1/namespaces/gone-1')).rejects.toThrow('not found');
    });
    expect(
      controller.logs.filter((l) => l['namespace'] === 'gone-1' && (l['level'] === 'warn' || l['level'] === 'error')),
    ).toEqual([]);
  });

  test('no credential is in any line that was logged or any Event', async () => {
    const events = await cluster.admin.get<object>('/apis/events.k8s.io/v1/events');
    const said = JSON.stringify([controller.logs, events]);
    const passwords = [
      'pw-hub-1',
      'pw-hub-2',
      'pw-hub-3',
      'pw-corp-1',
      'pw-every-1',
      'pw-mirrored-1',
      'pw-mirror-own',
      'pw-mirror-new',
      'pw-legacy-1',
    ];
    for (const password of passwords) {
      expect(said).not.toContain(password);
      expect(said).not.toContain(Buffer.from(`robot:${password}`).toString('base64'));
    }
    expect(controller.logs.length).toBeGreaterThan(20);
  });
});
