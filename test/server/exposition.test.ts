/** What a scraper gets, judged by the tools that scrapers are made of. */
import { beforeAll, describe, expect, test } from 'vitest';
import { parseExposition } from '../monitoring/exposition.ts';
import { collectGarbage, fullMetrics, HOSTILE } from '../monitoring/full-metrics.ts';
import { findPromtool, run, tellMissing } from '../monitoring/tools.ts';

const promtool = findPromtool();
tellMissing('the text format in the eyes of promtool', promtool);

const metrics = fullMetrics();
beforeAll(() => collectGarbage(metrics));

test('the content type says what the body is', async () => {
  expect((await metrics.exposition()).contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
});

// promtool forgives other ways to write them.
test('numbers are written as the format has them, and labels that look like numbers are left alone', async () => {
  const { body } = await metrics.exposition();
  expect(body).toContain('\nworkqueue_depth{name="pullpass"} NaN\n');
  expect(body).toContain('source="x Nan\r');
  expect(body).toContain('source="{le=\\"5\\"}"');
  const buckets = body
    .split('\n')
    .flatMap((line) => /^workqueue_queue_duration_seconds_bucket\{le="(.*)",name="pullpass"\}/.exec(line)?.[1] ?? []);
  expect(buckets).toEqual(['0.001', '0.01', '0.1', '0.5', '1', '5', '10', '30', '60', '300', '+Inf']);
});

test('labels come out as they were meant, whatever is in them', async () => {
  const { body } = await metrics.exposition();
  const sources = parseExposition(body)
    .get('pullpass_source_valid')
    ?.samples.map(({ labels }) => labels['source']);
  expect(sources).toEqual([...HOSTILE]);
});

test('every family of the fixture has a value, or the judge below would not see it', async () => {
  const { body } = await metrics.exposition();
  // Lines that only the format ends: a `$` of a regular expression would also see ends within labels.
  const families = body.split('\n').flatMap((line) => /^# TYPE (\S+) /.exec(line)?.[1] ?? []);
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
