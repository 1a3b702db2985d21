/** A tenant whose objects always change fills neither the queue of Events nor the log: others are told, and what is mended is not. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import type { Program } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';

const OURS = 'pullpass-system';
const SYNC = 'pullpass.dev/sync';
const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'], deny: ['denied'] } });
let sandbox: Sandbox;
let cluster: Cluster;
let program: Program;

beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
  await cluster.applyRbac(configurationSchema.parse(document));
  await cluster.source({ namespace: OURS, name: 'hub' }, { 'registry.corp': 'pw' });
  for (const name of LOUD) {
    await cluster.namespace(name, { annotations: { [SYNC]: 'enabled' } });
    for (let i = 0; i < ACCOUNTS; i++) await cluster.serviceAccount(name, `app-${i}`);
  }
  await cluster.namespace('denied');
  program = await startProgram(sandbox, { configuration: document, env: { LOG_LEVEL: 'info' } });
  await program.ready();
  await program.logged('source read');
});
afterAll(async () => {
  await program.stop();
  await cluster.close();
  await sandbox.stop();
});

const LOUD = ['loud-1', 'loud-2'];
const ACCOUNTS = 20;

/** Each account gets another broken value again and again, and is made anew when it has had its share of Events. */
async function disturb(signal: AbortSignal): Promise<void> {
  for (let round = 1; !signal.aborted; round++)
    for (const name of LOUD)
      for (let i = 0; i < ACCOUNTS && !signal.aborted; i++) {
        if (round % 20 === 0) {
          await cluster.admin.delete(`/api/v1/namespaces/${name}/serviceaccounts/app-${i}`);
          await cluster.serviceAccount(name, `app-${i}`);
        }
        await cluster.annotateServiceAccount(name, `app-${i}`, { [SYNC]: `no ${round}` });
      }
}

const reasons = async (namespace: string): Promise<string[]> =>
  (await cluster.events(namespace)).map(({ reason }) => reason);
const written = async (): Promise<number> =>
  (await Promise.all(LOUD.map(reasons))).reduce((sum, each) => sum + each.length, 0);
/** Lines about the loud namespaces since the n-th line. */
const linesSince = (n: number): number =>
  program.logs.slice(n).filter(({ namespace }) => LOUD.includes(String(namespace))).length;

test(
  'another tenant and the source are told within 60 s, and the log has a bounded number of lines',
  { timeout: 180_000 },
  async () => {
    const enough = new AbortController();
    const from = program.logs.length;
    const disturbing = disturb(enough.signal);
    try {
      await delay(5_000);
      await cluster.annotateNamespace('denied', { [SYNC]: 'enabled' });
      await cluster.patchSecret(OURS, 'hub', {
        data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') },
      });
      await eventually(async () => {
        expect({ denied: await reasons('denied'), source: await reasons(OURS) }).toEqual({
          denied: ['OptInDenied'],
          source: expect.arrayContaining(['SourceInvalid']) as string[],
        });
      }, 60_000);
    } finally {
      enough.abort();
      await disturbing;
    }
    expect(program.logs.some(({ msg }) => String(msg).startsWith('source refused'))).toBe(true);
    expect(linesSince(from)).toBeLessThan(200);
  },
);

test('what is mended is not written any more', { timeout: 60_000 }, async () => {
  for (const name of LOUD)
    for (let i = 0; i < ACCOUNTS; i++) await cluster.annotateServiceAccount(name, `app-${i}`, { [SYNC]: null });
  await delay(2_000);
  const before = await written();
  expect(before).toBeGreaterThan(20);
  await delay(3_000);
  expect((await written()) - before).toBeLessThanOrEqual(2);
  await program.logged(/more lines about namespace loud-[12] were not logged/, 15_000);
});
