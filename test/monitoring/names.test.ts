/** Alerts, dashboard and documentation speak of metrics that there are, by labels that these have, and of all of them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { exposed } from './exposition.ts';
import type { Family } from './exposition.ts';
import { collectGarbage, fullMetrics } from './full-metrics.ts';
import { ALERTS, dashboard } from './manifests.ts';
import { askedBy, OF_PROMETHEUS } from './promql.ts';

const PAGE = readFileSync(path.resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8');

let families: Map<string, Family>;
const own = (): [string, Family][] => [...families].filter(([name]) => name.startsWith('pullpass_'));
/** Without those that belong to the type. */
const labelsOf = ({ samples }: Family): string[] =>
  [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== 'le');

beforeAll(async () => {
  const metrics = fullMetrics(['upstream']);
  await collectGarbage(metrics);
  ({ families } = await exposed(metrics));
});

/** What is wrong with an expression, one line each. */
function wrong(expr: string): string[] {
  const { selectors, grouping } = askedBy(expr);
  if (selectors.length === 0) return [`asks for nothing of ours: ${expr}`];
  const known = new Set<string>(OF_PROMETHEUS);
  const problems: string[] = [];
  for (const { name, labels } of selectors) {
    const base = name.replace(/_(bucket|sum|count)$/, '');
    const family = families.get(name) ?? (families.get(base)?.type === 'histogram' ? families.get(base) : undefined);
    if (family === undefined) {
      problems.push(`there is no ${name}`);
      continue;
    }
    if (family.type === 'histogram' && name === base) problems.push(`${name} is a histogram: _bucket, _sum or _count?`);
    const has = [...labelsOf(family), ...(name.endsWith('_bucket') ? ['le'] : [])];
    for (const label of has) known.add(label);
    for (const label of labels)
      if (![...has, ...OF_PROMETHEUS].includes(label)) problems.push(`${name} has no label ${label}`);
  }
  return [
    ...problems,
    ...grouping.filter((label) => !known.has(label)).map((label) => `nothing here has the label ${label}: ${expr}`),
  ];
}

const expressions = (): string[] => [
  ...dashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...[...JSON.stringify(dashboard().templating).matchAll(/label_values\((.*?), (\w+)\)/g)].map(
    ([, selector = '', label = '']) => `sum by (${label}) (${selector.replaceAll('\\"', '"')})`,
  ),
];

test.each(ALERTS)('$alert asks for what there is', ({ expr, annotations: { summary, description } }) => {
  expect(wrong(expr)).toEqual([]);
  // A label that the expression drops would be an empty word in the message.
  const left = askedBy(expr).grouping;
  const spoken = [...`${summary} ${description}`.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
  expect(spoken.filter((label) => !left.includes(label) || OF_PROMETHEUS.includes(label))).toEqual([]);
});

test('the dashboard asks for what there is', () => {
  expect(expressions().length).toBeGreaterThan(35);
  expect(expressions().flatMap(wrong)).toEqual([]);
});

test('these tests would notice what there is not', () => {
  expect(wrong('sum(pullpass_copys)')).toEqual(['there is no pullpass_copys']);
  expect(wrong('sum by (team) (pullpass_copies{namespace="x"})')).toEqual([
    'pullpass_copies has no label namespace',
    expect.stringContaining('the label team'),
  ]);
  expect(wrong('rate(pullpass_queue_wait_seconds[5m])')).toEqual([expect.stringContaining('is a histogram')]);
  expect(wrong('vector(1)')).toEqual([expect.stringContaining('nothing of ours')]);
});

test('every metric is on the dashboard or in an alert', () => {
  const asked = new Set(
    [...expressions(), ...ALERTS.map(({ expr }) => expr)].flatMap((expr) =>
      askedBy(expr).selectors.map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')),
    ),
  );
  expect(
    own()
      .map(([name]) => name)
      .filter((name) => !asked.has(name)),
  ).toEqual([]);
});

describe('docs/metrics.md', () => {
  const rows = [...PAGE.matchAll(/^\| `(pullpass_\w+)` \| (\w+) \| (.*?) \| /gm)].map(
    ([, name = '', type = '', cell = '']) => ({
      name,
      type,
      labels: [...cell.replaceAll(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
      values: [...cell.matchAll(/`(\w+)` \(([^)]*)\)/g)].map(([, label = '', inner = '']) => ({
        label,
        some: inner.includes('...'),
        values: [...inner.matchAll(/`([\w-]+)`/g)].map(([, value = '']) => value),
      })),
    }),
  );

  test('lists every metric with its type and its labels, and no other', () => {
    const line = (name: string, type: string, labels: string[]): string =>
      `${name} ${type} ${labels.toSorted().join()}`;
    expect(rows.map(({ name, type, labels }) => line(name, type, labels)).sort()).toEqual(
      own()
        .map(([name, family]) => line(name, family.type, labelsOf(family)))
        .sort(),
    );
  });

  test('lists the values of labels that have few', () => {
    const listed = rows.flatMap(({ name, values }) => values.map((each) => ({ name, ...each })));
    expect(listed.length).toBeGreaterThan(6);
    for (const { name, label, some, values } of listed) {
      const there = [...new Set(families.get(name)?.samples.map(({ labels }) => labels[label] ?? ''))].sort();
      expect({ name, label, values: some ? there : values.toSorted() }).toEqual({ name, label, values: there });
    }
    const few = own().flatMap(([name, family]) =>
      labelsOf(family)
        .filter((label) => ['state', 'reason', 'result', 'kind', 'severity'].includes(label))
        .map((label) => `${name} ${label}`),
    );
    expect(
      listed
        .filter(({ some }) => !some)
        .map(({ name, label }) => `${name} ${label}`)
        .sort(),
    ).toEqual(few.sort());
  });

  test('speaks of no metric that there is not', () => {
    const spoken = [...PAGE.matchAll(/\bpullpass_[a-z_]+\b/g)].map(([name]) => name);
    expect(
      spoken.filter((name) => !families.has(name) && !families.has(name.replace(/_(bucket|sum|count)$/, ''))),
    ).toEqual([]);
  });

  test.each(ALERTS)('has $alert in the section that it points to', ({ alert, labels, annotations: { docs } }) => {
    const [file, anchor] = docs.split('#');
    expect(file).toBe('docs/metrics.md');
    const sections = PAGE.split(/^(?=#+ )/m);
    const section = sections.find(
      (text) =>
        (/^#+ (.*)$/m.exec(text)?.[1] ?? '')
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-') === anchor,
    );
    expect(section).toContain(`| \`${alert}\` | ${labels['severity']} |`);
  });

  test('has no alert that there is not', () => {
    expect([...PAGE.matchAll(/^\| `(Pullpass\w+)` /gm)].map(([, name]) => name).sort()).toEqual(
      ALERTS.map(({ alert }) => alert).sort(),
    );
  });
});
