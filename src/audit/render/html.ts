/** `-o html`, and `/report` of the controller: the report as one page that loads nothing else. */
import { createHash } from 'node:crypto';
import { inOneGo } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import { SCRIPT, STYLE } from '../page/assets.ts';
import { findings } from '../page/findings.ts';
import { html, jsonIsland, textOf, verbatim } from '../page/markup.ts';
import type { Markup } from '../page/markup.ts';
import { namespaces } from '../page/namespaces.ts';
import { overview } from '../page/overview.ts';
import { iconSheet, slot, time } from '../page/elements.ts';
import { notSeen, proxies } from '../page/proxies-section.ts';
import { registries } from '../page/registries-section.ts';
import { sources } from '../page/sources-section.ts';
import { pageData } from '../page/view.ts';
import type { Report } from '../report/report.ts';
import { plural } from '../../text.ts';

const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Content Security Policy in the page: only its own style and script; trusted types: the script cannot turn text into markup. */
export const META_POLICY =
  `default-src 'none'; script-src ${sha256(SCRIPT)}; style-src ${sha256(STYLE)}; img-src data:; ` +
  "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** The same for the HTTP header, and no frames, which a meta element cannot forbid. */
export const CONTENT_SECURITY_POLICY = `${META_POLICY}; frame-ancestors 'none'`;

/** Without an icon in the page, browsers request one from the server. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
  "%3Crect width='16' height='16' rx='4' fill='%231f6feb'/%3E" +
  "%3Cpath d='M3 8h10M9 4l4 4-4 4' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E";

/** The same report gives the same page. Ends with a line break. */
export const renderHtml = (...given: Parameters<typeof htmlSteps>): string => inOneGo(htmlSteps(...given));

/** One part of the page per step: with thousands of namespaces, each takes long. */
export function* htmlSteps(report: Report, { version }: { version?: string } = {}): Steps<string> {
  const { cluster, generatedAt, only, listed } = report;
  const data = pageData(report);
  yield;
  const parts = [html`${overview(report)}\n`];
  for (const part of [findings, namespaces, registries, sources, proxies, notSeen]) {
    yield;
    parts.push(part(report, data));
  }
  yield;
  const island = jsonIsland(data);
  yield;
  return textOf(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${verbatim(META_POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Pullpass audit of ${cluster.server}</title>
<link rel="icon" href="${verbatim(ICON)}">
<style>${verbatim(STYLE)}</style>
</head>
<body>
${iconSheet()}
<a class="skip" href="#main">Skip to the report</a>
<header class="top">
<h1><span class="brand">Pullpass</span> audit ${slot('of', cluster.server === '' ? '' : `of ${cluster.server}`)}</h1>
<p>${only === undefined ? html`` : html`only namespace ${slot('only', only.join(', '), 'code')}, `}${
    listed === undefined ? html`` : html`of the ${plural(listed.length, 'namespace')} listed, `
  }${time(generatedAt)}</p>
${contents(report)}
</header>
<main id="main" tabindex="-1">
${parts}</main>
<footer><p>Pullpass ${version ?? ''} made this page from what the cluster's API says. It holds no credential, and loads nothing.</p></footer>
<script type="application/json" id="data">${island}</script>
<script>${verbatim(SCRIPT)}</script>
</body>
</html>
`);
}

function contents({ couldNotSee }: Report): Markup {
  const sections = [
    ['findings', 'Findings'],
    ['namespaces', 'Namespaces'],
    ['registries', 'Registries'],
    ['sources', 'Sources'],
    ['proxies', 'Cache proxies'],
    ...(couldNotSee.length > 0 ? [['not-seen', 'Not seen']] : []),
  ] as const;
  return html`<nav aria-label="Sections"><ul role="list">${sections.map(([id = '', title = '']) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>`;
}
