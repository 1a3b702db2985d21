/** What `pullpass plan` prints for what was planned. */
import { describe, expect, test } from 'vitest';
import { isPending, pendingProxies } from '../../src/commands/cluster-plan.ts';
import type { ClusterPlan } from '../../src/commands/cluster-plan.ts';
import { renderPlan } from '../../src/commands/plan-text.ts';
import type { RotationProgress } from '../../src/rotation/progress.ts';
import { planNamespace } from '../../src/plan/namespace.ts';
import { account, copy, scope, source } from '../plan/observations.ts';

const proxy = {
  name: 'cache',
  kind: 'zot',
  source: 'upstream',
  applied: false as boolean | undefined,
  settled: false,
  proven: false,
  verified: 'unknown' as const,
  checked: false,
  probed: true,
  why: 'does not carry the current login yet',
};
const rotation = (parts: Partial<RotationProgress> = {}): RotationProgress => ({
  source: 'upstream',
  heldBack: [],
  held: [],
  current: [],
  copies: { total: 1, behind: [], foreign: [] },
  proxies: [proxy],
  ...parts,
});
const plan = (parts: Partial<ClusterPlan> = {}): ClusterPlan => ({
  namespaces: [planNamespace(scope({ sources: [source()], copies: [], serviceAccounts: [account()] }))],
  sources: [],
  total: 3,
  ...parts,
});
const synced = planNamespace(
  scope({
    sources: [source()],
    copies: [copy()],
    serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
  }),
);

test('a namespace that opted in shows its copy and its reference as changes, and the summary counts them', () => {
  const text = renderPlan(plan(), 'table', false);
  expect(text).toMatch(/team-a +upstream +yes +missing +0\/1 +\+ copy regcred/);
  expect(text).toMatch(/2 changes pending in 1 of 3 namespaces\.\n$/);
});

test('nothing to change is said in one line', () => {
  expect(renderPlan(plan({ namespaces: [synced] }), 'table', false)).toMatch(
    /In sync\. Nothing to change in 3 namespaces\.\n$/,
  );
});

test('a cache proxy that lacks the login is shown and counts as pending; one that cannot be told does not', () => {
  const withProxy = plan({ namespaces: [synced], rotations: [rotation()] });
  expect(renderPlan(withProxy, 'table', false)).toMatch(
    /cache +zot +upstream +no +unknown +does not carry the current login yet/,
  );
  expect(renderPlan(withProxy, 'table', false)).toMatch(/1 login to forward: cache\.\n$/);
  expect(pendingProxies(withProxy)).toEqual(['cache']);
  expect(pendingProxies(plan({ rotations: [rotation({ proxies: [{ ...proxy, applied: undefined }] })] }))).toEqual([]);
});

test('what is held back is the first thing that one reads', () => {
  const problems = ['Secret pullpass-system/hub: registry "registry.corp": held back: it refuses the login'];
  const text = renderPlan(
    plan({
      sources: [{ name: 'upstream', problems }],
      rotations: [rotation({ heldBack: [...problems, 'the controller has not taken over what the source holds now'] })],
    }),
    'table',
    false,
  );
  expect(text.split('\n').slice(0, 3)).toEqual([
    `! source upstream: ${problems[0] ?? ''}`,
    '! source upstream: the controller has not taken over what the source holds now',
    '',
  ]);
});

describe('a removal that is held', () => {
  const held = { namespaces: ['a', 'b', 'c', 'd', 'e', 'f'], withCopies: 9, limit: 5, confirm: '0123456789ab' };
  const kept = planNamespace(
    scope({ sources: [source({ config: { namespaces: { allow: [], deny: [] } } })], copies: [copy()] }),
    { hold: true },
  );
  const given = plan({ namespaces: [kept], held });

  test('is the first thing that one reads, with the line that confirms it; no copy is shown as one to go', () => {
    const text = renderPlan(given, 'table', false);
    expect(text).toMatch(
      /^! held: the configuration would take copies or references away from 6 namespaces \(a, b, c, d, e and 1 more\); 9 have a copy/,
    );
    expect(text).toContain('confirmed by this line in it: confirmRemoval: "0123456789ab"\n');
    expect(text).toMatch(/team-a +upstream +no \(denied\) +held +none\n/);
    expect(text).toMatch(/Nothing to change in 3 namespaces\. Held: removals in 6 namespaces\.\n$/);
  });

  test('is pending for whoever asks by the exit status', () => {
    expect([isPending(given), isPending(plan({ namespaces: [kept] })), isPending(plan())]).toEqual([true, false, true]);
  });

  test('is there for programs, too', () => {
    expect(JSON.parse(renderPlan(given, 'json', false))).toMatchObject({
      pending: 0,
      held: { namespaces: held.namespaces, withCopies: 9, limit: 5, confirmRemoval: '0123456789ab' },
      namespaces: [
        {
          sources: [{ copy: 'held' }],
          changes: [],
          held: { copies: [{ name: 'regcred', source: 'upstream', current: true }], accounts: [] },
        },
      ],
    });
    expect(JSON.parse(renderPlan(plan(), 'json', false))).not.toHaveProperty('held');
  });
});

test('a pause is said before what nobody carries out', () => {
  expect(renderPlan(plan({ paused: true }), 'table', false)).toMatch(/^! paused: the configuration says paused: true/);
  expect(JSON.parse(renderPlan(plan({ paused: true }), 'json', false))).toMatchObject({ paused: true, pending: 1 });
});

test('json holds the same, to be read by programs', () => {
  const data = JSON.parse(renderPlan(plan({ rotations: [rotation()] }), 'json', false)) as unknown;
  expect(data).toMatchObject({
    kind: 'Plan',
    pending: 1,
    rotations: [{ source: 'upstream', complete: false, proxies: [{ name: 'cache', applied: false }] }],
    namespaces: [
      {
        namespace: 'team-a',
        changes: [
          { type: 'createCopy', copy: 'regcred' },
          { type: 'editReferences', add: ['regcred'] },
        ],
      },
    ],
  });
});

test('colours are there only when asked for', () => {
  expect(renderPlan(plan(), 'table', false)).not.toContain('\u001b[');
  expect(renderPlan(plan(), 'table', true)).toContain('\u001b[');
});
