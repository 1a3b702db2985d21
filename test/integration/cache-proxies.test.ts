/** The seed problem, on real parts: the source is rotated once, the old login is revoked, and every pull goes on. */
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAudit } from '../../src/commands/audit.ts';
import { isInSync } from '../../src/plan/namespace.ts';
import { planCluster, readCluster } from '../../src/sources/snapshot.ts';
import { isComplete, observeRotations } from '../../src/rotation/progress.ts';
import { renderChecks, runChecks } from '../../src/commands/verify.ts';
import { textOf } from '../../src/commands/wait-output.ts';
import { runWait } from '../../src/commands/wait-run.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { createReach } from '../../src/proxies/reach.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import { probeManifest } from '../../src/registry/probe.ts';
import { findDistribution, startDistributionCache } from '../sandbox/registry/distribution.ts';
import type { DistributionCache } from '../sandbox/registry/distribution.ts';
import { findSkopeo } from '../sandbox/registry/on-path.ts';
import { startPullThrough } from '../sandbox/registry/pull-through.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import type { Upstream } from '../sandbox/registry/upstream.ts';
import { CONTROLLER_NAMESPACE, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const NAMESPACE = 'registry-cache';
const login = (name: string) => ({ username: name, password: `pw-of-${name}` });
const user = (name: string) => ({ password: `pw-of-${name}`, repositories: ['corp/*'] });

/** The cache: real Distribution where it is found, else the sandbox's own. */
type Cache = Pick<DistributionCache, 'url' | 'stop'> & {
  restart(login: { username: string; password: string }): Promise<void>;
};

async function startCache(upstream: Upstream, with_: { username: string; password: string }): Promise<Cache> {
  const found = findDistribution();
  if ('found' in found) return startDistributionCache(found.found, { remoteUrl: upstream.url, login: with_ });
  const cache = await startPullThrough({ upstream, login: with_ });
  return { ...cache, restart: async (next) => cache.restart(next) };
}

onEachServer((server) => {
  let cluster: Cluster;
  let controller: Controller;
  let upstream: Upstream;
  let cache: Cache;
  /** Nobody forwards to this one. */
  let control: Cache;
  let config: Configuration;
  const http = createHttpClient();
  const reach = createReach({ userAgent: 'test' });
  const stopKubelet = new AbortController();
  let kubelet: Promise<void>;
  let images = 0;

  beforeAll(async () => {
    upstream = await startUpstream({ users: { first: user('first') }, lockAfter: 5 });
    cache = await startCache(upstream, login('first'));
    control = await startCache(upstream, login('first'));
    upstream.putImage('corp/app', 'probe');
    config = configurationSchema.parse({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [
        {
          name: 'hub',
          secret: { namespace: CONTROLLER_NAMESPACE, name: 'hub' },
          copyName: 'hub-copy',
          verify: 'enforce',
        },
      ],
      registries: [{ host: upstream.host, plainHttp: true }],
      cacheProxies: [
        {
          name: 'hub-cache',
          kind: 'distribution',
          source: 'hub',
          registry: upstream.host,
          secret: { namespace: NAMESPACE, name: 'hub-cache-login' },
          workload: { namespace: NAMESPACE, name: 'hub-cache' },
          probe: { url: cache.url, repository: 'corp/app', reference: 'probe' },
        },
      ],
    });
    cluster = await createCluster(server());
    await cluster.namespace(NAMESPACE);
    const labels = { app: 'hub-cache' };
    await cluster.admin.create(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'hub-cache' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'registry', image: 'registry:2' }] } },
      },
    });
    kubelet = playKubelet();
    await cluster.applyRbac(config);
    await putSource('first');
    await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    controller = await cluster.controller(config);
  });
  afterAll(async () => {
    stopKubelet.abort();
    await kubelet;
    await cluster.close();
    await Promise.all([cache.stop(), control.stop(), upstream.stop(), http.close(), reach.close()]);
  });

  /** What a Deployment controller and a kubelet do: a changed pod template is a restart with the Secret as environment. */
  async function playKubelet(): Promise<void> {
    let running = '{}';
    while (!stopKubelet.signal.aborted) {
      const { spec, metadata } = await cluster.admin.get<{
        metadata: { generation: number };
        spec: { template: { metadata: { annotations?: Record<string, string> } } };
      }>(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/hub-cache`);
      const template = JSON.stringify(spec.template.metadata.annotations ?? {});
      if (template !== running) {
        running = template;
        const data = (await cluster.getSecret(NAMESPACE, 'hub-cache-login'))?.data ?? {};
        const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
        await report(metadata.generation, 0);
        await cache.restart({ username: text('REGISTRY_PROXY_USERNAME'), password: text('REGISTRY_PROXY_PASSWORD') });
        await report(metadata.generation, 1);
      }
      await delay(20);
    }
  }

  async function report(observedGeneration: number, ready: number): Promise<void> {
    await cluster.admin.patch(
      `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/hub-cache/status`,
      'application/merge-patch+json',
      {
        status: { observedGeneration, replicas: 1, updatedReplicas: 1, readyReplicas: ready, availableReplicas: ready },
      },
    );
  }

  async function putSource(name: string): Promise<void> {
    const { username, password } = login(name);
    const data = {
      '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [upstream.host]: { username, password } } })).toString(
        'base64',
      ),
    };
    if ((await cluster.getSecret(CONTROLLER_NAMESPACE, 'hub')) === undefined)
      await cluster.secret(CONTROLLER_NAMESPACE, 'hub', { type: 'kubernetes.io/dockerconfigjson', data });
    else await cluster.patchSecret(CONTROLLER_NAMESPACE, 'hub', { data });
  }
  const copied = async (): Promise<string | undefined> =>
    Object.values((await cluster.login('team', 'hub-copy')) ?? {})[0];

  /** An image that no cache holds: only that proves the upstream login. By skopeo, as a node would, where it is found. */
  async function pullNew(from: Cache): Promise<'pulled' | 'failed'> {
    const tag = `t${++images}`;
    upstream.putImage('corp/app', tag, `image ${images}`);
    const skopeo = findSkopeo();
    if ('found' in skopeo) {
      const { stdout } = await promisify(execFile)(skopeo.found, [
        'inspect',
        '--raw',
        '--tls-verify=false',
        `docker://${new URL(from.url).host}/corp/app:${tag}`,
      ]).catch(() => ({ stdout: '' }));
      return stdout.includes('schemaVersion') ? 'pulled' : 'failed';
    }
    const { state } = await probeManifest({ base: from.url, repository: 'corp/app', reference: tag, http });
    return state === 'served' ? 'pulled' : 'failed';
  }
  const rotations = async () =>
    observeRotations({
      client: cluster.admin,
      configuration: config,
      snapshot: await readCluster(cluster.admin, config, CONTROLLER_NAMESPACE),
    });
  const wait = (timeoutMs: number) =>
    runWait({
      source: 'hub',
      observe: rotations,
      timeoutMs,
      intervalMs: 50,
      progress: () => undefined,
      signal: AbortSignal.timeout(60_000),
    }).then((waited) => ({ exitCode: waited.exitCode, text: textOf(waited).trimEnd() }));

  test('the login reaches the copies and the cache proxy, and a private pull through it proves it', async () => {
    await eventually(async () => expect(await copied()).toBe('pw-of-first'));
    expect((await wait(30_000)).text).toMatch(
      /^complete: the old credential can be revoked, everywhere Pullpass manages \(1\/1 copies, 1\/1 cache proxies settled, 1 proven\)\n/,
    );
    expect(await pullNew(cache)).toBe('pulled');
  });

  test('rotated, and the old login revoked: pulls through the cache go on, and those through a cache that nobody forwards to fail', async () => {
    upstream.add('second', user('second'));
    const outcomes: string[] = [];
    const pulling = new AbortController();
    const pulls = (async () => {
      // While a cache of one replica restarts nobody answers: that is Kubernetes' business, so only what answers counts.
      while (!pulling.signal.aborted) {
        const alive = await fetch(`${cache.url}/v2/`).then(
          () => true,
          () => false,
        );
        const outcome = await pullNew(cache);
        if (
          alive &&
          (outcome === 'pulled' ||
            (await fetch(`${cache.url}/v2/`).then(
              () => true,
              () => false,
            )))
        )
          outcomes.push(outcome);
        await delay(10);
      }
    })();
    await putSource('second');
    await eventually(
      async () => expect((await rotations()).map((rotation) => isComplete(rotation))).toEqual([true]),
      60_000,
    );
    expect((await wait(30_000)).exitCode).toBe(0);
    upstream.revoke('first');
    await delay(300);
    pulling.abort();
    await pulls;

    expect(await copied()).toBe('pw-of-second');
    expect(await pullNew(cache)).toBe('pulled');
    expect(await pullNew(control)).toBe('failed');
    expect(outcomes.filter((outcome) => outcome === 'pulled').length).toBeGreaterThan(0);
    expect(outcomes.at(-1)).toBe('pulled');
    expect(upstream.failedLogins('second')).toBe(0);
  }, 120_000);

  test('a login that its registry refuses is held back: nothing changes, one Event says so, the account is not locked', async () => {
    const before = await cluster.getSecret(NAMESPACE, 'hub-cache-login');
    controller.forget();
    upstream.add('third', { password: 'another', repositories: ['corp/*'] });
    await putSource('third');
    await eventually(async () =>
      expect(await cluster.events(CONTROLLER_NAMESPACE)).toContainEqual(
        expect.objectContaining({
          reason: 'SourceInvalid',
          note: expect.stringMatching(/held back: .*The last good content stays in force/) as string,
        }),
      ),
    );
    await delay(500);
    expect(await copied()).toBe('pw-of-second');
    expect((await cluster.getSecret(NAMESPACE, 'hub-cache-login'))?.data).toEqual(before?.data);
    expect(await pullNew(cache)).toBe('pulled');
    expect(upstream.failedLogins('third')).toBeLessThanOrEqual(2);
    expect(upstream.isLocked('third')).toBe(false);

    const { exitCode, text } = await wait(200);
    expect(exitCode).toBe(1);
    expect(text).toMatch(/do not revoke the old credential yet[\s\S]*the source is held back/);
    expect(text).not.toContain('pw-of-third');

    // What keeps the last good content is as it should be: the refusal is the one thing to be told.
    const { report } = await runAudit({
      client: cluster.admin,
      configuration: config,
      controller: { namespace: CONTROLLER_NAMESPACE, name: 'pullpass' },
      output: 'json',
      color: false,
    });
    expect(
      report.findings
        .filter(({ severity }) => severity !== 'info')
        .map(({ rule, object }) => `${rule} ${object.kind} ${object.name}`),
    ).toEqual(['PP082 Source hub']);
    expect(report.proxies).toMatchObject([{ name: 'hub-cache', applied: true, verified: 'verified' }]);
    expect(report.sources).toMatchObject([{ name: 'hub', state: 'held back', rotation: { stale: 0 } }]);
    expect(
      planCluster(await readCluster(cluster.admin, config, CONTROLLER_NAMESPACE)).namespaces.filter(
        (plan) => !isInSync(plan),
      ),
    ).toEqual([]);
  });

  test('mended, it goes on by itself', async () => {
    upstream.setPassword('third', 'pw-of-third');
    const { username } = login('third');
    // The same login would be tried again rarely; a change of the source is a reason to try at once.
    const data = {
      '.dockerconfigjson': Buffer.from(
        JSON.stringify({
          auths: { [upstream.host]: { username, password: 'pw-of-third', email: 'ops@corp.example' } },
        }),
      ).toString('base64'),
    };
    upstream.add('fourth', user('fourth'));
    await cluster.patchSecret(CONTROLLER_NAMESPACE, 'hub', { data });
    await putSource('fourth');
    await eventually(async () => expect(await copied()).toBe('pw-of-fourth'), 60_000);
    expect((await wait(60_000)).exitCode).toBe(0);
  });

  test('in sync: no write anywhere, and no request to the registry', async () => {
    // The status of the rotation before is written once more when it is complete.
    await eventually(async () => {
      controller.forget();
      await delay(500);
      expect(controller.calls).toEqual([]);
    });
    const asked = upstream.requests.length;
    await cluster.annotateNamespace('team', { unrelated: 'change' });
    await delay(500);
    expect(controller.calls.filter(({ verb }) => verb !== 'watch')).toEqual([]);
    expect(upstream.requests.length).toBe(asked);
  });

  test('drift in the rendered Secret is put right, and the workload is rolled', async () => {
    await cluster.patchSecret(NAMESPACE, 'hub-cache-login', { stringData: { REGISTRY_PROXY_PASSWORD: 'wrong' } });
    await eventually(async () => {
      const data = (await cluster.getSecret(NAMESPACE, 'hub-cache-login'))?.data ?? {};
      expect(Buffer.from(data['REGISTRY_PROXY_PASSWORD'] ?? '', 'base64').toString()).toContain('pw-of-fourth');
    });
    await eventually(async () => expect(await pullNew(cache)).toBe('pulled'));
  });

  describe('a new controller', () => {
    test('remembers what was applied: it writes nothing and asks nothing that is known', async () => {
      await eventually(async () => expect((await rotations()).map((rotation) => isComplete(rotation))).toEqual([true]));
      await controller.stop();
      controller = await cluster.controller(config);
      await delay(500);
      expect(controller.writes().filter((write) => /secrets|deployments|serviceaccounts/.test(write))).toEqual([]);
    });
  });

  test('verify tries each login once and each proxy by a private pull', async () => {
    upstream.putImage('corp/app', 'probe', 'a new one');
    const snapshot = await readCluster(cluster.admin, config, CONTROLLER_NAMESPACE);
    const checks = await runChecks({
      client: cluster.admin,
      configuration: config,
      snapshot,
      reach,
      signal: AbortSignal.timeout(30_000),
    });
    expect(checks.map(({ what, state }) => [what, state])).toEqual([
      ['credential', 'accepted'],
      ['cache proxy', 'verified'],
    ]);
    expect(renderChecks(checks, 'table', false)).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining('All 2 good.') as string,
    });
    upstream.revoke('fourth');
    upstream.putImage('corp/app', 'probe', 'newer still');
    const after = await runChecks({
      client: cluster.admin,
      configuration: config,
      snapshot,
      reach,
      signal: AbortSignal.timeout(30_000),
    });
    expect(after[0]).toMatchObject({ state: 'refused' });
    expect(renderChecks(after, 'json', false).exitCode).toBe(3);
    expect(renderChecks(after, 'table', false).text).not.toContain('pw-of-');
  });

  test('no credential was said to anybody', async () => {
    const events = await cluster.admin.get<object>('/apis/events.k8s.io/v1/events');
    const state = await cluster.getSecret(CONTROLLER_NAMESPACE, 'pullpass-state');
    const kept = Object.values(state?.data ?? {}).map((value) => Buffer.from(value, 'base64').toString());
    const said = JSON.stringify([controller.logs, events, kept]);
    expect(said).not.toContain('pw-of-');
    for (const name of ['first', 'second', 'third', 'fourth'])
      expect(said).not.toContain(Buffer.from(`${name}:pw-of-${name}`).toString('base64'));
  });
});
