/** A slip in the configuration takes nothing from anybody until it is confirmed: reloads, restarts, other leaders. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { runAudit } from '../../src/commands/audit.ts';
import { pendingIn } from '../../src/commands/cluster-plan.ts';
import { renderPlan } from '../../src/commands/plan-text.ts';
import { textOf } from '../../src/commands/wait-output.ts';
import { runWait } from '../../src/commands/wait-run.ts';
import { confirmationOf } from '../../src/config/confirmation.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { observeRotations } from '../../src/rotation/progress.ts';
import { planCluster, readCluster } from '../../src/sources/snapshot.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, dockerConfig, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const ENABLED = { 'pullpass.dev/sync': 'enabled' };
const ELECTION = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 };
const HUB = { name: 'hub', namespaces: { allow: ['br-*'] } };
const CORP = { name: 'corp', namespaces: { allow: ['br-*'] } };
const good = configuration(HUB, CORP);
const slip = configuration({ ...HUB, namespaces: { allow: [] } }, CORP);
/** Puts everything back, whatever a test before has left. */
const tidying: Configuration = { ...good, retiredCopyNames: ['new-copy'] };
const pull = (...names: string[]): string[] => names.map((name) => `${name}-copy`);
/** As the line that `plan` prints does it. */
const withLine = (config: Configuration, line: string): Configuration =>
  configurationSchema.parse({ ...config, confirmRemoval: /"(\w+)"/.exec(line)?.[1] });

onEachServer((server) => {
  const names = Array.from({ length: 12 }, (_, i) => `br-${String(i).padStart(2, '0')}`);
  let cluster: Cluster;
  let directory: string;
  let file: string;
  let uids: (string | undefined)[];
  const controllers: Controller[] = [];

  const findings = async (config: Configuration): Promise<string[]> => {
    const { report } = await runAudit({
      client: cluster.admin,
      configuration: config,
      controller: { namespace: CONTROLLER_NAMESPACE, name: 'pullpass' },
      output: 'json',
      color: false,
    });
    return report.findings.map(({ rule }) => rule);
  };
  const source = (name: string, password: string): Promise<void> =>
    cluster.source({ namespace: CONTROLLER_NAMESPACE, name }, { [`${name}.corp`]: password });
  const uidsNow = async (): Promise<(string | undefined)[]> =>
    Promise.all(names.map(async (name) => (await cluster.getSecret(name, 'hub-copy'))?.metadata?.uid));
  const write = (config: Configuration): Promise<void> => writeFile(file, stringify(config));
  const start = async (
    config: Configuration,
    options: Parameters<Cluster['controller']>[1] = {},
  ): Promise<Controller> => {
    await write(config);
    const controller = await cluster.controller(config, {
      configurationFile: file,
      timings: { configurationMs: 50, election: ELECTION },
      ...options,
    });
    controllers.push(controller);
    return controller;
  };
  const said = async ({ logs }: Controller, text: string, times = 1): Promise<void> =>
    eventually(async () => {
      await Promise.resolve();
      expect(logs.filter(({ msg }) => String(msg).includes(text)).length).toBeGreaterThanOrEqual(times);
    });
  const removals = (): string[] =>
    controllers.flatMap((controller) => controller.writes().filter((line) => line.startsWith('delete secrets')));
  const planned = async (config: Configuration) =>
    planCluster(await readCluster(cluster.admin, config, CONTROLLER_NAMESPACE), {}, config);
  /** Everybody has all that they had, and it is the very same. */
  async function nothingIsGone(): Promise<void> {
    expect(removals()).toEqual([]);
    expect(await uidsNow()).toEqual(uids);
    for (const name of names) expect([name, await cluster.pullSecrets(name)]).toEqual([name, pull('corp', 'hub')]);
  }

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-brake-'));
    file = path.join(directory, 'config.yaml');
    cluster = await createCluster(server());
    await cluster.applyRbac(good);
    await Promise.all(names.map((name) => cluster.namespace(name, { annotations: ENABLED })));
  });
  beforeEach(async () => {
    for (const name of ['hub', 'corp']) await source(name, 'one');
    const first = await start({ ...tidying, confirmRemoval: confirmationOf(tidying).value });
    await eventually(async () => {
      for (const name of names) expect(await cluster.pullSecrets(name)).toEqual(pull('corp', 'hub'));
    });
    await first.stop();
    controllers.length = 0;
    uids = await uidsNow();
  });
  afterEach(async () => {
    await Promise.all(controllers.splice(0).map((controller) => controller.stop()));
  });
  afterAll(async () => {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  });

  describe('a reload that would shut out twelve namespaces', () => {
    test('is held and told; taken back, nothing was gone, not even for a moment', async () => {
      const controller = await start(good);
      await said(controller, 'in step');
      await write(slip);
      await said(controller, 'removal held: the configuration would take copies or references away from 12 namespaces');
      await nothingIsGone();
      await eventually(async () => {
        const told = (await cluster.events(CONTROLLER_NAMESPACE)).find(({ reason }) => reason === 'RemovalHeld');
        expect(told).toMatchObject({
          type: 'Warning',
          regarding: { kind: 'Namespace', name: CONTROLLER_NAMESPACE },
          note: expect.stringMatching(/confirmRemoval: "[0-9a-f]{12}"$/) as string,
        });
      });
      expect(await findings(slip)).toContain('PP092');
      expect(await findings(good)).not.toContain('PP092');
      await write(good);
      await said(controller, 'removals are no longer held');
      await cluster.settled(good);
      await nothingIsGone();
    });

    test('goes on with everything else: another source, a rotation; what is kept is behind for `wait`', async () => {
      const controller = await start(good);
      await write(slip);
      await said(controller, 'removal held');
      await cluster.namespace('br-new', { annotations: ENABLED });
      await eventually(async () => expect(await cluster.pullSecrets('br-new')).toEqual(pull('corp')));
      for (const name of ['hub', 'corp']) await source(name, 'two');
      await eventually(async () => expect(await cluster.login('br-00', 'corp-copy')).toEqual({ 'corp.corp': 'two' }));
      expect(await cluster.login('br-00', 'hub-copy')).toEqual({ 'hub.corp': 'one' });
      const wait = async (name: string) =>
        runWait({
          source: name,
          timeoutMs: 20_000 * Number(name === 'corp'),
          signal: new AbortController().signal,
          progress: () => undefined,
          observe: async () =>
            observeRotations({
              client: cluster.admin,
              configuration: slip,
              snapshot: await readCluster(cluster.admin, slip, CONTROLLER_NAMESPACE),
            }),
        }).then((waited) => ({ exitCode: waited.exitCode, text: textOf(waited).trimEnd() }));
      expect(await wait('corp')).toMatchObject({ exitCode: 0 });
      expect(await wait('hub')).toMatchObject({
        exitCode: 1,
        text: expect.stringContaining(
          '12 copies that are to be removed are kept by the brake, with the old credential: br-00, br-01',
        ) as string,
      });
      await cluster.deleteNamespace('br-new');
      await nothingIsGone();
    });

    test('goes through with the line that `plan` prints, and only with that one', async () => {
      const controller = await start(good);
      await write({ ...slip, confirmRemoval: '0123456789ab' });
      await said(controller, 'confirmRemoval confirms another configuration');
      await said(controller, 'removal held');
      const text = renderPlan(await planned(slip), 'table', false);
      expect(text).toContain(
        '! held: the configuration would take copies or references away from 12 namespaces (br-00, br-01, br-02, br-03, br-04 and 7 more)',
      );
      expect(pendingIn(await planned(slip))).toEqual([]);
      await nothingIsGone();

      const confirmed = withLine(slip, text);
      const worse = configurationSchema.parse({
        ...confirmed,
        sources: confirmed.sources.map((each) => ({ ...each, serviceAccounts: [] })),
      });
      await write(worse);
      await said(controller, 'removal held', 2);
      await nothingIsGone();
      await write(confirmed);
      await eventually(async () => {
        expect((await uidsNow()).filter((uid) => uid !== undefined)).toEqual([]);
        for (const name of names) expect(await cluster.pullSecrets(name)).toEqual(pull('corp'));
      });
      expect((await planned(confirmed)).held).toBeUndefined();
    });
  });

  test.each<[string, Configuration]>([
    ['serviceAccounts: []', configuration({ ...HUB, serviceAccounts: [] }, CORP)],
    ['one bad glob in deny', configuration({ ...HUB, namespaces: { allow: ['br-*'], deny: ['b*'] } }, CORP)],
    ['a dropped source whose copy name is retired', { ...configuration(CORP), retiredCopyNames: ['hub-copy'] }],
    [
      'a copy name that was changed, the old one retired',
      { ...configuration({ ...HUB, copyName: 'new-copy' }, CORP), retiredCopyNames: ['hub-copy'] },
    ],
  ])('%s is held as well', async (_, config) => {
    const controller = await start(good);
    await cluster.applyRbac(config);
    await write(config);
    await said(controller, 'removal held');
    // New copies and references come all the same.
    await eventually(async () => expect(pendingIn(await planned(config))).toEqual([]));
    expect(removals()).toEqual([]);
    expect(await uidsNow()).toEqual(uids);
    for (const name of names)
      expect(await cluster.pullSecrets(name)).toEqual(expect.arrayContaining(pull('corp', 'hub')));
  });

  test('ten namespaces are not many: they lose theirs, and the others keep it', async () => {
    const ten = configuration({ ...HUB, namespaces: { allow: ['br-*'], deny: ['br-0*'] } }, CORP);
    const controller = await start(good);
    await write(ten);
    await eventually(async () => expect((await uidsNow()).filter((uid) => uid !== undefined)).toEqual(uids.slice(10)));
    expect(controller.logs.map(({ msg }) => msg)).not.toContainEqual(expect.stringContaining('removal held'));
  });

  test('a start with a slip is held, and so it is by the next leader', async () => {
    const a = await start(slip, { leaderElection: true, identity: 'a' });
    const b = await start(slip, { leaderElection: true, identity: 'b' });
    await said(a, 'removal held');
    await nothingIsGone();
    // Whoever does not lead does not count.
    expect(b.logs.map(({ msg }) => msg)).not.toContainEqual(expect.stringContaining('removal held'));
    await a.stop();
    await said(b, 'removal held');
    await cluster.annotateNamespace('br-00', { other: 'change' });
    await nothingIsGone();
    await b.stop();
  });

  test('what can be read only after a while counts as well: held, until by itself it has become small enough', async () => {
    const retiring: Configuration = { ...good, retiredCopyNames: ['late-copy'] };
    const labels = { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/source': 'late' };
    await Promise.all(
      names.map((name) =>
        cluster.secret(name, 'late-copy', {
          metadata: { labels },
          type: 'kubernetes.io/dockerconfigjson',
          data: dockerConfig({ 'late.corp': 'pw' }),
        }),
      ),
    );
    const left = async (): Promise<string[]> =>
      (
        await Promise.all(names.map(async (name) => ((await cluster.getSecret(name, 'late-copy')) ? [name] : [])))
      ).flat();
    const controller = await start(good, {
      timings: { configurationMs: 50, reflector: { minBackoffMs: 100, maxBackoffMs: 200 } },
    });
    await write(retiring);
    await said(controller, 'cannot list secrets named "late-copy"');
    // Nothing to remove was seen so far: who opts out goes.
    await cluster.annotateNamespace('br-11', { 'pullpass.dev/sync': 'disabled' });
    await eventually(async () => expect(await cluster.pullSecrets('br-11')).toEqual([]));

    await cluster.applyRbac(retiring);
    await said(controller, 'removal held');
    expect(await left()).toEqual(names);
    for (const name of names.slice(0, 2)) await cluster.deleteSecret(name, 'late-copy');
    await eventually(async () => expect(await left()).toEqual([]));
    await cluster.annotateNamespace('br-11', ENABLED);
  });

  test('a start with a confirmed slip goes through: a restart does not ask again', async () => {
    const controller = await start(withLine(slip, renderPlan(await planned(slip), 'table', false)));
    await said(controller, 'removal confirmed by the configuration');
    await eventually(async () => expect((await uidsNow()).filter((uid) => uid !== undefined)).toEqual([]));
  });

  test('tenants who opt out under a held configuration wait with the others; when the slip is taken back they go, and only they', async () => {
    const controller = await start(slip);
    await said(controller, 'removal held');
    await cluster.annotateNamespace('br-00', { 'pullpass.dev/sync': 'disabled' });
    // What comes later has arrived: so was this looked at.
    await source('corp', 'two');
    await eventually(async () => expect(await cluster.login('br-01', 'corp-copy')).toEqual({ 'corp.corp': 'two' }));
    expect(await cluster.pullSecrets('br-00')).toEqual(pull('corp', 'hub'));
    expect(removals()).toEqual([]);
    await write(good);
    await eventually(async () => expect(await cluster.pullSecrets('br-00')).toEqual([]));
    expect((await uidsNow()).slice(1)).toEqual(uids.slice(1));
    await cluster.annotateNamespace('br-00', ENABLED);
  });
});
