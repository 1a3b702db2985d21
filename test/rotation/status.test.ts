/** What the status of a rotation says; that it agrees with `wait` in a cluster is in test/integration/rotation-status.test.ts. */
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { elsewhereUnseen } from '../../src/rotation/elsewhere.ts';
import type { RotationProgress } from '../../src/rotation/progress.ts';
import { statusData, statusOf, unknownStatus } from '../../src/rotation/status.ts';
import { configurationDocument } from '../integration/env/cluster.ts';

const rotation = (parts: Partial<RotationProgress> = {}): RotationProgress => ({
  source: 'hub',
  heldBack: [],
  held: [],
  current: [],
  copies: { total: 3, behind: [], foreign: [] },
  proxies: [],
  ...parts,
});
const NOWHERE = { behind: [], unseen: [], also: [] };
const judged = { elsewhere: NOWHERE, secretVersion: '7', paused: false };
const AT = '2026-01-01T00:00:00.000Z';

test('complete names the version of the source that was judged; nothing else does', () => {
  expect(statusData([statusOf(rotation(), judged)], {}, AT)).toMatchObject({
    hub: 'complete',
    'hub.complete-for': '7',
  });
  for (const status of [
    statusOf(rotation({ copies: { total: 3, behind: ['a'], foreign: [] } }), judged),
    statusOf(rotation({ heldBack: ['refused'] }), judged),
    unknownStatus('hub', 'no answer'),
  ])
    expect(statusData([status], {}, AT)).not.toHaveProperty(['hub.complete-for']);
});

test('what a product made of the login, and the controller cannot count, is not complete', () => {
  const configuration = configurationSchema.parse({
    ...configurationDocument({ name: 'hub' }, { name: 'other' }),
    cacheProxies: [
      {
        name: 'kuik',
        kind: 'kube-image-keeper',
        source: 'hub',
        registry: 'docker.io',
        object: { kind: 'ClusterImageSetMirror', name: 'hub' },
        copyNamespace: 'team',
      },
    ],
  });
  const elsewhere = elsewhereUnseen('hub', configuration);
  const status = statusOf(rotation(), { ...judged, elsewhere });
  expect(status.state).toBe('incomplete');
  expect(status.why.join('\n')).toContain('cache proxy kuik: ');
  expect(elsewhereUnseen('other', configuration)).toEqual(NOWHERE);
});

test('since is kept while the state is the same', () => {
  const before = statusData([statusOf(rotation(), judged)], {}, AT);
  const later = '2026-01-02T00:00:00.000Z';
  expect(statusData([statusOf(rotation(), judged)], before, later)['hub.since']).toBe(AT);
  expect(statusData([unknownStatus('hub', 'x')], before, later)['hub.since']).toBe(later);
});

test('500 sources with long reasons fit into a ConfigMap', () => {
  const why = 'x'.repeat(2000);
  const all = Array.from({ length: 500 }, (_, i) =>
    statusOf(rotation({ source: `s${i}-${'n'.repeat(55)}`, heldBack: Array<string>(50).fill(why) }), judged),
  );
  expect(JSON.stringify(statusData(all, {}, AT)).length).toBeLessThan(1024 * 1024);
});
