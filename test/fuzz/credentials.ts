/** Docker configs, Secrets, registry keys, images, tokens. */
import { resolveAlias } from '../../src/credentials/alias.ts';
import { toByteString } from '../../src/credentials/byte-string.ts';
import { guessForm, parseDockerConfig, parseSecret } from '../../src/credentials/docker-config.ts';
import { whyNoEdit, withLogin, withoutEntry } from '../../src/credentials/edit-docker-config.ts';
import { explain } from '../../src/credentials/explain.ts';
import { goGlobMatches } from '../../src/credentials/go-glob.ts';
import { parseImage, isImage, isRepository } from '../../src/credentials/image-reference.ts';
import { lookup, makeKeyring } from '../../src/credentials/keyring.ts';
import {
  canonicalRegistry,
  leadsTo,
  misnamedDockerHub,
  normaliseKey,
  quoteKey,
  registryHost,
  whyMisnamed,
} from '../../src/credentials/registry-name.ts';
import { loginSpan, tokenClaims } from '../../src/credentials/token-expiry.ts';
import { readSecretManifest } from '../../src/commands/secret-manifest.ts';
import { UserError } from '../../src/errors.ts';
import { locateRegistry, registryLabel } from '../../src/registry/endpoint.ts';
import {
  asJson,
  CREDENTIAL,
  declared,
  holds,
  listOf,
  memberOf,
  same,
  sayable,
  textOf,
  texts,
  type Parser,
} from './parser.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const AUTH = base64(`robot:${CREDENTIAL}`);
const CONFIG = JSON.stringify({
  auths: {
    'https://index.docker.io/v1/': { auth: AUTH },
    'registry.corp:5000/team': { username: 'robot', password: CREDENTIAL, email: 'a@b' },
    '*.corp': { auth: AUTH, identitytoken: CREDENTIAL },
  },
  credHelpers: { 'x.corp': 'ecr' },
});
const CFG = JSON.stringify({ 'registry.corp': { auth: AUTH, email: 'x' } });
const KEYS = [
  'https://index.docker.io/v1/',
  'docker.io',
  'registry.corp:5000/team',
  '*.corp',
  '[::1]:5000',
  'http://a/v2/',
];
const jwt = (claims: object): string =>
  [{ alg: 'none' }, claims, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

/** Of a document whose keys are ours, nothing that is said may hold the credential: it can only come from a value. */
const keysAreClean = (text: string): boolean =>
  !JSON.stringify(parseDockerConfigKeys(text)).includes(CREDENTIAL.slice(0, 6)) && !/hunter2[^"]*"\s*:/.test(text);

function parseDockerConfigKeys(text: string): string[] {
  return (['dockerconfigjson', 'dockercfg'] as const).flatMap((form) => {
    const read = parseDockerConfig(text, form);
    return read.ok ? read.credentials.map(({ key }) => key) : [];
  });
}

export const credentialParsers: readonly Parser[] = [
  ...(['dockerconfigjson', 'dockercfg'] as const).map((form): Parser => ({
    name: `Docker config, ${form}`,
    samples: form === 'dockercfg' ? [CFG, CONFIG] : [CONFIG, CFG],
    words: [
      '"auths":{',
      '"auth":',
      '"username":"',
      '"identitytoken":null',
      '\\u0000',
      '\\ud800',
      AUTH,
      'AUTHS',
      '"a@b":{}',
      '1e9',
    ],
    read(text) {
      const read = parseDockerConfig(text, form);
      guessForm(text);
      const said = read.ok ? read.warnings : read.problems;
      sayable(said, { secret: keysAreClean(text), limit: 20_000 });
      const content = Buffer.from(text);
      if (whyNoEdit(content, form) !== undefined || !read.ok) return;
      // What another wrote stays as it was.
      const others = (bytes: Uint8Array): unknown => {
        const now = parseDockerConfig(bytes, form);
        return now.ok ? now.credentials.filter(({ key }) => key !== 'new.corp') : now.problems;
      };
      const before = others(content);
      const login = { username: 'new', password: 'secret' };
      const added = withLogin(content, form, 'new.corp', login);
      same(others(added), before, 'entries of others, after one was added');
      const now = parseDockerConfig(added, form);
      const found = now.ok ? now.credentials.find(({ key }) => key === 'new.corp') : undefined;
      holds(found?.username === 'new' && found.password === 'secret', 'the new login is not there');
      const left = parseDockerConfig(withoutEntry(added, form, 'new.corp'), form);
      holds(!left.ok || left.credentials.every(({ key }) => key !== 'new.corp'), 'the entry is still there');
    },
  })),
  {
    name: 'Secrets of every type',
    samples: [
      JSON.stringify({ type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64(CONFIG) } }),
      JSON.stringify({ type: 'kubernetes.io/dockercfg', data: { '.dockercfg': base64(CFG) } }),
      JSON.stringify({
        type: 'kubernetes.io/basic-auth',
        data: { username: base64('u'), password: base64(CREDENTIAL) },
      }),
    ],
    words: ['kubernetes.io/basic-auth', 'Opaque', '====', base64('\n'), base64('{"auths":{}}')],
    read(text) {
      const value = asJson(text);
      const secret = { type: textOf(memberOf(value, 'type')), data: texts(memberOf(value, 'data')) };
      const read = parseSecret(secret);
      sayable(read.ok ? read.warnings : read.problems, { secret: false });
      const login = resolveAlias({ host: 'a.corp', login: { secret: 's' } }, [], new Map([['s', secret]]));
      sayable(login.ok ? login.warnings : [login.problem], { secret: false });
      readSecretManifest(text);
    },
  },
  {
    name: 'registry keys',
    samples: KEYS,
    words: [
      'https://',
      'docker.io',
      'index.',
      '/v1/',
      '@',
      ':',
      '[::1]',
      '*',
      '\\',
      '%zz',
      'xn--',
      '..',
      ':0',
      ':99999',
    ],
    read(text) {
      const canonical = canonicalRegistry(text);
      // A scheme and a version are taken off once, as kubelets do.
      if (canonical !== undefined && !/:\/\/|v[12]\b/.test(canonical))
        same(canonicalRegistry(canonical), canonical, 'the canonical name of a canonical name');
      normaliseKey(text);
      misnamedDockerHub(text);
      registryHost(text);
      leadsTo(text, 'docker.io');
      locateRegistry(text);
      sayable([quoteKey(text), registryLabel(text), whyMisnamed(text) ?? ''], { secret: false });
      const withLoginInside = `https://u:${CREDENTIAL}@${text}`;
      sayable([quoteKey(withLoginInside), registryLabel(withLoginInside)]);
    },
  },
  {
    name: 'image references',
    samples: ['nginx', 'docker.io/library/nginx:1.2@sha256:' + 'a'.repeat(64), 'a.corp:5000/b/c:x', 'localhost/a__b'],
    words: [':', '@', '/', 'sha256:', '__', '--', '.', '[::1]', ':5000', '://', 'A'],
    read(text) {
      const read = parseImage(text);
      isRepository(text);
      isImage('a', text);
      if (!read.ok) return sayable([read.problem], { secret: false, limit: 4_000 });
      const { name, tag, digest } = read.image;
      const again = parseImage(
        `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`,
      );
      holds(again.ok, 'its own form is not one');
      same(again.image, read.image, 'the image of its own form');
    },
  },
  {
    name: 'the keyring',
    samples: [
      JSON.stringify({ keys: KEYS, image: 'registry.corp:5000/team/app' }),
      JSON.stringify({ keys: ['*.io'], image: 'docker.io/a/b' }),
    ],
    words: [...KEYS, 'a/b', '[a-z]', '*.*', '*'.repeat(40), ':443'],
    read(text) {
      const value = asJson(text);
      const keys = listOf(memberOf(value, 'keys')).map(textOf).slice(0, 500);
      const image = textOf(memberOf(value, 'image')).slice(0, 2_000);
      const keyring = makeKeyring([{ credentials: keys.map((key) => ({ key, username: 'u', password: 'p' })) }]);
      const found = lookup(keyring, image);
      holds(
        found.every(({ credential }) => keys.includes(credential.key)),
        'an entry that nobody wrote',
      );
      explain(keyring, image);
    },
  },
  {
    name: 'globs of Go',
    samples: ['*.corp|a.corp', 'a[b-d]?|abx', '\\*|*', '[^a]|b'],
    words: ['*', '?', '[', ']', '^', '-', '\\', '|', '[a-', 'é', '\uD800'],
    read(text) {
      const [pattern = '', name = ''] = text.split('|', 2);
      goGlobMatches(toByteString(pattern), toByteString(name));
      // Without a special character it matches itself, and nothing else.
      if (!/[*?[\\]/.test(pattern)) {
        const bytes = toByteString(pattern);
        holds(goGlobMatches(bytes, bytes), 'it does not match itself');
        holds(!goGlobMatches(bytes, `${bytes}x`), 'it matches more');
      }
    },
  },
  {
    name: 'tokens and their expiry',
    samples: [
      jwt({ exp: 1_900_000_000, iat: 1_899_990_000 }),
      base64(JSON.stringify({ payload: 'x', datakey: 'y', version: '2', expiration: 1_900_000_000 })),
      jwt({ exp: 1e300, nbf: -1 }),
    ],
    words: ['.', 'eyJ', '=', base64('{"exp":1e999}'), 'e30'],
    read(text) {
      tokenClaims(text);
      const span = loginSpan({ password: text, identityToken: text });
      if (span === undefined) return;
      holds(!Number.isNaN(span.endsAt.getTime()), 'it ends at no time');
      holds(span.lifetimeMs === undefined || span.lifetimeMs > 0, 'it ends before it begins');
      span.endsAt.toISOString();
    },
  },
  {
    name: 'a Secret in a file',
    samples: [
      `apiVersion: v1\nkind: Secret\ntype: Opaque\ndata: { a: ${AUTH} }\n`,
      '{"kind":"Secret","stringData":{"a":"b"}}',
    ],
    words: ['kind: Secret', '&a', '*a', 'data:', '---\n', '<<: *a'],
    fell: ['{"kind":"Secret","stringData":{'.repeat(200)],
    share: 0.7,
    read(text) {
      const error = declared([UserError], () => readSecretManifest(text));
      sayable(error === undefined ? [] : [error.message]);
    },
  },
];
