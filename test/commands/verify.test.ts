import { describe, expect, test } from 'vitest';
import { renderChecks, runChecks } from '../../src/commands/verify.ts';
import type { Check } from '../../src/commands/verify.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { createSourceBook } from '../../src/reconcile/sources.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { Reach } from '../../src/registry/reach.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { putSource, rawSecret, worldFor } from '../reconcile/worlds.ts';

const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1', kind: 'Configuration',
  sources: ['hub', 'gone'].map((name) => ({ name, secret: { namespace: 'pullpass-system', name }, copyName: `${name}-copy` })),
  cacheProxies: [{ name: 'cache', kind: 'zot', source: 'hub', registry: 'docker.io', secret: { namespace: 'n', name: 's' } }],
});

test('each login is tried once, each proxy pulled through once; a pattern is not tried, and an unusable source is said', async () => {
  const world = worldFor(configuration);
  const auths = { 'a.corp': { username: 'u', password: 'hunter2' }, '*.corp': { username: 'u', password: 'hunter2' }, 'b[12].corp': { username: 'u', password: 'hunter2' } };
  putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content: JSON.stringify({ auths }) }));
  const book = createSourceBook(world);
  book.configure(configuration);
  book.refresh();
  const asked: string[] = [];
  const reach: Reach = {
    http: () => createHttpClient(), close: () => Promise.resolve(),
    check: (_, { key }) => { asked.push(key); return Promise.resolve({ state: 'refused', why: `${key}: no` }); },
    probe: ({ config }) => { asked.push(config.name); return Promise.resolve({ state: 'verified', why: 'pulled' }); },
  };
  const checks = await runChecks({ client: scriptedClient().client, configuration, snapshot: { world, book, scopes: [] }, reach, signal: new AbortController().signal });
  expect(asked.sort()).toEqual(['a.corp', 'cache']);
  expect(checks.map(({ what, source, name, state }) => [what, source, name, state])).toEqual([
    ['credential', 'gone', 'gone', 'unknown'],
    ['credential', 'hub', 'a.corp', 'refused'], ['credential', 'hub', '*.corp', 'unknown'], ['credential', 'hub', 'b[12].corp', 'unknown'],
    ['cache proxy', 'hub', 'cache', 'verified'],
  ]);
  expect(renderChecks(checks, 'table', false)).toMatchObject({ exitCode: 3, text: expect.stringContaining('\n\n1 of 5 refused.\n') as string });
  for (const output of ['table', 'json', 'yaml'] as const) expect(renderChecks(checks, output, false).text).not.toContain('hunter2');
});

describe('the result', () => {
  const check = (state: Check['state'], more: Partial<Check> = {}): Check => ({ what: 'credential', source: 'hub', name: 'a.corp', state, why: 'w', ...more });
  test.each<[Check['state'][], number, string]>([
    [['accepted', 'verified'], 0, 'All 2 good.'],
    [['accepted', 'unknown'], 0, 'None refused; 1 of 2 unknown.'],
    [['unknown', 'refused'], 3, '1 of 2 refused.'],
  ])('of %j exits with %i: %s', (states, exitCode, summary) => {
    expect(renderChecks(states.map((state) => check(state)), 'table', false)).toEqual({ exitCode, text: expect.stringMatching(new RegExp(`^WHAT +SOURCE +NAME +STATE +WHY\n[^]*\n\n${summary}\n$`)) as string });
  });

  test('says when a token ends', () => {
    expect(renderChecks([check('accepted', { expires: '2030-01-01T00:00:00.000Z' })], 'table', false).text).toContain('w; the token ends 2030-01-01T00:00:00.000Z');
  });

  test('is the same data as JSON', () => {
    expect(JSON.parse(renderChecks([check('accepted')], 'json', true).text)).toEqual({ apiVersion: 'pullpass.dev/v1alpha1', kind: 'Verification', checks: [check('accepted')] });
  });
});
