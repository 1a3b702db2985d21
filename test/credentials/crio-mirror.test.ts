/** Which login CRI-O sends to a mirror, by the rules of its credential provider and of its own lookup. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveAlias } from '../../src/credentials/alias.ts';
import { parseDockerConfig } from '../../src/credentials/docker-config.ts';
import { renderContent } from '../../src/credentials/render-docker-config.ts';
import { crioKeyProblem, crioLogin } from '../../src/credentials/crio-mirror.ts';
import type { NamespaceSecret } from '../../src/credentials/crio-mirror.ts';
import { base64 } from './arbitraries.ts';

const IMAGE = 'docker.io/library/nginx';
const MIRROR = 'mirror.example:5000/hub';

type Entry = string | Record<string, unknown> | null;
/** An entry that is a text is the user name of one with `auth`. */
function secret(
  name: string,
  entries: Readonly<Record<string, Entry>>,
  type = 'kubernetes.io/dockerconfigjson',
): NamespaceSecret {
  const auths = Object.fromEntries(
    Object.entries(entries).map(([key, entry]) => [
      key,
      typeof entry === 'string' ? { auth: base64(`${entry}:pw`) } : entry,
    ]),
  );
  const field = type === 'kubernetes.io/dockercfg' ? '.dockercfg' : '.dockerconfigjson';
  const text = JSON.stringify(type === 'kubernetes.io/dockercfg' ? auths : { auths });
  return { name, secret: { type, data: { [field]: base64(text) } } };
}
const userOf = (secrets: readonly NamespaceSecret[], mirror = MIRROR, image = IMAGE): string | undefined =>
  crioLogin(secrets, image, mirror).pick?.login.username;
const whyNot = (secrets: readonly NamespaceSecret[], mirror = MIRROR): string[] =>
  crioLogin(secrets, IMAGE, mirror).misses.map(({ key, why }) => `${key}: ${why}`);

describe('a key', () => {
  test.each([
    ['mirror.example:5000', MIRROR, true],
    ['mirror.example:5000/hub', MIRROR, true],
    ['https://mirror.example:5000', MIRROR, true],
    ['http://mirror.example:5000/hub', MIRROR, true],
    ['mirror.example:5000/h', MIRROR, false],
    ['mirror.example:5000/', MIRROR, false],
    ['mirror.example:5000/hub/', MIRROR, false],
    ['mirror.example:5000/hub/library', MIRROR, false],
    ['mirror.example:5000/v1/', MIRROR, false],
    ['https://mirror.example:5000/v1/', 'mirror.example:5000', false],
    ['mirror.example', MIRROR, false],
    ['mirror.example:50', MIRROR, false],
    ['*.example:5000', MIRROR, false],
    ['Mirror.example:5000', MIRROR, false],
    ['docker.io', MIRROR, false],
    ['', MIRROR, false],
    // CRI-O takes the names of Docker Hub for one; the entry is in the file because the image starts with it.
    ['docker.io', 'registry-1.docker.io', true],
    ['https://index.docker.io/v1/', 'registry-1.docker.io', false],
  ])('%j gives %j its login: %j', (key, mirror, found) => {
    expect(userOf([secret('a', { [key]: 'u' })], mirror)).toBe(found ? 'u' : undefined);
  });

  test.each([
    ['*.example:5000', 'it is a pattern, and the provider compares text'],
    ['mirror.example:5000/v1/', 'it ends with /v1/, which the provider takes for a path of the mirror; leave it out'],
    ['mirror.example:5000/other', "it is not the start of the mirror's location"],
    ['MIRROR.example:5000', 'its host differs in upper and lower case'],
    ['mirror.example:5001', 'its port differs'],
    ['elsewhere.example', 'another registry'],
    ['mirror.example:5000/hub/', 'it ends with "/", and CRI-O finds no such key; leave the "/" out'],
    ['mirror.example', 'it has no port, and the mirror has one; write the port, too'],
    ['mirror.example:5000/h', 'it ends within a part of the path, and CRI-O looks up whole parts'],
  ])('%j is not used, and it is said why', (key, why) => {
    expect(whyNot([secret('a', { [key]: 'u' })])).toEqual([`${key}: ${why}`]);
  });

  test('with a path wins over the host alone', () => {
    const both = [secret('a', { 'mirror.example:5000': 'host', 'mirror.example:5000/hub': 'path' })];
    expect(userOf(both)).toBe('path');
    expect(userOf(both, 'mirror.example:5000')).toBe('host');
    expect(whyNot(both)).toEqual([
      'mirror.example:5000: "mirror.example:5000/hub" comes first, for it has the longer path',
    ]);
  });
});

describe('several Secrets', () => {
  test('of equal keys the last by name wins, in whatever order the Secrets come', () => {
    const secrets = ['b', 'a', 'c'].map((name) => secret(name, { 'mirror.example:5000': name }));
    expect(userOf(secrets)).toBe('c');
    expect(whyNot(secrets)).toEqual([
      'mirror.example:5000: Secret "b" comes later by name and has the same key: it takes this one\'s place',
      'mirror.example:5000: Secret "c" comes later by name and has the same key: it takes this one\'s place',
    ]);
  });

  test('one without "auth" makes an empty login, which takes the place of a good one', () => {
    const secrets = [
      secret('copy', { 'mirror.example:5000': 'good' }),
      secret('other', { 'https://mirror.example:5000': { username: 'u', password: 'p' } }),
    ];
    expect(userOf(secrets)).toBeUndefined();
    expect(whyNot(secrets)).toEqual([
      'mirror.example:5000: Secret "other" comes later by name and has the same key: it takes this one\'s place, though it has no "auth"',
      'https://mirror.example:5000: it has no "auth", so that the provider makes an empty login of it, and CRI-O looks no further',
    ]);
  });

  test('an empty login under a longer path hides a good one under the host', () => {
    expect(userOf([secret('a', { 'mirror.example:5000': 'good', 'mirror.example:5000/hub': {} })])).toBeUndefined();
  });

  test('an "auth" that is not padded base64 is left out, and the one before stays', () => {
    const unpadded = base64('odd:pwd').replace(/=+$/, '');
    expect(unpadded).not.toBe(base64('odd:pwd'));
    expect(
      userOf([
        secret('a', { 'mirror.example:5000': 'good' }),
        secret('b', { 'mirror.example:5000': { auth: unpadded } }),
      ]),
    ).toBe('good');
  });

  test('one of the legacy type, and one that is no Docker config, are told and left out as a whole', () => {
    const { pick, notes } = crioLogin(
      [
        secret('legacy', { 'mirror.example:5000': 'l' }, 'kubernetes.io/dockercfg'),
        secret('wrong', { 'mirror.example:5000': 'w', other: { auth: 5 } }),
        secret('list', { 'mirror.example:5000': 'w', other: [] as unknown as Record<string, unknown> }),
      ],
      IMAGE,
      MIRROR,
    );
    expect(pick).toBeUndefined();
    expect(notes).toEqual([
      'Secret "legacy": CRI-O\'s credential provider reads no Secret of type "kubernetes.io/dockercfg"; make it one of type kubernetes.io/dockerconfigjson',
      'Secret "list": CRI-O\'s credential provider cannot read it as a Docker config, and leaves it out',
      'Secret "wrong": CRI-O\'s credential provider cannot read it as a Docker config, and leaves it out',
    ]);
  });

  test('fields that the provider does not read may be of any type, unlike for kubelets', () => {
    expect(userOf([secret('a', { 'mirror.example:5000': { username: 5, auth: base64('u:p') } })])).toBe('u');
  });
});

test('every entry is either the login or has a reason, and no reason holds a login', () => {
  const key = fc.oneof(
    fc.constantFrom(
      'mirror.example:5000',
      'mirror.example:5000/hub',
      'mirror.example:5000/',
      'docker.io',
      '*.example:5000',
      'mirror.example',
    ),
    fc.string({ maxLength: 12 }),
  );
  const entry = fc.constantFrom<Entry>(
    'hunter2',
    {},
    null,
    { username: 'hunter2', password: 'hunter2' },
    { auth: '!' },
    { auth: base64('no colon') },
  );
  const secrets = fc
    .array(
      fc.dictionary(
        key.filter((k) => k !== '__proto__'),
        entry,
        { noNullPrototype: true },
      ),
      { maxLength: 4 },
    )
    .map((all) => all.map((entries, i) => secret(`s${i}`, entries)));
  fc.assert(
    fc.property(secrets, (all) => {
      const { pick, misses } = crioLogin(all, IMAGE, MIRROR);
      const entries = all.reduce(
        (sum, { secret: { data = {} } }) =>
          sum +
          Object.keys(
            (JSON.parse(Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString()) as { auths: object }).auths,
          ).length,
        0,
      );
      expect(misses.length + (pick === undefined ? 0 : 1)).toBe(entries);
      expect(misses.map(({ why }) => why).join()).not.toContain('hunter2');
    }),
  );
});

test('a copy gives CRI-O the login of each alias, also one from an entry that was written without "auth"', () => {
  const word = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/[:\0\ud800-\udfff]/.test(text));
  fc.assert(
    fc.property(word, word, (username, password) => {
      const source = JSON.stringify({ auths: { 'registry.corp': { username, password } } });
      const parsed = parseDockerConfig(source);
      const own = parsed.ok ? parsed.credentials : [];
      const alias = resolveAlias({ host: 'mirror.example:5000', from: 'registry.corp' }, own, new Map());
      if (!alias.ok) throw new Error(alias.problem);
      const text = renderContent([...own, alias.credential]);
      const data = { '.dockerconfigjson': base64(text) };
      expect(userOf([{ name: 'copy', secret: { type: 'kubernetes.io/dockerconfigjson', data } }])).toBe(username);
    }),
  );
});

test.each([
  ['mirror.example:5000', undefined],
  ['https://mirror.example/hub', undefined],
  ['mirror.example/', 'it ends with "/"'],
  ['https://mirror.example/v1/', 'it ends with "/"'],
  ['*.example', 'it is a pattern, and CRI-O compares text'],
])('%j as the key of any mirror: %j', (key, why) => {
  expect(crioKeyProblem(key)).toBe(why);
});
