/** The page in Debian's Chromium, where it is installed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { renderHtml } from '../../src/audit/render/html.ts';
import type { Report } from '../../src/audit/report/report.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

export interface Opened {
  readonly page: Page;
  readonly url: string;
  /** What must not happen on any page: errors, warnings of the console, violations of the policy, dialogs, requests but for the page itself. */
  readonly incidents: readonly string[];
}

export type Open = (report: Report, options?: BrowserContextOptions & { fragment?: string }) => Promise<Opened>;

/** Goes to a page that is served, each time with a context of its own. */
export type Visit = (
  url: string,
  options?: BrowserContextOptions,
) => Promise<Opened & { readonly status: number | undefined }>;

/** Calls `define` with a function that opens a report from a file, offline, and one that visits an address. */
export function inBrowser(name: string, define: (open: Open, visit: Visit) => void): void {
  const found = findOnPath('chromium', 'on Debian, apt-get install chromium');
  if ('missing' in found) {
    describe(name, () => test.skip(found.missing, () => undefined));
    return;
  }
  describe(name, () => {
    let browser: Browser | undefined;
    let directory = '';
    let pages = 0;
    beforeAll(async () => {
      directory = await mkdtemp(path.join(tmpdir(), 'pullpass-page-'));
      browser = await chromium.launch({ executablePath: found.found, args: FLAGS });
    });
    afterAll(async () => {
      await browser?.close();
      await rm(directory, { recursive: true, force: true });
    });

    define(
      async (report, { fragment = '', ...options } = {}) => {
        if (browser === undefined) throw new Error('the browser did not start');
        const file = path.join(directory, `${pages++}.html`);
        await writeFile(file, renderHtml(report, { version: '1.2.3' }));
        const url = pathToFileURL(file).href;
        const page = await (await browser.newContext({ viewport: DESKTOP, offline: true, ...options })).newPage();
        const incidents = watch(page, url);
        await page.goto(`${url}${fragment}`);
        return { page, url, incidents };
      },
      async (url, options = {}) => {
        if (browser === undefined) throw new Error('the browser did not start');
        const page = await (await browser.newContext({ viewport: DESKTOP, ...options })).newPage();
        const incidents = watch(page, url);
        const response = await page.goto(url);
        return { page, url, incidents, status: response?.status() };
      },
    );
  });
}

export function watch(page: Page, url: string): string[] {
  const incidents: string[] = [];
  page.on('console', (message) => incidents.push(`console ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => incidents.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    incidents.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url().split('#')[0] !== url) incidents.push(`request: ${request.url()}`);
  });
  return incidents;
}

export const textsOf = (page: Page, selector: string): Promise<string[]> =>
  page.locator(selector).filter({ visible: true }).allInnerTexts();
