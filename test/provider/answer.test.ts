/** What programs answer, by the protocol and against it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProviderFailure } from '../../src/provider/failure.ts';
import { readHelperAnswer, readPluginAnswer } from '../../src/provider/answer.ts';
import type { Answer } from '../../src/provider/answer.ts';
import { response } from './programs.ts';

const IMAGE = 'registry.example.com/team/app';
const read = (changes: object, image = IMAGE): Answer => readPluginAnswer(Buffer.from(response(changes)), image);
const keys = (auth: object, image = IMAGE): Record<string, string> =>
  Object.fromEntries(read({ auth }, image).logins.map(({ key, password }) => [key, password]));
const login = (password = 'pw'): object => ({ username: 'robot', password });

function failure(run: () => unknown): { reason: string; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof ProviderFailure) return { reason: error.reason, message: error.message };
    throw error;
  }
  throw new Error('it did not fail');
}

test('a good answer', () => {
  expect(read({})).toEqual({
    logins: [{ key: 'registry.example.com', username: 'robot', password: 'pw-1' }],
    cacheMs: 6 * 3_600_000,
  });
});

describe('of the logins', () => {
  test('those count that a kubelet would use for the image', () => {
    expect(
      keys({
        'registry.example.com': login('host'),
        'registry.example.com/team': login('path'),
        'registry.example.com/other': login(),
        'other.example.com': login(),
        'registry.example.com:5000': login(),
        'https://index.docker.io/v1/': login(),
      }),
    ).toEqual({ 'registry.example.com': 'host', 'registry.example.com/team': 'path' });
  });

  test('a glob becomes the host that was asked about, and gives way to the host itself', () => {
    expect(keys({ '*.pkg.dev': login('glob'), 'gcr.io': login() }, 'europe-docker.pkg.dev/p/app')).toEqual({
      'europe-docker.pkg.dev': 'glob',
    });
    expect(keys({ '*.azurecr.io': login('glob'), 'x.azurecr.io': login('host') }, 'x.azurecr.io/app')).toEqual({
      'x.azurecr.io': 'host',
    });
  });

  test('an empty one, which stands for an anonymous pull, is left out', () => {
    expect(
      keys({ '*.azurecr.*': { username: '', password: '' }, 'x.azurecr.io': login('host') }, 'x.azurecr.io/app'),
    ).toEqual({ 'x.azurecr.io': 'host' });
  });

  test.each([
    ['none at all', null],
    ['an empty mapping', {}],
    ['one for another registry', { 'other.example.com': login() }],
    ['one without a password', { 'registry.example.com': { username: 'robot', password: '' } }],
    ['one with a ":" in the user name', { 'registry.example.com': { username: 'a:b', password: 'pw' } }],
  ])('%s: there is no login', (_, auth) => {
    expect(failure(() => read({ auth })).reason).toBe('no_login');
  });
});

test.each([
  ['"6h0m0s"', '6h0m0s', 21_600_000],
  ['zero: it is not to be kept', '0s', undefined],
  ['negative, over already', '-5m', undefined],
  ['none', null, undefined],
  ['as long as Go counts', '2562047h47m16s', 9_223_372_036_000],
])('cacheDuration: %s', (_, cacheDuration, ms) => {
  expect(read({ cacheDuration }).cacheMs).toBe(ms);
});

test.each([
  ['an older version of the protocol', { apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1' }],
  ['another kind', { kind: 'CredentialProviderRequest' }],
  ['no cacheKeyType', { cacheKeyType: undefined }],
  ['an unknown cacheKeyType', { cacheKeyType: 'Pod' }],
  ['a number as cacheDuration', { cacheDuration: 60 }],
  ['words as cacheDuration', { cacheDuration: 'for ever' }],
  ['a list as auth', { auth: [] }],
  ['a text as login', { auth: { 'registry.example.com': 'SECRET' } }],
  ['a number as password', { auth: { 'registry.example.com': { username: 'robot', password: 5 } } }],
  ['a NUL in the password', { auth: { 'registry.example.com': login('SECRET\0') } }],
  ['a line break in the password', { auth: { 'registry.example.com': login('SECRET\r\nX-Evil: 1') } }],
  [
    'a thousand logins',
    { auth: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`r${i}.example.com`, login()])) },
  ],
])('%s is not by the protocol', (_, changes) => {
  const { reason, message } = failure(() => read(changes));
  expect(reason).toBe('answer');
  expect(message).not.toContain('SECRET');
});

test.each(['', 'SECRET', '[]', 'null', `${response()}trailing SECRET`, '{"auth":{"x":"SECRET"}', '\0'])(
  'output that is no answer: %j',
  (text) => {
    const { reason, message } = failure(() => readPluginAnswer(Buffer.from(text), IMAGE));
    expect({ reason, isTold: message.includes('SECRET') }).toEqual({ reason: 'answer', isTold: false });
  },
);

test('bytes that are no UTF-8 are no answer', () => {
  const bytes = Buffer.from(response().replace('pw-1', '\xff'), 'latin1');
  expect(failure(() => readPluginAnswer(bytes, IMAGE)).reason).toBe('answer');
});

test('whatever comes is an answer or a failure of ours, and a failure repeats nothing of it', () => {
  const hostile = fc.oneof(
    fc.jsonValue().map((auth) => response({ auth })),
    fc.record({ username: fc.string(), password: fc.string() }).map((each) => response({ auth: { [IMAGE]: each } })),
    fc.string(),
  );
  fc.assert(
    fc.property(hostile, (text) => {
      try {
        for (const { username, password } of readPluginAnswer(Buffer.from(text), IMAGE).logins)
          expect([username, password]).not.toContain('');
      } catch (error) {
        expect(error).toBeInstanceOf(ProviderFailure);
      }
    }),
    { numRuns: 300 },
  );
});

describe('a credential helper', () => {
  const get = (answer: object): unknown => readHelperAnswer(Buffer.from(JSON.stringify(answer)), 'a.example.com');

  test('its login gets the key that was asked for, whatever it says', () => {
    expect(get({ ServerURL: 'https://evil.example.com', Username: 'AWS', Secret: 'pw' })).toEqual({
      key: 'a.example.com',
      username: 'AWS',
      password: 'pw',
    });
  });

  test.each([
    ['an identity token', { Username: '<token>', Secret: 'pw' }, 'no_login'],
    ['an empty secret', { Username: 'AWS', Secret: '' }, 'no_login'],
    ['no secret', { Username: 'AWS' }, 'answer'],
  ])('%s is no login', (_, answer, reason) => {
    expect(failure(() => get(answer)).reason).toBe(reason);
  });
});
