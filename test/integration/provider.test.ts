/** `pullpass provider` on every API server there is, with a plugin that the test decides. */
import type { V1Secret } from '@kubernetes/client-node';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeFolder, response } from '../provider/programs.ts';
import { CONTROLLER_NAMESPACE, createCluster, dockerConfig, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { providerConfig, startProvider } from './env/provider.ts';
import type { Provider } from './env/provider.ts';
import { onEachServer } from './env/servers.ts';

const IMAGE = 'registry.example.com/any/app';
const TIMINGS = { lookMs: 50, soonestMs: 50, unknownMs: 100, retryMs: [50, 200] as const };

onEachServer((server) => {
  const folder = makeFolder();
  const answer = path.join(folder.path, 'answer');
  const asked = path.join(folder.path, 'asked');
  const running: Provider[] = [];
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.namespace(CONTROLLER_NAMESPACE);
    folder.script('plugin', `cat >>${asked}`, `cat ${answer}`);
    folder.script('broken', 'cat >/dev/null', 'echo "AccessDenied, SECRET" >&2', 'exit 1');
  });
  afterEach(() => Promise.all(running.splice(0).map((provider) => provider.stop())));
  afterAll(async () => {
    folder.remove();
    await cluster.close();
  });

  const gives = (password: string, changes: object = {}): void =>
    writeFileSync(answer, response({ auth: { 'registry.example.com': { username: 'robot', password } }, ...changes }));
  const start = async (name: string, ask: object = {}, timings = {}): Promise<Provider> => {
    const config = providerConfig(name, { plugin: 'plugin', image: IMAGE, ...ask });
    const provider = await startProvider(server(), cluster, config, {
      folder: folder.path,
      timings: { ...TIMINGS, ...timings },
    });
    running.push(provider);
    return provider;
  };
  const stop = async (provider: Provider): Promise<void> => {
    running.splice(running.indexOf(provider), 1);
    await provider.stop();
  };
  const secret = (name: string): Promise<V1Secret | undefined> => cluster.getSecret(CONTROLLER_NAMESPACE, name);
  const login = (name: string): Promise<Record<string, string> | undefined> =>
    cluster.login(CONTROLLER_NAMESPACE, name);
  const holds = (name: string, password: string): Promise<void> =>
    eventually(async () => expect(await login(name)).toEqual({ 'registry.example.com': password }));
  const timesAsked = (): number => readFileSync(asked, 'utf8').split('\n').length - 1;
  const events = async (name: string): Promise<string[]> =>
    (await cluster.events(CONTROLLER_NAMESPACE))
      .filter(({ regarding }) => regarding.name === name)
      .map(({ reason, note }) => `${reason}: ${note}`);

  test('the Secret has the login, its end, and the labels of its writer', async () => {
    gives('pw-1');
    const before = Date.now();
    const provider = await start('first');
    await holds('first', 'pw-1');
    const { metadata, type } = (await secret('first')) ?? {};
    expect({ type, labels: metadata?.labels }).toEqual({
      type: 'kubernetes.io/dockerconfigjson',
      labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/role': 'provider' },
    });
    const at = (key: string): number => (Date.parse(metadata?.annotations?.[key] ?? '') - before) / 3_600_000;
    expect(at('pullpass.dev/expires-at')).toBeCloseTo(6, 1);
    expect(at('pullpass.dev/renew-at')).toBeGreaterThan(2.6);
    expect(at('pullpass.dev/renew-at')).toBeLessThan(3.01);
    expect(JSON.parse(readFileSync(asked, 'utf8').split('\n')[0] ?? '')).toEqual({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderRequest',
      image: IMAGE,
    });
    await eventually(async () => expect(await provider.probe('/readyz')).toBe('200 ok'));
    expect(await provider.metrics()).toMatch(/^pullpass_provider_failing\{secret="pullpass-system\/first"\} 0$/m);
    expect(await provider.metrics()).toMatch(/^pullpass_provider_expiry_timestamp_seconds\{.*\} 1\d{9}(\.\d+)?$/m);
  });

  test('a restart asks for nothing while there is time, and at once if the document is another one', async () => {
    gives('pw-1');
    const first = await start('restarted');
    await holds('restarted', 'pw-1');
    await stop(first);
    gives('pw-2');
    const before = timesAsked();
    const second = await start('restarted');
    await eventually(async () => expect(await second.probe('/readyz')).toBe('200 ok'));
    await delay(4 * TIMINGS.lookMs);
    expect(timesAsked()).toBe(before);
    expect(await login('restarted')).toEqual({ 'registry.example.com': 'pw-1' });
    await stop(second);
    await start('restarted', { image: `${IMAGE}2` });
    await holds('restarted', 'pw-2');
  });

  test('a time of renewal that no provider would write is put right, and not waited for', async () => {
    const forge = (): Promise<void> =>
      cluster.patchSecret(CONTROLLER_NAMESPACE, 'forged', {
        metadata: { annotations: { 'pullpass.dev/renew-at': '2999-01-01T00:00:00Z' } },
      });
    const renewAt = async (): Promise<string> =>
      (await secret('forged'))?.metadata?.annotations?.['pullpass.dev/renew-at'] ?? '';
    gives('pw-1');
    const first = await start('forged');
    await holds('forged', 'pw-1');
    const before = timesAsked();
    await forge();
    await eventually(async () => expect(await renewAt()).not.toMatch(/^2999/));
    expect(timesAsked()).toBe(before);
    await stop(first);
    gives('pw-2');
    await forge();
    await start('forged');
    await holds('forged', 'pw-2');
  });

  test('a Secret that somebody deletes or spoils is written again, and the plugin is not asked for it', async () => {
    gives('pw-1');
    await start('spoiled');
    await holds('spoiled', 'pw-1');
    gives('pw-2');
    await cluster.deleteSecret(CONTROLLER_NAMESPACE, 'spoiled');
    await holds('spoiled', 'pw-1');
    await cluster.patchSecret(CONTROLLER_NAMESPACE, 'spoiled', { data: dockerConfig({ 'other.example.com': 'x' }) });
    await holds('spoiled', 'pw-1');
  });

  test('a Secret of somebody else stays as it is, until its owner lets us have it', async () => {
    gives('pw-1');
    await cluster.secret(CONTROLLER_NAMESPACE, 'foreign', {
      type: 'kubernetes.io/dockerconfigjson',
      data: dockerConfig({ 'registry.example.com': 'theirs' }),
    });
    const before = timesAsked();
    const provider = await start('foreign');
    await eventually(async () =>
      expect(await events('foreign')).toEqual([expect.stringMatching(/^SecretNotOurs: .*pullpass\.dev\/adopt="true"/)]),
    );
    expect(await provider.probe('/readyz')).toMatch(/^503 Secret pullpass-system\/foreign was not made by/);
    expect(await login('foreign')).toEqual({ 'registry.example.com': 'theirs' });
    expect(timesAsked()).toBe(before);
    await cluster.patchSecret(CONTROLLER_NAMESPACE, 'foreign', {
      metadata: { annotations: { 'pullpass.dev/adopt': 'true' } },
    });
    await holds('foreign', 'pw-1');
  });

  test('a Secret of another type is not touched, adopted or not', async () => {
    await cluster.secret(CONTROLLER_NAMESPACE, 'opaque', {
      metadata: { annotations: { 'pullpass.dev/adopt': 'true' } },
      type: 'Opaque',
      data: { x: '' },
    });
    await start('opaque');
    await eventually(async () =>
      expect(await events('opaque')).toEqual([expect.stringMatching(/type "Opaque".*delete it/)]),
    );
  });

  test('while the plugin fails the last login stays, and an Event on the Secret says why, without what it wrote', async () => {
    gives('pw-1');
    const provider = await start('failing', {}, { latestMs: 300 });
    await holds('failing', 'pw-1');
    folder.script('plugin', 'cat >/dev/null', 'echo "AccessDenied, SECRET" >&2', 'exit 1');
    await eventually(async () =>
      expect(await events('failing')).toEqual([
        expect.stringMatching(
          /^RenewalFailed: plugin: ended with status 1; it speaks of access denied\. The last login stays in force, and ends 20/,
        ),
      ]),
    );
    expect(await login('failing')).toEqual({ 'registry.example.com': 'pw-1' });
    expect(await provider.metrics()).toMatch(/^pullpass_provider_failures_total\{.*reason="exit"\} [1-9]/m);
    expect(await provider.metrics()).toMatch(/^pullpass_provider_failing\{.*\} 1$/m);
    // A restart would not mend it.
    expect(await provider.probe('/readyz')).toBe('200 ok');
    gives('pw-2');
    folder.script('plugin', `cat >>${asked}`, `cat ${answer}`);
    await holds('failing', 'pw-2');
    await eventually(async () => expect(await provider.metrics()).toMatch(/^pullpass_provider_failing\{.*\} 0$/m));
    expect(JSON.stringify([provider.logs, await events('failing')])).not.toMatch(/SECRET|pw-[12]/);
  });

  test('it is not ready when the login has ended', async () => {
    gives('pw-1', { cacheDuration: '1s' });
    const provider = await start('ended');
    await holds('ended', 'pw-1');
    folder.script('plugin', 'exit 1');
    await eventually(async () => expect(await provider.probe('/readyz')).toMatch(/^503 the login ended 20/));
    folder.script('plugin', `cat >>${asked}`, `cat ${answer}`);
    gives('pw-2');
    await eventually(async () => expect(await provider.probe('/readyz')).toBe('200 ok'));
  });

  test('a first login that cannot be had is told on a Secret that is not there yet', async () => {
    const provider = await start('never', { plugin: 'broken' });
    await eventually(async () =>
      expect(await events('never')).toEqual([
        expect.stringMatching(/No login of this provider is known to be in force$/),
      ]),
    );
    expect(await provider.probe('/readyz')).toBe('503 broken: ended with status 1; it speaks of access denied');
    expect(await secret('never')).toBeUndefined();
  });

  test('of two with different documents the one that was started last writes, and the other stops', async () => {
    gives('pw-1');
    const first = await start('two');
    await holds('two', 'pw-1');
    gives('pw-2');
    const second = await start('two', { image: `${IMAGE}2` });
    await holds('two', 'pw-2');
    await eventually(async () => expect(await first.probe('/readyz')).toMatch(/^503 .*another configuration/));
    expect(await second.probe('/readyz')).toBe('200 ok');
    const { resourceVersion } = (await secret('two'))?.metadata ?? {};
    await delay(4 * TIMINGS.lookMs);
    expect((await secret('two'))?.metadata?.resourceVersion).toBe(resourceVersion);
  });

  test('the same login again is not written again', async () => {
    gives('pw-1', { cacheDuration: '0s' });
    await start('same');
    await holds('same', 'pw-1');
    const { resourceVersion } = (await secret('same'))?.metadata ?? {};
    const before = timesAsked();
    await eventually(async () => expect(timesAsked()).toBeGreaterThan(before + 3));
    expect((await secret('same'))?.metadata?.resourceVersion).toBe(resourceVersion);
  });
});
