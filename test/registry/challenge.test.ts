import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChallenges } from '../../src/registry/challenge.ts';

/** fast-check's own binary strings take seconds to set up. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));

const bearer = { scheme: 'bearer', params: { realm: 'https://auth.docker.io/token', service: 'registry.docker.io' } };

test.each([
  ['Docker Hub', 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"', [bearer]],
  [
    'spaces around everything',
    'BEARER   Realm = "https://auth.docker.io/token" ,\tSERVICE=registry.docker.io',
    [bearer],
  ],
  [
    'a comma inside quotes',
    'Bearer realm="https://r/t",scope="repository:corp/app:pull,push"',
    [{ scheme: 'bearer', params: { realm: 'https://r/t', scope: 'repository:corp/app:pull,push' } }],
  ],
  [
    'escapes inside quotes',
    String.raw`Basic realm="say \"hi\" \\ twice"`,
    [{ scheme: 'basic', params: { realm: String.raw`say "hi" \ twice` } }],
  ],
  [
    'two challenges',
    'Basic realm="x", Bearer realm="https://auth.docker.io/token", service="registry.docker.io"',
    [{ scheme: 'basic', params: { realm: 'x' } }, bearer],
  ],
  [
    'schemes without parameters',
    'Negotiate, Basic realm="x"',
    [
      { scheme: 'negotiate', params: {} },
      { scheme: 'basic', params: { realm: 'x' } },
    ],
  ],
  [
    'token68',
    'NTLM TlRMTVNTUAAC==, Basic realm="x"',
    [
      { scheme: 'ntlm', params: {} },
      { scheme: 'basic', params: { realm: 'x' } },
    ],
  ],
  [
    'empty list elements',
    ' , ,Basic realm="x",, charset="UTF-8" , ',
    [{ scheme: 'basic', params: { realm: 'x', charset: 'UTF-8' } }],
  ],
  [
    'the example of RFC 9110',
    'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
    [
      { scheme: 'basic', params: { realm: 'simple' } },
      { scheme: 'newauth', params: { realm: 'apps', type: '1', title: 'Login to "apps"' } },
    ],
  ],
  ['nothing', '', []],
  ['an open quote', 'Bearer realm="https://r/t', []],
  ['an unquoted URL', 'Bearer realm=https://r/t,service=x', []],
  ['a parameter twice', 'Bearer realm="https://r/t",realm="https://evil/t"', []],
  [
    'what came before the malformed one',
    'Basic realm="x", Bearer realm="',
    [{ scheme: 'basic', params: { realm: 'x' } }],
  ],
  ['a page instead', '<html>', []],
  [
    'names of Object.prototype',
    'Bearer __proto__="x",constructor="y"',
    [
      {
        scheme: 'bearer',
        params: Object.fromEntries([
          ['__proto__', 'x'],
          ['constructor', 'y'],
        ]),
      },
    ],
  ],
])('reads %s', (_, header, expected) => {
  expect(parseChallenges(header)).toEqual(expected);
});

test('a header full of challenges is read up to the 16th', () => {
  expect(parseChallenges(Array.from({ length: 50_000 }, (__, i) => `S${i} a="b"`).join(', '))).toHaveLength(16);
});

test.each(['"', '\\', ',', ' ', '=', 'a', 'a=', 'a="', 'Bearer ', '\t,'])('a header of many %j ends', (piece) => {
  expect(parseChallenges(`Bearer ${piece.repeat(20_000)}`).length).toBeLessThanOrEqual(16);
});

test('whatever the header is, reading it never throws, and names are in lower case', () => {
  const soup = fc
    .array(fc.constantFrom('Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', 'x', '\t', 'é', '/'))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(anyText, soup), (header) => {
      for (const { scheme, params } of parseChallenges(header))
        for (const name of [scheme, ...Object.keys(params)]) expect(name).toBe(name.toLowerCase());
    }),
  );
});

test('any parameters come back as they were written', () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  const challenge = fc.record({
    scheme: fc.stringMatching(/^[a-z]{1,8}$/),
    params: fc.dictionary(name, fc.string(), { minKeys: 1, noNullPrototype: true }),
  });
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 5 }), (challenges) => {
      const header = challenges
        .map(
          ({ scheme, params }) =>
            `${scheme} ${Object.entries(params)
              .map(([key, value]) => `${key}="${value.replace(/["\\]/g, '\\$&')}"`)
              .join(', ')}`,
        )
        .join(', ');
      expect(parseChallenges(header)).toEqual(challenges);
    }),
  );
});
