/** Custom objects that name copies: none of them ever names one that Pullpass took away. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { renderPlan } from '../../src/commands/plan-text.ts';
import { runPrune } from '../../src/commands/prune.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { readNamedCopies } from '../../src/reconcile/named-copies.ts';
import { planCluster, readCluster } from '../../src/sources/snapshot.ts';
import { CONTROLLER_NAMESPACE, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const SETS = '/apis/kuik.enix.io/v1alpha1/clusterreplicatedimagesets';
const caches = (namespace: string) => `/apis/kubefledged.io/v1alpha2/namespaces/${namespace}/imagecaches`;
const pullers = (namespace: string) => `/apis/che.eclipse.org/v1alpha1/namespaces/${namespace}/kubernetesimagepullers`;

/** All that is in a namespace of its own, and the objects that name its copies. */
let serial = 0;

onEachServer(
  (server) => {
    let cluster: Cluster;
    let controller: Controller | undefined;
    let directory: string;
    /** Of the copies, the ImageCache and the KubernetesImagePuller; also the name of the cluster-scoped set. */
    let ns: string;

    beforeAll(async () => {
      directory = await mkdtemp(path.join(tmpdir(), 'pullpass-consumers-'));
      cluster = await createCluster(server());
      await cluster.namespace(CONTROLLER_NAMESPACE).catch(() => undefined);
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-1' });
    });
    afterAll(async () => {
      await cluster.close();
      await rm(directory, { recursive: true, force: true });
    });
    beforeEach(async () => {
      ns = `consumers-${++serial}`;
      await cluster.namespace(ns);
      await cluster.admin.create(SETS, {
        apiVersion: 'kuik.enix.io/v1alpha1',
        kind: 'ClusterReplicatedImageSet',
        metadata: { name: ns },
        spec: {
          upstreams: [
            { registry: 'quay.io', path: '/a' },
            { registry: 'registry.corp', path: '/b' },
          ],
        },
      });
      await cluster.admin.create(caches(ns), {
        apiVersion: 'kubefledged.io/v1alpha2',
        kind: 'ImageCache',
        metadata: { name: 'cache' },
        spec: { cacheSpec: [{ images: ['registry.corp/b:1'] }], imagePullSecrets: [{ name: 'theirs' }] },
      });
      await cluster.admin.create(pullers(ns), {
        apiVersion: 'che.eclipse.org/v1alpha1',
        kind: 'KubernetesImagePuller',
        metadata: { name: 'puller' },
        spec: { images: 'a=registry.corp/b:1', imagePullSecrets: 'theirs' },
      });
    });
    afterEach(async () => {
      await controller?.stop();
      controller = undefined;
    });

    const shared = { source: 'hub', registry: 'registry.corp' };
    const kuik = () => ({
      ...shared,
      name: 'kuik',
      kind: 'kube-image-keeper',
      object: { kind: 'ClusterReplicatedImageSet', name: ns },
      copyNamespace: ns,
    });
    const fledged = () => ({
      ...shared,
      name: 'fledged',
      kind: 'kube-fledged',
      object: { namespace: ns, name: 'cache' },
    });
    const puller = () => ({
      ...shared,
      name: 'puller',
      kind: 'image-puller',
      object: { namespace: ns, name: 'puller' },
    });
    const configured = (parts: { copyName?: string; retired?: string[]; proxies?: object[] } = {}): Configuration =>
      configurationSchema.parse({
        apiVersion: 'pullpass.dev/v1alpha1',
        kind: 'Configuration',
        retiredCopyNames: parts.retired ?? [],
        sources: [
          {
            name: 'hub',
            secret: { namespace: CONTROLLER_NAMESPACE, name: 'hub' },
            copyName: parts.copyName ?? 'hub-copy',
            verify: 'off',
            namespaces: { allow: [ns] },
          },
        ],
        cacheProxies: parts.proxies ?? [kuik(), fledged(), puller()],
      });
    const optIn = () => cluster.annotateNamespace(ns, { 'pullpass.dev/sync': 'enabled' });
    const optOut = () => cluster.annotateNamespace(ns, { 'pullpass.dev/sync': 'disabled' });
    const copy = async (name = 'hub-copy') => ((await cluster.getSecret(ns, name)) === undefined ? 'gone' : 'there');

    /** The copies that the three objects name. */
    async function named() {
      const set = await cluster.admin.get<{
        spec: { upstreams: { credentialSecret?: { name: string; namespace: string } }[] };
      }>(`${SETS}/${ns}`);
      const cache = await cluster.admin.get<{ spec: { imagePullSecrets?: { name: string }[] } }>(`${caches(ns)}/cache`);
      const { spec } = await cluster.admin.get<{ spec: { imagePullSecrets?: string } }>(`${pullers(ns)}/puller`);
      return {
        set: set.spec.upstreams.map(({ credentialSecret }) => credentialSecret?.name),
        cache: (cache.spec.imagePullSecrets ?? []).map(({ name }) => name),
        puller: spec.imagePullSecrets,
      };
    }
    const POINTED = { set: [undefined, 'hub-copy'], cache: ['theirs', 'hub-copy'], puller: 'theirs;hub-copy' };
    const RELEASED = { set: [undefined, undefined], cache: ['theirs'], puller: 'theirs' };
    const start = async (config: Configuration, reload?: string): Promise<Controller> =>
      (controller = await cluster.controller(
        config,
        reload === undefined ? {} : { configurationFile: reload, timings: { configurationMs: 50 } },
      ));
    async function pointed(config = configured()): Promise<Controller> {
      await optIn();
      const started = await start(config);
      await eventually(async () => expect(await named()).toEqual(POINTED));
      await eventually(async () => {
        await cluster.settled(config);
      });
      started.forget();
      return started;
    }
    const KINDS = ['clusterreplicatedimagesets', 'imagecaches', 'kubernetesimagepullers'];
    /** Writes of copies and custom objects, in the order in which they were answered. */
    const order = ({ calls }: Controller): string[] =>
      calls
        .filter(
          ({ verb, resource }) =>
            (verb === 'delete' && resource === 'secrets') || (verb === 'patch' && KINDS.includes(resource)),
        )
        .map(({ verb, resource, code }) => `${verb} ${resource} ${code}`);
    const told = async (reason = 'CopyStillNamed') =>
      (await cluster.events(ns)).filter((event) => event.reason === reason).map(({ note }) => note);

    test('opted out: the references go first, then the copy', async () => {
      const running = await pointed();
      await optOut();
      await eventually(async () => expect([await copy(), await named()]).toEqual(['gone', RELEASED]));
      const writes = order(running);
      expect(writes.at(-1)).toBe('delete secrets 200');
      expect(writes.slice(0, -1).sort()).toEqual(KINDS.map((kind) => `patch ${kind} 200`));
      expect(await told()).toEqual([]);
    });

    test('opted out and in again, at once and many times: it ends pointing at a copy that is there', async () => {
      await pointed();
      const stop = new AbortController();
      const watched = dangling(stop.signal);
      for (let i = 0; i < 10; i++) {
        await optOut();
        await delay(i * 4);
        await optIn();
        await delay(i * 4);
      }
      await eventually(async () => expect([await copy(), await named()]).toEqual(['there', POINTED]));
      await optOut();
      await eventually(async () => expect([await copy(), await named()]).toEqual(['gone', RELEASED]));
      stop.abort();
      expect(await watched).toEqual([]);
    });

    /** Moments in which the set named a copy that was not there: it was looked at before and after, and is the same. */
    async function dangling(signal: AbortSignal): Promise<string[]> {
      const read = async () => cluster.admin.get<{ metadata: { resourceVersion: string } }>(`${SETS}/${ns}`);
      const found: string[] = [];
      while (!signal.aborted) {
        const before = await read();
        if (!JSON.stringify(before).includes('"credentialSecret":{"name"') || (await copy()) === 'there') continue;
        if ((await read()).metadata.resourceVersion === before.metadata.resourceVersion)
          found.push(before.metadata.resourceVersion);
      }
      return found;
    }

    test('a namespace that is deleted takes its copy with it: the cluster-scoped object names it no longer', async () => {
      await pointed();
      await cluster.deleteNamespace(ns);
      await eventually(async () =>
        expect((await cluster.admin.get<{ spec: { upstreams: object[] } }>(`${SETS}/${ns}`)).spec.upstreams).toEqual([
          { registry: 'quay.io', path: '/a' },
          { registry: 'registry.corp', path: '/b' },
        ]),
      );
    });

    test('a reference that somebody else wrote stays, and so does the copy: an Event says which and where, and it goes once that is taken out', async () => {
      await cluster.admin.patch(`${SETS}/${ns}`, 'application/merge-patch+json', {
        spec: {
          upstreams: [
            { registry: 'quay.io', path: '/a' },
            { registry: 'registry.corp', path: '/b', credentialSecret: { name: 'hub-copy', namespace: ns } },
          ],
        },
      });
      const running = await pointed();
      await optOut();
      const note =
        `Copy hub-copy: it is to go, and stays: ClusterReplicatedImageSet "${ns}" names it at /spec/upstreams ` +
        'registry.corp, and Pullpass did not write that: take it out there, or in Git where the object comes ' +
        'from it';
      await eventually(async () => expect(await told()).toEqual([note]));
      await delay(500);
      expect([await copy(), (await named()).set]).toEqual(['there', POINTED.set]);
      expect(order(running).filter((write) => write.includes('secrets') || write.includes('replicated'))).toEqual([]);
      // Looked at again with growing pauses: no loop.
      expect(running.calls.length).toBeLessThan(60);
      await cluster.admin.patch(`${SETS}/${ns}`, 'application/merge-patch+json', {
        spec: { upstreams: [{ registry: 'quay.io', path: '/a' }] },
      });
      await eventually(async () => expect(await copy()).toBe('gone'), 5_000);
    });

    test('where the reference may not be taken back, the copy stays, and goes when it may', async () => {
      const running = await pointed();
      const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles/pullpass';
      const { rules } = await cluster.admin.get<{ rules: { resources: string[]; verbs: string[] }[] }>(role);
      const may = (patch: boolean) =>
        cluster.admin.patch(role, 'application/merge-patch+json', {
          rules: rules.map((rule) =>
            rule.resources.includes('clusterreplicatedimagesets') && !patch
              ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'patch') }
              : rule,
          ),
        });
      await may(false);
      await delay(200);
      await optOut();
      await eventually(async () =>
        expect(await told()).toEqual([
          expect.stringMatching(
            `ClusterReplicatedImageSet "${ns}" names it at /spec/upstreams registry.corp, and that could not be changed: .*403`,
          ),
        ]),
      );
      expect([await copy(), (await named()).set]).toEqual(['there', POINTED.set]);
      await delay(500);
      expect(running.calls.length).toBeLessThan(80);
      await may(true);
      await cluster.annotateNamespace(ns, { unrelated: 'change' });
      await eventually(async () => {
        await cluster.annotateNamespace(ns, { unrelated: String(Math.random()) });
        expect([await copy(), await named()]).toEqual(['gone', RELEASED]);
      });
    });

    test('kube-fledged at work: the copy waits for it', async () => {
      await pointed(configured());
      await cluster.admin.patch(`${caches(ns)}/cache`, 'application/merge-patch+json', {
        status: { status: 'Processing', reason: 'ImageCacheUpdate', message: 'm', startTime: '2030-01-01T00:00:00Z' },
      });
      await optOut();
      await delay(700);
      expect([await copy(), (await named()).cache]).toEqual(['there', POINTED.cache]);
      await cluster.admin.patch(`${caches(ns)}/cache`, 'application/merge-patch+json', {
        status: { status: 'Succeeded', reason: 'ImageCacheUpdate', message: 'm', startTime: '2030-01-01T00:00:00Z' },
      });
      await eventually(async () => expect([await copy(), await named()]).toEqual(['gone', RELEASED]));
    });

    test('objects that are deleted hold nothing up', async () => {
      await pointed();
      await Promise.all([
        cluster.admin.delete(`${SETS}/${ns}`),
        cluster.admin.delete(`${caches(ns)}/cache`),
        cluster.admin.delete(`${pullers(ns)}/puller`),
      ]);
      await optOut();
      await eventually(async () => expect(await copy()).toBe('gone'));
    });

    test('another controller that puts everything back, the record too, is answered ever more slowly', async () => {
      const running = await pointed();
      const held = await cluster.admin.get<{ metadata: { annotations: object }; spec: object }>(`${SETS}/${ns}`);
      const stop = new AbortController();
      const other = (async () => {
        while (!stop.signal.aborted) {
          const now = await cluster.admin.get<{ spec: object }>(`${SETS}/${ns}`);
          if (JSON.stringify(now.spec) !== JSON.stringify(held.spec))
            await cluster.admin.patch(`${SETS}/${ns}`, 'application/merge-patch+json', {
              metadata: { annotations: held.metadata.annotations },
              spec: held.spec,
            });
          await delay(5);
        }
      })();
      await optOut();
      await delay(3_000);
      stop.abort();
      await other;
      expect(
        order(running).filter((write) => write.startsWith('patch clusterreplicatedimagesets')).length,
      ).toBeLessThan(20);
      await eventually(async () => expect([await copy(), await named()]).toEqual(['gone', RELEASED]), 30_000);
    }, 60_000);

    test('one that takes the reference away all the time is, too', async () => {
      const running = await pointed();
      const stop = new AbortController();
      const other = (async () => {
        while (!stop.signal.aborted) {
          if ((await named()).set[1] !== undefined)
            await cluster.admin.patch(`${SETS}/${ns}`, 'application/merge-patch+json', {
              spec: {
                upstreams: [
                  { registry: 'quay.io', path: '/a' },
                  { registry: 'registry.corp', path: '/b' },
                ],
              },
            });
          await delay(5);
        }
      })();
      await delay(3_000);
      stop.abort();
      await other;
      expect(
        order(running).filter((write) => write.startsWith('patch clusterreplicatedimagesets')).length,
      ).toBeLessThan(20);
      await eventually(async () => expect(await named()).toEqual(POINTED), 30_000);
    }, 60_000);

    describe('a configuration that changes', () => {
      async function reload(
        next: (before: Configuration) => Configuration,
      ): Promise<{ running: Controller; before: Configuration; after: Configuration }> {
        const file = path.join(directory, `${ns}.yaml`);
        const before = configured();
        const after = next(before);
        await writeFile(file, stringify(before));
        await optIn();
        await cluster.applyRbac(before);
        const running = await start(before, file);
        await eventually(async () => expect(await named()).toEqual(POINTED));
        running.forget();
        await cluster.applyRbac({ ...after, cacheProxies: before.cacheProxies });
        await writeFile(file, stringify(after));
        await eventually(async () => expect(running.logs.map(({ msg }) => msg)).toContain('configuration reloaded'));
        return { running, before, after };
      }

      test('a copy that is called otherwise now: every object names the new one, then the old one goes', async () => {
        const { running } = await reload(() => configured({ copyName: 'new-copy', retired: ['hub-copy'] }));
        await eventually(async () =>
          expect([await copy(), await copy('new-copy'), await named()]).toEqual([
            'gone',
            'there',
            { set: [undefined, 'new-copy'], cache: ['theirs', 'new-copy'], puller: 'theirs;new-copy' },
          ]),
        );
        const writes = order(running);
        expect(writes.indexOf('delete secrets 200')).toBe(writes.length - 1);
      });

      test('a source that is dropped with its cache proxies: their references go before the copies', async () => {
        await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'other' }, { 'other.corp': 'pw' });
        const { running } = await reload((before) => ({
          ...before,
          cacheProxies: [],
          retiredCopyNames: ['hub-copy'],
          sources: before.sources.map((source) => ({
            ...source,
            name: 'other',
            secret: { ...source.secret, name: 'other' },
            copyName: 'other-copy',
          })),
        }));
        await eventually(async () => expect([await copy(), await named()]).toEqual(['gone', RELEASED]));
        expect(order(running).indexOf('delete secrets 200')).toBe(order(running).length - 1);
      });

      test('a cache proxy that is dropped takes its reference along; the others keep theirs', async () => {
        await reload(() => configured({ proxies: [fledged()] }));
        await eventually(async () => expect(await named()).toEqual({ ...RELEASED, cache: POINTED.cache }));
        expect(await copy()).toBe('there');
      });

      test('a cache proxy that is called otherwise now keeps its reference', async () => {
        const { running } = await reload(() =>
          configured({ proxies: [{ ...kuik(), name: 'other-name' }, fledged(), puller()] }),
        );
        await delay(500);
        expect(await named()).toEqual(POINTED);
        expect(order(running)).toEqual([]);
      });

      test('a dropped cache proxy whose reference may not be taken back is one line in the log, which says what still names the copy', async () => {
        const file = path.join(directory, `${ns}-refused.yaml`);
        const before = configured({ proxies: [kuik()] });
        await writeFile(file, stringify(before));
        await optIn();
        const running = await start(before, file);
        await eventually(async () => expect((await named()).set).toEqual(POINTED.set));
        await cluster.applyRbac(configured({ proxies: [] }));
        await delay(200);
        await writeFile(file, stringify(configured({ proxies: [] })));
        const lines = () =>
          running.logs
            .map(({ msg }) => String(msg))
            .filter((line) => line.startsWith('cache proxy kuik is no longer configured'));
        await eventually(async () =>
          expect(lines()).toEqual([
            expect.stringMatching(
              `^cache proxy kuik is no longer configured, and ClusterReplicatedImageSet "${ns}" still names copy ` +
                '"hub-copy" at /spec/upstreams registry.corp: .*403',
            ),
          ]),
        );
        await delay(1_000);
        expect(lines()).toHaveLength(1);
      });
    });

    test('what the first version left behind is put right: names of copies that are gone', async () => {
      const written = {
        upstreams: [
          { registry: 'quay.io', path: '/a' },
          { registry: 'registry.corp', path: '/b', credentialSecret: { name: 'hub-copy', namespace: ns } },
        ],
      };
      const asFirstVersion = { query: { fieldManager: 'pullpass' } };
      await cluster.admin.patch(`${SETS}/${ns}`, 'application/merge-patch+json', { spec: written }, asFirstVersion);
      await cluster.admin.patch(
        `${caches(ns)}/cache`,
        'application/merge-patch+json',
        { spec: { imagePullSecrets: [{ name: 'theirs' }, { name: 'hub-copy' }] } },
        asFirstVersion,
      );
      await cluster.admin.patch(
        `${pullers(ns)}/puller`,
        'application/merge-patch+json',
        { spec: { imagePullSecrets: 'theirs;hub-copy' } },
        asFirstVersion,
      );
      await start(configured());
      await eventually(async () => expect(await named()).toEqual(RELEASED));
    });

    describe('the commands', () => {
      const planned = async (config: Configuration) => {
        const snapshot = await readCluster(cluster.admin, config, CONTROLLER_NAMESPACE);
        return {
          ...planCluster(snapshot),
          named: await readNamedCopies({ client: cluster.admin, configuration: config, snapshot }),
        };
      };
      const prune = (config: Configuration, lines: string[]) =>
        runPrune({
          client: cluster.admin,
          configuration: config,
          namespace: CONTROLLER_NAMESPACE,
          write: (line) => lines.push(line),
          signal: new AbortController().signal,
          confirm: (question) => {
            lines.push(question);
            return Promise.resolve(true);
          },
        });

      test('plan shows the references that go with a copy, and what somebody else had name it', async () => {
        const config = configured();
        await (await pointed(config)).stop();
        await optOut();
        const plan = await planned(config);
        expect(renderPlan(plan, 'table', false)).toContain(
          `~ ImageCache "${ns}/cache": -hub-copy, before copy ${ns}/hub-copy goes\n`,
        );
        expect(renderPlan(plan, 'table', false)).toMatch(/5 changes pending in 1 of \d+ namespaces\./);

        await cluster.admin.patch(`${caches(ns)}/cache`, 'application/merge-patch+json', {
          metadata: { annotations: { 'pullpass.dev/copies': null } },
        });
        const after = await planned(config);
        expect(renderPlan(after, 'table', false)).toContain(
          `! copy ${ns}/hub-copy stays: ImageCache "${ns}/cache" names it at /spec/imagePullSecrets, and Pullpass did not write that\n`,
        );
        expect(renderPlan(after, 'table', false)).toContain('! copy hub-copy stays');
        const data = JSON.parse(renderPlan(after, 'json', false)) as {
          references: object[];
          namespaces: { changes: object[] }[];
        };
        expect(data.references).toContainEqual({
          cacheProxy: 'fledged',
          object: `ImageCache "${ns}/cache"`,
          field: '/spec/imagePullSecrets',
          copy: { namespace: ns, name: 'hub-copy' },
          change: 'none',
        });
        expect(data.references).toContainEqual({
          cacheProxy: 'puller',
          object: `KubernetesImagePuller "${ns}/puller"`,
          field: '/spec/imagePullSecrets',
          copy: { namespace: ns, name: 'hub-copy' },
          change: 'remove',
        });
        expect(data.namespaces.flatMap(({ changes }) => changes)).toContainEqual({
          type: 'deleteCopy',
          copy: 'hub-copy',
          stays: true,
        });
      });

      test('prune takes the references back before it deletes', async () => {
        const config = configured();
        await (await pointed(config)).stop();
        const lines: string[] = [];
        expect(await prune(config, lines)).toBe(0);
        expect([await copy(), await named()]).toEqual(['gone', RELEASED]);
        expect(lines).toContain(`ClusterReplicatedImageSet "${ns}": -hub-copy, before copy ${ns}/hub-copy goes`);
        expect(lines).toContainEqual(expect.stringContaining('and the references in 3 custom objects'));
        expect(
          (await cluster.admin.get<{ metadata: { annotations?: object } }>(`${SETS}/${ns}`)).metadata.annotations ?? {},
        ).not.toHaveProperty(['pullpass.dev/copies']);
      });

      test('prune keeps a copy that somebody else had an object name, says so, and takes it when that is taken out', async () => {
        const config = configured();
        await (await pointed(config)).stop();
        await cluster.admin.patch(`${pullers(ns)}/puller`, 'application/merge-patch+json', {
          metadata: { annotations: { 'pullpass.dev/copies': null } },
        });
        const lines: string[] = [];
        await expect(prune(config, lines)).rejects.toThrow(/^prune: 1 change failed/);
        expect([await copy(), (await named()).puller]).toEqual(['there', POINTED.puller]);
        expect(lines).toContain(
          `copy ${ns}/hub-copy stays: KubernetesImagePuller "${ns}/puller" names it at /spec/imagePullSecrets, and Pullpass did not write that`,
        );
        expect(lines).toContainEqual(
          expect.stringContaining(`${ns}: not removed: copy hub-copy: it is to go, and stays: KubernetesImagePuller`),
        );
        await cluster.admin.patch(`${pullers(ns)}/puller`, 'application/merge-patch+json', {
          spec: { imagePullSecrets: 'theirs' },
        });
        expect(await prune(config, lines)).toBe(0);
        expect([await copy(), await named()]).toEqual(['gone', RELEASED]);
      });

      test('prune takes back what names a copy that is gone already', async () => {
        const config = configured();
        await (await pointed(config)).stop();
        await cluster.deleteSecret(ns, 'hub-copy');
        await cluster.admin.patch(`/api/v1/namespaces/${ns}/serviceaccounts/default`, 'application/merge-patch+json', {
          imagePullSecrets: null,
          metadata: { annotations: null },
        });
        expect(await prune(config, [])).toBe(0);
        expect(await named()).toEqual(RELEASED);
      });
    });
  },
  ['clusterreplicatedimagesets.kuik.enix.io', 'imagecaches.kubefledged.io', 'kubernetesimagepullers.che.eclipse.org'],
);
