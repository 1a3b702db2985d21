/** `paused: true`: nothing is written, everything that looks goes on; unpaused, everything is made up for. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { runPrune } from '../../src/commands/prune.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const ENABLED = { 'pullpass.dev/sync': 'enabled' };
const ELECTION = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 };
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${CONTROLLER_NAMESPACE}/leases/pullpass-controller`;

onEachServer((server) => {
  let cluster: Cluster;
  let directory: string;
  let file: string;
  let registry: string;
  let tries = 0;
  let url: string | undefined;
  const controllers: Controller[] = [];
  const upstream = createServer((_, response) => {
    tries++;
    response.writeHead(200).end();
  });

  /** With a login that is tried at a registry of the test, and a cache proxy. */
  function config(parts: Partial<Configuration> = {}): Configuration {
    const { sources, ...rest } = configuration({ name: 'hub', verify: 'auto', namespaces: { allow: ['pz-*'] } });
    return {
      ...rest,
      sources,
      registries: [{ host: registry, plainHttp: true }],
      cacheProxies: [
        {
          name: 'cache',
          kind: 'zot',
          source: 'hub',
          registry,
          secret: { namespace: 'pz-cache', name: 'cache-login' },
          key: 'credentials.json',
        },
      ],
      ...parts,
    };
  }
  const source = (password: string): Promise<void> =>
    cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { [registry]: password });
  const write = (next: Configuration): Promise<void> => writeFile(file, stringify(next));
  const start = async (
    starting: Configuration,
    options: Parameters<Cluster['controller']>[1] = {},
  ): Promise<Controller> => {
    await write(starting);
    const controller = await cluster.controller(starting, {
      configurationFile: file,
      timings: { configurationMs: 50, election: ELECTION },
      ...options,
    });
    controllers.push(controller);
    return controller;
  };
  const said = async ({ logs }: Controller, text: string): Promise<void> =>
    eventually(async () => {
      await Promise.resolve();
      expect(logs.map(({ msg }) => msg)).toContainEqual(expect.stringContaining(text));
    });
  /** But for what tells, asks and elects. */
  const written = (controller: Controller): string[] =>
    controller.writes().filter((line) => !/ (events|leases|configmaps|selfsubjectaccessreviews) /.test(line));
  const metric = async (name: string): Promise<string | undefined> =>
    new RegExp(`^${name} (.*)$`, 'm').exec(await (await fetch(`${url ?? ''}/metrics`)).text())?.[1];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-pause-'));
    file = path.join(directory, 'config.yaml');
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    registry = `127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    cluster = await createCluster(server());
    await cluster.namespace('pz-cache');
    await cluster.applyRbac(config());
    await source('one');
    await cluster.namespace('pz-1', { annotations: ENABLED });
  });
  afterEach(async () => {
    await Promise.all(controllers.splice(0).map((controller) => controller.stop()));
  });
  afterAll(async () => {
    await cluster.close();
    await new Promise((resolve) => upstream.close(resolve));
    await rm(directory, { recursive: true, force: true });
  });

  describe('a start in a pause', () => {
    test('writes nothing at all and tries no login; Lease, Events, metrics and probes go on; unpaused, everything follows', async () => {
      const controller = await start(config({ paused: true }), {
        leaderElection: true,
        identity: 'a',
        address: '127.0.0.1:0',
        onListening: (at) => {
          url = at;
        },
      });
      await eventually(async () =>
        expect((await cluster.admin.get<{ spec: { holderIdentity?: string } }>(LEASE)).spec.holderIdentity).toBe('a'),
      );
      const renewed = async (): Promise<string> =>
        (await cluster.admin.get<{ spec: { renewTime: string } }>(LEASE)).spec.renewTime;
      const before = await renewed();
      await cluster.namespace('pz-2', { annotations: ENABLED });
      await eventually(async () => expect(await renewed()).not.toBe(before));
      expect((await fetch(`${url ?? ''}/readyz`)).status).toBe(200);
      expect([
        await metric('pullpass_paused'),
        await metric('leader_election_master_status{name="pullpass-controller"}'),
      ]).toEqual(['1', '1']);
      expect([written(controller), tries]).toEqual([[], 0]);
      expect(await cluster.getSecret(CONTROLLER_NAMESPACE, 'pullpass-state')).toBeUndefined();
      expect(controller.logs.filter(({ msg }) => String(msg).startsWith('paused by the configuration'))).toHaveLength(
        1,
      );

      await write(config());
      for (const name of ['pz-1', 'pz-2'])
        await eventually(async () => expect(await cluster.pullSecrets(name)).toEqual(['hub-copy']));
      await eventually(async () => expect(await cluster.getSecret('pz-cache', 'cache-login')).toBeDefined());
      await eventually(async () =>
        expect(await cluster.getSecret(CONTROLLER_NAMESPACE, 'pullpass-state')).toBeDefined(),
      );
      expect([await metric('pullpass_paused'), tries]).toEqual(['0', 1]);
      await said(controller, 'the pause is over');
    });
  });

  describe('a reload with paused: true', () => {
    test('ends writes in the middle of the work; a stop is clean; what was left undone is done by whoever is not paused', async () => {
      const names = Array.from({ length: 40 }, (_, i) => `pz-many-${i}`);
      await Promise.all(names.map((name) => cluster.namespace(name)));
      const controller = await start(config(), { concurrency: 2, leaderElection: true });
      await cluster.settled(config());
      controller.forget();
      await Promise.all(names.map((name) => cluster.annotateNamespace(name, ENABLED)));
      await eventually(async () => {
        await Promise.resolve();
        expect(written(controller).length).toBeGreaterThan(2);
      });
      await write(config({ paused: true }));
      await said(controller, 'paused by the configuration');
      await delay(200);
      controller.forget();
      await source('two');
      await cluster.namespace('pz-late', { annotations: ENABLED });
      await delay(500);
      expect(written(controller)).toEqual([]);
      const triedBefore = tries;
      const startedAt = performance.now();
      await controller.stop();
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect((await cluster.admin.get<{ spec: { holderIdentity?: string } }>(LEASE)).spec.holderIdentity ?? '').toBe(
        '',
      );

      const next = await start(config());
      for (const name of [...names, 'pz-late'])
        await eventually(async () =>
          expect([name, await cluster.pullSecrets(name), await cluster.login(name, 'hub-copy')]).toEqual([
            name,
            ['hub-copy'],
            { [registry]: 'two' },
          ]),
        );
      expect(tries - triedBefore).toBe(1);
      await next.stop();
    });

    test('holds for the next leader, and the opt-outs of that time are made up for', async () => {
      const a = await start(config(), { leaderElection: true, identity: 'a' });
      const b = await start(config(), { leaderElection: true, identity: 'b' });
      await cluster.settled(config());
      await write(config({ paused: true }));
      for (const each of [a, b]) await said(each, 'paused by the configuration');
      await cluster.annotateNamespace('pz-1', { 'pullpass.dev/sync': 'disabled' });
      await a.stop();
      await eventually(async () =>
        expect((await cluster.admin.get<{ spec: { holderIdentity?: string } }>(LEASE)).spec.holderIdentity).toBe('b'),
      );
      await delay(300);
      expect([written(b), await cluster.pullSecrets('pz-1')]).toEqual([[], ['hub-copy']]);
      await write(config());
      await eventually(async () => expect(await cluster.pullSecrets('pz-1')).toEqual([]));
      await b.stop();
    });
  });

  describe('prune', () => {
    const prune = (): Promise<number> =>
      runPrune({
        client: cluster.admin,
        configuration: config({ paused: true }),
        namespace: CONTROLLER_NAMESPACE,
        write: () => undefined,
        confirm: () => Promise.resolve(true),
        signal: new AbortController().signal,
      });

    test('is refused while a controller leads that is paused, for it would put everything back; without one it asks and goes on', async () => {
      const controller = await start(config({ paused: true }), { leaderElection: true, identity: 'a' });
      await eventually(async () =>
        expect((await cluster.admin.get<{ spec: { holderIdentity?: string } }>(LEASE)).spec.holderIdentity).toBe('a'),
      );
      await expect(prune()).rejects.toThrow(/the controller is running \(a\)/);
      await controller.stop();
      expect(await prune()).toBe(0);
      expect(await cluster.getSecret('pz-2', 'hub-copy')).toBeUndefined();
    });
  });
});
