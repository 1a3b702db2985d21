/** Filters and paging of the report's page, in a browser. */
import { expect, test } from 'vitest';
import type { Locator, Page } from 'playwright-core';
import { inBrowser, textsOf } from './browser.ts';
import { broken, inOrder, large } from './reports.ts';

const rules = async (page: Page): Promise<string[]> =>
  (await textsOf(page, '.group h4 .id')).map((text) => text.slice(0, 5));
const field = (page: Page, name: 'namespace' | 'rule' | 'text'): Locator => page.locator(`#filters [name="${name}"]`);
const fragment = (page: Page): string => decodeURIComponent(new URL(page.url()).hash);

inBrowser('filters of findings', (open) => {
  test('by severity hide the others, and the counts say how many are left', async () => {
    const { page, incidents } = await open(broken());
    expect(await page.locator('#shown').innerText()).toBe('All 12 findings.');
    await page.getByRole('checkbox', { name: 'Errors' }).uncheck();
    await page.getByRole('checkbox', { name: 'Notes' }).uncheck();
    expect(await rules(page)).toEqual(['PP007', 'PP083']);
    expect(await textsOf(page, '.severity > h3')).toEqual(['Warnings 2']);
    expect(await page.getByRole('status').first().innerText()).toBe('2 of 12 findings.');
    expect(fragment(page)).toBe('#severity=warning');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    expect(await page.locator('#shown').innerText()).toBe('All 12 findings.');
    expect(fragment(page)).toBe('');
    expect(incidents).toEqual([]);
  });

  test('by namespace take its name, or a part of names', async () => {
    const { page } = await open(broken());
    await field(page, 'namespace').fill('shop');
    expect(await rules(page)).toEqual(['PP005', 'PP022']);
    expect(await page.locator('#PP022 .tally').innerText()).toBe('1 of 2');
    expect(await textsOf(page, '.severity > h3')).toEqual(['Errors 2 of 6']);
    await field(page, 'namespace').fill('str');
    expect(await textsOf(page, '.rows .namespace')).toEqual(['stranger']);
    expect(
      await page
        .locator('#namespace-names option')
        .evaluateAll((options) => options.map((option) => option.textContent)),
    ).toEqual(['stranger']);
  });

  test('by rule and by text work together', async () => {
    const { page } = await open(broken());
    await field(page, 'rule').selectOption('PP022');
    await field(page, 'text').fill('UNAUTHORIZED queue');
    expect(await textsOf(page, '.rows li .object')).toEqual(['StatefulSet queue']);
    expect(fragment(page)).toBe('#rule=PP022&text=UNAUTHORIZED+queue');
    await field(page, 'text').fill('no such thing');
    expect(await page.locator('#no-match').isVisible()).toBe(true);
    expect(await rules(page)).toEqual([]);
  });

  test('leave commands in remedies as code, and messages as text', async () => {
    const report = broken();
    const remedies = ['See `kubectl describe pod`.', 'Use `<img src=x>`, or `x'];
    const { page, incidents } = await open(
      {
        ...report,
        findings: report.findings.map((finding, i) =>
          finding.rule === 'PP022' ? { ...finding, message: 'Said `so`.', remedy: remedies[i % 2] ?? '' } : finding,
        ),
      },
      { fragment: '#rule=PP022' },
    );
    expect((await textsOf(page, '#PP022 .rows code')).sort()).toEqual(['<img src=x>', 'kubectl describe pod']);
    expect(await textsOf(page, '#PP022 .message')).toEqual(['Said `so`.', 'Said `so`.']);
    expect(await page.locator('#PP022 img').count()).toBe(0);
    expect(incidents).toEqual([]);
  });

  test('come with a link', async () => {
    const { page, url } = await open(broken(), { fragment: '#severity=error&namespace=shop&rule=PP005&text=regcred' });
    expect(await rules(page)).toEqual(['PP005']);
    expect([
      await field(page, 'namespace').inputValue(),
      await field(page, 'rule').inputValue(),
      await field(page, 'text').inputValue(),
      await page.getByRole('checkbox', { name: 'Warnings' }).isChecked(),
    ]).toEqual(['shop', 'PP005', 'regcred', false]);
    await page.goto(`${url}#namespace=billing`);
    expect(await rules(page)).toEqual(['PP001']);
    await page.goto(`${url}#rule=PP999`);
    expect(await page.locator('#shown').innerText()).toBe('All 12 findings.');
  });

  test('give way to a link to a rule that they hide, and stay in the address otherwise', async () => {
    const { page } = await open(broken(), { fragment: '#severity=info' });
    await page.getByRole('link', { name: 'Sources', exact: true }).click();
    await expect.poll(() => fragment(page)).toBe('#severity=info');
    await page.getByRole('link', { name: /A copy is missing/ }).click();
    await expect.poll(() => page.locator('#PP001').isVisible()).toBe(true);
    expect(await page.locator('#shown').innerText()).toBe('All 12 findings.');
  });

  test('take a namespace from the table and from the map', async () => {
    const { page } = await open(broken());
    await page.locator('#matrix').getByRole('link', { name: 'billing' }).click();
    await expect.poll(() => rules(page)).toEqual(['PP001']);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('findings-title');
    const map = await page.locator('#map').boundingBox();
    if (map === null) throw new Error('the map is not there');
    const at = (i: number) => ({ position: { x: (map.width / 14) * (i + 0.5), y: map.height / 2 } });
    const names = broken().namespaces.map(({ name }) => name);
    await page.locator('#map').hover(at(names.indexOf('kube-extra')));
    expect(await page.locator('#map-name').innerText()).toBe('kube-extra: 1 warning');
    await page.locator('#map').click(at(names.indexOf('shop')));
    await expect.poll(() => rules(page)).toEqual(['PP005', 'PP022']);
  });
});

inBrowser('a large report', (open) => {
  const report = large();
  const elements = (page: Page): Promise<number> => page.evaluate(() => document.querySelectorAll('*').length);

  test('keeps the page small: 5,000 namespaces with three sources, and 3,000 findings', async () => {
    const { page, incidents } = await open(report);
    expect(report.findings).toHaveLength(3000);
    expect(await page.locator('#matrix tbody tr').count()).toBe(50);
    expect(await page.locator('.rows > li').count()).toBe(30);
    expect(await elements(page)).toBeLessThan(2500);
    await field(page, 'namespace').fill('team-49');
    expect(await page.locator('#shown').innerText()).toBe('60 of 3,000 findings.');
    await field(page, 'text').fill('reference');
    expect(await page.locator('#shown').innerText()).toBe('20 of 3,000 findings.');
    expect(await elements(page)).toBeLessThan(2500);
    expect(incidents).toEqual([]);
  });

  test('shows more of a rule when asked, and goes on from there', async () => {
    const { page } = await open(report);
    const more = page.locator('#PP001 .more');
    expect(await more.innerText()).toBe('Show 100 more of 990');
    await more.click();
    expect(await page.locator('#PP001 .rows > li').count()).toBe(110);
    expect(await more.innerText()).toBe('Show 100 more of 890');
    expect(
      await page.evaluate(() =>
        [...(document.activeElement?.parentElement?.children ?? [])].findIndex((row) => row === document.activeElement),
      ),
    ).toBe(10);
  });

  test('turns the pages of its namespaces', async () => {
    const { page } = await open(report);
    const shown = page.locator('#namespace-pages-shown');
    const first = page.locator('#matrix tbody tr').first();
    expect(await shown.innerText()).toBe('1 to 50 of 5,000 namespaces.');
    await page.getByRole('button', { name: 'Next' }).click();
    expect(await shown.innerText()).toBe('51 to 100 of 5,000 namespaces.');
    await page.getByRole('button', { name: 'Last' }).click();
    expect(await shown.innerText()).toBe('4,951 to 5,000 of 5,000 namespaces.');
    expect(await page.getByRole('button', { name: 'Next' }).getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('combobox', { name: 'Order' }).selectOption('by name');
    expect(await first.locator('th').innerText()).toBe('team-0000');
    await page.getByLabel('Only with problems').check();
    expect(await shown.innerText()).toBe('1 to 50 of 3,000 namespaces.');
    await page.getByLabel('Name', { exact: true }).fill('0003');
    expect(await first.innerText()).toMatch(/team-0003.*foreign/s);
    expect(await shown.innerText()).toBe('1 namespace.');
    await page.getByLabel('Name', { exact: true }).fill('nobody');
    expect(await shown.innerText()).toBe('No namespace matches.');
  });
});

inBrowser('a report of a cluster in order', (open) => {
  test('has no filter for findings, and needs none', async () => {
    const { page, incidents } = await open(inOrder());
    expect(await page.locator('#filters').count()).toBe(0);
    expect(await page.getByText('Nothing is wrong: there is nothing to do.').isVisible()).toBe(true);
    expect(incidents).toEqual([]);
  });
});
