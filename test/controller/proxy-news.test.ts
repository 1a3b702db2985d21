import { expect, test } from 'vitest';
import { createProxyNews } from '../../src/controller/proxy-news.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { sourceConfig } from '../plan/observations.ts';

type Tell = ReturnType<typeof createProxyNews>['tell'];

function setup() {
  const waiting = new Set<string>();
  const news = createProxyNews({
    log: createLog('silent'),
    events: {
      record: ({ reason, note }) => void waiting.add(`${reason} ${note}`),
      resolve: (_, reason, note = '') => {
        for (const each of waiting) if (each.startsWith(`${reason} ${note}`)) waiting.delete(each);
      },
    },
    metrics: createMetrics({ version: 'test', processMetrics: false }),
  });
  const tell = (name: string, told: string | undefined, note?: string): string | undefined =>
    news.tell(
      { config: { name, kind: 'zot' }, adapter: {} } as unknown as Parameters<Tell>[0],
      sourceConfig(),
      {
        applied: note === undefined,
        verified: { state: 'unknown' },
        ...(note !== undefined && { problem: { reason: 'ProxyNotApplied', note } }),
      } as unknown as Parameters<Tell>[2],
      told,
    );
  return { tell, waiting };
}

test('a cache proxy that works again takes back its own Event only: those of all cache proxies are on one Secret', () => {
  const { tell, waiting } = setup();
  const first = tell('one', undefined, 'no route');
  tell('two', undefined, 'no route');
  expect(tell('one', first)).toBeUndefined();
  expect([...waiting]).toEqual(['ProxyNotApplied Cache proxy two: no route']);
});

test('one that has another problem now takes back the one before', () => {
  const { tell, waiting } = setup();
  tell('one', tell('one', undefined, 'no route'), 'no right');
  expect([...waiting]).toEqual(['ProxyNotApplied Cache proxy one: no right']);
});
