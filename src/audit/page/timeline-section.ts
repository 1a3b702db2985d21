/** The history of a rotation: a drawing of copies over time with other events, and the same as a table. */
import { agree } from '../../text.ts';
import type { SourceReport, TimelineEntry } from '../report/report.ts';
import { html, verbatim } from './markup.ts';
import type { Markup } from './markup.ts';
import { shortSpan, span, table, time } from './elements.ts';

/** Vertical positions in the drawing, in pixels. Its width is that of the page. */
const TOP = 34;
const BOTTOM = 114;
const AXIS = [
  1_000, 10_000, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000, 2_592_000_000, 31_536_000_000,
];
/** Room at both ends, in percent of the width: marks and labels there would be cut. */
const MARGIN = 3;
/** In percent of the width: marks that are closer would overlap. */
const CLOSE = 5;
/** In milliseconds. A rotation writes its copies without long gaps; copies after a gap like this are mostly for later opt-ins. */
const PAUSE = 3_600_000;
/** Most events that are named below the drawing. */
const MAX_NAMED = 12;

export function timeline({ name, rotation }: SourceReport, id: string): Markup {
  const { copies } = rotation;
  // A state Secret that was edited by hand may hold invalid times.
  const entries = rotation.timeline.filter((entry) => !Number.isNaN(Date.parse(entry.at)));
  const [first] = entries;
  if (first === undefined) return html`<p class="note">The cluster does not remember how it went.</p>`;
  const start = Date.parse(first.at);
  const length = Math.max(0, endOf(entries) - start);
  // A logarithmic scale: the first seconds need as much room as later days.
  const at = (ms: number): number =>
    length === 0 ? MARGIN : MARGIN + ((100 - 2 * MARGIN) * Math.log1p(ms / 1000)) / Math.log1p(length / 1000);
  return html`<figure class="timeline">
${length === 0 ? html`` : drawing(entries, { name, start, length, copies, at })}
${later(entries, start + length, start)}
<details><summary>As a list<span class="unseen"> of the rotation of source ${name}</span></summary>
${table({
  id: `${id}-timeline`,
  caption: `Rotation of source ${name}, oldest first`,
  columns: [{ title: 'Time' }, { title: 'After' }, { title: 'What' }],
  rows: entries.map(
    (
      entry,
    ) => html`<tr><td>${time(entry.at)}</td><td>${span(Date.parse(entry.at) - start)}</td><td>${wordsOf(entry, copies)}</td></tr>
`,
  ),
})}</details>
</figure>`;
}

/** The end of the drawing: the last event or the last copy before a gap ({@link PAUSE}), whichever is later. */
function endOf(entries: readonly TimelineEntry[]): number {
  const times = (steps: boolean): number[] =>
    entries.filter(({ event }) => (event === 'copies') === steps).map((entry) => Date.parse(entry.at));
  const steps = times(true);
  const pause = steps.findIndex((at, i) => i > 0 && at - (steps[i - 1] ?? at) > PAUSE);
  return Math.max(...times(false), ...(pause < 0 ? steps : steps.slice(0, pause)));
}

/** Names the copies that the drawing leaves out. */
function later(entries: readonly TimelineEntry[], end: number, start: number): Markup {
  const steps = entries.filter(({ event }) => event === 'copies');
  const last = steps.at(-1);
  const drawn = steps.filter((step) => Date.parse(step.at) <= end).at(-1);
  if (last === undefined || last === drawn) return html``;
  const n = (last.copies ?? 0) - (drawn?.copies ?? 0);
  const came = html`${n} ${agree(n, 'more copy', 'more copies')} came later${agree(n, '', ', the last')} after ${span(Date.parse(last.at) - start)}`;
  const why = 'after an hour without a copy, what is written is mostly for namespaces that opted in since';
  return html`<p class="note">${came}, and ${agree(n, 'is', 'are')} not drawn: ${why}.</p>`;
}

function wordsOf({ event, name, copies }: TimelineEntry, total: number): string {
  switch (event) {
    case 'source changed':
      return 'the source changed';
    case 'login accepted':
      return `login accepted by ${name ?? 'its registry'}`;
    case 'copies':
      return `${(copies ?? 0).toLocaleString('en-US')} of ${total.toLocaleString('en-US')} copies have the new content`;
    case 'proxy given':
      return `cache proxy ${name ?? ''} was given the login`;
    case 'proxy verified':
      return `cache proxy ${name ?? ''} pulled with it`;
  }
}

interface Scale {
  readonly name: string;
  readonly start: number;
  readonly length: number;
  readonly copies: number;
  /** From milliseconds since the start to percent from the left. */
  readonly at: (ms: number) => number;
}

function drawing(entries: readonly TimelineEntry[], scale: Scale): Markup {
  const { name, start, length, copies, at } = scale;
  const placed = entries
    .filter((entry) => Date.parse(entry.at) <= start + length)
    .map((entry) => ({ ...entry, x: at(Date.parse(entry.at) - start) }));
  const steps = placed.filter(({ event }) => event === 'copies');
  const events = placed.filter(({ event }) => event !== 'copies');
  const marks = marksOf(events).map(({ from, to, x }) => {
    const isOne = from === to;
    const line = html`<line class="event" x1="${percent(x)}" x2="${percent(x)}" y1="16" y2="${BOTTOM}"/>`;
    const pill = html`<rect x="${isOne ? -9 : -18}" width="${isOne ? 18 : 36}" height="18" rx="9"/>`;
    const text = html`<text y="13" text-anchor="middle">${isOne ? from : html`${from}–${to}`}</text>`;
    return html`${line}<svg class="mark" x="${percent(x)}" y="1" overflow="visible">${pill}${text}</svg>`;
  });
  const ticks = AXIS.filter((ms) => ms <= length).map((ms) => {
    const x = percent(at(ms));
    const line = html`<line class="grid" x1="${x}" x2="${x}" y1="${TOP - 10}" y2="${BOTTOM}"/>`;
    return html`${line}<text x="${x}" y="132" text-anchor="middle">${shortSpan(ms)}</text>`;
  });
  const named = events.slice(0, MAX_NAMED).map((entry, i) => {
    const when = i === 0 ? time(entry.at) : html`after ${span(Date.parse(entry.at) - start)}`;
    return html`<li><b>${i + 1}</b> ${when}: ${wordsOf(entry, copies)}</li>`;
  });
  const done = entries.findLast(({ event }) => event === 'copies')?.copies ?? 0;
  const label =
    `Rotation of source ${name} over ${span(length)}: ${done.toLocaleString('en-US')} of ` +
    `${copies.toLocaleString('en-US')} copies have the new content. The list below says each step.`;
  const since = entries[0]?.event === 'source changed' ? 'the source changed' : 'the first step that is known';
  return html`<svg class="drawing" role="img" aria-label="${label}" width="100%" height="140">
${ticks}
<line class="axis" x1="${percent(MARGIN)}" x2="${percent(100 - MARGIN)}" y1="${BOTTOM}" y2="${BOTTOM}"/>
${steps.map(({ x, copies: n = 0 }, i) => {
  const height = Math.round(((BOTTOM - TOP) * n) / Math.max(copies, done, 1));
  const to = steps[i + 1]?.x ?? 100 - MARGIN;
  return html`<rect class="step" x="${percent(x)}" width="${percent(Math.max(to - x, 0.3))}" y="${BOTTOM - height}" height="${height}"/>`;
})}
${marks}
</svg>
<figcaption aria-hidden="true">Copies with the new content, over the time since ${since}; early seconds take more room than late ones.</figcaption>
<ol class="marks" aria-hidden="true">${named}</ol>
${events.length > MAX_NAMED ? html`<p class="note" aria-hidden="true">and ${events.length - MAX_NAMED} more in the list</p>` : html``}`;
}

/** Marks with event numbers; events that are too close share a mark. */
function marksOf(events: readonly { readonly x: number }[]): { from: number; to: number; x: number }[] {
  const marks: { from: number; to: number; x: number }[] = [];
  events.forEach(({ x }, i) => {
    const last = marks.at(-1);
    if (last !== undefined && x - last.x < CLOSE) last.to = i + 1;
    else marks.push({ from: i + 1, to: i + 1, x });
  });
  return marks;
}

const percent = (x: number): Markup => verbatim(`${Number(x.toFixed(2))}%`);
