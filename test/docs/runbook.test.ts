/** The commands of the runbook that change a source with kubectl and jq: run as they are printed, on every API server there is. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCluster } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { onEachServer } from '../integration/env/servers.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/operations.md'), 'utf8');
const [commands = ''] = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)]
  .map(([, text = '']) => text)
  .filter((text) => text.includes('kubectl replace'));

const missing = (['bash', 'kubectl', 'jq'] as const)
  .map((name) => findOnPath(name, `install ${name}`))
  .flatMap((found) => ('missing' in found ? [found.missing] : []));
for (const why of missing) test.skip(why, () => undefined);

onEachServer((server) => {
  let cluster: Cluster;
  let directory: string;
  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.namespace('pullpass-system');
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-runbook-'));
    await writeFile(path.join(directory, 'kubeconfig'), server().adminKubeconfig());
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
    await cluster.close();
  });

  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  function bash(script: string, password: string): Promise<{ code: number; stderr: string }> {
    return new Promise((resolve) => {
      const env = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: path.join(directory, 'kubeconfig') };
      const child = execFile('bash', ['-c', `set -o pipefail\n${script}`], { env }, (error, _, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stderr }),
      );
      child.stdin?.end(`${password}\n`);
    });
  }
  const content = async (): Promise<{ labels: unknown; config: unknown }> => {
    const secret = await cluster.getSecret('pullpass-system', 'upstream-registry');
    return {
      labels: secret?.metadata?.labels,
      config: JSON.parse(Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString()),
    };
  };
  const HUB = 'https://index.docker.io/v1/';
  const put = (config: object): Promise<unknown> =>
    cluster.secret('pullpass-system', 'upstream-registry', {
      metadata: { labels: { team: 'a' } },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': base64(JSON.stringify(config)) },
    });

  test.skipIf(missing.length > 0)('changes the one entry, and keeps all others and the labels', async () => {
    const others = { auths: { 'quay.io': { auth: 'eDp5' } }, credHelpers: { 'a.corp': 'ecr-login' } };
    await put({ ...others, auths: { [HUB]: { auth: 'b2xkOm9sZA==', email: 'x@y' }, ...others.auths } });
    expect(await bash(commands, 'n€w"\\ pw')).toMatchObject({ code: 0 });
    expect(await content()).toEqual({
      labels: { team: 'a' },
      config: {
        ...others,
        auths: {
          [HUB]: { username: 'USER', password: 'n€w"\\ pw', auth: base64('USER:n€w"\\ pw'), email: 'x@y' },
          ...others.auths,
        },
      },
    });
  });

  test.skipIf(missing.length > 0)(
    'is refused if somebody else wrote between read and write, and loses nothing',
    async () => {
      const meanwhile = `kubectl --namespace pullpass-system label secret upstream-registry other=writer >/dev/null`;
      const raced = commands.replace(
        '  kubectl replace',
        `  { cat > raced.json; ${meanwhile}; cat raced.json; } |\n  kubectl replace`,
      );
      expect(raced).not.toBe(commands);
      const before = await content();
      const { stderr } = await bash(`cd ${directory}\n${raced}`, 'other');
      expect(stderr).toMatch(/Conflict/);
      expect(await content()).toEqual({ ...before, labels: { team: 'a', other: 'writer' } });
    },
  );

  test.skipIf(missing.length > 0)('a mistyped registry changes nothing', async () => {
    const before = await content();
    const { stderr } = await bash(commands.replace(HUB, 'index.docker.io'), 'other');
    expect(stderr).toContain('the source has no entry index.docker.io');
    expect(await content()).toEqual(before);
  });
});
