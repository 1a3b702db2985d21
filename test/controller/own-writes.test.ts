/** A reconcile is not called again for what it wrote itself, whichever comes first: the answer, or the watch. For all else it is. */
import { expect, test } from 'vitest';
import { createTriggers } from '../../src/controller/triggers.ts';
import { projectCopy, projectServiceAccount } from '../../src/observe/projections.ts';
import { feedsOf } from '../../src/observe/world.ts';
import type { Action } from '../../src/plan/action.ts';
import { planReferences } from '../../src/plan/service-account.ts';
import { createApplier } from '../../src/reconcile/apply.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { base64, dockerConfig, rawAccount, rawSecret, worldFor } from '../sources/worlds.ts';

const CONTENT = dockerConfig('new');
const wanted = rawSecret({
  resourceVersion: '8',
  content: CONTENT,
  source: 'upstream',
});
const other = { ...wanted, data: { '.dockerconfigjson': base64(dockerConfig('of somebody else')) } };

/** A world, and the keys that its changes call. */
function watched() {
  const config = configuration([sourceConfig()]);
  const world = worldFor(config);
  const woken: string[] = [];
  const triggers = createTriggers(
    world,
    (key) => woken.push(key),
    () => [],
  );
  const wake = {
    naming: () => [],
    namespaceOf: () => undefined,
    sourceChanged: () => undefined,
    podsChanged: () => undefined,
  };
  for (const feed of feedsOf(world, config)) triggers.watch(feed, wake);
  return { world, woken };
}

/** Writes a copy; `during`: what the watch brings before the answer comes. */
async function write(answer: typeof wanted | Error, during?: typeof wanted): Promise<readonly string[]> {
  const { world, woken } = watched();
  const store = world.copies.get('regcred');
  const { client } = scriptedClient(() => {
    if (during !== undefined) store?.put(projectCopy(during, world));
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const action: Action = {
    type: 'updateCopy',
    ...{ namespace: 'team-a', name: 'regcred', source: 'upstream', uid: 'copy-uid', resourceVersion: '7' },
    digest: world.digest(base64(CONTENT)),
  };
  await createApplier({ client, world, content: () => base64(CONTENT) })
    .apply(action, new AbortController().signal)
    .catch(() => undefined);
  // What it wrote has an end: the same change later is somebody else's.
  store?.put(projectCopy({ ...wanted, metadata: { ...wanted.metadata, resourceVersion: '20' } }, world));
  return woken;
}

const LATER = 'namespace/team-a';

test('the answer alone, and the event before the answer', async () => {
  expect(await write(wanted)).toEqual([LATER]);
  expect(await write(wanted, wanted)).toEqual([LATER]);
});

test('its version is known, so that the watch need not bring the object again', async () => {
  const { world } = watched();
  const { client } = scriptedClient(() => wanted);
  const action: Action = {
    ...{ type: 'createCopy', namespace: 'team-a', name: 'regcred', source: 'upstream' },
    digest: world.digest(base64(CONTENT)),
  };
  await createApplier({ client, world, content: () => base64(CONTENT) }).apply(action, new AbortController().signal);
  expect(world.copies.get('regcred')?.own.delete('8')).toBe(true);
});

test('an answer that is not what was wanted, an event of something else, and an event whose answer never came', async () => {
  expect(await write(other)).toEqual(['namespace/team-a', LATER]);
  expect(await write(wanted, { ...other, metadata: { ...other.metadata, resourceVersion: '9' } })).toEqual([
    'namespace/team-a',
    LATER,
  ]);
  // It was written: the failure of the call brings the retry.
  expect(await write(refusal(500), wanted)).toEqual([LATER]);
});

test('a ServiceAccount likewise, and not if its owner chose otherwise meanwhile', async () => {
  const before = projectServiceAccount(rawAccount([]));
  const references = {
    instance: 'pullpass-system',
    own: new Set<string>(),
    wanted: new Set(['regcred']),
    kept: new Set<string>(),
  };
  const edit = planReferences(before, references);
  if (edit === undefined) throw new Error('nothing to do');
  for (const [sync, expected] of [
    [undefined, []],
    ['disabled', [LATER]],
  ] as const) {
    const { world, woken } = watched();
    const after = { added: 'regcred', resourceVersion: '99', ...(sync && { sync }) };
    const { client } = scriptedClient(() => rawAccount(['regcred'], after));
    await createApplier({ client, world, content: () => undefined }).apply(
      { type: 'editReferences', account: before, edit, wanted: references },
      new AbortController().signal,
    );
    expect(woken).toEqual(expected);
  }
});
