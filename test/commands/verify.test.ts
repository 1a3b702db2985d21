import { describe, expect, test } from 'vitest';
import { renderChecks, runChecks } from '../../src/commands/verify.ts';
import type { Check } from '../../src/commands/verify.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import { snapshotOf } from '../../src/sources/snapshot.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { Reach } from '../../src/proxies/reach.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { createMemory } from '../sources/memory.ts';
import type { Memory } from '../sources/memory.ts';
import { putSource, rawSecret, worldFor } from '../sources/worlds.ts';

const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: ['hub', 'gone'].map((name) => ({
    name,
    secret: { namespace: 'pullpass-system', name },
    copyName: `${name}-copy`,
  })),
  cacheProxies: [
    { name: 'cache', kind: 'zot', source: 'hub', registry: 'docker.io', secret: { namespace: 'n', name: 's' } },
  ],
});

async function verify(
  config: object,
  { memory = createMemory(), says = 'refused' }: { memory?: Memory; says?: 'refused' | 'accepted' } = {},
) {
  const world = worldFor(configuration);
  putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content: JSON.stringify(config) }));
  const asked: string[] = [];
  const reach: Reach = {
    http: () => createHttpClient(),
    close: () => Promise.resolve(),
    check: (_, { key }) => {
      asked.push(key);
      return Promise.resolve({ state: says, why: `${key}: ${says}` });
    },
    probe: ({ config: { name } }) => {
      asked.push(name);
      return Promise.resolve({ state: 'verified', why: 'pulled' });
    },
  };
  const { client } = scriptedClient();
  const snapshot = await snapshotOf({ client, world, configuration, state: memory, remembered: true });
  const checks = await runChecks({ client, configuration, snapshot, reach, signal: new AbortController().signal });
  return {
    asked: asked.sort(),
    checks,
    said: checks.map(({ what, source, name, state }) => [what, source, name, state].join(' ')),
  };
}

test('each login is tried once, each proxy pulled through once; a pattern is not tried, and an unusable source is said', async () => {
  const login = { username: 'u', password: 'hunter2' };
  const { asked, checks, said } = await verify({ auths: { 'a.corp': login, '*.corp': login, 'b[12].corp': login } });
  expect(asked).toEqual(['a.corp', 'cache']);
  expect(said).toEqual([
    'credential hub a.corp refused',
    'credential hub *.corp unknown',
    'credential hub b[12].corp unusable',
    'credential gone gone unknown',
    'cache proxy hub cache verified',
  ]);
  expect(renderChecks(checks, 'table', false)).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining('\n\n2 of 5 refused or unusable.\n') as string,
  });
  for (const output of ['table', 'json', 'yaml'] as const)
    expect(renderChecks(checks, output, false).text).not.toContain('hunter2');
});

test('six keys with one login are one try, with one verdict for all', async () => {
  const login = { auth: Buffer.from('first:mistyped').toString('base64') };
  const { asked, said } = await verify({
    auths: Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((path) => [`registry.example.com/corp/${path}`, login]),
    ),
  });
  expect(asked).toEqual(['cache', 'registry.example.com/corp/a']);
  expect(said.filter((line) => line.endsWith('refused'))).toHaveLength(6);
});

test('what the controller was refused with just now is not tried once more', async () => {
  const memory = createMemory();
  createRefusals(memory).refused({ host: 'a.corp', username: 'u', password: 'p' }, 'a.corp: the login is refused');
  const { asked, checks } = await verify(
    { auths: { 'a.corp': { username: 'u', password: 'p' } } },
    { memory, says: 'accepted' },
  );
  expect(asked).toEqual(['cache']);
  expect(checks[0]).toMatchObject({ state: 'refused', why: 'a.corp: the login is refused' });
});

test('what is no usable login is not tried: it is named, and fails the command', async () => {
  const { asked, checks } = await verify({
    auths: {
      'corp.azurecr.io': { auth: Buffer.from('0000:').toString('base64'), identitytoken: 'TOKEN' },
      'https://index.docker.io/v1/': {},
      'a.corp': { username: 'robot', password: 'NEW', auth: Buffer.from('robot:OLD').toString('base64') },
    },
    credsStore: 'desktop',
  });
  expect(asked).toEqual(['cache']);
  expect(checks.slice(0, 3).map(({ state, why }) => `${state}: ${why}`)).toEqual([
    expect.stringMatching(/^unusable: has only an identity token/),
    expect.stringMatching(/^unusable: has no login, for the file names a credential store/),
    expect.stringMatching(/^unusable: "auth" holds another login/),
  ]);
  const { exitCode, text } = renderChecks(checks, 'table', false);
  expect(exitCode).toBe(3);
  expect(text).not.toMatch(/TOKEN|OLD|NEW/);
});

describe('the result', () => {
  const check = (state: Check['state'], more: Partial<Check> = {}): Check => ({
    what: 'credential',
    source: 'hub',
    name: 'a.corp',
    state,
    why: 'w',
    ...more,
  });
  test.each<[Check['state'][], number, string]>([
    [['accepted', 'verified'], 0, 'All 2 good.'],
    [['accepted', 'unknown'], 0, 'None refused; 1 of 2 unknown.'],
    [['unknown', 'refused'], 3, '1 of 2 refused or unusable.'],
  ])('of %j exits with %i: %s', (states, exitCode, summary) => {
    expect(
      renderChecks(
        states.map((state) => check(state)),
        'table',
        false,
      ),
    ).toEqual({
      exitCode,
      text: expect.stringMatching(new RegExp(`^WHAT +SOURCE +NAME +STATE +WHY\n[^]*\n\n${summary}\n$`)) as string,
    });
  });

  test('says when a token ends', () => {
    expect(renderChecks([check('accepted', { expires: '2030-01-01T00:00:00.000Z' })], 'table', false).text).toContain(
      'w; the token ends 2030-01-01T00:00:00.000Z',
    );
  });

  test('is the same data as JSON', () => {
    expect(JSON.parse(renderChecks([check('accepted')], 'json', true).text)).toEqual({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Verification',
      checks: [check('accepted')],
    });
  });
});
