import { expect, test } from 'vitest';
import { createMirror } from '../../src/kube/mirror.ts';
import type { MirrorOptions } from '../../src/kube/mirror.ts';
import { createStore } from '../../src/kube/store.ts';
import type { Stored } from '../../src/kube/store.ts';
import { scriptedClient } from './scripted-client.ts';

type Stream = MirrorOptions<Stored>['stream'];
const thing = (name: string, resourceVersion: string): Stored => ({ name, uid: name, resourceVersion });

test('in a list, what we wrote ourselves counts as all else: only then is a version that is known left out', async () => {
  const store = createStore();
  store.put(thing('ours', '7'));
  store.put(thing('ours', '8'), true);
  const sizes: number[] = [];
  const stream: Stream = (query, each, _signal, known) => {
    sizes.push(known.size);
    if (query['sendInitialEvents'] !== true) return Promise.resolve(void sizes.push(known.size));
    each({ type: 'ADDED', object: { metadata: thing('ours', '8') } });
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    each({ type: 'BOOKMARK', object: { metadata: { name: '', resourceVersion: '9', annotations } } });
    store.put(thing('ours', '10'), true);
    sizes.push(known.size);
    return Promise.resolve();
  };
  const mirror = createMirror<Stored>({
    client: scriptedClient().client,
    resource: 'things',
    selector: { path: '/api/v1/things' },
    project: ({ metadata: { name, resourceVersion = '' } }) => thing(name, resourceVersion),
    store,
    log: { warn: () => undefined },
    pageSize: 500,
    initialMs: 1000,
    stop: new AbortController().signal,
    stream,
    onPage: () => undefined,
    onSynced: () => undefined,
  });
  await mirror.streamFromStart();
  expect(store.get('', 'ours')?.resourceVersion).toBe('10');
  expect(sizes).toEqual([0, 1]);
  // The watch that goes on from there.
  await mirror.follow();
  expect(sizes).toEqual([0, 1, 1, 1]);
});
