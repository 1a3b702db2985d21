/** What a confirmation is bound to: one configuration, however it is written, and nothing else. */
import { expect, test } from 'vitest';
import { confirmationOf, confirmingLine } from '../../src/config/confirmation.ts';
import type { Confirmation } from '../../src/config/confirmation.ts';
import { parseConfiguration } from '../../src/config/load.ts';
import { GOOD, HEAD } from './documents.ts';

function of(text: string): Confirmation {
  const parsed = parseConfiguration(text, 'c.yaml');
  if (!parsed.ok) throw new Error('the test is wrong');
  return confirmationOf(parsed.configuration);
}
const { value } = of(GOOD);

test('is the same for a configuration that says the same: comments, order, defaults that are spelt out, a pause', () => {
  expect(value).toMatch(/^[0-9a-f]{12}$/);
  for (const same of [
    `# why\n${GOOD}`,
    `${HEAD}sources: [{ copyName: upstream-registry, name: upstream, secret: { name: upstream-registry, namespace: pullpass-system } }]\n`,
    `${GOOD}    optInByDefault: false\nretiredCopyNames: []\n`,
    `${GOOD}paused: true\n`,
    `${GOOD}confirmRemoval: "0123456789ab"\n`,
  ])
    expect(of(same).value).toBe(value);
});

test('is another one after any edit of substance', () => {
  for (const edited of [
    `${GOOD}    serviceAccounts: []\n`,
    `${GOOD}    namespaces: { allow: ["*"], deny: ["*"] }\n`,
    `${GOOD}    namespaces: { deny: [pullpass-system, "kube-*"] }\n`,
    `${GOOD}retiredCopyNames: [old]\n`,
    `${GOOD}schedules: { resync: "*/5 * * * *" }\n`,
  ])
    expect(of(edited).value).not.toBe(value);
});

test('confirms the configuration that it stands in, when it was made for that one', () => {
  expect(of(GOOD).given).toBe('none');
  expect(of(`${GOOD}${confirmingLine(value)}\n`).given).toBe('this');
  expect(of(`${GOOD}paused: true\n${confirmingLine(value)}\n`).given).toBe('this');
});

test('of the configuration before, or with a further slip in the same edit, confirms nothing', () => {
  expect(of(`${GOOD}    serviceAccounts: []\n${confirmingLine(value)}\n`).given).toBe('another');
});
