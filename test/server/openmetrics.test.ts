/** What a scraper gets for its Accept header, judged by the tools that scrapers are made of. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createMetrics } from '../../src/server/metrics.ts';
import { prefersOpenMetrics } from '../../src/server/openmetrics.ts';
import { collectGarbage, fullMetrics, HOSTILE } from '../monitoring/full-metrics.ts';
import { findOpenMetricsParser, findPromtool, run, tellMissing } from '../monitoring/tools.ts';

const promtool = findPromtool();
const parser = findOpenMetricsParser();
tellMissing('the text format in the eyes of promtool', promtool);
tellMissing('OpenMetrics in the eyes of its reference parser', parser);

const OPEN_METRICS = 'application/openmetrics-text';
const metrics = fullMetrics();
beforeAll(() => collectGarbage(metrics));

describe('the format is negotiated', () => {
  test.each([
    ['nothing', undefined, false],
    ['an empty header', '', false],
    ['a browser', 'text/html,application/xhtml+xml,*/*;q=0.8', false],
    ['curl', '*/*', false],
    ['OpenMetrics', OPEN_METRICS, true],
    ['OpenMetrics in other letters', 'Application/OpenMetrics-Text ; Version="1.0.0"', true],
    [
      'Prometheus 2',
      `${OPEN_METRICS};version=1.0.0,${OPEN_METRICS};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
      true,
    ],
    [
      'Prometheus 3',
      `${OPEN_METRICS};version=1.0.0;escaping=allow-utf-8;q=0.5,${OPEN_METRICS};version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
      true,
    ],
    ['Prometheus with text first', `text/plain;version=0.0.4;q=0.9,${OPEN_METRICS};version=1.0.0;q=0.5`, false],
    ['an OpenMetrics that is not ours', `${OPEN_METRICS};version=2.0.0,text/plain;q=0.1`, false],
    ['an OpenMetrics that is refused', `${OPEN_METRICS};q=0`, false],
    ['nonsense', `${OPEN_METRICS};q=much;;=,;,`, false],
  ])('%s', (_, accept, expected) => {
    expect(prefersOpenMetrics(accept)).toBe(expected);
  });

  test('the content type says what the body is', async () => {
    const [plain, open] = [await metrics.exposition(), await metrics.exposition(OPEN_METRICS)];
    expect(plain.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(plain.body).not.toContain('\n# EOF\n');
    expect(open.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.body.endsWith('\n# EOF\n')).toBe(true);
  });

  // The parsers below forgive both.
  test('numbers are written as the formats have them, and labels that look like numbers are left alone', async () => {
    const [plain, open] = [(await metrics.exposition()).body, (await metrics.exposition(OPEN_METRICS)).body];
    for (const body of [plain, open]) {
      expect(body).toContain('\npullpass_queue_depth NaN\n');
      expect(body).toContain('source="x Nan\r');
      expect(body).toContain('source="{le=\\"5\\"}"');
    }
    const buckets = (body: string): string[] =>
      body.split('\n').flatMap((line) => /^pullpass_queue_wait_seconds_bucket\{le="(.*)"\}/.exec(line)?.[1] ?? []);
    expect(buckets(plain)).toEqual(['0.001', '0.01', '0.1', '0.5', '1', '5', '10', '30', '60', '300', '+Inf']);
    expect(buckets(open)).toEqual([
      '0.001',
      '0.01',
      '0.1',
      '0.5',
      '1.0',
      '5.0',
      '10.0',
      '30.0',
      '60.0',
      '300.0',
      '+Inf',
    ]);
  });

  test('scrapes at the same time do not mix their formats, nor does one leave traces for the next', async () => {
    const quiet = createMetrics({ version: '1', processMetrics: false });
    quiet.apiRequests.inc({ verb: 'get', resource: 'secrets', code: 200 });
    const [plain, open] = [(await quiet.exposition()).body, (await quiet.exposition(OPEN_METRICS)).body];
    expect(plain).toContain('# TYPE pullpass_api_requests_total counter\npullpass_api_requests_total{');
    expect(open).toContain('# TYPE pullpass_api_requests counter\npullpass_api_requests_total{');
    const bodies = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => (await quiet.exposition(i % 2 === 0 ? undefined : OPEN_METRICS)).body),
    );
    expect(bodies).toEqual(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? plain : open)));
    expect((await quiet.exposition()).body).toBe(plain);
  });
});

/** Lines that only the format ends: a `$` of a regular expression would also see ends within labels. */
const familiesOf = (body: string): string[] =>
  body.split('\n').flatMap((line) => /^# TYPE (\S+) /.exec(line)?.[1] ?? []);

test('every family of the fixture has a value, or the judges below would not see it', async () => {
  const { body } = await metrics.exposition();
  const families = familiesOf(body);
  expect(families.length).toBeGreaterThan(45);
  // Requests of Node itself are there or not, as they happen.
  const empty = families.filter(
    (name) => ![' ', '{', '_count ', '_count{'].some((next) => body.includes(`\n${name}${next}`)),
  );
  expect(empty.filter((name) => name !== 'nodejs_active_requests')).toEqual([]);
});

describe.skipIf('missing' in promtool)('promtool', () => {
  test('reads the text format and has nothing to say of names, types and help texts', async () => {
    expect(run(promtool, ['check', 'metrics'], (await metrics.exposition()).body)).toEqual({ status: 0, output: '' });
  });
  test('would say so', async () => {
    const body = (await metrics.exposition()).body.replaceAll('pullpass_audit_gaps', 'pullpass_audit_gaps_total');
    expect(run(promtool, ['check', 'metrics'], body)).toMatchObject({
      status: 3,
      output: expect.stringContaining('non-counter metrics should not have "_total"') as string,
    });
  });
});

describe.skipIf('missing' in parser)('the reference parser of OpenMetrics', () => {
  const program = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = text_string_to_metric_families(sys.stdin.buffer.read().decode('utf-8'))
json.dump([[f.name, f.type, f.unit, [[s.name, s.labels, str(float(s.value))] for s in f.samples]] for f in families], sys.stdout)
`;
  type Parsed = [name: string, type: string, unit: string, samples: [string, Record<string, string>, string][]][];

  test('reads every family, with the labels that were meant', async () => {
    const { status, output } = run(parser, ['-c', program], (await metrics.exposition(OPEN_METRICS)).body);
    expect({ status, output: status === 0 ? '' : output }).toEqual({ status: 0, output: '' });
    const families = new Map((JSON.parse(output) as Parsed).map(([name, ...rest]) => [name, rest]));
    expect(families.get('pullpass_api_requests')).toEqual([
      'counter',
      '',
      [['pullpass_api_requests_total', { verb: 'get', resource: 'secrets', code: '200' }, '1.0']],
    ]);
    expect(families.get('pullpass_source_valid')?.[2].map(([, { source }]) => source)).toEqual([...HOSTILE]);
    expect(families.get('pullpass_rotation_duration_seconds')?.slice(0, 2)).toEqual(['histogram', 'seconds']);
    expect(families.get('pullpass_queue_depth')?.[2][0]?.[2]).toBe('nan');
    expect(families.size).toBe(familiesOf((await metrics.exposition()).body).length);
  });

  test('would not read the text format', async () => {
    expect(run(parser, ['-c', program], (await metrics.exposition()).body).status).toBe(1);
  });
});
