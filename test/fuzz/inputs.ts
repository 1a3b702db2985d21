/** Inputs for a parser: its samples, mutated as text and as JSON; its words in any order; and bytes from nowhere. */
import fc from 'fast-check';
import type { Parser } from './parser.ts';

const SIGNS = [...'\u0000\t\n\r "\'%&*+,-./:;<=>?@[\\]^`{|}~!#$()é\u2028\uD83D\uFEFF', '\r\n', '\\u0000', '../', '//'];
const VALUES: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1e308,
  '',
  'x',
  [],
  {},
  [null],
  [[]],
  { '': 0 },
  'a'.repeat(5_000),
];
/** JSON has no such numbers and names as literals of ours: they are put in as text. */
const AS_TEXT: readonly (readonly [mark: string, text: string])[] = [
  ['@huge@', '1e999'],
  ['@proto@', '{"__proto__":{"a":1},"constructor":0}'],
  ['@deep@', `${'['.repeat(300)}${']'.repeat(300)}`],
];

/** 0 to 1: where in a text or among the nodes of a document. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

export function inputsOf({ samples, words = [] }: Parser): fc.Arbitrary<string> {
  const pieces = [...SIGNS, ...words];
  const sample = fc.constantFrom(...samples);
  const documents = samples.filter((text) => /^\s*[[{]/.test(text) && isJson(text));
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(sample, fc.array(edit(pieces, samples), { maxLength: 6 })).map(applyEdits) },
    ...(documents.length === 0
      ? []
      : [
          {
            weight: 6,
            arbitrary: fc
              .tuple(fc.constantFrom(...documents), fc.array(graft(documents, words), { minLength: 1, maxLength: 4 }))
              .map(([text, grafts]) => asText(grafts.reduce<unknown>((value, each) => each(value), JSON.parse(text)))),
          },
        ]),
    { weight: 2, arbitrary: fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join('')) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    { weight: 1, arbitrary: fc.tuple(sample, fc.nat(40)).map(([text, n]) => text.repeat(n).slice(0, 20_000)) },
  );
}

type Edit = (text: string) => string;

const applyEdits = ([text, edits]: [string, Edit[]]): string =>
  edits.reduce((at, each) => each(at), text).slice(0, 60_000);

function edit(pieces: readonly string[], samples: readonly string[]): fc.Arbitrary<Edit> {
  const at = (text: string, where: number): number => Math.floor(where * (text.length + 1));
  return fc.oneof(
    fc.tuple(place, fc.nat(12), fc.constantFrom(...pieces)).map<Edit>(([where, drop, piece]) => (text) => {
      const from = at(text, where);
      return text.slice(0, from) + piece + text.slice(from + drop);
    }),
    fc.tuple(place, fc.nat(60)).map<Edit>(([where, drop]) => (text) => {
      const from = at(text, where);
      return text.slice(0, from) + text.slice(from + drop);
    }),
    // A part comes again, up to 200 times.
    fc
      .tuple(place, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 200 }))
      .map<Edit>(([where, length, times]) => (text) => {
        const from = at(text, where);
        return text.slice(0, from) + text.slice(from, from + length).repeat(times) + text.slice(from + length);
      }),
    fc.tuple(place, place, fc.constantFrom(...samples)).map<Edit>(
      ([where, there, other]) =>
        (text) =>
          text.slice(0, at(text, where)) + other.slice(at(other, there)),
    ),
    fc.tuple(place, fc.nat(0x2fff)).map<Edit>(([where, code]) => (text) => {
      const from = at(text, where);
      return text.slice(0, from) + String.fromCharCode(code) + text.slice(from + 1);
    }),
  );
}

/** Puts another value in the place of one node, or gives a node another name. */
function graft(documents: readonly string[], words: readonly string[]): fc.Arbitrary<(value: unknown) => unknown> {
  const value = fc.oneof(
    fc.constantFrom(...VALUES, ...words, ...AS_TEXT.map(([mark]) => mark)),
    fc.tuple(fc.constantFrom(...documents), place).map(([text, where]) => {
      const all = nodes(JSON.parse(text));
      return all[Math.floor(where * all.length)];
    }),
    fc.string({ maxLength: 20 }),
    fc.integer(),
  );
  return fc
    .tuple(place, value, fc.boolean(), fc.string({ maxLength: 8 }))
    .map(([where, by, renames, name]) => (root) => {
      let left = Math.floor(where * nodes(root).length);
      const walk = (node: unknown): unknown => {
        if (left-- === 0) return by;
        if (Array.isArray(node)) return node.map(walk);
        if (typeof node !== 'object' || node === null) return node;
        return Object.fromEntries(
          Object.entries(node).map(([key, each]) => [renames && left === 0 ? name : key, walk(each)]),
        );
      };
      return walk(root);
    });
}

function nodes(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [value];
  return [value, ...Object.values(value).flatMap(nodes)];
}

const asText = (value: unknown): string =>
  AS_TEXT.reduce((text, [mark, by]) => text.replaceAll(`"${mark}"`, by), JSON.stringify(value) ?? 'null');

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
