/** The planted mistakes are what they say, and stand where they should. */
import { expect, test } from 'vitest';
import { mutantsOf } from './operators.ts';

const mutants = (text: string): string[] =>
  mutantsOf('a.ts', text).map(({ operator, start, end, replacement }) => {
    expect(start).toBeLessThan(end);
    return `${operator}: ${text.slice(0, start)}${replacement}${text.slice(end)}`;
  });

test.each([
  ['if (a) b();', ['if removed: ;', 'negated: if (!(a)) b();', 'statement removed: if (a) ;']],
  [
    'x = a < 1;',
    [
      'statement removed: ;',
      '< to <=: x = a <= 1;',
      '< to >=: x = a >= 1;',
      'number: x = a < 0;',
      'number: x = a < 2;',
    ],
  ],
  [
    'const x = a && !b;',
    ['negated: const x = !(a) && !b;', '&& to ||: const x = a || !b;', '! removed: const x = a && b;'],
  ],
  ['const x = a ?? 0;', ['?? removed: const x = a;', '?? always: const x = (0);', 'number: const x = a ?? 1;']],
  ['const x = a?.b;', ['?. removed: const x = a.b;']],
  ['const x = [...a, b];', ['spread removed: const x = [b];']],
  ['const x = a.filter(b);', ['filter() removed: const x = a;']],
  ['const x = () => true;', ['boolean: const x = () => false;']],
  ["const x = 'id';", ["text: const x = '';"]],
  [
    'const x = /^[a]+\\+$/;',
    [
      '^ removed: const x = /[a]+\\+$/;',
      '$ removed: const x = /^[a]+\\+/;',
      'class inverted: const x = /^[^a]+\\+$/;',
      '+ to *: const x = /^[a]*\\+$/;',
    ],
  ],
])('%s', (text, expected) => {
  expect(mutants(text)).toEqual(expected);
});

test('types, imports and sentences have none', () => {
  expect(mutants("import a from 'a';\ntype B = 'c' | 1;\nconst d = 'two words' as 'e';\nexport * from 'f';\n")).toEqual(
    [],
  );
});
