/** Distribution 2.8, the real one where it is installed: started with the rendered Secret as its environment. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { distribution } from '../../src/proxies/distribution.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import type { ProxyFixture } from '../conformance/cache-proxy.ts';
import { onEachServer } from '../integration/env/servers.ts';
import { findDistribution, startDistributionCache } from '../sandbox/registry/distribution.ts';
import type { DistributionCache } from '../sandbox/registry/distribution.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import { startAskingUpstream } from './asking-upstream.ts';
import { openBench, renderFixture, shared, workloadIn } from './render-fixture.ts';
import type { Bench } from './render-fixture.ts';

const config = (namespace: string) => ({
  ...shared(namespace),
  kind: 'distribution' as const,
  usernameKey: 'REGISTRY_PROXY_USERNAME',
  passwordKey: 'REGISTRY_PROXY_PASSWORD',
  workload: workloadIn(namespace),
});

/** As `envFrom` would give it to the process. */
async function environment({ data }: Bench): Promise<{ username: string; password: string } | undefined> {
  const { REGISTRY_PROXY_USERNAME: username, REGISTRY_PROXY_PASSWORD: password } = (await data()) ?? {};
  return username === undefined || password === undefined ? undefined : { username, password };
}

/** Starts the program as the Deployment would: with the Secret as it is when its pods are rolled, and not again before. */
function deploymentOf(
  program: string,
  bench: Bench,
  remoteUrl: string,
): { url: () => Promise<string>; stop: () => Promise<void> } {
  let cache: DistributionCache | undefined;
  let revision: string | undefined;
  return {
    async url() {
      const wanted = await bench.rolledTo();
      const login = await environment(bench);
      if (cache === undefined) cache = await startDistributionCache(program, { remoteUrl, ...(login && { login }) });
      else if (wanted !== revision) await cache.restart(login);
      revision = wanted;
      return cache.url;
    },
    stop: async () => cache?.stop(),
  };
}

/** What Distribution makes of its environment: `configuration/parser.go` reads each variable as YAML. */
function parsed(login: { username: string; password: string } | undefined): typeof login {
  return login && { username: String(parse(login.username)), password: String(parse(login.password)) };
}

const program = findDistribution();

onEachServer((server, kind) => {
  describeCacheProxy('distribution', async (): Promise<ProxyFixture> => {
    if ('missing' in program)
      return renderFixture(server(), config, distribution, (bench) => async () => parsed(await environment(bench)));
    const upstream = await startAskingUpstream();
    const http = createHttpClient();
    let deployment: ReturnType<typeof deploymentOf> | undefined;
    return renderFixture(
      server(),
      config,
      distribution,
      (bench) => {
        deployment = deploymentOf(program.found, bench, upstream.url);
        const { url } = deployment;
        return async () => {
          const cache = await url();
          const login = upstream.nextLogin();
          await http.request({ method: 'GET', url: `${cache}/v2/corp/app/manifests/${randomUUID()}` });
          return login;
        };
      },
      {
        async stop() {
          await deployment?.stop();
          await http.close();
          await upstream.stop();
        },
      },
    );
  });

  test('the key names are those that the chart wants', async () => {
    const named = (namespace: string) => ({
      ...config(namespace),
      usernameKey: 'proxyUsername',
      passwordKey: 'proxyPassword',
      workload: undefined,
    });
    const bench = await openBench(server(), named);
    await distribution(named(bench.namespace)).apply(
      { registry: 'docker.io', username: 'robot', password: 'pw' },
      bench.context,
    );
    expect(await bench.data()).toEqual({ proxyUsername: 'robot', proxyPassword: 'pw' });
    expect(await bench.rolledTo()).toBeUndefined();
    await bench.close();
  });

  if (kind !== 'sandbox') return;
  test
    .skipIf('missing' in program)
    .each([
      'null',
      '~',
      '-',
      '---',
      '...',
      '1e3',
      '0x1F',
      'yes',
      '1:30',
      '<<',
      '"',
      '#pw',
      '*pw',
      'a: b',
      '\u2028',
      'dckr_pat_-_x.1',
    ])('a real cache logs in with %j', async (password) => {
    if ('missing' in program) return;
    const upstream = await startAskingUpstream();
    const bench = await openBench(server(), config);
    const http = createHttpClient();
    const deployment = deploymentOf(program.found, bench, upstream.url);
    try {
      await distribution(config(bench.namespace)).apply(
        { registry: 'docker.io', username: 'robot', password },
        bench.context,
      );
      const cache = await deployment.url();
      const login = upstream.nextLogin();
      await http.request({ method: 'GET', url: `${cache}/v2/corp/app/manifests/1` });
      expect(await login).toEqual({ username: 'robot', password });
    } finally {
      await deployment.stop();
      await http.close();
      await bench.close();
      await upstream.stop();
    }
  });

  test('a real cache pulls again after the old login was revoked and the new one forwarded', async ({ skip }) => {
    if ('missing' in program) return skip(program.missing);
    const upstream = await startUpstream({ users: { robot: { password: 'pw-1', repositories: ['corp/*'] } } });
    for (const tag of ['1', '2', '3']) upstream.putImage('corp/app', tag);
    const bench = await openBench(server(), config);
    const http = createHttpClient();
    const deployment = deploymentOf(program.found, bench, upstream.url);
    const pull = async (tag: string): Promise<number> =>
      (
        await http.request({
          method: 'GET',
          url: `${await deployment.url()}/v2/corp/app/manifests/${tag}`,
          headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
        })
      ).status;
    try {
      const proxy = distribution(config(bench.namespace));
      await proxy.apply({ registry: 'docker.io', username: 'robot', password: 'pw-1' }, bench.context);
      expect(await pull('1')).toBe(200);
      upstream.setPassword('robot', 'pw-2');
      expect(await pull('2')).toBe(404);
      await proxy.apply({ registry: 'docker.io', username: 'robot', password: 'pw-2' }, bench.context);
      expect(await pull('3')).toBe(200);
    } finally {
      await deployment.stop();
      await http.close();
      await bench.close();
      await upstream.stop();
    }
  });
});
