/** Another controller takes our reference out of each ServiceAccount, every time it sees it there. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import type { Program } from '../integration/env/program.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { paths } from '../../src/kube/paths.ts';
import { eventsOf } from '../kube/events-of.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';

const CONTESTED = ['team-a', 'team-b', 'team-c'];
const SECONDS = Number(process.env['PULLPASS_UNDONE_SECONDS'] ?? 6);

let sandbox: Sandbox;
let cluster: Cluster;
let program: Program;
/** Ends the other controller. */
const leave = new AbortController();
let undone = 0;

/** Argo CD's self-heal, as fast as a program can be: puts the list of Git back at each watch event. */
async function selfHeal(): Promise<void> {
  const options = { query: { watch: true }, signal: leave.signal };
  type Account = { metadata: { namespace: string; name: string }; imagePullSecrets?: { name: string }[] };
  for await (const { object } of eventsOf<Account>(cluster.admin, '/api/v1/serviceaccounts', options)) {
    const { namespace, name } = object.metadata;
    if (!CONTESTED.includes(namespace) || object.imagePullSecrets?.some((each) => each.name === 'hub-copy') !== true)
      continue;
    undone++;
    await cluster.admin.patch(
      paths.serviceAccounts(namespace, name),
      'application/merge-patch+json',
      { imagePullSecrets: [{ name: 'from-git' }] },
      { query: { fieldManager: 'argocd-controller' } },
    );
  }
}

/** A policy that deletes a copy wherever it appears. */
async function wipe(): Promise<void> {
  const query = { watch: true, fieldSelector: 'metadata.name=hub-copy' };
  const options = { query, signal: leave.signal };
  type Secret = { metadata: { namespace: string } };
  for await (const { type, object } of eventsOf<Secret>(cluster.admin, '/api/v1/secrets', options))
    if (type === 'ADDED' && object.metadata.namespace === 'wiped')
      await cluster.deleteSecret('wiped', 'hub-copy').catch(() => undefined);
}

beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
  const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
  await cluster.applyRbac(configurationSchema.parse(document));
  await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'old' });
  for (const name of [...CONTESTED, 'wiped', 'bystander', 'late']) await cluster.namespace(name);
  for (let i = 0; i < 4; i++) await cluster.serviceAccount('team-a', `app-${i}`);
  program = await startProgram(sandbox, {
    configuration: document,
    args: ['--no-leader-election'],
    env: { LOG_LEVEL: 'info' },
  });
  await program.ready();
}, 60_000);
afterAll(async () => {
  leave.abort();
  await program.stop();
  await cluster.close();
  await sandbox.stop();
});

const optIn = (name: string): Promise<void> => cluster.annotateNamespace(name, { 'pullpass.dev/sync': 'enabled' });
const writesTo = (namespace: string, resource = 'serviceaccounts'): number =>
  sandbox
    .requests()
    .filter(
      (each) =>
        each.verb === 'patch' &&
        each.resource === resource &&
        each.user.includes('pullpass') &&
        each.namespace === namespace,
    ).length;
const linesOf = (namespace: string): unknown[] => program.logs.filter((line) => line['namespace'] === namespace);
async function contestedAccounts(): Promise<string | undefined> {
  return /^pullpass_contested_objects\{kind="ServiceAccount"\} (\d+)$/m.exec(
    (await program.page('/metrics')).text,
  )?.[1];
}

test(
  'each write is undone: the writes become rare, it is told once, and everybody else is served',
  { timeout: 60_000 },
  async () => {
    const others = [selfHeal(), wipe()].map((other) => other.catch(() => undefined));
    await cluster.annotateNamespace('team-a', { 'pullpass.dev/service-accounts': '*' });
    for (const name of [...CONTESTED, 'wiped']) await optIn(name);
    await optIn('bystander');
    const began = performance.now();
    await eventually(async () => expect(await cluster.pullSecrets('bystander')).toEqual(['hub-copy']), 5_000);

    // A rotation reaches every namespace, the contested ones too: their copies are not contested.
    await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'new' });
    await eventually(async () => {
      for (const name of [...CONTESTED, 'bystander'])
        expect(await cluster.login(name, 'hub-copy')).toEqual({ 'registry.corp': 'new' });
    }, 5_000);
    await optIn('late');
    await eventually(async () => expect(await cluster.pullSecrets('late')).toEqual(['hub-copy']), 5_000);

    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000 - (performance.now() - began)));
    expect(undone).toBeGreaterThan(3);
    for (const name of CONTESTED) {
      // Four at once, then after 1, 2, 4, 8 seconds: 12 in two minutes.
      const accounts = name === 'team-a' ? 5 : 1;
      expect(writesTo(name)).toBeLessThan(16 * accounts);
      expect(linesOf(name).length).toBeLessThan(30);
    }
    expect(writesTo('wiped', 'secrets')).toBeLessThan(16);
    const noted = async (name: string): Promise<string[]> =>
      (await cluster.events(name)).map(({ reason, type, regarding, note }) =>
        [reason, type, regarding.kind, note].join(' '),
      );
    const told = (what: string, by: string): string[] => [
      expect.stringMatching(
        new RegExp(
          `^WriteUndone Warning Namespace Another writer undoes each write of Pullpass: ${what}\\. It is ${by}.* docs/argo-cd.md$`,
        ),
      ) as string,
    ];
    const argo = 'field manager "argocd-controller" \\(Argo CD\\), Update, 20';
    const list = 'imagePullSecrets of ServiceAccount';
    await eventually(async () => {
      expect(await noted('team-a')).toEqual(told(`${list} "app-0", "app-1", "app-2" and others`, argo));
      for (const name of ['team-b', 'team-c']) expect(await noted(name)).toEqual(told(`${list} "default"`, argo));
      expect(await noted('wiped')).toEqual(told('copy "hub-copy"', 'a writer that deletes it'));
      expect(await contestedAccounts()).toBe('7');
    }, 15_000);

    // The other leaves the list alone, as with `ignoreDifferences`: the reference comes, and stays.
    leave.abort();
    await Promise.all(others);
    await eventually(
      async () => {
        for (const name of CONTESTED) expect(await cluster.pullSecrets(name)).toEqual(['from-git', 'hub-copy']);
        expect(await cluster.login('wiped', 'hub-copy')).toEqual({ 'registry.corp': 'new' });
      },
      2 * SECONDS * 1_000,
    );
  },
);
