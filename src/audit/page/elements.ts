/** Small parts that several sections of the page use. */
import { agree } from '../../text.ts';
import type { Tone } from './data.ts';
import { html } from './markup.ts';
import type { Markup } from './markup.ts';

/** On a grid of 16. Each tone has a shape of its own: colour alone must not carry the meaning. */
const SHAPES: Readonly<Record<Tone, string>> = {
  ok: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.6 5.3-4.2 4.9a.9.9 0 0 1-1.3 0L4.3 9.4l1.2-1.2 1.2 1.2 3.6-4.2Z',
  error:
    'M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Zm.3 3.2L4.2 5.4 6.8 8l-2.6 2.6 1.2 1.2L8 9.2l2.6 2.6 1.2-1.2L9.2 8l2.6-2.6-1.2-1.2L8 6.8Z',
  warning:
    'M8 1.2c.4 0 .7.2.9.5l6.2 11.2c.4.8-.1 1.6-.9 1.6H1.8c-.8 0-1.3-.8-.9-1.6L7.1 1.7c.2-.3.5-.5.9-.5ZM7.1 5.6v4h1.8v-4Zm.9 5a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z',
  info: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2.6a1 1 0 1 1 0 2 1 1 0 0 1 0-2ZM7.1 7h1.8v5.2H7.1Z',
  none: 'M3 7.2h10v1.6H3Z',
  unknown:
    'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2.6c1.6 0 2.7 1 2.7 2.4 0 1-.5 1.6-1.2 2.1-.5.4-.7.6-.7 1.1v.3H7.2V9' +
    'c0-1 .4-1.5 1.1-2 .5-.4.8-.6.8-1.1s-.4-.8-1.1-.8-1.1.4-1.2 1.1H5.2c.1-1.6 1.2-2.6 2.8-2.6ZM8 10.6a1 1 0 1 1 0 2 1 1 0 0 1 0-2Z',
};

/** Once per page, before any {@link icon}. */
export function iconSheet(): Markup {
  const symbols = Object.entries(SHAPES).map(
    ([tone, shape]) =>
      html`<symbol id="icon-${tone}" viewBox="0 0 16 16"><path fill-rule="evenodd" d="${shape}"/></symbol>`,
  );
  return html`<svg class="sheet" aria-hidden="true" width="0" height="0">${symbols}</svg>`;
}

/** Hidden from screen readers, because a word stands next to it. */
export const icon = (tone: Tone): Markup =>
  html`<svg class="icon" data-tone="${tone}" aria-hidden="true" width="16" height="16"><use href="#icon-${tone}"/></svg>`;

/** A state: a word with its icon. */
export const badge = (tone: Tone, word: string): Markup =>
  html`<span class="badge" data-tone="${tone}">${icon(tone)}<span>${word}</span></span>`;

/** An element that the script fills by its name when it clones a template; hidden if empty. */
export const slot = (name: string, value: string | number, className = name): Markup =>
  html`<span class="${className}" data-slot="${name}"${value === '' ? html` hidden` : html``}>${value}</span>`;

interface Column {
  readonly title: string;
  readonly number?: boolean;
}

/** A table in a region that scrolls on narrow screens. The caption names both. */
export function table({
  id,
  caption,
  columns,
  rows,
}: {
  id: string;
  caption: string;
  columns: readonly Column[];
  rows: readonly Markup[];
}): Markup {
  return html`<div class="scroll" role="region" aria-labelledby="${id}-caption" tabindex="0"><table id="${id}">
<caption id="${id}-caption">${caption}</caption>
<thead><tr>${columns.map(({ title, number }) => html`<th scope="col"${number === true ? html` class="number"` : html``}>${title}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div>
`;
}

export function section({
  id,
  title,
  count,
  lead,
  body,
}: {
  id: string;
  title: string;
  count?: number | undefined;
  lead?: Markup | undefined;
  body: Markup;
}): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title" tabindex="-1">${title}${count === undefined ? html`` : html` <span class="tally">${count}</span>`}</h2>
${lead === undefined ? html`` : html`<p class="lead">${lead}</p>`}
${body}</section>
`;
}

/** The text of a section without rows. */
export const empty = (text: Markup): Markup => html`<p class="empty">${text}</p>`;

/** `2026-03-01 12:00:00 UTC`; an invalid time stays as it is. */
export function time(iso: string): Markup {
  const at = Date.parse(iso);
  return Number.isNaN(at)
    ? html`${iso}`
    : html`<time datetime="${new Date(at).toISOString()}">${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC</time>`;
}

const UNITS = [
  { name: 'day', short: 'd', ms: 86_400_000 },
  { name: 'hour', short: 'h', ms: 3_600_000 },
  { name: 'minute', short: 'min', ms: 60_000 },
] as const;
const SECOND = { name: 'second', short: 's', ms: 1000 } as const;

/** `3 days`, `20 minutes`: the largest unit only. */
export function span(ms: number): string {
  const { n, unit } = inUnits(ms);
  return `${n.toLocaleString('en-US')} ${agree(n, unit.name, `${unit.name}s`)}`;
}

/** `3 d`, `20 min`. */
export function shortSpan(ms: number): string {
  const { n, unit } = inUnits(ms);
  return `${n.toLocaleString('en-US')} ${unit.short}`;
}

function inUnits(ms: number) {
  const unit = UNITS.find((each) => Math.abs(ms) >= each.ms) ?? SECOND;
  return { n: Math.round(Math.abs(ms) / unit.ms), unit };
}
