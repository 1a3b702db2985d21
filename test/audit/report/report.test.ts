/** The report: its shape, its numbers, and what must never be in it. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createReport } from '../../../src/audit/report/create.ts';
import type { Observation } from '../../../src/audit/observe/observation.ts';
import { reportSchema } from '../report-schema.ts';
import { account, copy, namespace, source } from '../../plan/observations.ts';
import { HOSTILE, PASSWORD, hostileCluster } from '../hostile.ts';
import {
  HUB_KEY,
  NOW,
  auditedSource,
  badSource,
  content,
  failure,
  goodScope,
  nothingOptedIn,
  observation,
  workload,
} from '../observations.ts';

test('follows its schema, also for hostile clusters and without a configuration', () => {
  for (const observed of [
    observation(),
    hostileCluster(),
    observation({ configured: false, sources: [], only: ['team-a'] }),
    observation({ sources: [badSource('missing')] }),
  ]) {
    expect(reportSchema.parse(createReport(observed))).toBeDefined();
  }
});

test('its schema can be printed as JSON Schema', () => {
  expect(z.toJSONSchema(reportSchema)).toMatchObject({
    type: 'object',
    properties: { kind: { const: 'AuditReport' } },
  });
});

test('a hostile text breaks no line and no credential shows', () => {
  const report = createReport(hostileCluster());
  const text = JSON.stringify(report);
  expect(text).not.toContain(PASSWORD);
  for (const { message, remedy, object, about = '' } of report.findings) {
    for (const part of [message, remedy, object.name, about]) expect(part).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  }
  expect(report.findings.map(({ rule }) => rule)).toEqual(
    expect.arrayContaining(['PP004', 'PP006', 'PP008', 'PP009', 'PP022', 'PP040', 'PP060', 'PP062']),
  );
  expect(HOSTILE).toContain('\u001b');
});

describe('says', () => {
  const report = createReport(
    observation({
      scopes: [
        goodScope(),
        { ...nothingOptedIn(), namespace: namespace({ name: 'b', sync: undefined }) },
        goodScope({ namespace: namespace({ name: 'c' }), copies: [copy({ namespace: 'c', digest: 'old' })] }),
      ],
      workloads: [workload({ pods: 3 }), workload({ namespace: 'b', pullSecrets: [], failures: [failure()], pods: 2 })],
      registries: [
        { source: 'upstream', key: HUB_KEY, state: 'accepted', why: 'token granted', since: '2026-02-01T00:00:00Z' },
      ],
    }),
  );
  test('of each namespace whether it is opted in and why, and how it stands', () => {
    expect(
      report.namespaces.map(({ name, optedIn, why, pods, podsFailing }) => [name, optedIn, why, pods, podsFailing]),
    ).toEqual([
      ['team-a', true, 'enabled', 3, 0],
      ['b', false, 'not opted in', 2, 2],
      ['c', true, 'enabled', 0, 0],
    ]);
    expect(report.namespaces[0]).toMatchObject({
      sources: [{ source: 'upstream', copy: 'in sync', serviceAccounts: { selected: 1, referenced: 1 } }],
      serviceAccounts: [{ name: 'default', wanted: ['regcred'], missing: [], pullSecrets: ['regcred'] }],
    });
    expect(report.namespaces[2]?.findings).toEqual({ error: 1, warning: 0, info: 0 });
  });
  test('of each source its registries and how far its content has come', () => {
    expect(report.sources).toMatchObject([
      {
        name: 'upstream',
        state: 'good',
        registries: [{ key: HUB_KEY, state: 'accepted', used: true, since: '2026-02-01T00:00:00Z' }],
        copies: { inSync: 1, stale: 1 },
        rotation: { complete: false, copiesDone: 1, copies: 2 },
      },
    ]);
  });
  test('of a source that its content is held back, whatever else is known of it, and why', () => {
    const { sources } = createReport(
      observation({
        heldBack: [
          { source: 'upstream', why: 'docker.io: 401' },
          { source: 'other', why: 'quay.io: 401' },
        ],
      }),
    );
    expect(sources).toMatchObject([{ state: 'held back', problems: ['docker.io: 401'] }]);
  });
  test.each<[string, Partial<Observation>]>([
    ['that has no Secret', { sources: [badSource('missing')] }],
    ['that is held back', { heldBack: [{ source: 'upstream', why: 'docker.io: 401' }] }],
    [
      'of which only the canaries have the newest',
      { sources: [auditedSource({ next: content({ 'docker.io': 'new' }) })] },
    ],
    ['that the controller has not taken over', { sources: [auditedSource({ fresh: true })] }],
  ])('of a source %s no rotation is complete', (_, parts) => {
    expect(createReport(observation()).sources).toMatchObject([{ rotation: { complete: true } }]);
    expect(createReport(observation(parts)).sources).toMatchObject([{ rotation: { complete: false } }]);
  });
  test('of a token whether it ends soon, by how long it lasts', () => {
    const ending = (minutes: number) => {
      const exp = NOW / 1000 + minutes * 60;
      const token = [{ alg: 'none' }, { iat: exp - 3_600, exp }].map((part) =>
        Buffer.from(JSON.stringify(part)).toString('base64url'),
      );
      const held = content({ [HUB_KEY]: `${token.join('.')}.x` });
      return createReport(observation({ sources: [auditedSource({ content: held })] })).sources[0]?.registries[0];
    };
    expect([ending(16)?.endsSoon, ending(14)?.endsSoon, ending(-1)?.endsSoon]).toEqual([undefined, true, undefined]);
  });
  test('of a ServiceAccount what it should name and does not', () => {
    const { namespaces } = createReport(
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [account({ pullSecrets: ['own'] }), account({ name: 'not-chosen', pullSecrets: ['own'] })],
          }),
        ],
      }),
    );
    expect(namespaces[0]?.serviceAccounts).toEqual([
      { name: 'default', wanted: ['regcred'], missing: ['regcred'], pullSecrets: ['own'] },
    ]);
  });
  test('of a namespace why it is in by one source, although others do not have it', () => {
    const second = auditedSource({
      observed: source({
        config: { name: 'second', copyName: 'second-copy', namespaces: { allow: ['elsewhere'], deny: [] } },
      }),
    });
    expect(createReport(observation({ sources: [second, auditedSource()] })).namespaces).toMatchObject([
      { optedIn: true, why: 'enabled' },
    ]);
    expect(createReport(observation({ sources: [second] })).namespaces).toMatchObject([
      { optedIn: false, why: 'denied' },
    ]);
  });
  test('how much of everything there is', () => {
    expect(report.summary).toMatchObject({
      namespaces: 3,
      optedIn: 2,
      copies: { inSync: 1, outOfSync: 1 },
      serviceAccounts: { selected: 2, referenced: 2 },
      pods: 5,
      podsFailing: 2,
      images: 1,
      registries: 1,
      findings: { error: 2, warning: 1, info: 0 },
    });
  });
});
