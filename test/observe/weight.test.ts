/** What is kept of a namespace that is in: it must not grow with what others write into its objects, nor faster than the cluster. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { ApiObject } from '../../src/kube/list.ts';
import { projectCopy, projectNamespace, projectServiceAccount } from '../../src/observe/projections.ts';
import { createWorld } from '../../src/observe/world.ts';
import { createStore } from '../../src/kube/store.ts';
import type { ObservedCopy } from '../../src/plan/observed.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** As the API server sends them: parsed from text, so that no two share a string. */
const parsed = (object: object): ApiObject => JSON.parse(JSON.stringify(object)) as ApiObject;
/** Copies have the same content, and its digest is made once. */
const DIGEST = 'd'.repeat(64);

function keptBy(namespaces: number): number {
  const world = createWorld(() => DIGEST, 'pullpass-system');
  const copies = createStore<ObservedCopy>();
  world.copies.set('copy', copies);
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < namespaces; i++) {
    const metadata = (name: string, more: object = {}): object => ({
      name,
      namespace: `team-${i}`,
      uid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      resourceVersion: String(1_000_000 + i),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`team.example/label-${n}`, `value-${i}-${n}`])),
      managedFields: [
        {
          manager: 'someone',
          operation: 'Update',
          time: '2026-01-01T00:00:00Z',
          fieldsV1: { 'f:metadata': { x: 'y'.repeat(500) } },
        },
      ],
      ...more,
    });
    const annotations = { 'pullpass.dev/sync': 'enabled', 'other.example/notes': 'z'.repeat(2_000) };
    world.namespaces.put(
      projectNamespace(parsed({ metadata: { ...metadata(`team-${i}`, { annotations }), namespace: undefined } })),
    );
    world.serviceAccounts.put(
      projectServiceAccount(
        parsed({
          metadata: metadata('default', { annotations: { 'pullpass.dev/added': 'copy' } }),
          imagePullSecrets: [{ name: 'copy' }],
        }),
      ),
    );
    const labels = {
      'app.kubernetes.io/managed-by': 'pullpass',
      'pullpass.dev/source': 'hub',
      'pullpass.dev/instance': 'pullpass-system',
    };
    const data = { '.dockerconfigjson': `${String(i).padStart(64, 'a')}${'b'.repeat(1_000)}` };
    copies.put(
      projectCopy(
        parsed({ metadata: metadata('copy', { labels }), type: 'kubernetes.io/dockerconfigjson', data }),
        world,
      ),
    );
  }
  gc();
  const kept = process.memoryUsage().heapUsed - before;
  // Used here, so that it is not freed before it is measured.
  if (world.namespaces.size !== namespaces || copies.size !== namespaces) throw new Error('unreachable');
  return kept;
}

test('at most 2 KiB a namespace, and no more for each of many', () => {
  keptBy(500);
  const [few, many] = [keptBy(2_000) / 2_000, keptBy(8_000) / 8_000];
  expect(many).toBeLessThan(2 * 1024);
  expect(many / few).toBeLessThan(1.5);
});
