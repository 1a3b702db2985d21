/** How a rotation went, as far as the cluster remembers it. */
import { describe, expect, test } from 'vitest';
import { timelineOf } from '../../../src/audit/report/timeline.ts';
import type { AuditedProxy } from '../../../src/audit/observe/verdicts.ts';
import { copy, namespace } from '../../plan/observations.ts';
import { auditedSource, goodScope } from '../observations.ts';

const at = (minutes: number): number => Date.parse('2030-01-01T12:00:00Z') + minutes * 60_000;
const iso = (minutes: number): string => new Date(at(minutes)).toISOString();
const source = auditedSource({ changedAt: at(0) });
const { name } = source.config;
const scopeAt = (i: number, parts: Parameters<typeof copy>[0]) =>
  goodScope({ namespace: namespace({ name: `team-${i}` }), copies: [copy({ namespace: `team-${i}`, ...parts })] });
const proxy = (parts: Partial<AuditedProxy>): AuditedProxy => ({
  name: 'cache',
  kind: 'distribution',
  source: name,
  registry: 'docker.io',
  applied: true,
  verified: 'verified',
  done: true,
  why: 'w',
  ...parts,
});

describe('the timeline of a rotation', () => {
  test('tells each step in the order of time, and counts copies as they came', () => {
    expect(
      timelineOf(
        {
          scopes: [
            scopeAt(1, { writtenAt: at(2) }),
            scopeAt(2, { writtenAt: at(1) }),
            scopeAt(3, { writtenAt: at(2) }),
          ],
          registries: [{ source: name, key: 'docker.io', state: 'accepted', why: 'w', since: iso(0.5) }],
          proxies: [proxy({ appliedAt: iso(3), since: iso(4) })],
        },
        source,
      ),
    ).toEqual([
      { at: iso(0), event: 'source changed' },
      { at: iso(0.5), event: 'login accepted', name: 'docker.io' },
      { at: iso(1), event: 'copies', copies: 1 },
      { at: iso(2), event: 'copies', copies: 3 },
      { at: iso(3), event: 'proxy given', name: 'cache' },
      { at: iso(4), event: 'proxy verified', name: 'cache' },
    ]);
  });

  test('leaves out what does not carry the newest content, or is not ours, or of another source', () => {
    expect(
      timelineOf(
        {
          scopes: [
            scopeAt(1, { digest: 'old', writtenAt: at(1) }),
            scopeAt(2, { ours: false, writtenAt: at(1) }),
            scopeAt(3, {}),
          ],
          registries: [
            { source: name, key: 'docker.io', state: 'refused', why: 'w', since: iso(1) },
            { source: 'other', key: 'docker.io', state: 'accepted', why: 'w', since: iso(1) },
          ],
          proxies: [
            proxy({ applied: false, appliedAt: iso(1), since: iso(1) }),
            proxy({ source: 'other', appliedAt: iso(1) }),
            proxy({ verified: 'refused', since: iso(1) }),
          ],
        },
        auditedSource(),
      ),
    ).toEqual([]);
  });

  test('is by time where cache proxies came first and a registry last, and shows no login of a key', () => {
    expect(
      timelineOf(
        {
          scopes: [scopeAt(1, { writtenAt: at(3) })],
          registries: [
            { source: name, key: 'https://ann:hunter2@docker.io', state: 'accepted', why: 'w', since: iso(4) },
          ],
          proxies: [proxy({ appliedAt: iso(1), since: iso(2) })],
        },
        source,
      ).map(({ event, name: of }) => [event, of]),
    ).toEqual([
      ['source changed', undefined],
      ['proxy given', 'cache'],
      ['proxy verified', 'cache'],
      ['copies', undefined],
      ['login accepted', 'https://***@docker.io'],
    ]);
  });

  test('of thousands of copies draws the first, the last, and some in between', () => {
    const scopes = Array.from({ length: 5_000 }, (_, i) => scopeAt(i, { writtenAt: at(0) + i * 100 }));
    const steps = timelineOf({ scopes }, source).filter(({ event }) => event === 'copies');
    expect(steps).toHaveLength(24);
    expect([steps[0]?.copies, steps.at(-1)]).toEqual([
      1,
      { at: new Date(at(0) + 499_900).toISOString(), event: 'copies', copies: 5_000 },
    ]);
    expect(steps.every(({ copies = 0 }, i) => copies > (steps[i - 1]?.copies ?? 0))).toBe(true);
  });
});
