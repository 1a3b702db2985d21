/** Commands by their options, without a process: what they ask, where what they say goes, and their exit status. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditCommand } from '../../src/cli/audit.ts';
import { matchCommand } from '../../src/cli/match.ts';
import { planCommand } from '../../src/cli/plan.ts';
import { pruneCommand } from '../../src/cli/prune.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { waitCommand } from '../../src/cli/wait.ts';
import { GOOD } from '../config/documents.ts';
import { createCluster, dockerConfig } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import { run } from './environment.ts';

describe('validate', () => {
  test('reads standard input, and says on standard output that it is valid', async () => {
    expect(await run(validateCommand, ['-'], { input: GOOD })).toMatchObject({
      status: 0,
      err: '',
      out: expect.stringMatching(/^stdin: valid, 1 source\n/) as string,
    });
  });

  test('says on standard error what is wrong, with status 1', async () => {
    expect(await run(validateCommand, ['-'], { input: `${GOOD}a: 1\n` })).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringMatching(/^stdin:7:1: a: is not a known key.*\n$/) as string,
    });
  });
});

describe('in a cluster', () => {
  let sandbox: Awaited<ReturnType<typeof startSandbox>>;
  let cluster: Cluster;
  let directory: string;
  let flags: string[];
  beforeAll(async () => {
    sandbox = await startSandbox();
    cluster = await createCluster(sandbox);
    await cluster.namespace('pullpass-system');
    await cluster.source({ namespace: 'pullpass-system', name: 'upstream-registry' }, { 'registry.corp': 'pw' });
    await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-commands-'));
    const files = { config: path.join(directory, 'config.yaml'), kubeconfig: path.join(directory, 'kubeconfig') };
    await writeFile(files.config, GOOD);
    await writeFile(files.kubeconfig, sandbox.adminKubeconfig());
    flags = ['--config', files.config, '--kubeconfig', files.kubeconfig];
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
    await cluster.close();
    await sandbox.stop();
  });

  describe('with --namespaces', () => {
    test('plan is about the list, whatever the annotations, and says which are not there', async () => {
      const listed = ['--namespaces', 'team,nowhere'];
      const { out, err, status } = await run(planCommand, [...flags, ...listed]);
      expect([err, status]).toEqual(['', 2]);
      expect(out).toContain('! nowhere: is listed, and is not there or has no ServiceAccount yet');
      expect(out).toContain('2 changes pending in 1 of 1 namespace of the 2 listed.');
      const { out: json } = await run(planCommand, [...flags, ...listed, '--output', 'json']);
      expect(JSON.parse(json)).toMatchObject({ listed: ['team', 'nowhere'], absent: ['nowhere'], pending: 1 });
    });

    test('audit says on top of how many namespaces it speaks, and takes no --namespace beyond', async () => {
      const { out } = await run(auditCommand, [...flags, '--namespaces', 'team,nowhere']);
      expect(out).toMatch(/^Audit of .*, of the 2 namespaces listed\n/);
      expect(out).toMatch(/NOT SEEN\n {2}Not checked, because of the list of 2 namespaces/);
      await expect(run(auditCommand, [...flags, '--namespaces', 'team', '--namespace', 'default'])).rejects.toThrow(
        'audit: --namespace default is not in the list of --namespaces',
      );
      const one = await run(auditCommand, [...flags, '--namespaces', 'team,nowhere', '--namespace', 'team']);
      expect(one.out).toMatch(/^Audit of .*, namespace team\n/);
    });

    test('prune and wait --scan look there only', async () => {
      await cluster.secret('default', 'elsewhere', {
        type: 'kubernetes.io/dockerconfigjson',
        data: dockerConfig({ 'registry.corp': 'pw' }),
      });
      expect(await run(pruneCommand, [...flags, '--namespaces', 'team'])).toMatchObject({
        out: 'Nothing to remove: no copy and no reference of Pullpass is left in the 1 namespace listed.\n',
      });
      const wait = [...flags, '--source', 'upstream', '--timeout', '0', '--scan'];
      const inTeam = await run(waitCommand, [...wait, '--namespaces', 'team']);
      expect(inTeam.err).toContain('scan: no other pull Secret of the 1 namespace listed has a login');
      expect((await run(waitCommand, wait)).err).toContain('default/elsewhere');
      await cluster.deleteSecret('default', 'elsewhere');
    });
  });

  test('plan ends with 2 where something is pending', async () => {
    expect(await run(planCommand, flags)).toMatchObject({
      status: 2,
      err: '',
      out: expect.stringMatching(/2 changes pending in 1 of \d+ namespaces\.\n$/) as string,
    });
  });

  test('wait says on standard error how far it is and, when it is not in time, what is behind', async () => {
    expect(await run(waitCommand, [...flags, '--source', 'upstream', '--timeout', '0'])).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringMatching(/^upstream: 0\/1 copies\nnot complete: .*\n {2}1 copies: team\n$/) as string,
    });
  });

  test('match reads the pull Secrets of a ServiceAccount', async () => {
    await cluster.serviceAccount('team', 'app', { imagePullSecrets: [{ name: 'gone' }] });
    const args = ['registry.corp/app', ...flags.slice(2), '--namespace', 'team', '--service-account', 'app'];
    expect(await run(matchCommand, args)).toMatchObject({
      status: 4,
      err: 'Secret "gone": does not exist; kubelets go on without it, with a Warning Event on each pull\n',
    });
  });

  describe('prune', () => {
    const left = () => cluster.getSecret('team', 'upstream-registry');
    beforeAll(() =>
      cluster.secret('team', 'upstream-registry', { metadata: { labels: { 'pullpass.dev/source': 'upstream' } } }),
    );

    test('removes nothing where nobody can be asked', async () => {
      await expect(run(pruneCommand, flags)).rejects.toThrow(/^prune: .*standard input is not a terminal; use --yes$/);
      expect(await left()).toBeDefined();
    });

    test.each(['', 'n', 'nay', 'yesterday'])('takes %j for no: status 1', async (answer) => {
      expect(await run(pruneCommand, flags, { answer })).toMatchObject({
        status: 1,
        out: expect.stringMatching(/\nNothing was changed\.\n$/) as string,
        asked: [expect.stringMatching(/^Remove 1 copy and .*\? Pods .* \[y\/N\] $/) as string],
      });
      expect(await left()).toBeDefined();
    });

    test('takes y for yes', async () => {
      expect(await run(pruneCommand, flags, { answer: ' Y ' })).toMatchObject({ status: 0 });
      expect(await left()).toBeUndefined();
    });

    test('with --yes does not ask', async () => {
      await cluster.secret('team', 'upstream-registry', {
        metadata: { labels: { 'pullpass.dev/source': 'upstream' } },
      });
      expect(await run(pruneCommand, [...flags, '--yes'])).toMatchObject({ status: 0, asked: [] });
      expect(await left()).toBeUndefined();
    });
  });
});
