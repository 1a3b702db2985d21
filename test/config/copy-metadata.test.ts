/** Labels and annotations for copies: what the API server takes, and nothing that is Pullpass's own. */
import { expect, test } from 'vitest';
import { metadataText } from '../../src/config/copy-metadata.ts';
import { parseConfiguration, renderProblem } from '../../src/config/load.ts';
import { GOOD } from './documents.ts';

const lines = (metadata: string): string[] => {
  const result = parseConfiguration(`${GOOD}    copyMetadata: ${metadata}\n`, 'c.yaml');
  return result.ok ? [] : result.problems.map((problem) => renderProblem(problem).replace(/^c\.yaml:\d+:\d+: /, ''));
};

test.each([
  '{}',
  '{ labels: { team: a, example.com/x: "" } }',
  '{ annotations: { argocd.argoproj.io/sync-options: "Prune=false", Example.COM/Note: "two\\nlines, 日本 \\U0001F600" } }',
  '{ labels: { velero.io/exclude-from-backup: "true" }, annotations: { argocd.argoproj.io/compare-options: IgnoreExtraneous } }',
])('is valid: %s', (metadata) => {
  expect(lines(metadata)).toEqual([]);
});

const at = 'sources[0].copyMetadata';
const own = 'is not for you to set: Pullpass or kubectl writes it; remove it';
test.each<[string, string]>([
  ['{ labels: { pullpass.dev/source: x } }', `${at}.labels["pullpass.dev/source"]: ${own}`],
  ['{ labels: { pullpass.dev/anything: x } }', own],
  ['{ labels: { app.kubernetes.io/managed-by: Helm } }', own],
  ['{ annotations: { pullpass.dev/adopt: "true" } }', own],
  ['{ annotations: { Pullpass.dev/adopt: "true" } }', own],
  ['{ annotations: { kubectl.kubernetes.io/last-applied-configuration: "{}" } }', own],
  ['{ labels: { Example.com/x: y } }', 'is not a valid key'],
  ['{ labels: { x: "a b" } }', 'is not a valid value of a label'],
  ['{ labels: { x: 1 } }', 'is a number, must be text: put it in quotes'],
  ['{ annotations: { "a b": x } }', 'is not a valid key'],
  ['{ annotations: { x: true } }', 'is true or false, must be text: put it in quotes'],
  ['{ annotations: { x: "\\ud800" } }', 'has half of a character'],
  [`{ annotations: { x: "${'y'.repeat(4_200)}" } }`, `${at}: is longer than 4096 characters as JSON`],
  ['{ name: x }', `${at}.name: is not a known key`],
])('is refused with one line: %s', (metadata, line) => {
  expect(lines(metadata)).toEqual([expect.stringContaining(line)]);
});

test('the order in the file makes no other text; a label is no annotation; none is none', () => {
  const text = metadataText({ labels: { b: '2', a: '1' }, annotations: { c: '3' } });
  expect(metadataText({ annotations: { c: '3' }, labels: { a: '1', b: '2' } })).toBe(text);
  expect(metadataText({ annotations: { b: '2', a: '1' }, labels: { c: '3' } })).not.toBe(text);
  expect([metadataText({}), metadataText({ labels: {}, annotations: {} })]).toEqual([undefined, undefined]);
});

test('4096 characters as JSON are not too long', () => {
  const frame = metadataText({ annotations: { x: '' } })?.length ?? 0;
  const line = (characters: number) => lines(`{ annotations: { x: "${'y'.repeat(characters)}" } }`);
  expect(line(4096 - frame)).toEqual([]);
  expect(line(4097 - frame)).toEqual([expect.stringContaining('is longer than 4096 characters')]);
});
