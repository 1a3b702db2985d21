/** One owner an object: what `validate` says of a Secret that is named for two purposes. */
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfiguration } from '../../src/config/load.ts';

const SYSTEM = 'pullpass-system';
const zot = (secret: object, more: object = {}) => ({
  name: 'cache',
  kind: 'zot',
  source: 'hub',
  registry: 'docker.io',
  secret,
  ...more,
});
const harbor = {
  name: 'harbor',
  kind: 'harbor',
  source: 'hub',
  registry: 'docker.io',
  url: 'https://harbor.corp',
  endpoint: 'hub',
  admin: { secret: { namespace: 'harbor', name: 'harbor-admin' } },
};
const webhook = {
  name: 'hook',
  kind: 'webhook',
  source: 'hub',
  registry: 'docker.io',
  url: 'https://hook.corp',
  admin: { secret: { namespace: 'hooks', name: 'hook-key' } },
};
const probe = {
  url: 'https://cache.corp',
  repository: 'corp/app',
  reference: '1',
  login: { secret: { namespace: 'cache', name: 'cache-user' } },
};

function problems(parts: { source?: object; retired?: string[]; proxies?: object[] }): string[] {
  const document = {
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [
      {
        name: 'hub',
        secret: { namespace: SYSTEM, name: 'hub' },
        copyName: 'hub-copy',
        aliases: [{ host: 'mirror.corp', login: { secret: 'mirror-login' } }],
        ...parts.source,
      },
    ],
    retiredCopyNames: parts.retired ?? [],
    cacheProxies: parts.proxies ?? [],
  };
  const result = parseConfiguration(stringify(document), 'c.yaml');
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
}

const BY_NAME = 'copies are written and deleted by their name in all namespaces, so ';

describe('the name of copies', () => {
  test.each([
    [
      'of the Secret that a cache proxy is given',
      'cache-login',
      [zot({ namespace: 'cache', name: 'cache-login' })],
      'the Secret that cache proxy "cache" is given',
    ],
    [
      'of the login of an administrator',
      'harbor-admin',
      [harbor],
      'the Secret that cache proxy "harbor" is administered with',
    ],
    ['of the key of a webhook', 'hook-key', [webhook], 'the Secret that cache proxy "hook" is administered with'],
    [
      'of the login of a probe',
      'cache-user',
      [zot({ namespace: 'cache', name: 'cache-login' }, { probe })],
      'the Secret that the probe of cache proxy "cache" logs in with',
    ],
    ['of the login of an alias', 'mirror-login', [], 'the Secret that an alias of source "hub" takes its login from'],
  ])('may not be that %s, in whatever namespace that is, nor may a retired one', (_, name, proxies, what) => {
    expect(problems({ source: { copyName: name }, proxies })).toEqual([
      `sources[0].copyName: is the name of ${what}: "${name}"; ${BY_NAME}choose another name`,
    ]);
    expect(problems({ retired: [name], proxies })).toEqual([
      `retiredCopyNames[0]: is the name of ${what}: "${name}"; ${BY_NAME}remove it here, or rename that Secret`,
    ]);
  });

  test('may not be that of the state, nor may a retired one', () => {
    const state = 'is the name of the Secret in which the controller keeps its state: "pullpass-state"';
    expect(problems({ source: { copyName: 'pullpass-state' } })).toEqual([
      `sources[0].copyName: ${state}; choose another name`,
    ]);
    expect(problems({ retired: ['pullpass-state'] })).toEqual([`retiredCopyNames[0]: ${state}; remove it here`]);
  });

  test('may be that of the source, and stay so when the copies are renamed: that place is left alone', () => {
    expect(problems({ source: { copyName: 'hub' } })).toEqual([]);
    expect(problems({ retired: ['hub'] })).toEqual([]);
  });
});

describe('a Secret that a cache proxy is given', () => {
  test.each([
    ['a source', { namespace: SYSTEM, name: 'hub' }, 'source "hub" is read from'],
    [
      'the login of an alias',
      { namespace: SYSTEM, name: 'mirror-login' },
      'an alias of source "hub" takes its login from',
    ],
    [
      'the login of an administrator',
      { namespace: 'harbor', name: 'harbor-admin' },
      'cache proxy "harbor" is administered with',
    ],
    [
      'the login of its own probe',
      { namespace: 'cache', name: 'cache-user' },
      'the probe of cache proxy "cache" logs in with',
    ],
  ])('may not be in the place of %s', (_, secret, use) => {
    expect(problems({ proxies: [harbor, zot(secret, { probe })] })).toEqual([
      `cacheProxies[1].secret: is the Secret that ${use}: "${secret.namespace}/${secret.name}"; it would be ` +
        'written over, give the cache proxy a Secret of its own',
    ]);
  });

  test('may have the same name in another namespace', () => {
    expect(problems({ proxies: [harbor, zot({ namespace: 'elsewhere', name: 'harbor-admin' })] })).toEqual([]);
  });
});

test.each([
  ['sources[0].secret', { source: { secret: { namespace: SYSTEM, name: 'pullpass-state' } } }],
  [
    'sources[0].aliases[0].login.secret',
    { source: { aliases: [{ host: 'mirror.corp', login: { secret: 'pullpass-state' } }] } },
  ],
  ['cacheProxies[0].secret', { proxies: [zot({ namespace: SYSTEM, name: 'pullpass-state' })] }],
  [
    'cacheProxies[0].admin.secret',
    { proxies: [{ ...harbor, admin: { secret: { namespace: SYSTEM, name: 'pullpass-state' } } }] },
  ],
  [
    'cacheProxies[0].probe.login.secret',
    {
      proxies: [
        zot(
          { namespace: 'cache', name: 'cache-login' },
          { probe: { ...probe, login: { secret: { namespace: SYSTEM, name: 'pullpass-state' } } } },
        ),
      ],
    },
  ],
])('nothing is read from or rendered into the state: %s', (path, parts) => {
  expect(problems(parts)).toEqual([
    `${path}: is named as the Secret in which the controller keeps its state: "pullpass-state"; choose another name`,
  ]);
});

describe('one field of a custom object', () => {
  const corp = { name: 'corp', secret: { namespace: SYSTEM, name: 'corp' }, copyName: 'corp-copy' };
  const kuik = (source: string, more: object = {}) => ({
    name: `kuik-${source}`,
    kind: 'kube-image-keeper',
    source,
    registry: 'docker.io',
    object: { kind: 'ClusterReplicatedImageSet', name: 'set' },
    copyNamespace: 'kuik',
    ...more,
  });
  const custom = (source: string, more: object = {}) => ({
    name: `custom-${source}`,
    kind: 'custom-resource',
    source,
    registry: 'docker.io',
    object: { apiVersion: 'example.com/v1', resource: 'things', namespace: 'n', name: 'x' },
    path: '/spec/secret',
    ...more,
  });
  const both = (...proxies: object[]): string[] => {
    const result = parseConfiguration(
      stringify({
        apiVersion: 'pullpass.dev/v1alpha1',
        kind: 'Configuration',
        sources: [{ name: 'hub', secret: { namespace: SYSTEM, name: 'hub' }, copyName: 'hub-copy' }, corp],
        cacheProxies: proxies,
      }),
      'c.yaml',
    );
    return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
  };

  test.each([
    ['kuik-hub', kuik('hub'), kuik('corp', { host: 'index.docker.io' })],
    ['custom-hub', custom('hub'), custom('corp')],
  ])('is not pointed at two copies in turns: %s', (name, first, second) => {
    expect(both(first, second)).toEqual([
      `cacheProxies[1].object: is pointed by cache proxy "${name}" already, at the copy of another source, and the field holds one; remove one of the two`,
    ]);
  });

  test.each([
    ['of another registry', kuik('hub'), kuik('corp', { registry: 'quay.io' })],
    ['of another kind', kuik('hub'), kuik('corp', { object: { kind: 'ClusterImageSetMirror', name: 'set' } })],
    ['at another path', custom('hub'), custom('corp', { path: '/spec/other' })],
    ['that is a list', custom('hub', { form: 'list' }), custom('corp', { form: 'list' })],
  ])('may be next to one %s', (_, first, second) => {
    expect(both(first, second)).toEqual([]);
  });
});

test('a document of any shape gets its other errors, and no value of it is shown', () => {
  const text =
    'apiVersion: pullpass.dev/v1alpha1\nkind: Configuration\nsources: [{ secret: hunter2, copyName: ' +
    '[hunter2] }]\nretiredCopyNames: hunter2\ncacheProxies: [{ secret: hunter2, admin: hunter2 }]\n';
  const result = parseConfiguration(text, 'c.yaml');
  expect(result.ok).toBe(false);
  expect(JSON.stringify(result)).not.toContain('hunter2');
});
