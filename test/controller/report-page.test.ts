/** /report: what it answers before, instead of, and with a report. */
import { expect, test } from 'vitest';
import { createReport } from '../../src/audit/report/create.ts';
import { createReportPage } from '../../src/controller/report-page.ts';
import type { ReportPageOptions } from '../../src/controller/report-page.ts';
import { observation } from '../audit/observations.ts';

const report = createReport(observation());
const page = (parts: Partial<ReportPageOptions> = {}) =>
  createReportPage({
    audits: { recent: () => Promise.resolve(report) },
    enabled: () => true,
    problems: () => [],
    version: '1.2.3',
    ...parts,
  })();

test('is the report, with a policy that lets nothing else in', async () => {
  const { status, contentType, body, headers } = await page();
  expect([status, contentType]).toEqual([undefined, 'text/html; charset=utf-8']);
  expect(body).toContain('cluster.example:6443');
  expect(headers).toMatchObject({
    'content-security-policy': expect.stringMatching(/default-src 'none'/) as string,
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  });
  expect(headers?.['content-security-policy']).not.toContain('unsafe');
});

test('says how to switch audits on where there are none', async () => {
  expect(await page({ enabled: () => false })).toMatchObject({
    status: 404,
    body: 'no audits here: set schedules.audit in the configuration, and apply the output of `pullpass rbac`\n',
  });
});

test('asks for patience while the controller is not in step with the cluster', async () => {
  expect(await page({ problems: () => ['namespaces: not read yet'] })).toMatchObject({
    status: 503,
    body: expect.stringContaining('namespaces: not read yet') as string,
    headers: { 'retry-after': '10' },
  });
});

test('says in one line why an audit failed, and when to come back', async () => {
  expect(
    await page({ audits: { recent: () => Promise.reject(new Error('GET /api/v1/pods: the server is gone')) } }),
  ).toMatchObject({
    status: 503,
    body: 'the audit failed: GET /api/v1/pods: the server is gone\n',
    headers: { 'retry-after': '10' },
  });
});

test('is the newest report, drawn once, and says which program made it', async () => {
  const reports = [report, report, createReport(observation({ server: 'https://another.example:6443' }))];
  const visit = createReportPage({
    audits: { recent: () => Promise.resolve(reports.shift() ?? report) },
    enabled: () => true,
    problems: () => [],
    version: '1.2.3',
  });
  const [first, again, next] = [await visit(), await visit(), await visit()];
  expect([
    again.body === first.body,
    next.body.includes('another.example:6443'),
    next.body.includes('cluster.example:6443'),
  ]).toEqual([true, true, false]);
  expect(first.body).toContain('1.2.3');
  expect((await page({ version: undefined })).body).not.toContain('1.2.3');
});

test('asks for a report that is not older than five minutes, unless it is told otherwise', async () => {
  const asked: number[] = [];
  const audits = { recent: (maxAgeMs: number) => (asked.push(maxAgeMs), Promise.resolve(report)) };
  await page({ audits });
  await page({ audits, maxAgeMs: 7 });
  expect(asked).toEqual([300_000, 7]);
});

test('a report that could not be drawn is drawn again for the next visitor', async () => {
  let broken = true;
  const fragile = {
    ...report,
    get findings() {
      if (broken) throw new Error('torn');
      return report.findings;
    },
  };
  const visit = createReportPage({
    audits: { recent: () => Promise.resolve(fragile) },
    enabled: () => true,
    problems: () => [],
    version: undefined,
  });
  expect(await visit()).toMatchObject({ status: 503, body: 'the audit failed: torn\n' });
  broken = false;
  expect((await visit()).body).toContain('cluster.example:6443');
});
