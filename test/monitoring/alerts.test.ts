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
  exp_alerts?: unknown[];
}

const FILES = ['alerts.test.yaml', 'alerts-days.test.yaml'];
const textOf = (file: string): string => readFileSync(path.join(import.meta.dirname, file), 'utf8');
const promtool = findPromtool();
tellMissing('the alerts, played by promtool', promtool);

const cases = FILES.flatMap(
  (file) => (parse(textOf(file)) as { tests: { alert_rule_test: AlertCase[] }[] }).tests,
).flatMap((each) => each.alert_rule_test);
const named = (some: readonly { alertname: string }[]): string[] =>
  [...new Set(some.map(({ alertname }) => alertname))].sort();
const alerts = ALERTS.map(({ alert }) => alert).sort();

test('every alert has a case in which it fires, and one in which it does not', () => {
  expect(named(cases.filter(({ exp_alerts: expected = [] }) => expected.length > 0))).toEqual(alerts);
  expect(named(cases.filter(({ exp_alerts: expected = [] }) => expected.length === 0))).toEqual(alerts);
});

describe('each alert', () => {
  test.each(ALERTS)(
    '$alert says how bad it is, what it means and what to do, and waits a while',
    ({ alert, for: wait, labels, annotations, ...rest }) => {
      expect(alert).toMatch(/^Pullpass[A-Z][A-Za-z0-9]+$/);
      expect(wait).toMatch(/^[1-9][0-9]*m$/);
      expect(labels).toEqual({ severity: expect.stringMatching(/^(critical|warning)$/) as string });
      expect(Object.keys(annotations).sort()).toEqual(['description', 'docs', 'summary']);
      expect(annotations.summary).toMatch(/^\S.{10,}\.$/);
      expect(annotations.description).toMatch(/^\S.{60,}[.?]$/);
      expect(Object.keys(rest)).toEqual(['expr']);
    },
  );
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
    120_000,
  );
});
