import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Form } from '../../src/credentials/auth-entries.ts';
import { readEntries } from '../../src/credentials/auth-entries.ts';
import { parseDockerConfig } from '../../src/credentials/docker-config.ts';
import { entryText, whyNoEdit, withLogin, withoutEntry } from '../../src/credentials/edit-docker-config.ts';
import { anyKey, auths, base64, login, object, password } from './arbitraries.ts';

const NEW = { username: 'bot', password: 'n€w:"\\' };
const AUTH = base64(`${NEW.username}:${NEW.password}`);
const set = (text: string, key = 'a.corp', form: Form = 'dockerconfigjson'): string =>
  Buffer.from(withLogin(Buffer.from(text), form, key, NEW)).toString();
const drop = (text: string, key: string, form: Form = 'dockerconfigjson'): string =>
  Buffer.from(withoutEntry(Buffer.from(text), form, key)).toString();
const entryOf = (text: string, key = 'a.corp'): unknown =>
  (JSON.parse(text) as { auths: Record<string, unknown> }).auths[key];

describe('an entry keeps its form', () => {
  test.each([
    ['only auth', { auth: base64('old:pw') }, { auth: AUTH }],
    ['user name and password', { username: 'old', password: 'pw' }, NEW],
    [
      'all three, as kubectl writes it',
      { username: 'old', password: 'pw', email: 'x@y', auth: 'b2xkOnB3' },
      { ...NEW, email: 'x@y', auth: AUTH },
    ],
    [
      'fields that contradict auth',
      { username: 'other', auth: base64('old:pw') },
      { username: NEW.username, auth: AUTH },
    ],
    ['half a login gets the other half', { username: 'old' }, NEW],
    ['no login at all', { email: 'x' }, { email: 'x', ...NEW, auth: AUTH }],
    ['null', null, { ...NEW, auth: AUTH }],
    [
      'tokens of the old login go',
      { auth: 'b2xkOnB3', identitytoken: 'T', RegistryToken: 'R', extra: [1] },
      { auth: AUTH, extra: [1] },
    ],
    [
      'other spellings of a field',
      { Username: 'old', PASSWORD: 'pw' },
      { Username: NEW.username, PASSWORD: NEW.password },
    ],
  ])('%s', (_, before, after) => {
    expect(entryOf(set(JSON.stringify({ auths: { 'a.corp': before } })))).toEqual(after);
  });
});

test('a new entry has all three fields, and stands on a line of its own where the others do', () => {
  expect(set('{\n  "auths": {\n    "b": {}\n  }\n}')).toBe(
    `{\n  "auths": {\n    "b": {},\n    "a.corp":${JSON.stringify({ ...NEW, auth: AUTH })}\n  }\n}`,
  );
});

test.each([
  ['{}', { auths: { 'a.corp': { ...NEW, auth: AUTH } } }],
  ['{"auths":{}}', { auths: { 'a.corp': { ...NEW, auth: AUTH } } }],
  ['{"auths":null,"x":1}', { auths: { 'a.corp': { ...NEW, auth: AUTH } }, x: 1 }],
  ['{"credsStore":"desktop"}', { credsStore: 'desktop', auths: { 'a.corp': { ...NEW, auth: AUTH } } }],
])('%s gets its first entry', (before, after) => {
  expect(JSON.parse(set(before))).toEqual(after);
});

test('what no JavaScript value could hold stays: duplicates, large numbers, escapes, bytes that are no UTF-8, white space', () => {
  const before = Buffer.concat([
    Buffer.from(
      '{ "HttpHeaders" : {"X":"\\u0041"},\t"n":1e999, "n":12345678901234567890, "auths":{"1":{"auth":"dTpw","x":"',
    ),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('"} , "a.corp" : {"auth":"dTpw"},"__proto__":{"auth":"dTpw"}},"credHelpers":{}}\n'),
  ]);
  const after = Buffer.from(withLogin(before, 'dockerconfigjson', 'a.corp', NEW)).toString('latin1');
  expect(after).toBe(before.toString('latin1').replace('"a.corp" : {"auth":"dTpw"}', `"a.corp" : {"auth":"${AUTH}"}`));
});

test('of several entries with one key one stays, and all go with it', () => {
  const text = '{"auths":{"a.corp":{"auth":"b2xkOjE="},"b":{"auth":"dTpw"},"a.corp":{"auth":"b2xkOjI="}}}';
  expect(set(text)).toBe(`{"auths":{"b":{"auth":"dTpw"},"a.corp":{"auth":"${AUTH}"}}}`);
  expect(drop(text, 'a.corp')).toBe('{"auths":{"b":{"auth":"dTpw"}}}');
});

test('a legacy document has its entries at the top', () => {
  expect(set('{"b":{"auth":"dTpw"}}', 'a.corp', 'dockercfg')).toBe(
    `{"b":{"auth":"dTpw"},"a.corp":${JSON.stringify({ ...NEW, auth: AUTH })}}`,
  );
  expect(drop('{"a":{"auth":"dTpw"}, "b":{"auth":"dTpw"}}', 'a', 'dockercfg')).toBe('{"b":{"auth":"dTpw"}}');
});

test.each([
  ['{"auths":{},"Auths":{}}', /"auths" more than once/],
  ['null', /no JSON object/],
  ['[]', /no JSON object/],
])('%s is not edited', (text, why) => {
  expect(whyNoEdit(Buffer.from(text), 'dockerconfigjson')).toMatch(why);
});

const entries = fc.array(fc.tuple(anyKey, login()), { maxLength: 6 });
const others = fc.dictionary(fc.constantFrom('credHelpers', 'HttpHeaders', 'x'), fc.constant({ y: 'z' }));
const document = fc
  .tuple(entries, others, fc.constantFrom('dockerconfigjson', 'dockercfg'), fc.constantFrom(undefined, 2))
  .map(([all, more, form, indent]): { text: string; form: Form } => {
    const flat = form === 'dockercfg' ? object(all) : auths(all).replace(/}$/, `,"more":${JSON.stringify(more)}}`);
    // Indented only without duplicates, which JSON.parse would drop.
    const plain = new Set(all.map(([key]) => key)).size === all.length && !all.some(([key]) => key === '__proto__');
    return { text: indent !== undefined && plain ? JSON.stringify(JSON.parse(flat), null, indent) : flat, form };
  });
/** The text of each entry but one, as kubelets read it, and all next to them. */
function rest(text: Uint8Array, form: Form, without: string): unknown {
  const read = readEntries(text, form);
  if (!read.ok) throw new Error(read.problems.join());
  const keys = read.entries.map(({ key }) => key).filter((key) => key !== without);
  const { others: beside } = read;
  return [
    keys.map((key) => entryText(text, form, key)),
    beside.map(({ name, from, value }) => [name, Buffer.from(text).subarray(from, value.to).toString('latin1')]),
  ];
}

test('whatever the document, the login is there afterwards, and every other entry has the same bytes', () => {
  fc.assert(
    fc.property(
      document,
      anyKey,
      fc.record({ username: password.map((word) => word.replaceAll(':', '')), password }),
      ({ text, form }, key, value) => {
        const before = Buffer.from(text);
        const after = withLogin(before, form, key, value);
        const parsed = parseDockerConfig(after, form);
        expect(parsed.ok && parsed.credentials.find((entry) => entry.key === key)).toMatchObject(value);
        expect(rest(after, form, key)).toEqual(rest(before, form, key));
        const gone = withoutEntry(after, form, key);
        expect(entryText(gone, form, key)).toBeUndefined();
        expect(rest(gone, form, key)).toEqual(rest(before, form, key));
      },
    ),
  );
});
