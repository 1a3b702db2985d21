/** Selectors mean what they mean to Kubernetes: the table is apimachinery's; `test/admission/guard.test.ts` asks a real API server. */
import { expect, test } from 'vitest';
import { selects, selectorText } from '../../src/config/label-selector.ts';
import type { LabelSelector, Labels, Requirement } from '../../src/config/label-selector.ts';
import { parseConfiguration, renderProblem } from '../../src/config/load.ts';
import { GOOD } from './documents.ts';

const one = (operator: Requirement['operator'], ...values: string[]): LabelSelector => ({
  matchExpressions: [{ key: 'env', operator, ...(values.length > 0 && { values }) }],
});

test.each<[string, LabelSelector, Labels, boolean]>([
  ['a label with the value', { matchLabels: { env: 'prod' } }, { env: 'prod', a: 'b' }, true],
  ['another value', { matchLabels: { env: 'prod' } }, { env: 'Prod' }, false],
  ['no such label', { matchLabels: { env: 'prod' } }, {}, false],
  ['an empty value that is there', { matchLabels: { env: '' } }, { env: '' }, true],
  ['an empty value that is not there', { matchLabels: { env: '' } }, {}, false],
  ['both of two', { matchLabels: { env: 'prod', a: 'b' } }, { env: 'prod', a: 'b' }, true],
  ['one of two', { matchLabels: { env: 'prod', a: 'b' } }, { env: 'prod' }, false],
  ['labels, and not the expressions', { matchLabels: { a: 'b' }, ...one('Exists') }, { a: 'b' }, false],
  ['labels and expressions', { matchLabels: { a: 'b' }, ...one('Exists') }, { a: 'b', env: '' }, true],
  ['In: one of the values', one('In', 'x', 'prod'), { env: 'prod' }, true],
  ['In: another value', one('In', 'x', 'prod'), { env: 'y' }, false],
  ['In: no such label', one('In', 'x', ''), {}, false],
  ['NotIn: one of the values', one('NotIn', 'x', 'prod'), { env: 'prod' }, false],
  ['NotIn: another value', one('NotIn', 'x'), { env: 'y' }, true],
  ['NotIn: no such label', one('NotIn', 'x'), {}, true],
  ['Exists: whatever the value', one('Exists'), { env: '' }, true],
  ['Exists: no such label', one('Exists'), { environment: '' }, false],
  ['DoesNotExist: it does', one('DoesNotExist'), { env: '' }, false],
  ['DoesNotExist: no such label', one('DoesNotExist'), {}, true],
  [
    'a key that every object of JavaScript has',
    { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] },
    {},
    false,
  ],
])('%s', (_, selector, labels, expected) => {
  expect(selects(selector, labels)).toBe(expected);
});

test('is written as kubectl takes it', () => {
  expect(
    selectorText({
      matchLabels: { 'b.corp/x': '1', a: '' },
      matchExpressions: [
        { key: 'c', operator: 'In', values: ['x', 'y'] },
        { key: 'd', operator: 'NotIn', values: ['x', 'y'] },
        { key: 'e', operator: 'NotIn', values: ['x'] },
        { key: 'f', operator: 'Exists' },
        { key: 'g', operator: 'DoesNotExist', values: [] },
      ],
    }),
  ).toBe('a=,b.corp/x=1,c in (x,y),d notin (x,y),e!=x,f,!g');
});

const lines = (selector: string): string[] => {
  const result = parseConfiguration(`${GOOD}    namespaces: { selector: ${selector} }\n`, 'c.yaml');
  return result.ok ? [] : result.problems.map((problem) => renderProblem(problem).replace(/^c\.yaml:\d+:\d+: /, ''));
};

test.each([
  '{ matchLabels: { env: prod } }',
  '{ matchLabels: { example.com/Env_1.x: "" } }',
  `{ matchLabels: { ${'a'.repeat(253)}/${'b'.repeat(63)}: ${'c'.repeat(63)} } }`.replace(
    'a'.repeat(253),
    'a.'.repeat(126) + 'a',
  ),
  '{ matchExpressions: [{ key: env, operator: NotIn, values: [a, b] }] }',
  '{ matchExpressions: [{ key: env, operator: Exists, values: [] }] }',
])('is valid: %s', (selector) => {
  expect(lines(selector)).toEqual([]);
});

const at = 'sources[0].namespaces.selector';
test.each<[string, string]>([
  ['{}', `${at}: selects nothing in particular: name labels`],
  ['{ matchLabels: {}, matchExpressions: [] }', `${at}: selects nothing in particular`],
  ['{ env: prod }', `${at}.env: is not a known key`],
  ['{ matchLabels: { env: true } }', `${at}.matchLabels.env: is true or false, must be text: put it in quotes`],
  ['{ matchLabels: { "-a": x } }', `is not a valid key: at most 63 letters`],
  ['{ matchLabels: { "a/b/c": x } }', `is not a valid key`],
  ['{ matchLabels: { "/a": x } }', `is not a valid key`],
  ['{ matchLabels: { "Corp/a": x } }', `is not a valid key`],
  [`{ matchLabels: { ${'a'.repeat(254)}/b: x } }`, 'has a domain of more than 253 characters'],
  [`{ matchLabels: { ${'a'.repeat(64)}: x } }`, 'is not a valid key'],
  ['{ matchLabels: { env: "a b" } }', `${at}.matchLabels.env: is not a valid value of a label`],
  [`{ matchLabels: { env: ${'a'.repeat(64)} } }`, 'is not a valid value of a label'],
  ['{ matchExpressions: [{ key: env, operator: In }] }', `values: must name at least one value for In`],
  ['{ matchExpressions: [{ key: env, operator: NotIn, values: [] }] }', `must name at least one value for NotIn`],
  [
    '{ matchExpressions: [{ key: env, operator: Exists, values: [a] }] }',
    `values: mean nothing for Exists: remove them`,
  ],
  ['{ matchExpressions: [{ key: env, operator: DoesNotExist, values: [a] }] }', `mean nothing for DoesNotExist`],
  ['{ matchExpressions: [{ key: env, operator: in, values: [a] }] }', `operator: must be "In" or "NotIn"`],
  ['{ matchExpressions: [{ key: env, operator: In, values: [","] }] }', `values[0]: is not a valid value of a label`],
  ['{ matchExpressions: [{ operator: Exists }] }', `key: is missing: add it`],
])('is refused with one line: %s', (selector, line) => {
  expect(lines(selector)).toEqual([expect.stringContaining(line)]);
});
