/**
 * A tenant that may write anything in its own two namespaces does all at once what could hurt others. They are admitted
 * for one of the sources. PULLPASS_ATTACK=long: for minutes, with thousands of ServiceAccounts.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import type { Program } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';
import { createTenant, isHeld } from './hostile-tenant.ts';
import { residentMiB, seriesOf, watchFromOutside } from './judge.ts';

const LONG = process.env['PULLPASS_ATTACK'] === 'long';
const SCALE = LONG ? { accounts: 2_000, paceMs: 10 } : { accounts: 200, paceMs: 50 };
const BEFORE_MS = LONG ? 60_000 : 3_000;
const AFTER_MS = LONG ? 60_000 : 0;
/** Memory, in MiB: what is allowed beside half as much again as a quiet process has; and what the manifests allow in all. */
const ALLOWANCE_MIB = LONG ? 200 : 100;
const LIMIT_MIB = 512;

const OURS = 'pullpass-system';
const SYNC = 'pullpass.dev/sync';
const HIS = ['mallory-1', 'mallory-2'];
const COPIES = ['hub-copy', 'private-copy'];
const document = {
  ...configurationDocument(
    { name: 'hub', namespaces: { allow: ['*'], deny: ['denied', 'pullpass-*'] }, serviceAccounts: ['*'] },
    { name: 'private', namespaces: { allow: ['team-*'] } },
    { name: 'third', namespaces: { allow: ['third'] } },
  ),
  schedules: { audit: '0 6 * * *' },
};

let sandbox: Sandbox;
let cluster: Cluster;
let program: Program;
let tenant: Awaited<ReturnType<typeof createTenant>>;
let outside: ReturnType<typeof watchFromOutside>;
let attacking: Promise<void>;
const enough = new AbortController();
const quiet = { mib: 0, series: [] as string[], lines: 0, secrets: new Map<string, string>() };
/** Secrets of the tenant's that held what its namespace is not admitted for, whenever that was seen. */
const passed = new Set<string>();

beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
  await cluster.applyRbac(configurationSchema.parse(document));
  for (const name of ['hub', 'private', 'third'])
    await cluster.source({ namespace: OURS, name }, { [`${name}.corp`]: `pw-of-${name}` });
  for (const name of ['team-a', 'team-b', 'denied', ...HIS]) await cluster.namespace(name);
  for (const name of [...COPIES, 'own']) await cluster.secret('denied', name, { stringData: { key: 'value' } });
  tenant = await createTenant(sandbox, cluster, HIS, COPIES, SCALE);
  program = await startProgram(sandbox, { configuration: document, env: { LOG_LEVEL: 'info' } });
  await program.ready();
  await cluster.annotateNamespace('team-a', { [SYNC]: 'enabled' });
  await eventually(async () => expect(await cluster.login('team-a', 'private-copy')).toBeDefined());
  await report();
  await delay(1_000);
  quiet.mib = await residentMiB(program);
  quiet.series = await seriesOf(program);
  quiet.lines = program.logs.length;
  quiet.secrets = secretsElsewhere();

  outside = watchFromOutside(program);
  attacking = Promise.all([tenant.attack(enough.signal), guard(enough.signal)]).then(() => undefined);
  await delay(BEFORE_MS);
  // However slow the machine is, each act was done.
  await eventually(
    async () => {
      expect(tenant.acts.size).toBeGreaterThan(0);
      for (const [act, { done }] of tenant.acts)
        expect([act, done > (act.startsWith('flip accounts') ? 30 : 1)]).toEqual([act, true]);
    },
    LONG ? 300_000 : 60_000,
  );
}, BEFORE_MS + 420_000);
afterAll(async () => {
  enough.abort();
  await attacking;
  await outside.stop();
  await program.stop();
  await tenant.close();
  await cluster.close();
  await sandbox.stop();
});

const report = async (): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${await program.url()}/report`, { signal: AbortSignal.timeout(30_000) });
  return { status: answer.status, text: await answer.text() };
};
/** Their content by name, but for what Pullpass keeps for itself. */
function secretsElsewhere(): Map<string, string> {
  const all = sandbox.store.list('/secrets').filter(({ metadata }) => !HIS.includes(metadata.namespace ?? ''));
  return new Map(
    all
      .filter(({ metadata }) => metadata.name !== 'pullpass-state')
      .map(({ metadata: { namespace, name, labels }, ...secret }) => [
        `${namespace}/${name}`,
        JSON.stringify([labels, secret['type'], secret['data']]),
      ]),
  );
}
async function guard(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const namespace of HIS)
      for (const secret of sandbox.store.list('/secrets', namespace)) {
        const data = Object.values((secret['data'] ?? {}) as Record<string, string>);
        const text = data.map((value) => Buffer.from(value.slice(0, 4_000), 'base64').toString()).join();
        if (text.includes('pw-of-private')) passed.add(`${namespace}/${secret.metadata.name}`);
      }
    await delay(20);
  }
}
/** Figures for people: they are in the output of the run. */
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const reasons = async (namespace: string): Promise<string[]> =>
  (await cluster.events(namespace)).map(({ reason }) => reason);

test('the tenant is held to its own namespaces: what changes elsewhere, Pullpass did', async () => {
  expect(await isHeld(tenant.client, 'team-a')).toBe(true);
});

test('meanwhile another tenant opts in and is served, and a rotation reaches it', { timeout: 60_000 }, async () => {
  await cluster.annotateNamespace('team-b', { [SYNC]: 'enabled' });
  await eventually(async () => {
    expect(await cluster.login('team-b', 'private-copy')).toEqual({ 'private.corp': 'pw-of-private' });
    expect(await cluster.pullSecrets('team-b')).toEqual(COPIES);
  }, 15_000);
  await cluster.source({ namespace: OURS, name: 'hub' }, { 'hub.corp': 'pw-of-hub-2' });
  await eventually(async () => {
    for (const name of ['team-a', 'team-b'])
      expect(await cluster.login(name, 'hub-copy')).toEqual({ 'hub.corp': 'pw-of-hub-2' });
  }, 15_000);
});

test('meanwhile another tenant and the writer of a source are told what is wrong', { timeout: 90_000 }, async () => {
  await cluster.annotateNamespace('denied', { [SYNC]: 'enabled' });
  await cluster.patchSecret(OURS, 'third', {
    data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') },
  });
  await eventually(async () => {
    expect({ denied: await reasons('denied'), source: await reasons(OURS) }).toEqual({
      denied: expect.arrayContaining(['OptInDenied']) as string[],
      source: expect.arrayContaining(['SourceInvalid']) as string[],
    });
  }, 30_000);
});

test('meanwhile the page of the report is there, and escapes what the tenant wrote', { timeout: 60_000 }, async () => {
  const { status, text } = await report();
  expect(status).toBe(200);
  expect(text).toContain('mallory-1');
  for (const written of ['<script>alert', '\u202e', '\u001b']) expect(text.includes(written)).toBe(false);
});

test(
  'afterwards: the guard was never passed, and no Secret elsewhere was changed',
  { timeout: AFTER_MS + 60_000 },
  async () => {
    await delay(AFTER_MS);
    enough.abort();
    await attacking;
    expect([...passed]).toEqual([]);
    const now = secretsElsewhere();
    const changed = [...quiet.secrets].filter(([name, content]) => now.get(name) !== content).map(([name]) => name);
    // What was rotated, and what an administrator broke.
    expect(changed.sort()).toEqual(['pullpass-system/hub', 'pullpass-system/third', 'team-a/hub-copy']);
    expect([...now.keys()].filter((name) => !quiet.secrets.has(name)).sort()).toEqual([
      'team-b/hub-copy',
      'team-b/private-copy',
    ]);
  },
);

test('and it was healthy all the time, with bounded memory', () => {
  const acts = [...tenant.acts.values()].reduce((sum, { done }) => sum + done, 0);
  say(`${acts} acts; memory: ${quiet.mib.toFixed(0)} MiB quiet, ${outside.peakMiB.toFixed(0)} MiB at most`);
  expect(outside.unhealthy).toEqual([]);
  expect(outside.peakMiB).toBeLessThan(Math.min(LIMIT_MIB, 1.5 * quiet.mib + ALLOWANCE_MIB));
});

test('and no metric has a label from the tenant, nor more series than codes of the API server add', async () => {
  const added = (await seriesOf(program)).filter((series) => !quiet.series.includes(series));
  const own =
    /^(rest_client_requests_total|pullpass_(reconcile_duration_seconds\w*|events_dropped_total|watch_restarts_total|rotation_duration_seconds\w*))\{/;
  expect(added.filter((series) => !own.test(series))).toEqual([]);
  expect(added.length).toBeLessThan(100);
  expect(added.join()).not.toMatch(/mallory|script|sa-\d/);
});

test('and the log has a share for the tenant: few lines, none of them long, and what counts is in it', () => {
  const lines = program.logs.slice(quiet.lines).map((line) => JSON.stringify(line));
  const his = lines.filter((line) => line.includes('mallory'));
  say(`log: ${his.length} lines about the tenant in ${outside.seconds.toFixed(0)} s, ${lines.length} in all`);
  expect(his.length).toBeLessThan(2 * 50 + outside.seconds + 20);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(16_384);
  expect(lines.join('\n')).not.toContain('pw-of');
  expect(lines.filter((line) => line.includes('source refused'))).not.toEqual([]);
  expect(lines.filter((line) => line.includes('source changed'))).not.toEqual([]);
});
