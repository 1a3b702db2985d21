/** Alerts, dashboard and documentation speak of metrics that there are, by labels that these have, and of all of them; each alert has its runbook. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FAILURE_REASONS } from '../../src/provider/failure.ts';
import { createProviderMetrics } from '../../src/server/provider-metrics.ts';
import { exposed } from './exposition.ts';
import type { Family } from './exposition.ts';
import { collectGarbage, fullMetrics } from './full-metrics.ts';
import { ALERTS, dashboard } from './manifests.ts';
import { askedBy, OF_PROMETHEUS } from './promql.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(path.resolve(ROOT, 'docs/metrics.md'), 'utf8');

let families: Map<string, Family>;
const own = (): [string, Family][] => [...families].filter(([name]) => !/^(process|nodejs)_/.test(name));
/** Without those that belong to the type. */
const labelsOf = ({ samples }: Family): string[] =>
  [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== 'le');

beforeAll(async () => {
  const metrics = fullMetrics(['upstream']);
  await collectGarbage(metrics);
  const provider = createProviderMetrics({
    secret: 'pullpass-system/ecr-login',
    reasons: FAILURE_REASONS,
    times: () => ({ renewAt: 1_800_000_000_000, expiresAt: 1_800_000_000_000, failing: false }),
    processMetrics: false,
  });
  families = new Map([...(await exposed(metrics)).families, ...(await exposed(provider)).families]);
});

/** Of a metric, or of a part of a histogram. */
function familyOf(name: string): Family | undefined {
  const base = families.get(name.replace(/_(bucket|sum|count)$/, ''));
  return families.get(name) ?? (base?.type === 'histogram' ? base : undefined);
}

/** What is wrong with an expression, one line each. */
function wrong(expr: string): string[] {
  const { selectors, grouping, dropped } = askedBy(expr);
  if (selectors.length === 0) return [`asks for nothing of ours: ${expr}`];
  const known = new Set<string>(OF_PROMETHEUS);
  const problems: string[] = [];
  for (const { name, labels } of selectors) {
    const family = familyOf(name);
    if (family === undefined) {
      problems.push(`there is no ${name}`);
      continue;
    }
    if (family.type === 'histogram' && families.has(name))
      problems.push(`${name} is a histogram: _bucket, _sum or _count?`);
    const has = [...labelsOf(family), ...(name.endsWith('_bucket') ? ['le'] : [])];
    for (const label of has) known.add(label);
    for (const label of labels)
      if (![...has, ...OF_PROMETHEUS].includes(label)) problems.push(`${name} has no label ${label}`);
  }
  return [
    ...problems,
    ...[...grouping, ...dropped]
      .filter((label) => !known.has(label))
      .map((label) => `nothing here has the label ${label}: ${expr}`),
  ];
}

const expressions = (): string[] => [
  ...dashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard().templating.list.flatMap(({ query }) => {
    const text = typeof query === 'string' ? query : (query?.query ?? '');
    const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(text) ?? [];
    return selector === '' ? [] : eachName(selector).map((each) => `sum by (${label}) (${each})`);
  }),
];

/** Of `{__name__=~"a_(b|c)",...}`, a selector for each name. */
function eachName(selector: string): string[] {
  const [, prefix = '', names, rest = ''] = /^\{__name__=~"(\w*)\(([\w|]+)\)",(.*)$/.exec(selector) ?? [];
  return names === undefined ? [selector] : names.split('|').map((name) => `${prefix}${name}{${rest}`);
}

test.each(ALERTS)('$alert asks for what there is', ({ expr, annotations: { summary, description } }) => {
  expect(wrong(expr)).toEqual([]);
  // A label that the expression drops would be an empty word in the message.
  const { selectors, dropped } = askedBy(expr);
  const [first] = selectors;
  const left = labelsOf(familyOf(first?.name ?? '') ?? { type: '', help: '', samples: [] }).filter(
    (label) => !dropped.includes(label),
  );
  const spoken = [...`${summary} ${description}`.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
  expect(spoken.filter((label) => !left.includes(label))).toEqual([]);
});

test('the dashboard asks for what there is', () => {
  expect(expressions().length).toBeGreaterThan(35);
  expect(expressions().flatMap(wrong)).toEqual([]);
});

test('these tests would notice what there is not', () => {
  expect(wrong('sum(pullpass_copys)')).toEqual(['there is no pullpass_copys']);
  expect(wrong('sum by (team) (pullpass_copies{squad="x"})')).toEqual([
    'pullpass_copies has no label squad',
    expect.stringContaining('the label team'),
  ]);
  expect(wrong('rate(workqueue_queue_duration_seconds[5m])')).toEqual([expect.stringContaining('is a histogram')]);
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
  const rows = [...PAGE.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \| /gm)].map(([, name = '', type = '', cell = '']) => ({
    name,
    type,
    labels: [...cell.replaceAll(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
    values: [...cell.matchAll(/`(\w+)` \(([^)]*)\)/g)].map(([, label = '', inner = '']) => ({
      label,
      some: inner.includes('...'),
      values: [...inner.matchAll(/`([\w-]+)`/g)].map(([, value = '']) => value),
    })),
  }));

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
        .filter((label) => ['state', 'reason', 'result', 'kind', 'severity', 'name'].includes(label))
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
    expect(spoken.filter((name) => familyOf(name) === undefined)).toEqual([]);
  });
});

describe('docs/runbooks.md', () => {
  const page = readFileSync(path.resolve(ROOT, 'docs/runbooks.md'), 'utf8');
  /** By alert: what is under its heading. */
  const sections = new Map(
    page.split(/^(?=##+ )/m).flatMap((text) => {
      const alert = /^### (Pullpass\w+)$/m.exec(text)?.[1];
      return alert === undefined ? [] : [[alert, text] as const];
    }),
  );

  test('has a section for each alert, and for no other', () => {
    expect([...sections.keys()]).toEqual([...new Set(ALERTS.map(({ alert }) => alert))]);
  });

  test.each([...new Set(ALERTS.map(({ alert }) => alert))])('%s: how bad, after what time, and what to do', (alert) => {
    const rules = ALERTS.filter((rule) => rule.alert === alert);
    const text = sections.get(alert) ?? '';
    const severities = rules.map(({ labels }) => labels['severity']).join(', ');
    const [wait = '', ...others] = new Set(rules.map((rule) => rule.for));
    expect(others).toEqual([]);
    expect(text).toContain(`*${severities}, after ${wait.replace('m', '')} minutes.*`);
    expect(text).toMatch(/^\*\*See\.\*\* \S.{20,}/m);
    expect(text).toMatch(/^\*\*Do\.\*\* \S.{20,}/m);
  });

  // Release sets `homepage` of package.json; the rules are to follow.
  test('is where each alert points to, at the home page of the project', () => {
    const { homepage } = JSON.parse(readFileSync(path.resolve(ROOT, 'package.json'), 'utf8')) as { homepage: string };
    const [place = ''] = homepage.split('#');
    expect(ALERTS.map(({ annotations }) => annotations.runbook_url)).toEqual(
      ALERTS.map(({ alert }) => `${place}/blob/main/docs/runbooks.md#${alert.toLowerCase()}`),
    );
  });

  test('speaks of no metric that there is not', () => {
    const spoken = askedBy(page.replaceAll('`', ' ')).selectors.map(({ name }) => name);
    expect(spoken.length).toBeGreaterThan(8);
    expect(spoken.filter((name) => familyOf(name) === undefined)).toEqual([]);
  });
});
