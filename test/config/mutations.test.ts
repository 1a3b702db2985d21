import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfiguration, renderProblem } from '../../src/config/load.ts';
import { FULL } from './documents.ts';

/** What people and merge tools do to a file: characters and lines go, come twice, or turn into something else. */
const mutation = fc.oneof(
  fc
    .record({
      at: fc.nat(FULL.length),
      remove: fc.nat(20),
      insert: fc.constantFrom(
        '',
        ' ',
        '\n',
        '\t',
        ':',
        '- ',
        '"',
        '{',
        ']',
        '&a ',
        '*a',
        '!x ',
        '---\n',
        '%',
        '\u0000',
        'ä',
        '<<: ',
      ),
    })
    .map(({ at, remove, insert }) => FULL.slice(0, at) + insert + FULL.slice(at + remove)),
  fc
    .record({ from: fc.nat(FULL.split('\n').length - 1), to: fc.nat(FULL.split('\n').length - 1), move: fc.boolean() })
    .map(({ from, to, move }) => {
      const lines = FULL.split('\n');
      const [line = ''] = move ? lines.splice(from, 1) : lines.slice(from, from + 1);
      return lines.toSpliced(to, 0, line).join('\n');
    }),
  fc
    .record({
      at: fc.nat(200),
      by: fc.constantFrom('null', '1', 'true', '[]', '{}', '""', '[[]]', '*x', '.nan', '!!binary aGk=', '2020-01-01'),
    })
    .map(({ at, by }) => {
      const words = FULL.split(/\b/);
      return words.with(at % words.length, by).join('');
    }),
  fc.string({ unit: 'binary' }),
);

test('whatever happens to a file, reading it gives a configuration or problems with a line of the text, and never throws', () => {
  expect(parseConfiguration(FULL, 'full.yaml')).toMatchObject({ ok: true });
  fc.assert(
    fc.property(mutation, (text) => {
      const result = parseConfiguration(text, 'c.yaml');
      if (result.ok) return;
      const lines = text.split('\n');
      expect(result.problems.length).toBeGreaterThan(0);
      for (const problem of result.problems) {
        expect(problem.line).toBeGreaterThanOrEqual(1);
        expect(problem.line).toBeLessThanOrEqual(lines.length);
        expect(problem.column).toBeGreaterThanOrEqual(1);
        expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1] ?? '').length + 1);
        expect(renderProblem(problem)).toMatch(/^c\.yaml:\d+:\d+: [^\r\n]+$/);
      }
    }),
    { numRuns: 1000 },
  );
});
