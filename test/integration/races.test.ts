/** Many writers on one ServiceAccount at once: nobody's entry is lost, nobody's is doubled. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRace } from '../../src/kube/api-error.ts';
import { paths } from '../../src/kube/paths.ts';
import { projectServiceAccount } from '../../src/observe/projections.ts';
import { toJsonPatch } from '../../src/plan/service-account.ts';
import { createApplier } from '../../src/reconcile/apply.ts';
import { createWorld } from '../../src/observe/world.ts';
import { configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const WRITERS = 20;
const ROUNDS = 2_000;
const NAMESPACE = 'busy';

onEachServer((server) => {
  const config = configuration({ name: 'hub' });
  const copy = 'hub-copy';
  let cluster: Cluster;
  let controller: Controller;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source(config.sources[0]?.secret ?? { namespace: '', name: '' }, { 'registry.corp': 'pw-1' });
    controller = await cluster.controller(config);
    await cluster.namespace(NAMESPACE);
  });
  afterAll(async () => cluster.close());

  /** A careful neighbour: adds or removes its own entry by the documented race-safe patch, until it succeeds. */
  async function edit(name: string, change: 'add' | 'remove'): Promise<void> {
    const path = paths.serviceAccounts(NAMESPACE, 'default');
    for (;;) {
      const { uid, pullSecrets = undefined } = projectServiceAccount(await cluster.admin.get(path));
      const index = pullSecrets?.indexOf(name) ?? -1;
      if (index >= 0 === (change === 'add')) return;
      const list = pullSecrets?.map((entry) => ({ name: entry }));
      const test = [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/imagePullSecrets', value: list ?? null },
      ];
      const change_ =
        change === 'remove'
          ? { op: 'remove', path: `/imagePullSecrets/${index}` }
          : list === undefined
            ? { op: 'add', path: '/imagePullSecrets', value: [{ name }] }
            : { op: 'add', path: '/imagePullSecrets/-', value: { name } };
      try {
        await cluster.admin.patch(path, 'application/json-patch+json', [...test, change_]);
        return;
      } catch (error) {
        if (!isRace(error)) throw error;
      }
    }
  }

  test(`${WRITERS} writers and the controller, ${ROUNDS} rounds`, { timeout: 300_000 }, async () => {
    let rounds = 0;
    let toggles = 0;
    const losses: string[] = [];
    let finished = false;

    async function writer(name: string): Promise<void> {
      for (let on = true; rounds < ROUNDS; on = !on) {
        rounds++;
        await edit(name, on ? 'add' : 'remove');
        const seen = await cluster.pullSecrets(NAMESPACE);
        // Its own entry is nobody else's to touch: between two of its writes it must be there, once, or not at all.
        const count = seen.filter((entry) => entry === name).length;
        if (count !== (on ? 1 : 0)) losses.push(`${name}: ${count} times after ${on ? 'add' : 'remove'}`);
        if (new Set(seen).size !== seen.length) losses.push(`doubled: ${seen.join(' ')}`);
      }
      await edit(name, 'add');
    }
    async function toggle(): Promise<void> {
      for (let on = true; !finished; on = !on) {
        await cluster.annotateNamespace(NAMESPACE, { 'pullpass.dev/sync': on ? 'enabled' : 'disabled' });
        await eventually(async () => expect((await cluster.pullSecrets(NAMESPACE)).includes(copy)).toBe(on), 60_000);
        toggles++;
      }
    }

    const names = Array.from({ length: WRITERS }, (_, i) => `writer-${i}`);
    const toggling = toggle();
    await Promise.all(names.map(writer));
    finished = true;
    await toggling;
    await cluster.annotateNamespace(NAMESPACE, { 'pullpass.dev/sync': 'enabled' });
    await eventually(
      async () => expect([...(await cluster.pullSecrets(NAMESPACE))].sort()).toEqual([copy, ...names].sort()),
      60_000,
    );
    await cluster.annotateNamespace(NAMESPACE, { 'pullpass.dev/sync': 'disabled' });
    await eventually(
      async () => expect([...(await cluster.pullSecrets(NAMESPACE))].sort()).toEqual([...names].sort()),
      60_000,
    );

    expect(losses).toEqual([]);
    // It took part: otherwise the above would say nothing.
    expect(toggles).toBeGreaterThan(4);
    expect(
      controller.writes().filter((write) => write.startsWith('patch serviceaccounts 2')).length,
    ).toBeGreaterThanOrEqual(toggles);
  });

  test('an edit planned for what is no longer there is refused by the server, not forced on it', async () => {
    // It would take the reference away again: nobody opted in here.
    await controller.stop();
    await cluster.namespace('stale');
    const path = paths.serviceAccounts('stale', 'default');
    const before = projectServiceAccount(await cluster.admin.get(path));
    const wanted = { wanted: new Set([copy]), kept: new Set<string>() };
    const patch = toJsonPatch(before, { add: [copy], remove: [], record: [copy] });
    await cluster.admin.patch(path, 'application/merge-patch+json', {
      imagePullSecrets: [{ name: 'theirs' }],
      metadata: { annotations: { theirs: 'too' } },
    });
    await expect(cluster.admin.patch(path, 'application/json-patch+json', patch)).rejects.toMatchObject({ code: 422 });

    // The applier computes it again from what is there.
    const world = createWorld((content) => content, 'pullpass-system');
    const { apply } = createApplier({ client: cluster.admin, world, content: () => undefined });
    await apply(
      {
        type: 'editReferences',
        account: before,
        edit: { add: [copy], remove: [], record: [copy] },
        wanted: { ...wanted, instance: 'pullpass-system', own: new Set() },
      },
      new AbortController().signal,
    );
    expect(await cluster.pullSecrets('stale')).toEqual(['theirs', copy]);
    expect((await cluster.getServiceAccount('stale', 'default')).metadata?.annotations).toEqual({
      theirs: 'too',
      'pullpass.dev/added-pull-secrets': copy,
    });
  });

  test("somebody else's entry with characters that Go escapes does not keep ours away", async () => {
    await cluster.namespace('escaped');
    const path = paths.serviceAccounts('escaped', 'default');
    await cluster.admin.patch(path, 'application/merge-patch+json', { imagePullSecrets: [{ name: 'a&b' }] });
    const account = projectServiceAccount(await cluster.admin.get(path));
    // What the server makes of a content test on such a list: it never holds.
    await expect(
      cluster.admin.patch(path, 'application/json-patch+json', [
        { op: 'test', path: '/imagePullSecrets', value: [{ name: 'a&b' }] },
      ]),
    ).rejects.toMatchObject({ code: 422 });
    await cluster.admin.patch(
      path,
      'application/json-patch+json',
      toJsonPatch(account, { add: [copy], remove: [], record: [copy] }),
    );
    expect(await cluster.pullSecrets('escaped')).toEqual(['a&b', copy]);
    // And a change in between is still a lost race.
    await expect(
      cluster.admin.patch(
        path,
        'application/json-patch+json',
        toJsonPatch(account, { add: ['other'], remove: [], record: [copy, 'other'] }),
      ),
    ).rejects.toMatchObject({ code: 422 });
  });
});
