/** The clock of the machine is set back or forth while the program runs: its ServiceAccount token is read again all the same. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationSchema } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';
import { startGateway } from './gateway.ts';
import type { Gateway } from './gateway.ts';

let sandbox: Sandbox;
let cluster: Cluster;
let gateway: Gateway;
let directory: string;

beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
  gateway = await startGateway(sandbox);
  directory = await mkdtemp(path.join(tmpdir(), 'pullpass-clock-'));
});
afterAll(async () => {
  await gateway.close();
  await cluster.close();
  await sandbox.stop();
  await rm(directory, { recursive: true, force: true });
});

const HOUR = 3_600_000;

test.each([
  ['back by an hour', -HOUR],
  ['back by a year', -365 * 24 * HOUR],
  ['forth by a year', 365 * 24 * HOUR],
])('%s: a token that was rotated since is read within seconds', { timeout: 60_000 }, async (_, moved) => {
  const name = `hub${Math.abs(moved)}${moved < 0 ? 'b' : 'f'}`;
  const document = configurationDocument({ name, namespaces: { allow: ['*'] } });
  await cluster.applyRbac(configurationSchema.parse(document));
  await cluster.source({ namespace: CONTROLLER_NAMESPACE, name }, { 'registry.corp': 'pw' });
  const [clock, tokenFile] = [path.join(directory, `${name}-clock`), path.join(directory, `${name}-token`)];
  await writeFile(clock, '0');

  let good = '';
  /** As the kubelet does: a new token replaces the file. The one before is refused from then on. */
  const rotate = async (): Promise<void> => {
    const config = await sandbox.kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'pullpass' });
    good = (parse(config) as { users: [{ user: { token: string } }] }).users[0].user.token;
    await writeFile(`${tokenFile}.new`, good);
    await rename(`${tokenFile}.new`, tokenFile);
  };
  let refused = 0;
  gateway.handle(({ token }, response, forward) => {
    if (token === good) return forward();
    refused++;
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"kind":"Status","code":401}');
  });
  const isCopied = (namespace: string): Promise<void> =>
    eventually(
      async () => expect(await cluster.login(namespace, `${name}-copy`)).toEqual({ 'registry.corp': 'pw' }),
      12_000,
    );

  await rotate();
  const kubeconfig = gateway.kubeconfigLike(
    await sandbox.kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'pullpass' }),
    tokenFile,
  );
  const program = await startProgram(sandbox, {
    kubeconfig,
    configuration: document,
    runtime: [process.execPath, '--import', path.join(import.meta.dirname, 'moved-clock.ts')],
    env: { PULLPASS_TEST_CLOCK: clock },
  });
  try {
    await program.logged('leading');
    await rotate();
    await cluster.namespace(`${name}-one`, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await isCopied(`${name}-one`);
    expect(refused).toBeGreaterThan(0);

    await writeFile(clock, String(moved));
    // Longer than the program waits between two looks at a refused token.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await rotate();
    await cluster.namespace(`${name}-two`, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await isCopied(`${name}-two`);
    expect(await program.status('/livez')).toBe(200);
  } finally {
    await program.stop();
  }
});
