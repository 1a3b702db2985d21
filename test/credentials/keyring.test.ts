import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeMatch, explain } from '../../src/credentials/explain.ts';
import { parseImage } from '../../src/credentials/image-reference.ts';
import { type KeyringSource, lookup, makeKeyring } from '../../src/credentials/keyring.ts';
import { anyKey, goodKey, image } from './arbitraries.ts';

const source = (...keys: string[]): KeyringSource => ({
  credentials: keys.map((key) => ({ key, username: 'u', password: 'p' })),
});
const keyring = (...keys: string[]) => makeKeyring([source(...keys)]);
const tried = (name: string, ...keys: string[]) =>
  lookup(keyring(...keys), name).map(({ credential }) => credential.key);
const why = (name: string, key: string) =>
  explain(keyring(key), name)
    .map((miss) => `${miss.near ? '' : 'far: '}${miss.why}`)
    .join();

test('keys go in reverse order of their bytes, so that longer paths come first', () => {
  expect(tried('a.b.io/team/app', '*.b.io', 'a.b.io', 'a.b.io/team', 'a.*.io')).toEqual([
    'a.b.io/team',
    'a.b.io',
    'a.*.io',
    '*.b.io',
  ]);
});

test('one key in several Secrets: the order of the Secrets', () => {
  const secrets = ['first', 'second', 'third'].map((secret): KeyringSource => ({ secret, ...source('quay.io') }));
  expect(lookup(makeKeyring(secrets), 'quay.io/a').map(({ secret }) => secret)).toEqual(['first', 'second', 'third']);
});

test("Docker Hub's own entry is used only when nothing else matches", () => {
  expect(tried('docker.io/library/nginx', 'https://index.docker.io/v1/')).toEqual(['https://index.docker.io/v1/']);
  expect(tried('docker.io/library/nginx', 'https://index.docker.io/v1/', 'docker.io')).toEqual(['docker.io']);
  expect(tried('docker.io/library/nginx', 'https://index.docker.io/v1/', '*.io')).toEqual(['*.io']);
  expect(tried('quay.io/library/nginx', 'https://index.docker.io/v1/')).toEqual([]);
});

test('a name without a first part is on no registry, not on Docker Hub', () => {
  expect(tried('/nginx', 'https://index.docker.io/v1/')).toEqual([]);
});

test('an empty keyring matches nothing', () => {
  expect(lookup(makeKeyring([]), 'quay.io/a')).toEqual([]);
});

describe('the reason', () => {
  test.each([
    ['quay.io', 'same host'],
    ['qu*.io', 'qu*.io covers the host'],
    ['quay.io/te', 'same host, and the repository starts with /te'],
    ['*.io/team', '*.io covers the host, and the repository starts with /team'],
  ])('why %s is tried: %s', (key, reason) => {
    expect(lookup(keyring(key), 'quay.io/team/app').map(describeMatch)).toEqual([reason]);
  });

  test("for Docker Hub's own entry", () => {
    expect(lookup(keyring('index.docker.io'), 'docker.io/a/b').map(describeMatch)).toEqual([
      "Docker Hub's own entry: used because no other key matches",
    ]);
  });

  test.each([
    ['r.example.com/a', 'r.example.com:5000', 'the port differs: the key has 5000, the image none'],
    ['r.example.com:443/a', 'r.example.com:5000', 'the port differs: the key has 5000, the image 443'],
    ['r.example.com/a', 'r.example.com/team', 'the repository does not start with /team'],
    [
      'r.example.com/a',
      '*.r.example.com',
      "*.r.example.com has 4 labels, the image's host has 3 labels; a * stays within one label",
    ],
    [
      'a.r.example.com/a',
      '*.example.com',
      "*.example.com has 3 labels, the image's host has 4 labels; a * stays within one label",
    ],
    ['r.example.com/a', 'example.com', "example.com has 2 labels, the image's host has 3 labels"],
    ['example.com/a', 'r.example.com', "r.example.com has 3 labels, the image's host has 2 labels"],
    ['r.example.com/a', 'R.example.com', 'the host differs in upper and lower case'],
    ['R.example.com/a', 'r.example.com', 'the host differs in upper and lower case'],
    ['quay.io./a', '*', 'far: another registry'],
    ['r.example.com/a', 'r.example.com:x', 'not a URL, so that kubelets leave it out'],
    ['r.example.com/a', 'quay.io', 'far: another registry'],
    ['r.example.com/a', 's.example.com', 'far: another registry'],
    ['r.example.com/a', 'quay.io:5000', 'far: another registry'],
    ['r.example.com/a', 'https://index.docker.io/v1/', 'far: another registry'],
    [
      'docker.io/library/nginx',
      'registry-1.docker.io',
      'kubelets do not use this name for images on Docker Hub; write https://index.docker.io/v1/ or docker.io',
    ],
    [
      'docker.io/library/nginx',
      'https://index.docker.io/v1',
      'kubelets do not use this name for images on Docker Hub; write https://index.docker.io/v1/ or docker.io',
    ],
    ['[:::]/a', 'quay.io', "far: kubelets cannot read the image's host, and match nothing to it"],
  ])('why not for %s, %s: %s', (name, key, reason) => {
    expect(why(name, key)).toBe(reason);
  });

  test("why Docker Hub's own entry is left out", () => {
    expect(explain(keyring('https://index.docker.io/v1/', 'docker.io'), 'docker.io/a/b')).toMatchObject([
      { near: true, why: 'only used when no other key matches' },
    ]);
  });
});

describe('invariants', () => {
  const sources = fc.array(
    fc.array(anyKey, { maxLength: 5 }).map((keys): KeyringSource => source(...keys)),
    { maxLength: 3 },
  );
  const name = image.map((reference) => {
    const parsed = parseImage(reference);
    return parsed.ok ? parsed.image.name : 'quay.io/a';
  });

  test('every entry is either tried or explained, once', () => {
    fc.assert(
      fc.property(sources, name, (list, target) => {
        const ring = makeKeyring(list);
        const all = list.flatMap(({ credentials }) => credentials);
        const seen = [...lookup(ring, target), ...explain(ring, target)].map(({ credential }) => credential);
        expect(seen).toHaveLength(all.length);
        expect(new Set(seen)).toEqual(new Set(all));
      }),
      { numRuns: 500 },
    );
  });

  test('what is tried is in reverse order of the bytes of the normal form', () => {
    fc.assert(
      fc.property(sources, name, (list, target) => {
        const keys = lookup(makeKeyring(list), target).map(({ normal }) => Buffer.from(normal ?? '', 'latin1'));
        keys.forEach((key, i) => expect(Buffer.compare(keys[i - 1] ?? key, key)).toBeGreaterThanOrEqual(0));
      }),
      { numRuns: 500 },
    );
  });

  test("an entry more never takes another away, but for Docker Hub's own", () => {
    fc.assert(
      fc.property(fc.array(goodKey), goodKey, name, (keys, more, target) => {
        const before = lookup(keyring(...keys), target).filter(({ reason }) => reason !== 'default-registry');
        const after = lookup(makeKeyring([source(...keys), source(more)]), target).map(
          ({ credential }) => credential.key,
        );
        expect(after).toEqual(expect.arrayContaining(before.map(({ credential }) => credential.key)));
      }),
      { numRuns: 500 },
    );
  });

  test('scheme, /v1/ and /v2/ make no difference', () => {
    fc.assert(
      fc.property(fc.constantFrom('quay.io', '*.example.com', 'docker.io', 'localhost:5000'), name, (host, target) => {
        const results = ['', 'https://', 'http://'].flatMap((scheme) =>
          ['', '/', '/v1/', '/v2/'].map((path) => tried(target, `${scheme}${host}${path}`).length),
        );
        expect(new Set(results).size).toBe(1);
      }),
    );
  });
});
