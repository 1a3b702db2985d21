/** HTML by template: every inserted value is escaped, unless this file made it. */
import { fit } from '../../text.ts';

const MARKUP = Symbol('markup');

/** Text that is already HTML. No value from a cluster can have this shape: JSON has no symbols. */
export interface Markup {
  readonly [MARKUP]: string;
}

type Part = string | number | Markup | readonly Markup[];

/** Longer texts are cut: browsers are slow with words of megabytes. */
const LONGEST = 2000;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Attributes must be in quotes. Never insert text from the cluster as a URL, a script or a style. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { [MARKUP]: strings.reduce((text, string, i) => `${text}${render(parts[i - 1] ?? '')}${string}`) };
}

/** Not escaped: only for our own styles, scripts, JSON and SVG. */
export const verbatim = (text: string): Markup => ({ [MARKUP]: text });

export const textOf = (markup: Markup): string => markup[MARKUP];

/** Also removes line breaks, control characters and direction marks. */
const escape = (text: string): string => clean(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

/** The printable form of a text. There are many texts, and most are plain already: the test is faster than `fit`. */
const clean = (text: string): string =>
  text.length <= LONGEST && /^(?:[!-~]+(?: [!-~]+)*)?$/.test(text) ? text : fit(text, LONGEST);

function render(part: Part): string {
  if (typeof part === 'string') return escape(part);
  if (typeof part === 'number') return part.toLocaleString('en-US');
  return MARKUP in part ? part[MARKUP] : part.map(textOf).join('');
}

/** JSON for a `<script type="application/json">`: it cannot end the element or a line. */
export function jsonIsland(value: unknown): Markup {
  const json = JSON.stringify(value, (_, held: unknown) => (typeof held === 'string' ? clean(held) : held));
  return verbatim(
    json.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** Turns `code` in our own texts into code elements. */
export function prose(text: string): Markup {
  return html`${clean(text)
    .split('`')
    .map((part, i, { length }) =>
      i % 2 === 1 && i < length - 1 ? html`<code>${part}</code>` : html`${verbatim(spaced(part))}`,
    )}`;
}

/** `escape` trims, but spaces next to a code element must stay. */
const spaced = (part: string): string =>
  `${part.startsWith(' ') ? ' ' : ''}${escape(part)}${part.trim() !== '' && part.endsWith(' ') ? ' ' : ''}`;
