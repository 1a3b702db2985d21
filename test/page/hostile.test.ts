/** What others wrote runs nothing in a browser, and the page loads nothing: from a file, and from a server with the policy as header. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { CONTENT_SECURITY_POLICY, renderHtml } from '../../src/audit/render/html.ts';
import { createReport } from '../../src/audit/report/create.ts';
import type { Report } from '../../src/audit/report/report.ts';
import { observation, failure, workload, goodScope, auditedSource } from '../audit/observations.ts';
import { account, namespace, source } from '../plan/observations.ts';
import { inBrowser, PHONE, watch } from './browser.ts';
import { broken, hostile } from './reports.ts';

const RUNS = 'globalThis.hit=1';
const PAYLOADS = [
  `</script><script>${RUNS}</script>`,
  `"><img src=x onerror="${RUNS}">`,
  `' autofocus onfocus='${RUNS}`,
  `<svg/onload=${RUNS}>`,
  `javascript:${RUNS}`,
  `<!--<script>${RUNS}`,
  `</style></title></template><iframe srcdoc="<script>${RUNS}</script>">`,
  '__proto__',
  'constructor',
  '\u202e\u2066evil',
  'w'.repeat(10_000),
];

/** Each payload everywhere where tenants, registries and admins can put one; also as a source's name, which the configuration would refuse. */
function attack(): Report {
  return createReport(
    observation({
      sources: PAYLOADS.map((payload) => auditedSource({ observed: source({ config: { name: payload } }) })),
      scopes: PAYLOADS.map((payload) =>
        goodScope({
          namespace: namespace({ name: payload, sync: payload, serviceAccounts: payload }),
          serviceAccounts: [account({ namespace: payload, name: payload, pullSecrets: [payload], sync: payload })],
        }),
      ),
      workloads: PAYLOADS.map((payload) =>
        workload({
          namespace: payload,
          owner: { kind: payload, name: payload },
          pullSecrets: [payload],
          failures: [failure({ message: payload })],
        }),
      ),
      registries: PAYLOADS.map((payload) => ({
        source: payload,
        key: 'https://index.docker.io/v1/',
        state: 'accepted',
        why: payload,
        since: payload,
      })),
      proxies: PAYLOADS.map((payload) => ({
        name: payload,
        kind: payload,
        source: payload,
        registry: payload,
        applied: true,
        appliedAt: payload,
        done: true,
        verified: 'verified',
        why: payload,
        since: payload,
        url: payload,
      })),
      couldNotSee: PAYLOADS,
    }),
  );
}

inBrowser('hostile reports', (open) => {
  test('run nothing, and are as wide as the screen', async () => {
    const report = attack();
    expect(report.findings.length).toBeGreaterThan(2 * PAYLOADS.length);
    const { page, incidents } = await open(report, { viewport: PHONE });
    // Every row goes through the script's hands again.
    await page.locator('#namespace-filters [name="order"]').selectOption('name');
    expect(await page.locator('#matrix tbody tr').count()).toBe(PAYLOADS.length);
    for (const link of await page.locator('#matrix tbody a').all())
      await link.evaluate((each) => (each as HTMLElement).click());
    for (const payload of PAYLOADS) await page.locator('#filters [name="text"]').fill(payload.slice(0, 20));
    await page.getByRole('button', { name: 'Clear filters' }).click();
    expect(
      await page.evaluate(() => [
        'hit' in globalThis,
        document.querySelectorAll('script').length,
        document.querySelectorAll('img, iframe').length,
      ]),
    ).toEqual([false, 2, 0]);
    expect(await page.evaluate(() => Object.keys(Object.prototype))).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(PHONE.width);
    expect(incidents).toEqual([]);
  });

  test('run nothing by a link with a hostile filter', async () => {
    const { page, incidents } = await open(hostile(), {
      fragment: `#namespace=${encodeURIComponent(PAYLOADS[0] ?? '')}&rule=${encodeURIComponent('"]')}&text=%F0%28&severity=__proto__`,
    });
    expect(await page.locator('#no-match').isVisible()).toBe(true);
    expect(incidents).toEqual([]);
  });

  test('are held by the policy too: code that got in would not run', async () => {
    const { page, incidents } = await open(hostile());
    const said = await page.evaluate(() => {
      const script = document.createElement('script');
      let thrown = '';
      try {
        script.text = 'globalThis.hit = 1';
        document.body.append(script);
        document.body.innerHTML = '<p>';
      } catch (error) {
        thrown = String(error);
      }
      return [thrown, 'hit' in globalThis];
    });
    expect(said[0]).toContain('TrustedScript');
    expect(said[1]).toBe(false);
    expect(incidents.length).toBeGreaterThan(0);
  });

  test('load nothing but themselves from a server', async () => {
    const asked: string[] = [];
    const server = createServer(({ url = '' }, response) => {
      asked.push(url);
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': CONTENT_SECURITY_POLICY,
      });
      response.end(renderHtml(broken()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { page } = await open(broken(), { offline: false });
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/report`;
      const incidents = watch(page, url);
      await page.goto(url);
      await page.locator('#filters [name="namespace"]').fill('shop');
      expect(await page.locator('#shown').innerText()).toBe('2 of 12 findings.');
      expect(page.url()).toBe(`${url}#namespace=shop`);
      expect(asked).toEqual(['/report']);
      expect(incidents).toEqual([]);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
