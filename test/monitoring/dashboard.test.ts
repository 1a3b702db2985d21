/** The dashboard can be imported anywhere, and each of its panels can be understood without us. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { DASHBOARD_TEXT, dashboard } from './manifests.ts';
import type { Panel } from './manifests.ts';
import { findPromtool, run, tellMissing } from './tools.ts';

const promtool = findPromtool();
tellMissing("the dashboard's expressions in the eyes of promtool", promtool);

const { panels, templating, schemaVersion, uid, title } = dashboard();
const shown = panels.filter(({ type }) => type !== 'row');

/** Two that lie on each other, or one that leaves the grid of 24 columns. */
function misplaced(all: readonly Panel[]): string[] {
  return all.flatMap((a, i) => {
    const { x, y, w, h } = a.gridPos;
    const outside = x < 0 || y < 0 || w < 1 || h < 1 || x + w > 24 ? [`${a.title} leaves the grid`] : [];
    const on = all
      .slice(i + 1)
      .filter(({ gridPos: b }) => x < b.x + b.w && b.x < x + w && y < b.y + b.h && b.y < y + h);
    return [...outside, ...on.map((b) => `${a.title} and ${b.title}`)];
  });
}

test('has an id of its own, a current schema and rows for all that there is to see', () => {
  expect({ uid, title, current: schemaVersion >= 39 }).toEqual({ uid: 'pullpass', title: 'Pullpass', current: true });
  expect(panels.filter(({ type }) => type === 'row').map((row) => row.title)).toEqual([
    'At a glance',
    'Copies and references',
    'Rotations',
    'Cache proxies',
    'Registries',
    'Audit',
    'Controller',
    'Providers',
  ]);
});

test('every id is there once, and no panel lies on another', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(misplaced(panels)).toEqual([]);
  const [one, other] = shown;
  if (one === undefined || other === undefined) throw new Error('no panels');
  expect(misplaced([one, { ...other, gridPos: { ...one.gridPos, x: one.gridPos.x + 1 } }])).toHaveLength(1);
});

test('the data source is a choice of whoever looks', () => {
  expect(templating.list.find(({ type }) => type === 'datasource')).toMatchObject({
    name: 'datasource',
    query: 'prometheus',
  });
  const used: unknown[] = [];
  JSON.parse(DASHBOARD_TEXT, (key, value: unknown) => {
    if (key === 'datasource') used.push(value);
    return value;
  });
  expect(used.length).toBeGreaterThan(2 * shown.length);
  expect(used).toEqual(used.map(() => ({ type: 'prometheus', uid: '${datasource}' })));
  expect(DASHBOARD_TEXT).not.toContain('__inputs');
});

test.each(shown)(
  '$title has a description, a unit and something to show',
  ({ description, fieldConfig, datasource, targets = [] }) => {
    expect(description).toMatch(/^[A-Z].{15,}\.$/);
    expect(fieldConfig?.defaults.unit).toMatch(/^[a-zA-Z]+$/);
    expect(datasource).toBeDefined();
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.map(({ refId }) => refId)).toEqual(['A', 'B', 'C'].slice(0, targets.length));
    for (const { expr } of targets) {
      const selectors = [...expr.matchAll(/\w+\{/g)].length;
      expect(expr.split('{cluster=~"$cluster",job=~"$job"')).toHaveLength(selectors + 1);
    }
  },
);

test('what is of several clusters is never added up, and each curve says of which it is', () => {
  for (const { expr, legendFormat, format } of shown.flatMap(({ targets = [] }) => targets)) {
    const aggregations = [...expr.matchAll(/\b(?:sum|min|max|count) *(by \(cluster\b)?/g)];
    expect(aggregations.map(([all]) => all).filter((all) => !all.endsWith('by (cluster'))).toEqual([]);
    // A table has columns.
    expect(format === 'table' ? '{{cluster}} ' : legendFormat).toMatch(/^\{\{cluster\}\} /);
  }
});

test('every variable that an expression uses is one of the dashboard or of Grafana', () => {
  const known = new Set([...templating.list.map(({ name }) => name), '__rate_interval']);
  const used = shown.flatMap(({ targets = [] }) =>
    targets.flatMap(({ expr }) => [...expr.matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name)),
  );
  expect(used.filter((name) => !known.has(name))).toEqual([]);
});

describe.skipIf('missing' in promtool)('promtool', () => {
  test('can read every expression', () => {
    const rules = shown.flatMap(({ id, targets = [] }) =>
      targets.map(({ refId, expr }) => ({
        record: `panel:${id}:${refId}`,
        expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*'),
      })),
    );
    const directory = mkdtempSync(path.join(tmpdir(), 'dashboard-'));
    try {
      writeFileSync(path.join(directory, 'rules.yaml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
      expect(run(promtool, ['check', 'rules', path.join(directory, 'rules.yaml')])).toMatchObject({
        status: 0,
        output: expect.stringContaining(`${rules.length} rules found`) as string,
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
