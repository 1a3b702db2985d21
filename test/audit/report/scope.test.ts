/** What a report may not say: of sources that were not read, of sources of others, of keys that hold a login. */
import type { Observation } from '../../../src/audit/observe/observation.ts';
import { expect, test } from 'vitest';
import { createReport } from '../../../src/audit/report/create.ts';
import { resultOf } from '../../../src/audit/report/result.ts';
import { copy, namespace, source } from '../../plan/observations.ts';
import { auditedSource, badSource, content, goodScope, observation } from '../observations.ts';

test('copies and references of a source that could not be read are not counted, and it is not called bad', () => {
  const report = createReport(observation({ sources: [badSource('unread')], workloads: [], pullSecrets: new Map() }));
  expect(report.summary).toMatchObject({
    copies: { inSync: 0, outOfSync: 0 },
    serviceAccounts: { selected: 0, referenced: 0 },
  });
  expect(resultOf(report).facts[0]).toContain('1 source (1 not seen)');
  expect(createReport(observation()).summary).toMatchObject({
    copies: { inSync: 1, outOfSync: 0 },
    serviceAccounts: { selected: 1, referenced: 1 },
  });
});

test('a verdict is found again under a key that holds a login', () => {
  const key = 'https://robot:hunter2@registry.corp';
  const { sources } = createReport(
    observation({
      sources: [auditedSource({ content: content({ [key]: 'pw' }) })],
      registries: [{ source: 'upstream', key: 'https://***@registry.corp', state: 'refused', why: '401' }],
    }),
  );
  expect(sources[0]?.registries).toMatchObject([{ state: 'refused' }]);
  expect(JSON.stringify(sources)).not.toContain('hunter2');
});

test('asked for some namespaces, it tells of the sources and cache proxies that they are in, and of no others', () => {
  const proxy = {
    name: 'cache',
    kind: 'zot',
    source: 'upstream',
    registry: 'docker.io',
    applied: false,
    verified: 'unknown',
    done: false,
    why: 'not yet',
  } as const;
  const rules = (sync: string | undefined, more: Partial<Observation> = {}): string[] =>
    createReport(
      observation({
        only: ['team-a'],
        sources: [badSource('missing')],
        scopes: [goodScope({ namespace: namespace({ sync }), serviceAccounts: [], copies: [] })],
        workloads: [],
        pullSecrets: new Map(),
        proxies: [proxy],
        ...more,
      }),
    ).findings.map(({ rule }) => rule);
  expect(rules('enabled')).toEqual(expect.arrayContaining(['PP060', 'PP080']));
  expect(rules(undefined)).toEqual([]);
  // What a product made of the login may be where nobody opted in.
  const derived = [{ proxy: 'cache', source: 'upstream', registry: 'docker.io', line: '1 of 1 holds another login' }];
  expect(rules(undefined, { derived })).toEqual(['PP064']);
});

test('a source that was written without a new content has not changed: its copies are older than that', () => {
  const at = Date.parse('2030-01-01T00:00:00Z');
  const timeline = (writtenAt: number) =>
    createReport(
      observation({
        sources: [auditedSource({ observed: source(), changedAt: at })],
        scopes: [goodScope({ copies: [copy({ writtenAt })] })],
      }),
    ).sources[0]?.rotation.timeline.map(({ event }) => event);
  expect(timeline(at - 1)).toEqual(['copies']);
  expect(timeline(at)).toEqual(['source changed', 'copies']);
});
