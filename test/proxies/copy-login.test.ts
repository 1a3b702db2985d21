/** Which login a product finds in a copy: kubelets and kube-image-keeper ask by the image, whatever the entry is called. */
import { describe, expect, test } from 'vitest';
import { byImage, byRegistry, imageHost, loginIn } from '../../src/proxies/copy-login.ts';
import type { LoginLookup } from '../../src/proxies/copy-login.ts';

/** The password that is found in a pull Secret of these: registry key -> password. */
function found(lookup: LoginLookup, entries: Record<string, string>): string | undefined {
  const auths = Object.fromEntries(
    Object.entries(entries).map(([key, password]) => [key, { username: 'u', password }]),
  );
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
  return loginIn({ type: 'kubernetes.io/dockerconfigjson', data }, lookup)?.password;
}
const asked = (registry: string, host?: string): LoginLookup => byImage({ registry, host, product: 'it' });

describe('by the image', () => {
  test.each<[string, string, string | undefined, Record<string, string>, string | undefined]>([
    ['the entry of the registry', 'quay.io', undefined, { 'quay.io': 'a' }, 'a'],
    ['a glob', 'eu.corp.io', undefined, { '*.corp.io': 'a' }, 'a'],
    ['a path that the registry names', 'quay.io/corp', undefined, { 'quay.io/corp': 'a', 'quay.io': 'b' }, 'a'],
    ['that path, for the same host', 'quay.io/corp', 'quay.io', { 'quay.io/corp': 'a', 'quay.io': 'b' }, 'a'],
    ['Docker Hub by the key of docker login', 'docker.io', undefined, { 'https://index.docker.io/v1/': 'a' }, 'a'],
    [
      'nothing under the name of its API, which no image has',
      'docker.io',
      undefined,
      { 'registry-1.docker.io': 'a' },
      undefined,
    ],
    ['no login of the registry for another host', 'docker.io', 'mirror.corp', { 'docker.io': 'a' }, undefined],
    ['that of an alias', 'docker.io', 'mirror.corp', { 'docker.io': 'a', 'mirror.corp': 'b' }, 'b'],
    ['that of an alias with a path', 'docker.io', 'mirror.corp', { 'docker.io': 'a', 'mirror.corp/hub': 'b' }, 'b'],
    ['none of another port', 'docker.io', 'mirror.corp:8443', { 'mirror.corp': 'b' }, undefined],
    [
      'the API of Docker Hub as a host of its own',
      'docker.io',
      'registry-1.docker.io',
      { 'docker.io': 'a' },
      undefined,
    ],
    ['its other names as Docker Hub', 'docker.io', 'index.docker.io', { 'docker.io': 'a' }, 'a'],
    ['none that cannot be used', 'quay.io', undefined, { 'quay.io': '' }, undefined],
  ])('finds %s', (_, registry, host, entries, password) => {
    expect(found(asked(registry, host), entries)).toBe(password);
  });

  test('says which alias is missing, and which entry is in the way', () => {
    const { miss } = asked('docker.io', 'mirror.corp');
    expect(miss(true, 'docker.io', 'hub')).toBe(
      'holds no login that it finds for images of mirror.corp: it would pull them anonymously. ' +
        'Add the alias { host: "mirror.corp", from: "docker.io" } to source "hub"',
    );
    expect(miss(false, 'docker.io', 'hub')).toContain('holds another login for mirror.corp');
  });
});

test('by the registry, any name of Docker Hub counts, and a glob where there is no entry', () => {
  expect(found(byRegistry('docker.io'), { 'registry-1.docker.io': 'a' })).toBe('a');
  expect(found(byRegistry('eu.corp.io'), { '*.corp.io': 'a' })).toBe('a');
  expect(found(byRegistry('eu.corp.io'), { 'us.corp.io': 'a' })).toBeUndefined();
});

test('images of Docker Hub have one name, and those of its API another', () => {
  expect(
    ['docker.io', 'index.docker.io', 'https://index.docker.io/v1/', 'registry-1.docker.io'].map(imageHost),
  ).toEqual(['docker.io', 'docker.io', 'docker.io', 'registry-1.docker.io']);
});
