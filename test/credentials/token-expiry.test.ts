import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loginExpiry, tokenClaims, tokenExpiry } from '../../src/credentials/token-expiry.ts';

/** fast-check's own binary strings take seconds to set up. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));

const jwt = (claims: unknown, header: unknown = { alg: 'RS256', typ: 'JWT' }): string =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + '.c2ln';

test('a JWT says when it ends, to the fraction of a second', () => {
  expect(tokenExpiry(jwt({ exp: 1_800_000_000 }))).toEqual(new Date('2027-01-15T08:00:00Z'));
  expect(tokenExpiry(jwt({ exp: 1.5 }))).toEqual(new Date(1500));
  expect(tokenExpiry(` ${jwt({ exp: 60 })}\n`)).toEqual(new Date(60_000));
});

test.each([
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
