/** When a login ends, where it does not say so itself: by the annotation of its Secret, and by `maxAge`. */
import { describe, expect, test } from 'vitest';
import { readEnd } from '../../src/config/times.ts';
import type { Credential } from '../../src/credentials/docker-config.ts';
import { endOf, readEnds } from '../../src/sources/ends.ts';

const NOW = Date.UTC(2030, 0, 10);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const iso = (ms: number): string => new Date(ms).toISOString();
const login = (password: string, key = 'ghcr.io'): Credential => ({ key, username: 'robot', password });
const jwt = (exp: number): string =>
  [{ alg: 'none' }, { exp: exp / 1000 }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat('x')
    .join('.');

type Look = Parameters<typeof readEnds>[0];
/** Looks at a Secret, and later again: what one look remembers, the next one gets. */
function memory(maxAge?: number) {
  let before: Look['before'];
  return (parts: Partial<Look>) => {
    const { times, doubt } = readEnds({
      ...{ secret: undefined, maxAge, own: [], inForce: [], before, now: NOW },
      loginMac: ({ username, password }) => `${username}:${password}`,
      mac: (text) => text,
      ...parts,
    });
    before = times;
    return {
      doubt,
      end: (password: string) => endOf(login(password), { maxAge }, times?.logins[`robot:${password}`]),
    };
  };
}
const annotated = (text: string, writtenAt: number | undefined = NOW, renewed = false) => ({
  text,
  writtenAt,
  renewed,
});

describe('the annotation', () => {
  test('is the end of the login that it was written with; a quarter of that life counts as near', () => {
    const { end, doubt } = memory()({
      secret: { expiresAt: annotated('2030-01-11T00:00:00Z'), writtenAt: NOW },
      own: [login('opaque')],
    });
    expect(end('opaque')).toEqual({ at: NOW + DAY, lifetimeMs: DAY, by: 'annotation' });
    expect(doubt).toBeUndefined();
  });

  test.each([
    'soon',
    '2030-01-11',
    '2030-01-11T00:00:00',
    '2030-02-31T00:00:00Z',
    '',
    '9999-12-31T23:59:59Z',
    '2030-01-11T00:00Z',
  ])('as "%s" is one line that does not repeat it, and no end', (text) => {
    const { end, doubt } = memory()({ secret: { expiresAt: annotated(text), writtenAt: NOW }, own: [login('a')] });
    expect(end('a')).toBeUndefined();
    expect(doubt).toMatch(/^annotation pullpass\.dev\/expires-at is (?:not a time|more than 20 years)[^\n]+$/);
    if (text !== '') expect(doubt).not.toContain(text);
  });

  test('with any zone is a time', () => {
    expect(readEnd('2030-01-11T02:00:00+02:00', NOW)).toEqual({ at: NOW + DAY });
    expect(readEnd('2030-01-11T00:00:00.5Z', NOW)).toEqual({ at: NOW + DAY + 500 });
  });

  test('that was over before the login was written is not about that login', () => {
    const { end, doubt } = memory()({
      secret: { expiresAt: annotated('2030-01-09T00:00:00Z'), writtenAt: NOW },
      own: [login('a')],
    });
    expect(end('a')).toBeUndefined();
    expect(doubt).toContain('is older than the login for "ghcr.io"');
  });

  test('in the past is an end all the same', () => {
    const { end, doubt } = memory()({
      secret: { expiresAt: annotated('2030-01-09T00:00:00Z', NOW - 5 * DAY), writtenAt: NOW - 5 * DAY },
      own: [login('a')],
    });
    expect(end('a')?.at).toBe(NOW - DAY);
    expect(doubt).toBeUndefined();
  });

  test('that was there before the login does not count for it, also if nobody saw the login before', () => {
    const secret = { expiresAt: annotated('2031-01-01T00:00:00Z', NOW - DAY), writtenAt: NOW };
    const { end, doubt } = memory()({ secret, own: [login('a')] });
    expect([end('a'), doubt]).toEqual([undefined, expect.stringContaining('is older than the login')]);
  });

  test('that stays when the login changes does not count for the new one, not even where one manifest has both', () => {
    const look = memory();
    const text = '2031-01-01T00:00:00Z';
    look({ secret: { expiresAt: annotated(text), writtenAt: NOW }, own: [login('a'), login('same', 'quay.io')] });
    const later = NOW + 30 * DAY;
    const { end, doubt } = look({
      secret: { expiresAt: annotated(text, later), writtenAt: later },
      own: [login('b'), login('same', 'quay.io')],
      inForce: [login('a'), login('same', 'quay.io')],
      now: later,
    });
    expect(doubt).toContain('is older than the login for "ghcr.io", and');
    expect(end('b')).toBeUndefined();
    // The one before keeps its end while carriers have it; and an unchanged one is what the annotation was written for.
    expect(end('a')?.at).toBe(Date.UTC(2031, 0, 1));
    expect(end('same')?.at).toBe(Date.UTC(2031, 0, 1));
  });

  test('taken away and written again counts, and so does one of another time', () => {
    const look = memory();
    const text = '2031-01-01T00:00:00Z';
    const old = { expiresAt: annotated(text, NOW - DAY), writtenAt: NOW };
    expect(look({ secret: old, own: [login('a')] }).doubt).toBeDefined();
    expect(look({ secret: { writtenAt: NOW }, own: [login('a')] }).doubt).toBeUndefined();
    const again = look({ secret: { expiresAt: annotated(text, NOW + 1), writtenAt: NOW }, own: [login('a')] });
    expect([again.doubt, again.end('a')?.at]).toEqual([undefined, Date.UTC(2031, 0, 1)]);
    const other = look({
      secret: { expiresAt: annotated('2030-06-01T00:00:00Z', NOW + 2), writtenAt: NOW },
      own: [login('a')],
    });
    expect([other.doubt, other.end('a')?.at]).toEqual([undefined, Date.UTC(2030, 5, 1)]);
  });

  test('may be written ten minutes before the login, and not more', () => {
    const written = (before: number) => ({
      secret: { expiresAt: annotated('2031-01-01T00:00:00Z', NOW - before), writtenAt: NOW },
      own: [login('a')],
    });
    expect(memory()(written(10 * 60_000)).doubt).toBeUndefined();
    expect(memory()(written(10 * 60_000 + 1)).doubt).toContain('is older than the login');
  });

  test('of another time is a new one: it is about a login that was written after the one before', () => {
    const look = memory();
    look({ secret: { expiresAt: annotated('2030-02-01T00:00:00Z'), writtenAt: NOW }, own: [login('a')] });
    const later = NOW + 20 * DAY;
    const secret = { expiresAt: annotated('2031-01-01T00:00:00Z', later), writtenAt: later };
    const { doubt, end } = look({ secret, own: [login('b')], now: later });
    expect([doubt, end('b')?.at]).toEqual([undefined, Date.UTC(2031, 0, 1)]);
  });

  test('at the very moment of the login is not about that login, and a login that is none has no end', () => {
    const secret = { expiresAt: annotated(iso(NOW)), writtenAt: NOW };
    expect(memory()({ secret, own: [login('a')] }).doubt).toContain('is older than the login');
    const { doubt, end } = memory()({ secret, own: [{ ...login('a'), unusable: 'no login' }] });
    expect([doubt, end('a')]).toEqual([undefined, undefined]);
  });

  test('may be 20 years away, and not more', () => {
    const most = NOW + 20 * 366 * DAY;
    expect([readEnd(iso(most), NOW), readEnd(iso(most + 1), NOW)]).toEqual([
      { at: most },
      { problem: expect.stringContaining('more than 20 years') as string },
    ]);
  });

  test('of pullpass provider is always about the login beside it', () => {
    const look = memory();
    const text = '2031-01-01T00:00:00Z';
    look({ secret: { expiresAt: annotated(text, NOW, true), writtenAt: NOW }, own: [login('a')] });
    const later = NOW + DAY;
    const next = look({
      secret: { expiresAt: annotated(text, later, true), writtenAt: later },
      own: [login('b')],
      now: later,
    });
    expect([next.doubt, next.end('b')?.at]).toEqual([undefined, Date.UTC(2031, 0, 1)]);
  });
});

describe('maxAge', () => {
  test('counts from when the login was written, and another write of the same login does not make it younger', () => {
    const look = memory(90 * DAY);
    const own = [login('a')];
    expect(look({ secret: { writtenAt: NOW - 80 * DAY, createdAt: NOW - 900 * DAY }, own }).end('a')).toEqual({
      at: NOW + 10 * DAY,
      lifetimeMs: 90 * DAY,
      by: 'maxAge',
    });
    expect(look({ secret: { writtenAt: NOW }, own }).end('a')?.at).toBe(NOW + 10 * DAY);
    expect(look({ secret: { writtenAt: NOW }, own: [login('b')] }).end('b')?.at).toBe(NOW + 90 * DAY);
  });

  test('where the server says no times: from the creation of the Secret, and later from when a change was seen', () => {
    const look = memory(DAY);
    expect(look({ secret: { createdAt: NOW - HOUR }, own: [login('a')] }).end('a')?.at).toBe(NOW + 23 * HOUR);
    expect(look({ secret: { createdAt: NOW - HOUR }, own: [login('b')] }).end('b')?.at).toBe(NOW + DAY);
  });

  test('a login that left the Secret, and is still in force, goes on growing old', () => {
    const look = memory(DAY);
    look({ secret: { writtenAt: NOW - HOUR }, own: [login('a')] });
    const { end } = look({ inForce: [login('a')] });
    expect(end('a')?.at).toBe(NOW + 23 * HOUR);
  });
});

test('of several ends the earliest counts', () => {
  const times = { since: iso(NOW), ends: iso(NOW + 2 * DAY) };
  const by = (exp: number, maxAge?: number) => endOf(login(jwt(exp)), { maxAge }, times)?.by;
  expect(by(NOW + DAY, 3 * DAY)).toBe('token');
  expect(by(NOW + 3 * DAY, 3 * DAY)).toBe('annotation');
  expect(by(NOW + 3 * DAY, DAY)).toBe('maxAge');
  expect(endOf(login('opaque'), {}, undefined)).toBeUndefined();
});

test('nothing is remembered where nothing asks for it', () => {
  const { end, doubt } = memory()({ secret: { writtenAt: NOW }, own: [login('a')] });
  expect([end('a'), doubt]).toEqual([undefined, undefined]);
});
