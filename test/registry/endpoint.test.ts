import { expect, test } from 'vitest';
import {
  apiUrl,
  isImage,
  isRepository,
  locateBase,
  locateRealm,
  locateRegistry,
  registryLabel,
} from '../../src/registry/endpoint.ts';

const where = (registry: string): string => {
  const located = locateRegistry(registry);
  return located.ok ? apiUrl(located.url) : located.why;
};

test.each([
  ['docker.io', 'https://registry-1.docker.io/v2/'],
  ['https://index.docker.io/v1/', 'https://registry-1.docker.io/v2/'],
  ['registry-1.docker.io', 'https://registry-1.docker.io/v2/'],
  ['ghcr.io', 'https://ghcr.io/v2/'],
  ['ghcr.io/corp', 'https://ghcr.io/v2/'],
  ['localhost:5000', 'https://localhost:5000/v2/'],
  ['http://localhost:5000', 'http://localhost:5000/v2/'],
  ['https://registry.corp/v2/', 'https://registry.corp/v2/'],
  ['[::1]:5000', 'https://[::1]:5000/v2/'],
  ['*.corp.example', 'its name is a pattern, not one host'],
  ['user:secret@registry.corp', 'its name holds a login'],
  ['regis\ntry.corp', 'it is not a host name or URL'],
  ['javascript:alert(1)', 'it is not a host name or URL'],
  ['', 'it is not a host name or URL'],
])('the API of %j is at %s', (registry, url) => {
  expect(where(registry)).toBe(url);
});

test('a cache proxy keeps the path of its URL', () => {
  const located = locateBase('http://hub-cache:5000/proxy/');
  expect(located.ok && apiUrl(located.url, 'corp/app/manifests/1')).toBe(
    'http://hub-cache:5000/proxy/v2/corp/app/manifests/1',
  );
});

test.each([
  ['https://auth.docker.io/token', 'https://registry-1.docker.io', true],
  ['https://registry.corp/token?x=1#y', 'https://registry.corp', true],
  ['http://registry.corp/token', 'http://registry.corp', true],
  ['http://registry.corp:81/token', 'http://registry.corp', true],
  [
    'http://registry.corp/token',
    'https://registry.corp',
    'it names a token server over plain http (http://registry.corp/token), to which no login is sent',
  ],
  [
    'http://auth.corp/token',
    'http://registry.corp',
    'it names a token server over plain http (http://auth.corp/token), to which no login is sent',
  ],
  [
    'https://me:pass@auth.corp/token',
    'https://registry.corp',
    'the token server in its challenge has a login in its URL',
  ],
  ['https://me@auth.corp/token', 'https://registry.corp', 'the token server in its challenge has a login in its URL'],
  ['javascript:alert(1)', 'https://registry.corp', 'the token server in its challenge is not an http(s) URL'],
  ['file:///etc/passwd', 'https://registry.corp', 'the token server in its challenge is not an http(s) URL'],
  ['/token', 'https://registry.corp', 'the token server in its challenge is not an http(s) URL'],
  ['https://auth.corp/\ntoken', 'https://registry.corp', 'the token server in its challenge is not an http(s) URL'],
  [
    `https://auth.corp/${'x'.repeat(3000)}`,
    'https://registry.corp',
    'the token server in its challenge is not an http(s) URL',
  ],
  ['', 'https://registry.corp', 'the token server in its challenge is not an http(s) URL'],
  [undefined, 'https://registry.corp', 'its challenge names no token server'],
])('the token server %j of %s', (realm, registry, expected) => {
  const located = locateRealm(realm, new URL(registry));
  expect(located.ok ? true : located.why).toBe(expected);
});

test('a name in a message shows neither a login nor a line break', () => {
  expect(registryLabel('me:secret@registry.corp\n')).toBe('"***@registry.corp\\u{a}"');
  expect(registryLabel('https://index.docker.io/v1/')).toBe('registry-1.docker.io');
});

test('only what is an image name by its grammar gets into a URL', () => {
  for (const name of ['corp/app', 'a', 'a/b/c_d']) expect(isRepository(name)).toBe(true);
  for (const name of ['', '../x', 'Corp/App', 'a?b', 'a:b', 'a@b', '/a', 'a/', 'a#b', 'a%2fb', 'a b'])
    expect(isRepository(name)).toBe(false);
  expect(isImage('corp/app', `sha256:${'a'.repeat(64)}`)).toBe(true);
  for (const reference of ['', '..', 'a/b', 'sha256:abc', 'a?b', 'x@sha256:y'])
    expect(isImage('corp/app', reference)).toBe(false);
});
