/** The process as the manifests start it: what it may not do, and that it works with that. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument, eventually } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { onSandbox } from './on-sandbox.ts';

const file = path.join(import.meta.dirname, '..', '..', 'manifests', 'deployment.yaml');
const deployment = parse(readFileSync(file, 'utf8')) as {
  spec: { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } };
};
const [container] = deployment.spec.template.spec.containers;
const NODE_OPTIONS = container?.env.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';

const on = onSandbox();

test.each([
  ['starts programs', `require('node:child_process').execSync('id')`, 'ERR_ACCESS_DENIED'],
  ['starts threads', `new (require('node:worker_threads').Worker)('1', { eval: true })`, 'ERR_ACCESS_DENIED'],
  ['writes files', `require('node:fs').writeFileSync('/tmp/pullpass-probe', '')`, 'ERR_ACCESS_DENIED'],
  ['loads native code', `process.dlopen({ exports: {} }, '/tmp/pullpass-probe.node')`, 'ERR_DLOPEN_DISABLED'],
])('nothing %s', (_, script, code) => {
  const said = execFileSync(
    process.execPath,
    ['-e', `try { ${script}; console.log('done') } catch (e) { console.log(e.code) }`],
    {
      env: { PATH: process.env['PATH'], NODE_OPTIONS },
      encoding: 'utf8',
    },
  );
  expect(said.trim()).toBe(code);
});

test('with these options it copies, rotates and reloads; no debugger opens, and no memory goes into a core dump', async () => {
  const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
  await on.cluster.applyRbac(configurationSchema.parse(document));
  const secret = { namespace: 'pullpass-system', name: 'hub' };
  await on.cluster.source(secret, { 'registry.corp': 'one' });
  await on.cluster.namespace('team-a', { annotations: { 'pullpass.dev/sync': 'enabled' } });
  const program = await startProgram(on.sandbox, { configuration: document, env: { NODE_OPTIONS } });
  const holds = (password: string): Promise<void> =>
    eventually(async () => expect(await on.cluster.login('team-a', 'hub-copy')).toEqual({ 'registry.corp': password }));
  await holds('one');
  program.kill('SIGUSR1');
  await on.cluster.source(secret, { 'registry.corp': 'two' });
  await holds('two');
  expect(program.stderr.join('\n')).not.toMatch(/debugger|inspector/i);
  expect(readFileSync(`/proc/${program.pid}/coredump_filter`, 'utf8').trim()).toBe('00000000');
  await program.stop();
  expect(await program.exited).toBe(0);
}, 60_000);
