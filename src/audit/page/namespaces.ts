/** Namespaces and sources: a map of all namespaces, and a table, of which the HTML has only the first rows. */
import { agree } from '../../text.ts';
import type { Report } from '../report/report.ts';
import type { CellData, NamespaceRow, PageData } from './data.ts';
import { html } from './markup.ts';
import type { Markup } from './markup.ts';
import { namespaceMap } from './map.ts';
import { empty, icon, section, slot, table } from './elements.ts';

/** Most rows in the HTML. */
const MAX_SERVED = 100;

const RANK = { error: 0, warning: 1, ok: 2, none: 3 } as const;

export function namespaces(report: Report, { namespaces: rows }: PageData): Markup {
  if (rows.length === 0)
    return section({ id: 'namespaces', title: 'Namespaces', body: empty(html`No namespace was seen.`) });
  // The same order as in `browser/namespaces.js`.
  const worstFirst = [...rows].sort(
    (a, b) => RANK[a.level] - RANK[b.level] || b.failing - a.failing || b.errors - a.errors || b.warnings - a.warnings,
  );
  const names = report.sources.map(({ name }) => name);
  const shown =
    rows.length > MAX_SERVED
      ? html`The first ${MAX_SERVED} of ${rows.length}; for the others this page needs JavaScript.`
      : html``;
  const pages = ['First', 'Previous', 'Next', 'Last'].map(
    (label) => html`<button type="button" value="${label.toLowerCase()}">${label}</button>`,
  );
  const cells = names.map(() => ({ tone: 'none' as const, word: '', references: '' }));
  const none = { pods: 0, failing: 0, errors: 0, warnings: 0, notes: 0 };
  const template = namespaceRow({ name: '', level: 'none', why: '', cells, ...none }, report.configured);
  return section({
    id: 'namespaces',
    title: 'Namespaces',
    count: rows.length,
    lead: report.configured
      ? html`For each source: how its copy stands, and how many of the selected ServiceAccounts reference it.`
      : html`No configuration was given, so nothing is said about copies and references here.`,
    body: html`${namespaceMap(rows)}
<form id="namespace-filters" class="filters" role="search" aria-label="Filter namespaces" hidden>
<label>Name <input type="search" name="name" autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="all"></label>
<label>Order <select name="order"><option value="worst">worst first</option><option value="name">by name</option></select></label>
<label class="check"><input type="checkbox" name="problems"> Only with problems</label>
</form>
${table({
  id: 'matrix',
  caption: 'Namespaces and the copies they have',
  columns: [
    { title: 'Namespace' },
    ...(report.configured ? [{ title: 'Opted in' }] : []),
    ...names.map((title) => ({ title })),
    { title: 'Pods', number: true },
    { title: 'Failing', number: true },
    { title: 'Findings' },
  ],
  rows: worstFirst.slice(0, MAX_SERVED).map((row) => namespaceRow(row, report.configured)),
})}<p id="namespace-pages-shown" class="shown" role="status">${shown}</p>
<div id="namespace-pages" class="pages" role="group" aria-label="Pages of the table" hidden>${pages}</div>
<template id="namespace-row"><table><tbody>${template}</tbody></table></template>
`,
  });
}

/** The name gets its link to the namespace's findings from the script, which filters them. */
function namespaceRow(
  { name, why, cells, pods, failing, errors, warnings, notes }: NamespaceRow,
  configured: boolean,
): Markup {
  const optedIn = configured ? html`<td>${slot('why', why)}</td>` : html``;
  const unable = html`<td class="number">${slot('failing', failing === 0 ? '' : failing, 'alarm')}</td>`;
  const numbers = html`<td class="number">${slot('pods', pods)}</td>${unable}`;
  const found = html`<td>${slot('found', foundOf(errors, warnings, notes))}</td>`;
  return html`<tr><th scope="row"><a data-slot="name">${name}</a></th>${optedIn}${cells.map(cell)}${numbers}${found}</tr>
`;
}

const cell = ({ tone, word, references }: CellData): Markup =>
  html`<td class="cell" data-tone="${tone}">${icon(tone)}${slot('word', word)} ${slot('references', references)}</td>`;

/** `2 errors, 1 note`; the same words as in `browser/namespaces.js`. */
function foundOf(errors: number, warnings: number, notes: number): string {
  return (
    [
      [errors, 'error'],
      [warnings, 'warning'],
      [notes, 'note'],
    ] as const
  )
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n.toLocaleString('en-US')} ${agree(n, word, `${word}s`)}`)
    .join(', ');
}
