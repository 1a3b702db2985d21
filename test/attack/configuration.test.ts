/** Whatever the configuration file becomes while the controller runs: it lives, says so once, and goes on with the one in force. */
import { execFileSync } from 'node:child_process';
import { rename, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram, type Program } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';

const DOCUMENT = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
const TEXT = stringify(DOCUMENT);
let sandbox: Sandbox;
let cluster: Cluster;

beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
  await cluster.applyRbac(configurationSchema.parse(DOCUMENT));
  await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'pw' });
});
afterAll(async () => {
  await cluster.close();
  await sandbox.stop();
});

/** As many items as fit. */
function filled(kilobytes: number, item: (i: number) => string): string {
  const items: string[] = [];
  for (let length = 0; length < kilobytes * 1000; length += items.at(-1)?.length ?? 1) items.push(item(items.length));
  return items.join('');
}

const writing = (text: string) => (program: Program) => replace(program, (file) => writeFile(file, text));

/** By a rename, as a kubelet does it: no half of a file is read. */
async function replace(program: Program, make: (file: string) => Promise<unknown>): Promise<void> {
  const next = `${program.configurationFile}.next`;
  await make(next);
  await rename(next, program.configurationFile);
}

test.each<[name: string, change: (program: Program) => Promise<void>]>([
  ['880 KB of sources', writing(TEXT.replace('sources:\n', `sources:\n${filled(880, () => '  - {}\n')}`))],
  ['500 KB of keys that come twice', writing(`${TEXT}x: {${filled(500, (i) => `k${i >> 1},`)}}\n`)],
  ['64 KB of unknown keys', writing(TEXT + filled(64, (i) => `k${i}: 1\n`))],
  ['a pipe that nobody writes to', (program) => replace(program, async (file) => execFileSync('mkfifo', [file]))],
])('%s: the process lives, answers, and keeps working', { timeout: 240_000 }, async (name, change) => {
  const tenant = `tenant-${name.replaceAll(/[^a-z0-9]/gi, '-').toLowerCase()}`;
  const program = await startProgram(sandbox, {
    configuration: TEXT,
    args: ['--no-leader-election'],
    identity: tenant,
  });
  try {
    await program.logged('in step with the API server', 90_000);
    await change(program);
    await program.logged('configuration refused, the one in force stays', 30_000);
    expect(await program.status('/livez')).toBe(200);
    expect((await program.page('/metrics')).text).toMatch(/^pullpass_config_last_reload_successful 0$/m);
    expect(program.logs.filter(({ msg }) => String(msg).includes('configuration refused')).length).toBeLessThan(60);
    await cluster.namespace(tenant, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await eventually(async () => expect(await cluster.getSecret(tenant, 'hub-copy')).toBeDefined(), 10_000);
  } finally {
    program.kill('SIGKILL');
    await program.stop();
  }
});
