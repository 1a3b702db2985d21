/** A leader that was stopped and goes on after another has begun: nothing of what it had at hand changes anything. */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument, eventually } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { isWrite } from '../sandbox/kube-api/index.ts';
import { onSandbox } from './on-sandbox.ts';

const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
const runtime = [process.execPath, '--import', path.join(import.meta.dirname, 'quick-terms.ts')];
/** So many that it is in the middle of its work when it is stopped, and has answers to go on with when it is woken. */
const TEAMS = Array.from({ length: 600 }, (_, i) => `team-${i}`);

const on = onSandbox(async (cluster) => {
  await cluster.applyRbac(configurationSchema.parse(document));
  await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'pw' });
  await Promise.all(TEAMS.map((team) => cluster.namespace(team)));
});

const hasCopy = (team: string): boolean => on.sandbox.store.get('/secrets', team, 'hub-copy') !== undefined;
const opt = (teams: readonly string[], sync: string): Promise<unknown> =>
  Promise.all(teams.map((team) => on.cluster.annotateNamespace(team, { 'pullpass.dev/sync': sync })));

test('stopped in the middle of many opt-ins, woken when most have opted out again', async () => {
  const first = await startProgram(on.sandbox, { configuration: document, identity: 'first', runtime });
  await first.logged(/^leading$/);
  await first.ready();
  // Told apart by its user.
  const kubeconfig = on.sandbox.adminKubeconfig();
  const second = await startProgram(on.sandbox, { configuration: document, identity: 'second', runtime, kubeconfig });
  await second.ready();

  const optIns = opt(TEAMS, 'enabled');
  while (TEAMS.filter(hasCopy).length < 60) await delay(1);
  first.kill('SIGSTOP');
  await optIns;
  await delay(300);
  // No removal: none of these has anything yet.
  const leaving = TEAMS.filter((team) => !hasCopy(team));
  expect(leaving.length).toBeGreaterThan(60);
  await opt(leaving, 'disabled');
  await second.logged(/^leading$/);
  await delay(1_000);

  on.sandbox.resetRequests();
  first.kill('SIGCONT');
  await first.logged('leading no longer');
  await delay(1_000);
  const changes = on.sandbox
    .requests()
    .filter((request) => isWrite(request) && request.code < 300 && request.user.includes('pullpass'))
    .filter(({ resource }) => !['leases', 'events'].includes(resource));
  expect(changes.map(({ verb, namespace, resource, name }) => `${verb} ${resource} ${namespace}/${name}`)).toEqual([]);
  await eventually(async () => expect(leaving.filter(hasCopy)).toEqual([]));
  await Promise.all([first.stop(), second.stop()]);
});
