/** The helper script of the reference cache, run as Distribution runs it. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { distributionHelper } from '../../src/proxies/distribution-helper.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { onEachServer } from '../integration/env/servers.ts';
import { openBench, renderFixture, shared } from './render-fixture.ts';

const HELPER = path.join(import.meta.dirname, '..', '..', 'manifests', 'components', 'cache-proxy', 'base', 'helper');
const config = (namespace: string) => ({
  ...shared(namespace),
  kind: 'distribution-helper' as const,
  key: 'credentials.json',
});

/** `file`: what the Secret's volume holds; undefined: there is no Secret, and the volume is empty. */
async function runHelper(file: string | undefined): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const volume = await mkdtemp(path.join(tmpdir(), 'helper-'));
  try {
    const login = path.join(volume, 'credentials.json');
    if (file !== undefined) await writeFile(login, file);
    const { status, stdout, stderr } = spawnSync('sh', [HELPER, 'get'], {
      input: 'auth.docker.io',
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], PULLPASS_LOGIN_FILE: login },
    });
    return { status, stdout, stderr };
  } finally {
    await rm(volume, { recursive: true });
  }
}

onEachServer((server) => {
  describeCacheProxy('distribution-helper', () =>
    renderFixture(server(), config, distributionHelper, ({ data }) => async () => {
      const { status, stdout } = await runHelper((await data())?.['credentials.json']);
      if (status !== 0) return undefined;
      // client.Get of docker-credential-helpers decodes one JSON value; Distribution then uses these two of its fields.
      const { Username, Secret } = JSON.parse(stdout) as { Username: string; Secret: string };
      return { username: Username, password: Secret };
    }),
  );

  test('names the upstream as its API is called, and rolls nothing', async () => {
    const bench = await openBench(server(), config);
    const proxy = distributionHelper(config(bench.namespace));
    await proxy.apply({ registry: 'docker.io', username: 'robot', password: 'pw' }, bench.context);
    expect(await bench.data()).toEqual({
      'credentials.json': '{"ServerURL":"registry-1.docker.io","Username":"robot","Secret":"pw"}',
    });
    expect(bench.writes).toEqual(['patch secrets 201']);
    expect(proxy.targets).toHaveLength(1);
    await bench.close();
  });
});

test('without a Secret the helper says so as the protocol has it: Distribution pulls anonymously and asks again', async () => {
  expect(await runHelper(undefined)).toEqual({
    status: 1,
    stdout: 'credentials not found in native keychain\n',
    stderr: '',
  });
});
