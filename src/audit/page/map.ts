/** The map of all namespaces: one field each, sorted by name, as one path per level: four elements for thousands of fields. */
import type { Level, NamespaceRow } from './data.ts';
import { html, verbatim } from './markup.ts';
import type { Markup } from './markup.ts';

/** Size of a field in the drawing, and its most pixels on the screen. */
const SIZE = 10;
const WIDEST = 16;

/** Each level has its own shape: colour alone must not carry the meaning. */
const SHAPES: Readonly<Record<Level, string>> = {
  error: 'h9v9h-9zm2 1l2.5 2.5 2.5-2.5 1 1-2.5 2.5 2.5 2.5-1 1-2.5-2.5-2.5 2.5-1-1 2.5-2.5-2.5-2.5z',
  warning: 'm4.5 0l4.5 9h-9z',
  ok: 'm1 1h7v7h-7z',
  none: 'm3 3h3v3h-3z',
};

const WORDS: Readonly<Record<Level, string>> = {
  error: 'with errors',
  warning: 'with warnings',
  ok: 'in order',
  none: 'not opted in, nothing wrong',
};

export function namespaceMap(rows: readonly NamespaceRow[]): Markup {
  const columns = Math.min(rows.length, Math.max(24, Math.ceil(Math.sqrt(rows.length * 4))));
  const lines = Math.ceil(rows.length / columns);
  const paths: Record<Level, string[]> = { error: [], warning: [], ok: [], none: [] };
  rows.forEach(({ level }, i) =>
    paths[level].push(`M${(i % columns) * SIZE} ${Math.floor(i / columns) * SIZE}${SHAPES[level]}`),
  );
  const levels = (['error', 'warning', 'ok', 'none'] as const).filter((level) => paths[level].length > 0);
  const counts = levels.map((level) => `${paths[level].length.toLocaleString('en-US')} ${WORDS[level]}`).join(', ');
  const label = `Map of ${rows.length.toLocaleString('en-US')} namespaces by name: ${counts}. The table below says the same.`;
  const size = html`viewBox="0 0 ${String(columns * SIZE)} ${String(lines * SIZE)}" width="${String(columns * WIDEST)}"`;
  const path = (level: Level, d: string): Markup =>
    html`<path class="level" data-level="${level}" fill-rule="evenodd" d="${verbatim(d)}"/>`;
  const fields = levels.map((level) => path(level, paths[level].join('')));
  const legend = levels.map((level) => {
    const field = html`<svg viewBox="0 0 10 10" width="12" height="12">${path(level, `M0 0${SHAPES[level]}`)}</svg>`;
    return html`<li>${field} ${paths[level].length} ${WORDS[level]}</li>`;
  });
  return html`<figure class="map">
<svg id="map" role="img" aria-label="${label}" ${size} data-columns="${String(columns)}">${fields}</svg>
<figcaption aria-hidden="true"><ul>${legend}</ul><span id="map-name"></span></figcaption>
</figure>
`;
}
