/** `--namespaces`: with rights in a few namespaces only, the same promises hold there, and nothing is asked for elsewhere. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAudit } from '../../src/commands/audit.ts';
import { runPrune } from '../../src/commands/prune.ts';
import { STOP_TIMINGS } from '../../src/commands/running-controller.ts';
import { awaitRotation } from '../../src/commands/wait.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { missingRights } from '../../src/controller/missing-rights.ts';
import type { ManagerOptions } from '../../src/controller/manager-options.ts';
import { paths } from '../../src/kube/paths.ts';
import { planCluster, readCluster } from '../../src/sources/snapshot.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const SOURCE = { namespace: CONTROLLER_NAMESPACE, name: 'hub' };
const FAST = { timings: { reflector: { maxBackoffMs: 500 } } };

onEachServer((server) => {
  const config = configuration({
    name: 'hub',
    namespaces: { allow: ['*'], deny: ['kube-*', 'pullpass-system', 'denied'] },
  });
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config, { namespaces: [] });
    await cluster.source(SOURCE, { 'registry.corp': 'pw-1' });
  });
  afterAll(async () => cluster.close());

  /** A controller with exactly the rights in these namespaces. */
  const start = (
    namespaces: string[],
    options: Partial<Pick<ManagerOptions, 'identity' | 'leaderElection'>> & { of?: Configuration } = {},
  ): Promise<Controller> => cluster.controller(options.of ?? config, { ...FAST, ...options, namespaces });
  const messages = ({ logs }: Controller): unknown[] => logs.map(({ msg }) => msg);
  const hasCopy = (namespace: string, password = 'pw-1'): Promise<void> =>
    eventually(async () => {
      expect(await cluster.login(namespace, 'hub-copy')).toEqual({ 'registry.corp': password });
      expect(await cluster.pullSecrets(namespace)).toEqual(['hub-copy']);
    });
  const wait = async (listed: string[] | undefined): Promise<string> => {
    const { client, close } = await cluster.asController();
    const said: string[] = [];
    const say = (text: string): void => void said.push(text);
    await awaitRotation(
      { writeOut: say, writeErr: say },
      {
        ...{ client, configuration: config, source: 'hub', namespace: CONTROLLER_NAMESPACE, listed, timeoutMs: 20_000 },
        signal: new AbortController().signal,
      },
    ).finally(close);
    return said.join('');
  };
  const prune = async (listed: string[] | undefined): Promise<string> => {
    const said: string[] = [];
    await runPrune({
      ...{ client: cluster.admin, configuration: config, namespace: CONTROLLER_NAMESPACE, listed },
      write: (line) => void said.push(line),
      confirm: () => Promise.resolve(true),
      signal: new AbortController().signal,
      timings: { ...STOP_TIMINGS, lookAgain: 0 },
    });
    return said.join('\n');
  };

  test('the list is the opt-in: no annotation is needed, none elsewhere counts, and the guard has the last word', async () => {
    await cluster.namespace('team');
    await cluster.namespace('denied');
    await cluster.namespace('unlisted', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.serviceAccount('team', 'builder', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.serviceAccount('team', 'other');
    const controller = await start(['team', 'denied']);
    await hasCopy('team');
    await eventually(async () => expect(await cluster.pullSecrets('team', 'builder')).toEqual(['hub-copy']));
    expect(await cluster.pullSecrets('team', 'other')).toEqual([]);
    await eventually(async () =>
      expect(await cluster.events('denied')).toContainEqual(
        expect.objectContaining({
          reason: 'OptInDenied',
          regarding: expect.objectContaining({ name: 'denied' }) as object,
        }),
      ),
    );
    for (const namespace of ['denied', 'unlisted', CONTROLLER_NAMESPACE])
      expect(await cluster.getSecret(namespace, 'hub-copy')).toBeUndefined();
    expect(controller.calls.filter(({ code }) => code === 403)).toEqual([]);
    await controller.stop();
  });

  test('a rotation reaches each of them, and `wait` says of how many it speaks', async () => {
    for (const name of ['first', 'second']) await cluster.namespace(name);
    const controller = await start(['first', 'second']);
    for (const name of ['first', 'second']) await hasCopy(name);
    await cluster.source(SOURCE, { 'registry.corp': 'pw-2' });
    for (const name of ['first', 'second']) await hasCopy(name, 'pw-2');
    expect(await wait(['second', 'first'])).toMatch(
      /complete: the old credential can be revoked.*2\/2 copies[^]*Looked at: the 2 namespaces listed, and no others/,
    );
    // It would say "complete" of namespaces that are not those of the controller.
    for (const other of [['first'], undefined])
      await expect(wait(other)).rejects.toThrow(/^wait: the controller looks after 2 namespaces .*give both the same/);
    await controller.stop();
    await cluster.source(SOURCE, { 'registry.corp': 'pw-1' });
  });

  test('one that does not exist holds up none of the others, and gets its copy once it is there', async () => {
    await cluster.namespace('here');
    const controller = await start(['here', 'later']);
    await hasCopy('here');
    expect(messages(controller)).toContainEqual(
      expect.stringMatching(/^namespace "later": it is listed, and there is no right in it/),
    );
    expect(controller.logs.filter(({ level, msg }) => level === 'error' && !String(msg).includes('"later"'))).toEqual(
      [],
    );

    await cluster.namespace('later');
    await cluster.applyRbac(config, { namespaces: ['here', 'later'] });
    await hasCopy('later');
    await controller.stop();
  });

  test('with wider rights than its own, an absent one is told by name, and nothing is written', async () => {
    await cluster.namespace('present');
    const planned = planCluster(await readCluster(cluster.admin, config, CONTROLLER_NAMESPACE, ['present', 'nowhere']));
    expect(planned).toMatchObject({ total: 1, listed: ['present', 'nowhere'], absent: ['nowhere'] });
    expect(planned.namespaces.map(({ namespace }) => namespace)).toEqual(['present']);
  });

  test('one that is deleted and made again gets its copy again', async () => {
    await cluster.namespace('again');
    await cluster.namespace('stays');
    const controller = await start(['again', 'stays']);
    await hasCopy('again');
    await cluster.deleteNamespace('again');
    await eventually(async () => {
      await expect(cluster.admin.get(paths.namespaces('again'))).rejects.toMatchObject({ code: 404 });
    });
    await cluster.namespace('again');
    await cluster.applyRbac(config, { namespaces: ['again', 'stays'] });
    await hasCopy('again');
    expect(controller.logs.filter(({ level }) => level === 'error')).toEqual([]);
    await controller.stop();
  });

  test('what is taken off the list keeps its copy, is told, and can be cleaned up while the controller runs', async () => {
    for (const name of ['kept', 'left']) await cluster.namespace(name);
    const before = await start(['kept', 'left'], { leaderElection: true });
    for (const name of ['kept', 'left']) await hasCopy(name);
    // The state, which holds the list, is saved before any copy is written.
    await before.stop();

    const after = await start(['kept'], { leaderElection: true });
    await eventually(async () => {
      expect(messages(after)).toContainEqual(
        expect.stringMatching(/^left is no longer listed: .*pullpass prune --namespaces left$/),
      );
      return Promise.resolve();
    });
    await hasCopy('left');
    await expect(prune(['kept'])).rejects.toThrow(/^prune: the controller is running/);
    expect(await prune(['left'])).toMatch(/Removed 1 copy and the references of 1 ServiceAccount in 1 namespace\.$/);
    expect(await cluster.getSecret('left', 'hub-copy')).toBeUndefined();
    expect(await cluster.pullSecrets('left')).toEqual([]);
    // What the controller still needs is there.
    await hasCopy('kept');
    expect(await cluster.getSecret(CONTROLLER_NAMESPACE, 'pullpass-state')).toBeDefined();
    await after.stop();
    expect(await prune(['kept'])).toContain('state of the controller');
    expect(await cluster.getSecret(CONTROLLER_NAMESPACE, 'pullpass-state')).toBeUndefined();
  });

  test('a part of the list is not pruned: the controller would put it back', async () => {
    for (const name of ['one', 'two']) await cluster.namespace(name);
    const controller = await start(['one', 'two']);
    await hasCopy('one');
    await controller.stop();
    await expect(prune(['one'])).rejects.toThrow(/^prune: the controller looks after one, two: give all of them/);
    await hasCopy('one');
  });

  test('an audit says what it does not check, and finds nothing wrong where all is well', async () => {
    for (const name of ['audited', 'broken']) await cluster.namespace(name);
    const controller = await start(['audited', 'broken']);
    await hasCopy('audited');
    await hasCopy('broken');
    await controller.stop();
    await cluster.deleteSecret('broken', 'hub-copy');
    const { report } = await runAudit({
      client: cluster.admin,
      configuration: config,
      listed: ['audited', 'broken', 'absent'],
      output: 'table',
      color: false,
      controller: { namespace: CONTROLLER_NAMESPACE, name: 'pullpass' },
    });
    expect(report.listed).toHaveLength(3);
    expect(report.namespaces.map(({ name }) => name)).toEqual(['audited', 'broken']);
    expect(
      report.findings
        .filter(({ severity }) => severity === 'error')
        .map(({ object }) => object.namespace ?? object.name),
    ).toContain('broken');
    expect(JSON.stringify(report.findings)).not.toContain('"audited"');
    expect(report.couldNotSee).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Not checked, because of the list of 3 namespaces: .*PP043.*PP047.*PP090/),
        expect.stringMatching(/listed, and are not there .*: absent$/),
      ]),
    );
  });

  describe('fifty', () => {
    const fifty = Array.from({ length: 50 }, (_, i) => `many-${String(i).padStart(2, '0')}`);
    let controller: Controller;
    beforeAll(async () => {
      await Promise.all(fifty.map((name) => cluster.namespace(name)));
      controller = await start(fifty);
    }, 120_000);
    afterAll(() => controller.stop());

    test('are all watched and written at once, with no right missing', async () => {
      for (const name of fifty) await hasCopy(name);
      const { client, close } = await cluster.asController();
      const { signal } = new AbortController();
      expect(await missingRights(client, config, CONTROLLER_NAMESPACE, signal, { namespaces: fifty })).toEqual([]);
      await close();
    }, 120_000);

    test('all get a rotation, while a hundred watches are open', async () => {
      await cluster.source(SOURCE, { 'registry.corp': 'pw-3' });
      for (const name of fifty) await hasCopy(name, 'pw-3');
      expect(
        controller.calls.filter(({ verb, code }) => verb === 'watch' && code === 200).length,
      ).toBeGreaterThanOrEqual(100);
    }, 120_000);

    test('are under the brake: a guard that shuts most of them out is held', async () => {
      await controller.stop();
      const narrow = configuration({ name: 'hub', namespaces: { allow: ['many-0*'] } });
      controller = await start(fifty, { of: narrow });
      await eventually(async () => {
        expect(messages(controller)).toContainEqual(expect.stringMatching(/^removal held: .*from 40 namespaces/));
        return Promise.resolve();
      }, 60_000);
      for (const name of fifty) await hasCopy(name, 'pw-3');
    }, 120_000);
  });
});
