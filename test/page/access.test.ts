/** The report's page for everybody: axe, keyboard, phone, dark, paper, and without JavaScript. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { DESKTOP, inBrowser, PHONE, textsOf } from './browser.ts';
import { broken, empty, large } from './reports.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const REPORTS = { empty: empty(), broken: broken(), large: large() };

interface Axe {
  run(
    context: Document,
    options: object,
  ): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
}

async function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { violations: found } = await (globalThis as unknown as { axe: Axe }).axe.run(document, {
      resultTypes: ['violations'],
    });
    return found.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`)
          .join('\n')}`,
    );
  });
}

inBrowser('the page', (open) => {
  test.each(Object.entries(REPORTS))(
    'of a cluster that is %s has nothing that axe objects to, light and dark, on a desktop and on a phone, and is no wider than they are',
    async (_, report) => {
      // axe is a script of others, which the policy keeps out.
      const { page } = await open(report, { bypassCSP: true });
      await page.addScriptTag({ path: AXE });
      await page.locator('details').evaluateAll((all) => all.forEach((each) => each.setAttribute('open', '')));
      for (const viewport of [DESKTOP, PHONE]) {
        await page.setViewportSize(viewport);
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
        ).toBe(0);
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          expect(await violations(page)).toEqual([]);
        }
      }
    },
  );

  test('shows the verdict and what is wrong on the first screen', async () => {
    const { page } = await open(REPORTS.broken);
    const lowest = await page
      .locator('.wrong a')
      .evaluateAll((links) => Math.max(...links.map((link) => link.getBoundingClientRect().bottom)));
    expect(lowest).toBeLessThan(DESKTOP.height);
    expect(await page.locator('.verdict h2').innerText()).toMatch(
      /^Pulls fail, or will\.\s+6 errors, 2 warnings, 4 notes$/,
    );
    expect((await textsOf(page, '.wrong .title')).slice(0, 5)).toEqual([
      'A copy is missing',
      "A Secret that Pullpass did not make has a copy's name",
      'A ServiceAccount does not reference its copy',
      'Pods cannot pull an image',
      'A cache proxy does not have the newest login',
    ]);
  });

  test('is dark where that is asked for', async () => {
    const background = async (colorScheme: 'light' | 'dark'): Promise<string> =>
      (await open(REPORTS.broken, { colorScheme })).page.evaluate(
        () => getComputedStyle(document.body).backgroundColor,
      );
    expect([await background('light'), await background('dark')]).toEqual(['rgb(245, 246, 248)', 'rgb(15, 19, 24)']);
  });

  test('can be walked by keyboard alone, with the focus always to be seen', async () => {
    const { page, incidents } = await open(REPORTS.broken);
    const focused = (): Promise<{ what: string; outlined: boolean }> =>
      page.evaluate(() => {
        const element = document.activeElement ?? document.body;
        return {
          what: `${element.tagName} ${element.getAttribute('name') ?? element.getAttribute('aria-labelledby') ?? element.textContent?.trim().slice(0, 20)}`,
          outlined: getComputedStyle(element).outlineStyle !== 'none',
        };
      });
    await page.keyboard.press('Tab');
    expect((await focused()).what).toBe('A Skip to the report');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect((await focused()).what).toMatch(/^A 1 error:A copy is/);
    const visited = new Set<string>();
    for (let i = 0; i < 120; i++) {
      const { what, outlined } = await focused();
      if (what.startsWith('BODY')) break;
      expect([what, outlined]).toEqual([what, true]);
      visited.add(what);
      await page.keyboard.press('Tab');
    }
    for (const what of [
      'INPUT severity',
      'INPUT namespace',
      'SELECT rule',
      'INPUT text',
      'BUTTON Clear filters',
      'DIV matrix-caption',
      'A billing',
      'SUMMARY As a list of the rot',
      'DIV proxy-table-caption',
    ])
      expect([...visited]).toContain(what);

    await page.locator('#filters [name="severity"]').first().focus();
    await page.keyboard.press('Space');
    expect(await page.locator('#shown').innerText()).toBe('6 of 12 findings.');
    expect(incidents).toEqual([]);
  });

  test('keeps the names of namespaces in sight on a phone, and what was found in one line on a desktop', async () => {
    const { page } = await open(REPORTS.large, { viewport: PHONE });
    const region = page.locator('.scroll', { has: page.locator('#matrix') });
    const name = page.locator('#matrix tbody th').first();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(
        await region.evaluate((each) => {
          each.scrollLeft = 300;
          return each.scrollLeft;
        }),
      ).toBe(300);
      const [left = NaN, nameLeft = NaN, width = NaN] = await Promise.all([
        region.evaluate((each) => each.getBoundingClientRect().left),
        name.evaluate((each) => each.getBoundingClientRect().left),
        name.evaluate((each) => each.getBoundingClientRect().width),
      ]);
      expect(nameLeft - left).toBeLessThanOrEqual(1);
      expect(width).toBeLessThan(PHONE.width / 2);
      const backgrounds = await page.evaluate(() =>
        ['#matrix tbody tr:last-child th', '.scroll'].map(
          (selector) => getComputedStyle(document.querySelector(selector) ?? document.body).backgroundColor,
        ),
      );
      expect(backgrounds[0]).toBe(backgrounds[1]);
    }
    await page.setViewportSize(DESKTOP);
    await page
      .locator('#matrix .found')
      .first()
      .evaluate((each) => {
        each.textContent = '1 error, 1 warning, 1 note';
      });
    expect(
      await page
        .locator('#matrix .found')
        .first()
        .evaluate((each) => each.getClientRects().length),
    ).toBe(1);
  });

  test('does not move by itself where that is not wanted', async () => {
    const behaviour = async (reducedMotion: 'reduce' | 'no-preference'): Promise<string> =>
      (await open(REPORTS.broken, { reducedMotion })).page.evaluate(
        () => getComputedStyle(document.documentElement).scrollBehavior,
      );
    expect([await behaviour('reduce'), await behaviour('no-preference')]).toEqual(['auto', 'smooth']);
  });

  test('prints all findings that are filtered for, without controls, and goes back to what it was', async () => {
    const { page, incidents } = await open(large(400, 300), { fragment: '#rule=PP001', colorScheme: 'dark' });
    expect(await page.locator('.rows > li').filter({ visible: true }).count()).toBe(10);
    await page.emulateMedia({ media: 'print' });
    await expect.poll(() => page.locator('.rows > li').filter({ visible: true }).count()).toBe(100);
    expect(await page.locator('form, button, .top nav').filter({ visible: true }).count()).toBe(0);
    expect(await page.locator('#PP001 details p').first().isVisible()).toBe(true);
    expect(await page.evaluate(() => getComputedStyle(document.body).color)).toBe('rgb(26, 32, 39)');
    await page.emulateMedia({ media: 'screen' });
    await expect.poll(() => page.locator('.rows > li').filter({ visible: true }).count()).toBe(10);
    expect(await page.locator('#PP001 details p').first().isVisible()).toBe(false);
    expect(incidents).toEqual([]);
  });

  test('can be read without JavaScript, and has no dead controls then', async () => {
    const { page } = await open(REPORTS.large, { javaScriptEnabled: false });
    expect(await page.locator('.rows > li').filter({ visible: true }).count()).toBe(498);
    expect(await page.locator('form, button').filter({ visible: true }).count()).toBe(0);
    expect(await page.getByText('and 834 more, for which this page needs JavaScript').count()).toBe(3);
    expect(await page.locator('#matrix tbody tr').count()).toBe(100);
  });
});
