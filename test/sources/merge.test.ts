/** Entry by entry: which login is in force. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Credential } from '../../src/credentials/docker-config.ts';
import { parseDockerConfig } from '../../src/credentials/docker-config.ts';
import { heldLine, heldLines, mergeEntries } from '../../src/sources/merge.ts';
import type { Judgement } from '../../src/sources/merge.ts';

const login = (key: string, password: string, username = 'robot'): Credential => ({ key, username, password });
const parsed = (config: object): Credential[] => {
  const read = parseDockerConfig(JSON.stringify(config));
  return read.ok ? read.credentials : [];
};
const merge = (
  candidates: readonly Credential[],
  inForce: readonly Credential[],
  { says = {}, confirmed = false }: { says?: Record<string, Judgement['state']>; confirmed?: boolean } = {},
) => {
  const asked: string[] = [];
  const { credentials, held, pending, unproven } = mergeEntries({
    candidates,
    inForce,
    mayVanish: () => confirmed,
    judge: (changed) =>
      changed.map(({ key, password }): Judgement => {
        asked.push(`${key} ${password}`);
        const state = says[password] ?? 'accepted';
        return state === 'refused' || state === 'unproven' ? { state, why: 'the registry says no' } : { state };
      }),
  });
  return {
    inForce: credentials.map(({ key, password }) => `${key} ${password}`).sort(),
    held: held.map(({ key, cause, keeps }) => `${key} ${cause}${keeps ? ', kept' : ''}`),
    asked,
    pending,
    unproven,
  };
};

describe('what did not change', () => {
  test('is not judged, and is never held back', () => {
    expect(
      merge([login('a', '1'), login('b', '2')], [login('a', '1'), login('b', '2')], {
        says: { 1: 'refused', 2: 'refused' },
      }),
    ).toMatchObject({ inForce: ['a 1', 'b 2'], held: [], asked: [] });
  });

  test('does not hold another back, nor is it held back by one', () => {
    expect(
      merge(
        [login('a', '1'), login('b', 'bad'), login('c', 'new')],
        [login('a', '1'), login('b', '2'), login('c', '3')],
        { says: { bad: 'refused' } },
      ),
    ).toMatchObject({
      inForce: ['a 1', 'b 2', 'c new'],
      held: ['b refused, kept'],
      asked: ['b bad', 'c new'],
    });
  });

  test('is the same under another spelling of its key', () => {
    expect(merge([login('https://a.test/v2/', '1')], [login('a.test', '1')])).toMatchObject({
      inForce: ['https://a.test/v2/ 1'],
      held: [],
      asked: [],
    });
  });
});

describe('what is no usable login never replaces one', () => {
  const cases: [string, object, string][] = [
    [
      'an identity token',
      { auths: { 'a.test': { auth: Buffer.from('0000:').toString('base64'), identitytoken: 'T' } } },
      'unusable',
    ],
    ['a credential store', { auths: { 'a.test': {} }, credsStore: 'desktop' }, 'unusable'],
    ['a credential helper', { auths: { 'a.test': {} }, credHelpers: { 'a.test': 'gcloud' } }, 'unusable'],
    ['no login at all', { auths: { 'a.test': { email: 'x' } } }, 'unusable'],
    ['no password', { auths: { 'a.test': { username: 'robot' } } }, 'unusable'],
    ['no username', { auths: { 'a.test': { password: 'new' } } }, 'unusable'],
    [
      'bytes that are no text',
      { auths: { 'a.test': { auth: Buffer.from('robot:\xff\xfe', 'latin1').toString('base64') } } },
      'unusable',
    ],
    ['a colon in the user name', { auths: { 'a.test': { username: 'a:b', password: 'new' } } }, 'unusable'],
    [
      '`auth` and `password` that differ',
      {
        auths: { 'a.test': { username: 'robot', password: 'NEW', auth: Buffer.from('robot:OLD').toString('base64') } },
      },
      'contradictory',
    ],
    [
      '`auth` and `username` that differ',
      { auths: { 'a.test': { username: 'other', auth: Buffer.from('robot:OLD').toString('base64') } } },
      'contradictory',
    ],
  ];
  test.each(cases)('%s: the last good one stays', (_, config, cause) => {
    const result = merge(parsed(config), [login('a.test', 'good')]);
    expect(result).toMatchObject({ inForce: ['a.test good'], held: [`a.test ${cause}, kept`], asked: [] });
  });

  test.each(cases)('%s: without a last good one there is no entry', (_, config, cause) => {
    expect(merge(parsed(config), [])).toMatchObject({ inForce: [], held: [`a.test ${cause}`], asked: [] });
  });

  test('each is named with its cause and with what to do, and no part of a login is said', () => {
    const lines = cases.flatMap(([, config]) =>
      heldLines(
        mergeEntries({ candidates: parsed(config), inForce: [], judge: () => [], mayVanish: () => false }).held,
        { confirm: '' },
      ),
    );
    expect(lines).toHaveLength(cases.length);
    for (const line of lines)
      expect(line).toMatch(/^registry "a\.test": held back: .+; .+\. It is left out until then$/);
    expect(lines.join()).not.toMatch(/OLD|NEW|0000/);
  });
});

describe('what vanishes', () => {
  test('stays, with all the rest going on', () => {
    expect(merge([login('a.test', 'new')], [login('a.test', 'old'), login('b.test', '2')])).toMatchObject({
      inForce: ['a.test new', 'b.test 2'],
      held: ['b.test vanished, kept'],
    });
  });

  test('goes once somebody who knows what is lost says so', () => {
    expect(
      merge([login('a.test', 'new')], [login('a.test', 'old'), login('b.test', '2')], { confirmed: true }),
    ).toMatchObject({ inForce: ['a.test new'], held: [] });
  });

  test.each<[string, string[], string[]]>([
    ['six paths become their host', ['r.test/a', 'r.test/b'], ['r.test']],
    ['a host becomes a glob', ['a.corp', 'b.corp'], ['*.corp']],
    ['Docker Hub gets its other name', ['docker.io'], ['https://index.docker.io/v1/']],
    ['and back', ['https://index.docker.io/v1/'], ['docker.io']],
  ])('is nothing where the same account reaches the same images: %s', (_, before, after) => {
    expect(
      merge(
        after.map((key) => login(key, 'new')),
        before.map((key) => login(key, 'old')),
      ).held,
    ).toEqual([]);
  });

  test.each<[string, Credential[], Credential[]]>([
    ['another account', [login('r.test/a', 'old')], [login('r.test', 'new', 'somebody')]],
    ['a narrower path', [login('r.test', 'old')], [login('r.test/a', 'new')]],
    ['another port', [login('r.test', 'old')], [login('r.test:5000', 'new')]],
    [
      'a name that kubelets never use for Docker Hub',
      [login('docker.io', 'old')],
      [login('registry-1.docker.io', 'new')],
    ],
    ['a glob that covers a glob in part', [login('*.corp', 'old')], [login('a*.corp', 'new')]],
    ['one that is itself held back', [login('r.test/a', 'old')], [login('r.test', 'bad')]],
  ])('is something where only %s is left', (_, before, after) => {
    expect(merge(after, before, { says: { bad: 'refused' } }).held).toContain(`${before[0]?.key ?? ''} vanished, kept`);
  });

  test('is told once for all, with who would miss it and how to let it go', () => {
    const { held } = mergeEntries({
      candidates: [login('a', '1')],
      inForce: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((key) => login(key, '1')),
      judge: () => [],
      mayVanish: () => false,
    });
    expect(heldLines(held, { users: '3 pods', confirm: 'kubectl ...' })).toEqual([
      'held back: registries "b", "c", "d", "e", "f" and 2 more are gone from the source; the last good ' +
        'logins stay in force, for 3 pods. If they shall go: kubectl ...',
    ]);
  });
});

test('while something is pending nothing is to be used', () => {
  expect(
    merge([login('a', 'new'), login('b', 'new2')], [login('a', 'old')], { says: { new: 'pending' } }).pending,
  ).toBe(true);
});

test('what could not be tried is said to be unproven', () => {
  expect(merge([login('a', 'new'), login('b', '2')], [login('b', '2')]).unproven).toEqual(['a']);
});

test('in force is only ever what was in force, or what was judged good; and every key that had a login has one, or was let go', () => {
  const credential = fc
    .record({
      key: fc.constantFrom('a.test', 'b.test', 'a.test/x', 'https://a.test', '*.test'),
      username: fc.constantFrom('u', 'v'),
      password: fc.constantFrom('1', '2', '3'),
      bad: fc.boolean(),
    })
    .map(({ bad, ...each }): Credential => ({ ...each, ...(bad && { unusable: 'no password' as const }) }));
  const entries = fc.uniqueArray(credential, { selector: ({ key }) => key });
  fc.assert(
    fc.property(
      entries,
      entries,
      fc.constantFrom<Judgement['state']>('accepted', 'refused', 'unproven'),
      fc.boolean(),
      (candidates, last, verdict, confirmed) => {
        const inForce = last.map(({ unusable: _, ...each }): Credential => each);
        const { credentials, held } = mergeEntries({
          candidates,
          inForce,
          mayVanish: () => confirmed,
          judge: (changed) =>
            changed.map(({ password }): Judgement =>
              password === '1' && verdict !== 'accepted'
                ? { state: verdict as 'refused', why: 'no' }
                : { state: 'accepted' },
            ),
        });
        const known = new Set(inForce.map(({ username, password }) => `${username}:${password}`));
        for (const each of credentials) {
          expect(each.unusable).toBeUndefined();
          expect(
            known.has(`${each.username}:${each.password}`) || verdict === 'accepted' || each.password !== '1',
          ).toBe(true);
        }
        expect(new Set(credentials.map(({ key }) => key)).size).toBe(credentials.length);
        if (!confirmed) expect(credentials.length >= Math.min(1, inForce.length)).toBe(true);
        expect(held.filter(({ cause }) => cause === 'vanished').length === 0 || !confirmed).toBe(true);
      },
    ),
    { numRuns: 3_000 },
  );
});

test('a login that its registry took is proven, and one that it was not asked about is not', () => {
  const { unproven } = mergeEntries({
    candidates: [login('a', '1'), login('b', '2')],
    inForce: [],
    mayVanish: () => false,
    judge: (changed) => changed.map(({ key }) => ({ state: 'accepted', proven: key === 'a' })),
  });
  expect(unproven).toEqual(['b']);
});

test('one held entry is told as one line', () => {
  expect(heldLine({ key: 'a.test', cause: 'refused', why: 'no', keeps: false })).toBe(
    'registry "a.test": held back: no. It is left out until then',
  );
});

test('of two keys that mean the same only one follows the login in force', () => {
  const result = merge([login('a.test', 'new'), login('http://a.test', 'bad')], [login('https://a.test', '1')], {
    says: { bad: 'refused' },
  });
  expect(result).toMatchObject({ inForce: ['a.test new'], held: ['http://a.test refused'] });
});

test('what is held back for a reason is told before what vanished', () => {
  const held = { why: 'no', keeps: true } as const;
  expect(
    heldLines(
      [
        { ...held, key: 'gone.test', cause: 'vanished' },
        { ...held, key: 'a.test', cause: 'refused' },
      ],
      { confirm: 'say so' },
    ),
  ).toEqual([
    'registry "a.test": held back: no. Its last good login stays in force',
    'held back: registry "gone.test" is gone from the source; the last good login stays in force. If it shall go: say so',
  ]);
});
