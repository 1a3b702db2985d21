import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AliasConfig } from '../../src/config/schema.ts';
import { type Credential, type SecretContent, parseDockerConfig, parseSecret } from '../../src/credentials/docker-config.ts';
import { parseImage } from '../../src/credentials/image-reference.ts';
import { lookup, makeKeyring } from '../../src/credentials/keyring.ts';
import { findEntry, normaliseKey } from '../../src/credentials/registry-name.ts';
import { renderCopy } from '../../src/credentials/render.ts';
import { auths, base64, goodConfig, goodKey, image, legacySecret, object, password, pullSecret } from './arbitraries.ts';

const basicAuth = (username: string, word: string): SecretContent => ({ type: 'kubernetes.io/basic-auth', data: { username: base64(username), password: base64(word) } });
const SOURCE = pullSecret(auths([['https://index.docker.io/v1/', { auth: base64('hub:one') }], ['quay.io', { username: 'q', password: 'two', email: 'e' }]]));
const LOGINS = new Map<string, SecretContent>([
  ['mirror-login', basicAuth('mirror', 'three')],
  ['mirror-config', pullSecret(auths([['mirror', { auth: base64('config:four') }]]))],
]);
const copyOf = (aliases: AliasConfig[], source = SOURCE, logins: ReadonlyMap<string, SecretContent> = LOGINS) => {
  const copy = renderCopy(source, aliases, logins);
  if (!copy.ok) throw new Error(copy.problems.join('\n'));
  return copy;
};
const problemsOf = (aliases: AliasConfig[], source = SOURCE, logins: ReadonlyMap<string, SecretContent> = LOGINS) => {
  const copy = renderCopy(source, aliases, logins);
  return copy.ok ? [] : copy.problems;
};
const logins = (credentials: Credential[]) => credentials.map(({ key, username, password: word }) => [key, username, word]);

test('without aliases the source\'s own text is passed on', () => {
  const text = ' {"auths" : {"quay.io":{"auth":"YTpi","x":1}},\n"y":[] }\n';
  expect(renderCopy(pullSecret(text), [], new Map())).toEqual({ ok: true, dockerConfigJson: text, credentials: [{ key: 'quay.io', username: 'a', password: 'b' }], warnings: [] });
});

test('a legacy source is converted, its entries as they were', () => {
  expect(copyOf([], legacySecret('{ "quay.io": {"auth":"YTpi", "email":"e"} }')).dockerConfigJson).toBe('{"auths":{"quay.io":{"auth":"YTpi", "email":"e"}}}');
});

test('an alias gives a mirror the login of an entry of the source, by any of its names', () => {
  const copy = copyOf([{ host: 'harbor.corp:443/dockerhub', from: 'docker.io' }, { host: 'mirror.corp', from: 'https://quay.io' }]);
  expect(logins(copy.credentials)).toEqual([
    ['https://index.docker.io/v1/', 'hub', 'one'],
    ['quay.io', 'q', 'two'],
    ['harbor.corp:443/dockerhub', 'hub', 'one'],
    ['mirror.corp', 'q', 'two'],
  ]);
});

test('an alias gives a key the login of a Secret, and replaces an entry of exactly the same key where it stands', () => {
  const copy = copyOf([{ host: 'https://index.docker.io/v1/', login: { secret: 'mirror-login' } }, { host: 'docker.io', login: { secret: 'mirror-config' } }]);
  expect(logins(copy.credentials)).toEqual([['https://index.docker.io/v1/', 'mirror', 'three'], ['quay.io', 'q', 'two'], ['docker.io', 'config', 'four']]);
  expect(JSON.parse(copy.dockerConfigJson)).toMatchObject({ auths: { 'docker.io': { username: 'config', password: 'four', auth: base64('config:four') } } });
});

test('an alias copies the source\'s entry, not what another alias made of it', () => {
  const copy = copyOf([{ host: 'quay.io', login: { secret: 'mirror-login' } }, { host: 'm.corp', from: 'quay.io' }]);
  expect(logins(copy.credentials).slice(1)).toEqual([['quay.io', 'mirror', 'three'], ['m.corp', 'q', 'two']]);
});

test('what else the source holds stays: other members, unknown fields, a login that is not UTF-8', () => {
  const auth = base64(Buffer.from('u:\xff\xfe', 'latin1'));
  const copy = copyOf([{ host: 'm.corp', from: 'quay.io' }], pullSecret(`{"HttpHeaders":{"a":"b"},"auths":{"quay.io":{"auth":"${auth}","x":1e400}},"credHelpers":{}}`));
  expect(copy.dockerConfigJson).toBe(`{"HttpHeaders":{"a":"b"},"credHelpers":{},"auths":{"quay.io":{"auth":"${auth}","x":1e400},"m.corp":{"auth":"${auth}","x":1e400}}}`);
});

test('an alias that means the same to kubelets as another entry is warned about', () => {
  expect(copyOf([{ host: 'https://quay.io', login: { secret: 'mirror-login' } }]).warnings).toEqual([
    'registry "https://quay.io": means the same to kubelets as "quay.io", with another login; which one they try first is random, so keep one',
  ]);
});

test('a login with a line break at its end is warned about', () => {
  expect(copyOf([{ host: 'm.corp', login: { secret: 's' } }], SOURCE, new Map([['s', basicAuth('u', 'p\n')]])).warnings).toContain(
    'alias "m.corp": a value of Secret "s" ends with a line break, which is hardly a part of it (echo adds one, echo -n does not)');
});

describe('no copy', () => {
  test.each<[string, AliasConfig, Record<string, SecretContent>]>([
    ['alias "m": the source has no entry "ghcr.io"; it has "https://index.docker.io/v1/", "quay.io"', { host: 'm', from: 'ghcr.io' }, {}],
    ['alias "m": Secret "s" does not exist; create it next to the source', { host: 'm', login: { secret: 's' } }, {}],
    ['alias "m": Secret "s" is of type "Opaque"; it must be kubernetes.io/basic-auth, or kubernetes.io/dockerconfigjson with exactly one entry', { host: 'm', login: { secret: 's' } }, { s: { data: {} } }],
    ['alias "m": Secret "s" has no password', { host: 'm', login: { secret: 's' } }, { s: { type: 'kubernetes.io/basic-auth', data: { username: base64('u') } } }],
    ['alias "m": Secret "s" has no username', { host: 'm', login: { secret: 's' } }, { s: { type: 'kubernetes.io/basic-auth' } }],
    ['alias "m": Secret "s" data["username"] is not base64', { host: 'm', login: { secret: 's' } }, { s: { type: 'kubernetes.io/basic-auth', data: { username: '%', password: 'eA==' } } }],
    ['alias "m": Secret "s" has a ":" in its username, which no registry login can carry', { host: 'm', login: { secret: 's' } }, { s: basicAuth('a:b', 'c') }],
    ['alias "m": Secret "s" has a login that is not UTF-8, which kubelets cannot use', { host: 'm', login: { secret: 's' } }, { s: { type: 'kubernetes.io/basic-auth', data: { username: '/w==', password: 'eA==' } } }],
    ['alias "m": Secret "s" has 2 entries; a login has exactly one', { host: 'm', login: { secret: 's' } }, { s: SOURCE }],
    ['alias "m": Secret "s" has no password', { host: 'm', login: { secret: 's' } }, { s: pullSecret(auths([['m', { username: 'u' }]])) }],
    ['alias "m": Secret "s" has no registries; put at least one under "auths"', { host: 'm', login: { secret: 's' } }, { s: pullSecret('{}') }],
    ['alias "m:x": is not a registry that kubelets understand; write host, host:port or host/path', { host: 'm:x', from: 'quay.io' }, {}],
    ['alias "/m": is not a registry that kubelets understand; write host, host:port or host/path', { host: '/m', from: 'quay.io' }, {}],
  ])('%s', (problem, alias, secrets) => {
    expect(problemsOf([alias], SOURCE, new Map(Object.entries(secrets)))).toEqual([problem]);
  });

  test('every bad alias is told', () => {
    expect(problemsOf([{ host: 'a', from: 'x' }, { host: 'b', from: 'quay.io' }, { host: 'c', login: { secret: 'x' } }])).toHaveLength(2);
  });

  test('from a source that kubelets refuse, or that is empty, or is no pull Secret', () => {
    for (const source of [pullSecret('{"auths":{"quay.io":{"auth":"!"}}}'), pullSecret('{"auths":{}}'), pullSecret('nothing'), { type: 'Opaque', data: {} }]) {
      const parsed = parseSecret(source);
      expect(renderCopy(source, [], new Map())).toEqual({ ok: false, problems: parsed.ok ? [] : parsed.problems });
    }
  });

  test('that is larger than a Secret can be', () => {
    const source = pullSecret(auths([['quay.io', { username: 'u', password: 'p', x: 'x'.repeat(600_000) }]]));
    expect(problemsOf([], source)).toEqual([]);
    expect(problemsOf([{ host: 'm', from: 'quay.io' }], source)).toEqual(['the copy would be larger than 1 MiB, which is the most a Secret can hold; use fewer aliases']);
  });
});

describe('properties', () => {
  const source = fc.oneof({ weight: 3, arbitrary: goodConfig.map(pullSecret) }, goodConfig.map((text) => legacySecret(text.slice('{"auths":'.length, -1))));
  const alias: fc.Arbitrary<AliasConfig> = fc.oneof(
    fc.record({ host: goodKey, from: goodKey }),
    fc.record({ host: goodKey, login: fc.record({ secret: fc.constantFrom('a', 'b', 'none') }) }),
  );
  const aliases = fc.uniqueArray(alias, { maxLength: 4, selector: ({ host }) => host });
  const secrets = fc.record({ a: fc.tuple(password, password).map(([u, p]) => basicAuth(u.replaceAll(':', ''), p)), b: password.map((p) => pullSecret(object([['auths', { b: { username: 'b', password: p } }]]))) })
    .map((record) => new Map(Object.entries(record)));

  test('what is ok is accepted by the kubelet\'s rules, and comes out the same each time', () => {
    fc.assert(fc.property(source, aliases, secrets, (from, list, map) => {
      const copy = renderCopy(from, list, map);
      expect(renderCopy(from, list, map)).toEqual(copy);
      if (!copy.ok) return;
      expect(parseDockerConfig(copy.dockerConfigJson)).toMatchObject({ ok: true, credentials: copy.credentials });
      expect(JSON.parse(copy.dockerConfigJson)).toBeTypeOf('object');
    }), { numRuns: 800 });
  });

  test('every lookup that worked on the source works on the copy, unless an alias replaced it', () => {
    fc.assert(fc.property(source, aliases, secrets, image, (from, list, map, reference) => {
      const before = parseSecret(from);
      const copy = renderCopy(from, list, map);
      const parsed = parseImage(reference);
      if (!before.ok || !copy.ok || !parsed.ok) return;
      const replaced = new Set(list.map(({ host }) => host));
      const find = (credentials: Credential[]) => lookup(makeKeyring([{ credentials }]), parsed.image.name);
      const after = find(copy.credentials);
      for (const match of find(before.credentials)) {
        if (replaced.has(match.credential.key)) continue;
        // An alias that matches a Docker Hub image takes precedence over Docker Hub's own entry: that is what it is for.
        if (match.reason === 'default-registry' && after.some(({ credential }) => replaced.has(credential.key))) continue;
        expect(after).toContainEqual(match);
      }
    }), { numRuns: 800 });
  });

  test('an alias by `from` carries the login of the entry that it names', () => {
    fc.assert(fc.property(source, goodKey, goodKey, (from, host, name) => {
      const before = parseSecret(from);
      const copy = renderCopy(from, [{ host, from: name }], new Map());
      if (!before.ok || normaliseKey(host) === undefined) return;
      const entry = findEntry(before.credentials, name);
      expect(copy.ok).toBe(entry !== undefined);
      if (copy.ok) expect(copy.credentials.find(({ key }) => key === host)).toEqual({ ...entry, key: host });
    }), { numRuns: 800 });
  });

  test('no text that it makes holds a part of a login', () => {
    fc.assert(fc.property(source, aliases, secrets, (from, list, map) => {
      const copy = renderCopy(from, list, map);
      expect((copy.ok ? copy.warnings : copy.problems).join('\n')).not.toMatch(/[QXZ]{4}/);
    }), { numRuns: 800 });
  });
});
