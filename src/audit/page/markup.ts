/** HTML by template: everything that is put in is escaped, but for what this file itself has made. */
import { fit } from '../../text.ts';

const MARKUP = Symbol('markup');

/** Text that is HTML already. Nothing that was read from a cluster can have this shape: a symbol is no JSON. */
export interface Markup {
  readonly [MARKUP]: string;
}

type Part = string | number | Markup | readonly Markup[];

/** More of one text says no more to a person; a browser takes long over words of megabytes. */
const LONGEST = 2000;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Attributes have to be in quotes. Text of others never goes where a URL, a script or a style stands. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { [MARKUP]: strings.reduce((text, string, i) => `${text}${render(parts[i - 1] ?? '')}${string}`) };
}

/** For what is safe by how it was made: styles, scripts and JSON of our own. */
export const verbatim = (text: string): Markup => ({ [MARKUP]: text });

export const textOf = (markup: Markup): string => markup[MARKUP];

/** Also without line breaks, control characters and direction marks. */
const escape = (text: string): string => clean(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

/** What a person gets to see of a text. Most of them are plain already, and there are many. */
const clean = (text: string): string =>
  text.length <= LONGEST && /^(?:[!-~]+(?: [!-~]+)*)?$/.test(text) ? text : fit(text, LONGEST);

function render(part: Part): string {
  if (typeof part === 'string') return escape(part);
  if (typeof part === 'number') return part.toLocaleString('en-US');
  return MARKUP in part ? part[MARKUP] : part.map(textOf).join('');
}

/** JSON for a `<script type="application/json">`: nothing in it can end the element or a line. */
export function jsonIsland(value: unknown): Markup {
  const json = JSON.stringify(value, (_, held: unknown) => (typeof held === 'string' ? clean(held) : held));
  return verbatim(
    json.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** Our own prose has `code` in it. */
export function prose(text: string): Markup {
  return html`${clean(text)
    .split('`')
    .map((part, i, { length }) =>
      i % 2 === 1 && i < length - 1 ? html`<code>${part}</code>` : html`${verbatim(spaced(part))}`,
    )}`;
}

/** Spaces around a part that stands next to code must stay. */
const spaced = (part: string): string =>
  `${part.startsWith(' ') ? ' ' : ''}${escape(part)}${part.trim() !== '' && part.endsWith(' ') ? ' ' : ''}`;
