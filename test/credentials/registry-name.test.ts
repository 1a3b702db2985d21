import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonicalRegistry,
  findEntry,
  isDockerHub,
  leadsTo,
  misnamedDockerHub,
  normaliseKey,
  quoteKey,
  redactKey,
  registryHost,
  whyMisnamed,
} from '../../src/credentials/registry-name.ts';
import { lookup, makeKeyring } from '../../src/credentials/keyring.ts';
import { parseImage, whyNoRegistry } from '../../src/credentials/image-reference.ts';
import { anyKey } from './arbitraries.ts';
import { printable } from '../../src/text.ts';

test.each([
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
  'https://index.docker.io/v1/',
  'https://index.docker.io/v2/',
  'https://index.docker.io/v1',
  'https://registry-1.docker.io',
  'http://docker.io/',
  'docker.io:443',
])('%s is Docker Hub', (name) => {
  expect(isDockerHub(name)).toBe(true);
  expect(canonicalRegistry(name)).toBe('docker.io');
});

test.each([
  'docker.io/library',
  'hub.docker.com',
  'docker.io:5000',
  'mydocker.io',
  '*.docker.io',
  'index.docker.io.example.com',
  '',
])('%j is not', (name) => {
  expect(isDockerHub(name)).toBe(false);
});

test.each([
  ['quay.io', 'quay.io'],
  ['https://quay.io/v2/', 'quay.io'],
  ['https://u:p@quay.io:443/v1/team/?q#f', 'quay.io:443/team/'],
  ['bücher.example/ü', 'bücher.example/ü'],
  ['quay.io/http://a', 'quay.io/http://a'],
  ['quay.io/a/v1/b', 'quay.io/a/v1/b'],
  ['', undefined],
  ['/team', undefined],
  ['a b', undefined],
])('%j is held as %j', (name, canonical) => {
  expect(canonicalRegistry(name)).toBe(canonical);
});

test.each([
  ['quay.io', 'quay.io'],
  ['http://quay.io:5000/team', 'quay.io:5000'],
  ['https://index.docker.io/v1/', 'docker.io'],
  ['http://docker.io', 'docker.io'],
  ['quay.io:x/team', 'quay.io:x'],
])('the login of %s is tried at %s', (key, host) => {
  expect(registryHost(key)).toBe(host);
});

test.each([
  ['https://registry-1.docker.io', 'docker.io'],
  ['https://hub.docker.com', 'docker.io'],
  ['https://quay.io', 'quay.io'],
  ['https://quay.io/v2/team', 'quay.io'],
  ['https://quay.io:443', 'quay.io'],
  ['http://quay.io', 'quay.io:80'],
  ['https://QUAY.io', 'quay.io'],
])('%s leads to %s', (url, registry) => {
  expect(leadsTo(url, registry)).toBe(true);
});

test.each([
  ['https://quay.io.evil.example', 'quay.io'],
  ['https://evil.example/quay.io', 'quay.io'],
  ['https://quay.io:5000', 'quay.io'],
  ['https://quay.io', 'docker.io'],
  ['https://hub.docker.com', 'quay.io'],
  ['quay.io', 'quay.io'],
  ['', 'quay.io'],
  ['https://quay.io', 'a b'],
])('%j does not lead to %s', (url, registry) => {
  expect(leadsTo(url, registry)).toBe(false);
});

test.each([
  'docker.io',
  'https://docker.io/',
  'http://index.docker.io',
  'https://index.docker.io/v1/',
  'https://index.docker.io/v2/',
  'docker.io/library',
  'docker.io/v1/',
  '*.io',
  'docker.*',
  'mydocker.io',
  'docker.io.corp',
  'docker.com.corp',
  'dockerhub.corp.example',
  'dockerhub:5000',
  'quay.io/docker.com',
  'a b',
  '',
])('%j is right, or no name for Docker Hub', (key) => {
  expect(misnamedDockerHub(key)).toBeUndefined();
  expect(whyMisnamed(key)).toBeUndefined();
});

test.each([
  ...[
    'docker.com',
    'https://docker.com/',
    'www.docker.com',
    'hub.docker.com',
    'https://hub.docker.com/v2/',
    'registry.docker.com',
    'index.docker.com',
    'login.docker.com',
    'hub.docker.io',
    'docker.io:443',
    'docker.io/v1',
    'https://index.docker.io/v1',
    'index.docker.io:443',
    'Docker.io',
    'dockerhub',
    'docker',
    'dockerhub.com',
    'docker.com:443',
  ].map((key) => [key, 'https://index.docker.io/v1/']),
  ['index.docker.io/v1/library', 'docker.io/library'],
  ['docker.com/corp/app/', 'docker.io/corp/app'],
  ['https://hub.docker.com/r/corp/app', 'docker.io/corp/app'],
  ['https://hub.docker.com/u/corp', 'docker.io/corp'],
  ['hub.docker.com/_/nginx', 'https://index.docker.io/v1/'],
])('%s is no key for Docker Hub, and no other use: the right one is %s', (key, right) => {
  expect(misnamedDockerHub(key)).toEqual({ right, dead: true });
  expect(whyMisnamed(key)).toBe(`kubelets never use this key for Docker Hub; write ${right}`);
});

test.each([
  ['registry-1.docker.io', 'https://index.docker.io/v1/'],
  ['https://registry-1.docker.io/v2/', 'https://index.docker.io/v1/'],
  ['registry.hub.docker.com/corp', 'docker.io/corp'],
  ['*.docker.io', 'https://index.docker.io/v1/'],
])('%s is used for images that name its host only', (key, right) => {
  expect(misnamedDockerHub(key)).toEqual({ right, dead: false });
  expect(whyMisnamed(key)).toContain(
    `only for images that name its host, not for others on Docker Hub; for these write ${right}`,
  );
});

test('a key is misnamed only if the keyring finds no image on Docker Hub with it, and its right key does', () => {
  const host = fc.constantFrom(
    'docker.io',
    'index.docker.io',
    'Docker.io',
    'hub.docker.com',
    'docker.com',
    'registry-1.docker.io',
    '*.io',
    '*.docker.io',
    'docker',
  );
  const key = fc
    .tuple(
      fc.constantFrom('', 'http://', 'https://'),
      host,
      fc.constantFrom('', ':443', ':5000'),
      fc.constantFrom('', '/', '/v1', '/v1/', '/v2/', '/corp', '/corp/', '/v1/corp', '/corp/app', '/r/corp'),
    )
    .map((parts) => parts.join(''));
  const finds = (one: string, image: string): boolean =>
    lookup(makeKeyring([{ credentials: [{ key: one, username: 'u', password: 'p' }] }]), image).length > 0;
  fc.assert(
    fc.property(key, (one) => {
      const misnamed = misnamedDockerHub(one);
      if (misnamed === undefined) return;
      for (const image of ['docker.io/library/nginx', 'docker.io/corp/app', 'docker.io/v1/x'])
        // The path of "docker.io/v1" is one that could start a name; nobody means that.
        if (!/docker\.io\/v1$/.test(one)) expect(finds(one, image)).toBe(false);
      expect(finds(misnamed.right, 'docker.io/corp/app')).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('an entry is found by its key, by its normal form, or by any name of Docker Hub', () => {
  const entries = [
    'https://registry-1.docker.io',
    'https://quay.io/v2/',
    'https://index.docker.io/v1/',
    'docker.io/team',
    'quay.io',
  ].map((key) => ({ key }));
  const find = (name: string) => findEntry(entries, name)?.key;
  expect(find('quay.io')).toBe('quay.io');
  expect(find('http://quay.io')).toBe('https://quay.io/v2/');
  expect(find('docker.io')).toBe('https://index.docker.io/v1/');
  expect(find('registry-1.docker.io')).toBe('https://registry-1.docker.io');
  expect(find('docker.io/team')).toBe('docker.io/team');
  expect(find('docker.io/other')).toBeUndefined();
  expect(find('%zz')).toBeUndefined();
});

test('a key is shown without what could be a login', () => {
  expect(redactKey('https://user:p@ss@quay.io/a')).toBe('https://***@quay.io/a');
  expect(redactKey('user:pa/ss@quay.io')).toBe('***@quay.io');
  expect(redactKey('quay.io?token=t#x')).toBe('quay.io');
  expect(quoteKey('a\nb\u202ec\u009b')).toBe('"a\\u{a}b\\u{202e}c\\u{9b}"');
  expect(redactKey('@quay.io')).toBe('***@quay.io');
  expect(redactKey('quay.io?')).toBe('quay.io');
  expect(quoteKey('x'.repeat(200))).toBe(`"${'x'.repeat(200)}"`);
  expect(quoteKey('x'.repeat(201))).toBe(`"${'x'.repeat(200)}…"`);
  expect(printable('\u2028')).toBe('\\u{2028}');
});

test('normalising is total, and its result is in its own normal form unless a /v1 or /v2 is left in front', () => {
  fc.assert(
    fc.property(fc.oneof(anyKey, fc.string({ unit: 'binary' })), (key) => {
      const normal = normaliseKey(key);
      if (normal === undefined || !/^[\x21-\x7e]*$/.test(normal) || /[%?#@]|\/v[12]\/|^https?:\/\//.test(normal))
        return;
      expect(normaliseKey(normal)).toBe(normal);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['nginx', { registry: 'docker.io', repository: 'library/nginx', name: 'docker.io/library/nginx' }],
  [
    'index.docker.io/team/app:1',
    { registry: 'docker.io', repository: 'team/app', name: 'docker.io/team/app', tag: '1' },
  ],
  ['localhost:5000/x', { registry: 'localhost:5000', repository: 'x', name: 'localhost:5000/x' }],
  ['[::1]:5000/x', { registry: '[::1]:5000', repository: 'x', name: '[::1]:5000/x' }],
  ['a_b.c/d', { registry: '', repository: 'a_b.c/d', name: 'a_b.c/d' }],
  [
    `quay.io/a/b:t@sha256:${'0'.repeat(64)}`,
    { registry: 'quay.io', repository: 'a/b', name: 'quay.io/a/b', tag: 't', digest: `sha256:${'0'.repeat(64)}` },
  ],
])('%s is read as the kubelet reads it', (reference, image) => {
  expect(parseImage(reference)).toEqual({ ok: true, image });
});

test.each([
  ['Nginx', '"Nginx" is not an image reference: the repository must be lower case'],
  [
    'https://quay.io/a',
    '"https://quay.io/a" is not an image reference: it starts with a scheme; write it as in a pod: host/repository:tag',
  ],
  ['', '"" is not an image reference: it is empty'],
  [
    'a b',
    '"a b" is not an image reference: a repository is made of lower-case letters and digits, separated by ".", "_", "__", "-" or "/"',
  ],
  [
    'a:-',
    '"a:-" is not an image reference: a tag has up to 128 letters, digits, "_", "." and "-", and does not start with "." or "-"',
  ],
  [
    'a@sha256:0',
    '"a@sha256:0" is not an image reference: a digest is sha256:, sha384: or sha512: with all its lower-case hexadecimal digits',
  ],
  [
    `a@sha512:x${'0'.repeat(128)}`,
    `"a@sha512:x${'0'.repeat(128)}" is not an image reference: a digest is sha256:, sha384: or sha512: with all its lower-case hexadecimal digits`,
  ],
  ['0'.repeat(64), `"${'0'.repeat(64)}" is not an image reference: 64 hexadecimal digits are an image id, not a name`],
])('%s is refused', (reference, problem) => {
  expect(parseImage(reference)).toEqual({ ok: false, problem });
});

test.each([
  [
    'hub.docker.com/library/nginx:1',
    'hub.docker.com is no registry; on Docker Hub the image is docker.io/library/nginx',
  ],
  ['docker.com/corp/app', 'docker.com is no registry; on Docker Hub the image is docker.io/corp/app'],
  ['index.docker.com/a', 'index.docker.com is no registry; on Docker Hub the image is docker.io/a'],
  ['nginx', undefined],
  ['index.docker.io/corp/app', undefined],
  ['registry-1.docker.io/corp/app', undefined],
  ['registry.hub.docker.com/library/nginx', undefined],
  ['dockerhub:5000/app', undefined],
  ['docker/app', undefined],
])('the host of %s: %s', (reference, why) => {
  const parsed = parseImage(reference);
  expect(parsed.ok && whyNoRegistry(parsed.image)).toBe(why);
});

test('a hostile reference is answered at once', () => {
  for (const reference of ['a'.repeat(1e6), `${'a-'.repeat(5e5)}!`, `${'a.'.repeat(5e5)}/x`, `${'-'.repeat(1e6)}`])
    expect(parseImage(reference).ok).toBe(false);
});
