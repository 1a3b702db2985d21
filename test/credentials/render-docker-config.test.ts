/** What goes into copies: usable logins only, in a form that depends on nothing but them; and the logins that aliases give. */
import type { Alias } from '../../src/credentials/alias.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveAlias } from '../../src/credentials/alias.ts';
import {
  type Credential,
  type SecretContent,
  parseDockerConfig,
  parseSecret,
} from '../../src/credentials/docker-config.ts';
import { findEntry } from '../../src/credentials/registry-name.ts';
import { renderContent, tooLarge } from '../../src/credentials/render-docker-config.ts';
import { auths, base64, goodConfig, goodKey, object, password, pullSecret } from './arbitraries.ts';

const basicAuth = (username: string, word: string): SecretContent => ({
  type: 'kubernetes.io/basic-auth',
  data: { username: base64(username), password: base64(word) },
});
const SOURCE = pullSecret(
  auths([
    ['https://index.docker.io/v1/', { auth: base64('hub:one') }],
    ['quay.io', { username: 'q', password: 'two', email: 'e' }],
  ]),
);
const ownOf = (secret: SecretContent): Credential[] => {
  const parsed = parseSecret(secret);
  return parsed.ok ? parsed.credentials.filter(({ unusable }) => unusable === undefined) : [];
};
const OWN = ownOf(SOURCE);
const resolve = (alias: Alias, logins: Record<string, SecretContent> = {}) =>
  resolveAlias(alias, OWN, new Map(Object.entries(logins)));

describe('a content', () => {
  test('of what kubectl makes is what kubectl made, byte by byte', () => {
    const made = `{"auths":{"quay.io":{"username":"u","password":"p","email":"e@x","auth":"${base64('u:p')}"}}}`;
    expect(renderContent(ownOf(pullSecret(made)))).toBe(made);
  });

  test("has `auth` for every login, however it was written: CRI-O's credential provider reads nothing else", () => {
    const content = renderContent(
      ownOf(
        pullSecret(
          auths([
            ['a.test', { username: 'a', password: 'one' }],
            ['b.test', { auth: base64('b:two') }],
          ]),
        ),
      ),
    );
    expect(JSON.parse(content)).toEqual({
      auths: {
        'a.test': { username: 'a', password: 'one', auth: base64('a:one') },
        'b.test': { username: 'b', password: 'two', auth: base64('b:two') },
      },
    });
  });

  test('of the same logins is the same text, in whatever order and form they were written', () => {
    const one = auths([
      ['b.test', { auth: base64('b:two') }],
      ['a.test', { username: 'a', password: 'one' }],
    ]);
    const other = `{ "auths": {\n"a.test": {"Password":"one","USERNAME":"a","x":1}, "b.test":{"username":"b","password":"two"}}, "HttpHeaders":{} }`;
    expect(renderContent(ownOf(pullSecret(other)))).toBe(renderContent(ownOf(pullSecret(one))));
  });

  test('has its keys in the order of their characters, so that no upgrade writes every copy again', () => {
    const login = { username: 'u', password: 'p' };
    const content = renderContent(['b.test', 'a.test', 'a', 'c'].map((key) => ({ key, ...login })));
    expect([...content.matchAll(/"([\w.]+)":\{"username"/g)].map(([, key]) => key)).toEqual([
      'a',
      'a.test',
      'b.test',
      'c',
    ]);
  });

  test('spreads no identity token, no credential store and no field that kubelets do not read', () => {
    const content = renderContent(
      ownOf(
        pullSecret(
          '{"auths":{"a.test":{"username":"a","password":"one","identitytoken":"REFRESH","registrytoken":"OTHER"}},"credsStore":"desktop"}',
        ),
      ),
    );
    expect(content).toBe(`{"auths":{"a.test":{"username":"a","password":"one","auth":"${base64('a:one')}"}}}`);
  });

  test('that is larger than a Secret can be is told', () => {
    expect(tooLarge('x'.repeat(1024 * 1024))).toBeUndefined();
    expect(tooLarge('x'.repeat(1024 * 1024 + 1))).toMatch(/^the copy would be larger than 1 MiB/);
  });

  test('is read by kubelets as the very logins that went into it', () => {
    fc.assert(
      fc.property(goodConfig, (text) => {
        const own = ownOf(pullSecret(text));
        const read = parseDockerConfig(renderContent(own));
        const logins = (credentials: readonly Credential[]) =>
          new Map(
            credentials.map(({ key, username, password: word, unusable, contradictory }) => [
              key,
              [username, word, unusable, contradictory],
            ]),
          );
        if (own.length === 0) expect(read.ok).toBe(false);
        else
          expect(read.ok && logins(read.credentials)).toEqual(
            logins(own.map(({ contradictory: _, ...credential }) => credential)),
          );
      }),
      { numRuns: 800 },
    );
  });
});

describe('an alias', () => {
  test.each([
    ['harbor.corp:443/dockerhub', 'docker.io', 'hub', 'one'],
    ['mirror.corp', 'https://quay.io', 'q', 'two'],
  ])('%s from %s has the login of that entry, by any of its names', (host, from, username, word) => {
    expect(resolve({ host, from })).toMatchObject({ ok: true, credential: { key: host, username, password: word } });
  });

  test('has the login of a Secret of its own', () => {
    expect(resolve({ host: 'm', login: { secret: 's' } }, { s: basicAuth('mirror', 'three') })).toEqual({
      ok: true,
      credential: { key: 'm', username: 'mirror', password: 'three' },
      warnings: [],
    });
    expect(
      resolve(
        { host: 'm', login: { secret: 's' } },
        { s: pullSecret(auths([['whatever', { auth: base64('config:four') }]])) },
      ),
    ).toMatchObject({ ok: true, credential: { key: 'm', username: 'config', password: 'four' } });
  });

  test('whose login ends with a line break is warned about', () => {
    expect(resolve({ host: 'm.corp', login: { secret: 's' } }, { s: basicAuth('u', 'p\n') })).toMatchObject({
      warnings: [
        'alias "m.corp": a value of Secret "s" ends with a line break, which is hardly a part of it (echo adds one, echo -n does not)',
      ],
    });
  });

  test('whose login has a line break inside is not: only at the end it is hardly meant', () => {
    expect(resolve({ host: 'm', login: { secret: 's' } }, { s: basicAuth('u', 'p\nq') })).toMatchObject({
      warnings: [],
    });
  });

  test('may have its login under any key, for it goes under the alias', () => {
    expect(
      resolve(
        { host: 'm', login: { secret: 's' } },
        { s: pullSecret(auths([['no host:x', { auth: base64('config:four') }]])) },
      ),
    ).toMatchObject({ ok: true, credential: { key: 'm', username: 'config', password: 'four' } });
  });

  test('that names what the source has not is told what it has: the first ten, or none', () => {
    const problem = (own: Credential[]) => resolveAlias({ host: 'm', from: 'ghcr.io' }, own, new Map());
    const many = Array.from({ length: 11 }, (_, i) => ({ key: `r${i}.io`, username: 'u', password: 'p' }));
    expect(problem(many)).toMatchObject({ problem: expect.stringMatching(/"r9\.io" and 1 more$/) as string });
    expect(problem(many.slice(0, 10))).toMatchObject({ problem: expect.stringMatching(/"r9\.io"$/) as string });
    expect(problem([])).toMatchObject({ problem: expect.stringMatching(/; it has none$/) as string });
  });

  const login = { host: 'm', login: { secret: 's' } };
  test.each<[string, Alias, Record<string, SecretContent>]>([
    [
      'alias "m": the source has no usable login for "ghcr.io"; it has "https://index.docker.io/v1/", "quay.io"',
      { host: 'm', from: 'ghcr.io' },
      {},
    ],
    ['alias "m": Secret "s" does not exist; create it next to the source', login, {}],
    [
      'alias "m": Secret "s" is of type "Opaque"; it must be kubernetes.io/basic-auth, or kubernetes.io/dockerconfigjson with exactly one entry',
      login,
      { s: { data: {} } },
    ],
    [
      'alias "m": Secret "s" is of type "kubernetes.io/tls"; it must be kubernetes.io/basic-auth, or kubernetes.io/dockerconfigjson with exactly one entry',
      login,
      { s: { type: 'kubernetes.io/tls', data: {} } },
    ],
    [
      'alias "m": Secret "s" cannot be used: has no password; add one, or an access token',
      login,
      { s: { type: 'kubernetes.io/basic-auth', data: { username: base64('u') } } },
    ],
    [
      'alias "m": Secret "s" cannot be used: has neither username nor password, so that kubelets pull without a login; add both',
      login,
      { s: { type: 'kubernetes.io/basic-auth' } },
    ],
    [
      'alias "m": Secret "s" data["username"] is not base64',
      login,
      { s: { type: 'kubernetes.io/basic-auth', data: { username: '%', password: 'eA==' } } },
    ],
    [
      'alias "m": Secret "s" cannot be used: has a ":" in its username, which no registry login can carry; correct it',
      login,
      { s: basicAuth('a:b', 'c') },
    ],
    [
      'alias "m": Secret "s" cannot be used: its login is not UTF-8, which kubelets cannot hand to the container runtime; write it anew',
      login,
      { s: { type: 'kubernetes.io/basic-auth', data: { username: '/w==', password: 'eA==' } } },
    ],
    ['alias "m": Secret "s" has 2 entries; a login has exactly one', login, { s: SOURCE }],
    [
      'alias "m": Secret "s" has an entry that cannot be used: has no password; add one, or an access token',
      login,
      { s: pullSecret(auths([['m', { username: 'u' }]])) },
    ],
    [
      'alias "m": Secret "s" has an entry that cannot be used: "auth" holds another login than "username" ' +
        'and "password", and kubelets use "auth"; write one login, best without "auth"',
      login,
      { s: pullSecret(auths([['m', { username: 'u', password: 'new', auth: base64('u:old') }]])) },
    ],
    ['alias "m": Secret "s" has no registries; put at least one under "auths"', login, { s: pullSecret('{}') }],
    [
      'alias "m:x": is not a registry that kubelets understand; write host, host:port or host/path',
      { host: 'm:x', from: 'quay.io' },
      {},
    ],
    [
      'alias "/m": is not a registry that kubelets understand; write host, host:port or host/path',
      { host: '/m', from: 'quay.io' },
      {},
    ],
  ])('is a problem: %s', (problem, alias, secrets) => {
    expect(resolve(alias, secrets)).toEqual({ ok: false, problem });
  });

  const logins = fc.record({
    a: fc.tuple(password, password).map(([u, p]) => basicAuth(u, p)),
    b: password.map((p) => pullSecret(object([['auths', { b: { username: 'b', password: p } }]]))),
  });
  const alias: fc.Arbitrary<Alias> = fc.oneof(
    fc.record({ host: goodKey, from: goodKey }),
    fc.record({ host: goodKey, login: fc.record({ secret: fc.constantFrom('a', 'b', 'none') }) }),
  );

  test('carries what it names, or says why not without any part of a login', () => {
    fc.assert(
      fc.property(goodConfig, alias, logins, (text, each, secrets) => {
        const own = ownOf(pullSecret(text));
        const resolved = resolveAlias(each, own, new Map(Object.entries(secrets)));
        if (resolved.ok && 'from' in each)
          expect(resolved.credential).toEqual({ ...findEntry(own, each.from), key: each.host });
        expect(resolved.ok ? resolved.warnings.join() : resolved.problem).not.toMatch(/[QXZ]{4}/);
      }),
      { numRuns: 800 },
    );
  });
});
