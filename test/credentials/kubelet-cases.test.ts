/**
 * What the kubelet's own code (Kubernetes 1.36: pkg/credentialprovider, pkg/util/parsers, built with Go 1.26) answered
 * for these inputs. The cases are the tables of its tests, the corners of its rules, and random ones; none depends on
 * the order of a Go map. Text in place of base64 where it is text.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { toByteString } from '../../src/credentials/byte-string.ts';
import { type SecretContent, contentOf, parseSecret } from '../../src/credentials/docker-config.ts';
import { readEntries } from '../../src/credentials/auth-entries.ts';
import { goGlobMatches } from '../../src/credentials/go-glob.ts';
import { parseImage } from '../../src/credentials/image-reference.ts';
import { type KeyringSource, lookup, makeKeyring } from '../../src/credentials/keyring.ts';
import { renderContent } from '../../src/credentials/render-docker-config.ts';

type Text = string | { hex: string };
interface Case {
  name: string;
  image: string;
  secrets: { type: string; data: Record<string, string | { base64: string }> }[];
  expected:
    | { error: 'image' | 'secret' }
    | { repository: string; tag: string; digest: string; logins: [username: Text, password: Text][] };
}
const fixture = JSON.parse(readFileSync(new URL('kubelet-cases.json', import.meta.url), 'utf8')) as {
  lookups: Case[];
  globs: [pattern: string, name: string, match: boolean][];
};

test.each(fixture.lookups)('$name', ({ image, secrets, expected }) => {
  expect(answer(image, secrets.map(toSecret))).toEqual(expected);
});

test.each(fixture.globs)('glob %j on %j', (pattern, name, match) => {
  expect(goGlobMatches(pattern, name)).toBe(match);
});

describe('a copy', () => {
  /** What the kubelet's code made of it, without the logins that nobody can use. */
  const usable = (logins: [Text, Text][]): [Text, Text][] =>
    logins.filter(
      ([username, password]) =>
        typeof username === 'string' &&
        typeof password === 'string' &&
        username !== '' &&
        password !== '' &&
        !username.includes(':'),
    );

  test.each(fixture.lookups.filter(({ secrets }) => secrets.length === 1))(
    'of its usable logins is the same to the kubelet, or there is none: $name',
    ({ image, secrets, expected }) => {
      for (const secret of secrets.map(toSecret)) {
        const parsed = parseSecret(secret);
        if (!parsed.ok) {
          expect('error' in expected || expected.logins.length === 0).toBe(true);
          continue;
        }
        const credentials = parsed.credentials.filter(({ unusable }) => unusable === undefined);
        const copy = answer(image, [
          {
            type: 'kubernetes.io/dockerconfigjson',
            data: { '.dockerconfigjson': Buffer.from(renderContent(credentials)).toString('base64') },
          },
        ]);
        if ('error' in expected) expect(copy).toEqual(expected);
        // An entry without a login hides Docker Hub's own entry from a kubelet; in a copy it is not there.
        else if (expected.logins.length === usable(expected.logins).length) expect(copy).toEqual(expected);
        else expect(copy).toMatchObject({ repository: expected.repository });
      }
    },
  );
});

function answer(image: string, secrets: SecretContent[]): Case['expected'] {
  const parsed = parseImage(image);
  if (!parsed.ok) return { error: 'image' };
  const { name, tag, digest } = parsed.image;
  const sources: KeyringSource[] = [];
  for (const secret of secrets) {
    const config = parseSecret(secret);
    if (!config.ok && config.failsPulls) return { error: 'secret' };
    sources.push({ credentials: logins(secret) });
  }
  return {
    repository: name,
    tag: tag ?? (digest === undefined ? 'latest' : ''),
    digest: digest ?? '',
    logins: lookup(makeKeyring(sources), name).map(({ credential: { username, password } }) => [
      text(username),
      text(password),
    ]),
  };
}

/** By way of the bytes, because logins in the cases need not be UTF-8. */
function logins(secret: SecretContent): KeyringSource['credentials'] {
  const found = contentOf(secret);
  const read = 'problem' in found ? undefined : readEntries(found.content, found.form);
  return read?.ok === true ? read.entries.map(({ key, username, password }) => ({ key, username, password })) : [];
}

function text(bytes: string): Text {
  const buffer = Buffer.from(bytes, 'latin1');
  return toByteString(buffer.toString('utf8')) === bytes ? buffer.toString('utf8') : { hex: buffer.toString('hex') };
}

function toSecret({ type, data }: Case['secrets'][number]): SecretContent {
  return {
    type,
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [
        key,
        typeof value === 'string' ? Buffer.from(value).toString('base64') : value.base64,
      ]),
    ),
  };
}
