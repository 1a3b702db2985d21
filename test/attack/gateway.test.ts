/** A gateway, or a restored backup, between the program and what it believes of the cluster. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import type { Program } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';
import { startGateway } from './gateway.ts';
import type { Gateway } from './gateway.ts';

let sandbox: Sandbox;
let cluster: Cluster;
let gateway: Gateway;
let program: Program | undefined;

beforeAll(async () => {
  // The real server sends bookmarks about once a minute.
  sandbox = await startSandbox({ bookmarkInterval: 500 });
  cluster = await createCluster(sandbox);
  await cluster.applyRbac(configurationSchema.parse(DOCUMENT));
  await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw' });
});
beforeEach(async () => {
  gateway = await startGateway(sandbox);
});
afterEach(async () => {
  await program?.stop();
  program = undefined;
  await gateway.close();
});
afterAll(async () => {
  await cluster.close();
  await sandbox.stop();
});

const DOCUMENT = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });

async function start(): Promise<Program> {
  const account = { namespace: CONTROLLER_NAMESPACE, name: 'pullpass' };
  const kubeconfig = gateway.kubeconfigLike(await sandbox.kubeconfigFor(account));
  return (program = await startProgram(sandbox, { configuration: DOCUMENT, kubeconfig }));
}
/** A namespace that opts in gets its copy. */
async function works(namespace: string): Promise<void> {
  await cluster.namespace(namespace, { annotations: { 'pullpass.dev/sync': 'enabled' } });
  await eventually(
    async () => expect(await cluster.login(namespace, 'hub-copy')).toEqual({ 'registry.corp': 'pw' }),
    15_000,
  );
}

test(
  'a gateway that ignores the wish for a streaming list: the program lists in pages',
  { timeout: 60_000 },
  async () => {
    gateway.handle(({ url, isWatch }, _, forward) => {
      if (isWatch) for (const name of ['sendInitialEvents', 'resourceVersionMatch']) url.searchParams.delete(name);
      forward({ url: `${url.pathname}${url.search}` });
    });
    const { logged } = await start();
    await logged('in step with the API server', 25_000);
    await works('team-plain');
  },
);

test('bookmarks of a lower version come: everything is listed again', { timeout: 60_000 }, async () => {
  let isRestored = false;
  gateway.handle(({ isWatch }, _, forward) => {
    if (!isWatch) return forward();
    const begunBefore = !isRestored;
    forward({
      lines: (line) => {
        if (!isRestored || !begunBefore) return [line];
        // As from a server whose etcd was restored: silent about what is, but for bookmarks that count from lower.
        const { type, object } = JSON.parse(line) as {
          type: string;
          object: { metadata: { resourceVersion: string } };
        };
        if (type !== 'BOOKMARK') return [];
        object.metadata.resourceVersion = '3';
        return [JSON.stringify({ type, object })];
      },
    });
  });
  const { logged, logs } = await start();
  await logged('leading');
  await works('team-before');
  isRestored = true;
  await works('team-after');
  expect(logs.filter(({ msg }) => String(msg).includes('went back from'))).not.toEqual([]);
});

test(
  'a gateway that cannot stream, and closes each watch at once: the program polls',
  { timeout: 90_000 },
  async () => {
    gateway.handle(({ isWatch }, response, forward) => {
      if (!isWatch) return forward();
      response.writeHead(200, { 'content-type': 'application/json' }).end();
    });
    await start();
    await eventually(async () => {
      await cluster
        .namespace('team-polled', { annotations: { 'pullpass.dev/sync': 'enabled' } })
        .catch(() => undefined);
      expect(await cluster.login('team-polled', 'hub-copy')).toEqual({ 'registry.corp': 'pw' });
    }, 40_000);
    // Some hundred requests, not some ten thousand.
    expect(gateway.asked.length).toBeLessThan(500);
  },
);
