/** `pullpass provider` as a process, started as its Deployment starts it: what Node's permission model lets it do is enough. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PROGRAM } from '../program.ts';
import { makeFolder, response } from '../provider/programs.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { ApiServer } from './env/api-server.ts';
import { CONTROLLER_NAMESPACE, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';

interface Deployment {
  spec: {
    template: { spec: { containers: { args: string[]; env: { name: string; value?: string }[] }[] } };
  };
}
const MANIFESTS = path.resolve(import.meta.dirname, '../../manifests/components/provider');
const manifest = parse(readFileSync(path.join(MANIFESTS, 'deployment.yaml'), 'utf8')) as Deployment;
const [container] = manifest.spec.template.spec.containers;

const folder = makeFolder();
let server: ApiServer;
let cluster: Cluster;
beforeAll(async () => {
  server = await startSandbox();
  cluster = await createCluster(server);
  await cluster.namespace(CONTROLLER_NAMESPACE);
});
afterAll(async () => {
  folder.remove();
  await cluster.close();
  await server.stop();
});

const REGISTRY = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const file = (name: string): string => path.join(folder.path, name);

/** As in the pod, with the files of this machine. */
function launch() {
  const kubeconfig = file('kubeconfig');
  writeFileSync(kubeconfig, server.adminKubeconfig());
  const nodeOptions = container?.env.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';
  const here: Record<string, string> = {
    '/etc/pullpass/provider.yaml': path.join(MANIFESTS, 'provider.yaml'),
    '/plugins': folder.path,
  };
  const args = (container?.args ?? []).map((arg) => here[arg] ?? arg);
  const child = spawn(process.execPath, [PROGRAM, ...args, '--kubeconfig', kubeconfig, '--address', '127.0.0.1:0'], {
    env: { PATH: process.env['PATH'], NODE_OPTIONS: nodeOptions, AWS_ROLE_ARN: 'arn', OTHER: 'of the pod' },
  });
  const program = { said: '', child, ended: new Promise((resolve) => child.once('exit', resolve)) };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (program.said += chunk.toString()));
  return program;
}

test('it asks, writes, serves, and ends cleanly at SIGTERM', async () => {
  const answer = response({ auth: { [REGISTRY]: { username: 'AWS', password: 'pw' } } });
  folder.script('ecr-credential-provider', `env >${file('env')}`, `echo '${answer}'`);
  const program = launch();
  try {
    await eventually(async () =>
      expect(await cluster.login(CONTROLLER_NAMESPACE, 'ecr-login'), program.said).toEqual({ [REGISTRY]: 'pw' }),
    );
    const env = readFileSync(file('env'), 'utf8');
    expect(env).toMatch(/^AWS_ROLE_ARN=arn$/m);
    expect(env).not.toMatch(/OTHER|KUBE|LOG_LEVEL/);
    const url = /"url":"([^"]+)"/.exec(program.said)?.[1] ?? '';
    await eventually(async () => expect(await (await fetch(`${url}/readyz`)).text()).toBe('ok\n'));
  } finally {
    program.child.kill('SIGTERM');
  }
  expect(await program.ended, program.said).toBe(0);
  expect(program.said).not.toContain('"pw"');
});

test('a plugin that hangs ends with it', async () => {
  await cluster.deleteSecret(CONTROLLER_NAMESPACE, 'ecr-login');
  folder.script('ecr-credential-provider', `echo $$ >${file('pid')}`, 'trap "" TERM', 'sleep 600');
  const program = launch();
  try {
    await eventually(async () => expect(readFileSync(file('pid'), 'utf8')).toMatch(/^\d+\n$/));
  } finally {
    program.child.kill('SIGTERM');
  }
  expect(await program.ended, program.said).toBe(0);
  const pid = Number(readFileSync(file('pid'), 'utf8'));
  await eventually(async () => expect(() => process.kill(pid, 0)).toThrow());
});
