import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSecret } from '../../src/credentials/docker-config.ts';
import { loginExpiry, loginSpan, tokenClaims, tokenExpiry, tokenSpan } from '../../src/credentials/token-expiry.ts';

/** fast-check's own binary strings take seconds to set up. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));

const jwt = (claims: unknown, header: unknown = { alg: 'RS256', typ: 'JWT' }): string =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + '.c2ln';

test('a JWT says when it ends, to the fraction of a second', () => {
  expect(tokenExpiry(jwt({ exp: 1_800_000_000 }))).toEqual(new Date('2027-01-15T08:00:00Z'));
  expect(tokenExpiry(jwt({ exp: 1.5 }))).toEqual(new Date(1500));
  expect(tokenExpiry(` ${jwt({ exp: 60 })}\n`)).toEqual(new Date(60_000));
});

test('a JWT says how long it lasts, if it says when it was issued, or from when on it is good', () => {
  const lifetime = (claims: object): number | undefined => tokenSpan(jwt(claims))?.lifetimeMs;
  expect(lifetime({ iat: 100, exp: 3_700 })).toBe(3_600_000);
  expect(lifetime({ nbf: 100, exp: 3_700 })).toBe(3_600_000);
  expect(lifetime({ iat: 1_000, nbf: 100, exp: 3_700 })).toBe(2_700_000);
  expect(lifetime({ exp: 3_700 })).toBeUndefined();
  expect(lifetime({ iat: 3_700, exp: 3_700 })).toBeUndefined();
  expect(tokenSpan(jwt({ iat: 1 }))).toBeUndefined();
});

const ecr = (parts: object): string =>
  Buffer.from(JSON.stringify({ payload: 'xxxx', datakey: 'xxxx', version: '2', type: 'DATA_KEY', ...parts })).toString(
    'base64',
  );

test('a password of ECR, private or public, says when it ends; it lasts for twelve hours', () => {
  const span = { endsAt: new Date('2023-11-14T22:13:20Z'), lifetimeMs: 12 * 3_600_000 };
  expect(tokenSpan(ecr({ expiration: 1_700_000_000 }))).toEqual(span);
  expect(tokenSpan(`${ecr({ expiration: 1_700_000_000, version: '3' })}\n`)).toEqual(span);
});

test('an ECR login is read from `auth`, too', () => {
  const auth = Buffer.from(`AWS:${ecr({ expiration: 1_700_000_000 })}`).toString('base64');
  const data = {
    '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { 'public.ecr.aws': { auth } } })).toString('base64'),
  };
  const parsed = parseSecret({ type: 'kubernetes.io/dockerconfigjson', data });
  const [login] = parsed.ok ? parsed.credentials : [];
  expect(login && loginSpan(login)?.endsAt).toEqual(new Date('2023-11-14T22:13:20Z'));
});

test.each([
  ['ECR without an end', ecr({})],
  ['ECR with an end that is text', ecr({ expiration: '1700000000' })],
  ['ECR without what it is made of', ecr({ expiration: 1, payload: undefined })],
  [
    'a login of Google, which is a key in JSON',
    Buffer.from('{"type":"service_account","expiration":1}').toString('base64'),
  ],
  ['a password', 'correct horse battery staple'],
  ['a password with dots', 'a.b.c'],
  ['nothing', ''],
  ['a JWT without exp', jwt({ sub: 'ann' })],
  ['an exp that is text', jwt({ exp: '1800000000' })],
  ['an exp beyond all dates', jwt({ exp: 1e300 })],
  ['claims that are a list', jwt([1])],
  ['claims that are null', jwt(null)],
  ['a header that is no object', jwt({ exp: 1 }, 'x')],
  ['two parts', jwt({ exp: 1 }).split('.').slice(0, 2).join('.')],
  ['four parts', `${jwt({ exp: 1 })}.x`],
  ['a line break in its claims', jwt({ exp: 1 }).replace(/\.(..)/, '.$1\n')],
  ['a blank before its claims', jwt({ exp: 1 }).replace('.', '. ')],
  ['five parts, an encrypted token', `${jwt({ exp: 1 })}.x.y`],
  ['not base64url', `${jwt({ exp: 1 }).replace('.', '.+')}`],
])('%s has no expiry', (_, token) => {
  expect(tokenExpiry(token)).toBeUndefined();
});

test('a login ends with its password, or else with its identity token', () => {
  const [sooner, later] = [jwt({ exp: 60 }), jwt({ exp: 120 })];
  expect(loginExpiry({ password: later, identityToken: sooner })).toEqual(new Date(120_000));
  expect(loginExpiry({ password: 'p', identityToken: sooner })).toEqual(new Date(60_000));
  expect(loginExpiry({ password: 'p' })).toBeUndefined();
});

test('whatever the text is, reading it never throws', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        fc
          .json()
          .map((text) => `${Buffer.from('{}').toString('base64url')}.${Buffer.from(text).toString('base64url')}.x`),
      ),
      (token) => {
        const expiry = tokenExpiry(token);
        expect(expiry === undefined || !Number.isNaN(expiry.getTime())).toBe(true);
        expect(['object', 'undefined']).toContain(typeof tokenClaims(token));
      },
    ),
  );
});
