/** The alerts fire when they should and only then: played by promtool, where it is installed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { ALERTS, RULE_GROUPS } from './manifests.ts';
import { findPromtool, run, tellMissing } from './tools.ts';

interface AlertCase {
  alertname: string;
  exp_alerts?: { exp_labels: Record<string, string> }[];
}
interface AlertTest {
  name: string;
  input_series: { series: string; values: string }[];
  alert_rule_test: AlertCase[];
  promql_expr_test?: { expr: string; exp_samples: unknown[] }[];
}

const FILES = ['alerts.test.yaml', 'alerts-days.test.yaml'];
const textOf = (file: string): string => readFileSync(path.join(import.meta.dirname, file), 'utf8');
const promtool = findPromtool();
tellMissing('the alerts, played by promtool', promtool);

const testsIn = (file: string) => parse(textOf(file)) as { tests: AlertTest[]; [key: string]: unknown };
const cases = FILES.flatMap((file) => testsIn(file).tests).flatMap((each) => each.alert_rule_test);
const different = (words: readonly string[]): string[] => [...new Set(words)].sort();

test('every alert has a case in which it fires, with each severity, and one in which it does not', () => {
  const fired = cases.flatMap(({ alertname, exp_alerts: expected = [] }) =>
    expected.map(({ exp_labels: { severity } }) => `${alertname} ${severity}`),
  );
  expect(different(fired)).toEqual(ALERTS.map(({ alert, labels }) => `${alert} ${labels['severity']}`).sort());
  const quiet = cases.filter(({ exp_alerts: expected = [] }) => expected.length === 0);
  expect(different(quiet.map(({ alertname }) => alertname))).toEqual(different(ALERTS.map(({ alert }) => alert)));
});

describe('each alert', () => {
  test.each(ALERTS)(
    '$alert says how bad it is, what it means and what to do, and waits a while',
    ({ alert, for: wait, labels, annotations, ...rest }) => {
      // No number: a threshold is to be changed without a new name.
      expect(alert).toMatch(/^Pullpass[A-Z][A-Za-z]+$/);
      expect(wait).toMatch(/^[1-9][0-9]*m$/);
      expect(labels).toEqual({ severity: expect.stringMatching(/^(critical|warning)$/) as string });
      expect(Object.keys(annotations).sort()).toEqual(['description', 'runbook_url', 'summary']);
      expect(annotations.summary).toMatch(/^\S.{10,}\.$/);
      expect(annotations.description).toMatch(/^\S.{60,}[.?]$/);
      expect(Object.keys(rest)).toEqual(['expr']);
    },
  );

  // Prometheus adds labels that nobody here can know, such as that of the cluster: what goes is named, not what stays.
  test.each(ALERTS)('$alert says which labels it drops', ({ expr }) => {
    const aggregations = [...expr.matchAll(/\b(sum|min|max|avg|count|group|quantile|topk)\b\s*(\w+)?/g)];
    expect(aggregations.map(([, , how]) => how).filter((how) => how !== 'without')).toEqual([]);
    expect(expr).not.toMatch(/\bby\b/);
  });
});

describe.skipIf('missing' in promtool)('promtool', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'alerts-'));
    writeFileSync(path.join(directory, 'whole.yaml'), stringify({ groups: RULE_GROUPS }));
    // Cases repeat every annotation of what fires: the summaries will do, they use the same labels as the rest.
    const short = RULE_GROUPS.map(({ rules, ...group }) => ({
      ...group,
      rules: rules.map(({ annotations: { summary }, ...rule }) => ({ ...rule, annotations: { summary } })),
    }));
    writeFileSync(path.join(directory, 'rules.yaml'), stringify({ groups: short }));
    for (const file of FILES) writeFileSync(path.join(directory, file), textOf(file));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('takes the rules, templates and all', () => {
    expect(
      run(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', path.join(directory, 'whole.yaml')]),
    ).toMatchObject({ status: 0, output: expect.stringContaining(`${ALERTS.length} rules found`) as string });
  });

  test('takes the scrape configuration of docs/metrics.md', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    const [, block = ''] = /^```yaml\n(scrape_configs:\n[^]*?)^```$/m.exec(page) ?? [];
    expect(block).toContain('kubernetes_sd_configs');
    // Debian builds its promtool without Kubernetes: all but that line.
    writeFileSync(
      path.join(directory, 'prometheus.yaml'),
      block.replace(/kubernetes_sd_configs: .*/, 'static_configs: [{ targets: ["localhost:8080"] }]'),
    );
    expect(run(promtool, ['check', 'config', path.join(directory, 'prometheus.yaml')])).toMatchObject({
      status: 0,
      output: expect.stringContaining('SUCCESS') as string,
    });
  });

  test.each(FILES)(
    'sees each alert fire and stay quiet as %s says',
    (file) => {
      const { status, output } = run(promtool, ['test', 'rules', path.join(directory, file)]);
      expect(status === 0 ? '' : output).toBe('');
    },
    300_000,
  );

  test.each(FILES)(
    'sees each alert of %s in two clusters at once: one for each, and none for both',
    (file) => {
      const { tests, ...rest } = testsIn(file);
      const clusters = ['east', 'west'];
      const twice = tests
        // When nothing is left, nothing can say which cluster it was.
        .filter(({ name }) => name !== 'the one Pullpass of this Prometheus goes')
        .map(({ input_series: series, alert_rule_test: alerts, promql_expr_test: _, ...test }) => ({
          ...test,
          input_series: clusters.flatMap((cluster) =>
            series.map((each) => ({ ...each, series: each.series.replace('{', `{cluster="${cluster}",`) })),
          ),
          alert_rule_test: alerts.map(({ exp_alerts: expected = [], ...each }) => ({
            ...each,
            exp_alerts: clusters.flatMap((cluster) =>
              expected.map((alert) => ({ ...alert, exp_labels: { ...alert.exp_labels, cluster } })),
            ),
          })),
        }));
      writeFileSync(path.join(directory, `clusters-${file}`), stringify({ ...rest, tests: twice }));
      const { status, output } = run(promtool, ['test', 'rules', path.join(directory, `clusters-${file}`)]);
      expect(status === 0 ? '' : output).toBe('');
    },
    300_000,
  );
});
