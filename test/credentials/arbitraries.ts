/** Docker configs as property tests want them: good ones, odd ones, and plain rubbish. */
import fc from 'fast-check';
import type { SecretContent } from '../../src/credentials/docker-config.ts';

export const base64 = (text: string | Uint8Array): string => Buffer.from(text as string).toString('base64');

export const pullSecret = (content: string | Uint8Array): SecretContent => ({
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': base64(content) },
});
export const legacySecret = (content: string | Uint8Array): SecretContent => ({
  type: 'kubernetes.io/dockercfg',
  data: { '.dockercfg': base64(content) },
});
export const auths = (entries: [key: string, entry: unknown][]): string => `{"auths":${object(entries)}}`;
/** Members keep their order and may come twice, which no JavaScript object could hold. */
export const object = (members: [name: string, value: unknown][]): string =>
  `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;

const host = fc.constantFrom(
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
  'quay.io',
  'a.example.com',
  '*.example.com',
  '*.io',
  'example.com',
  'localhost',
  '*',
  '[::1]',
);
const port = fc.constantFrom('', '', '', ':5000', ':443');
const path = fc.constantFrom('', '', '', '/', '/v1/', '/v2/', '/team', '/team/', '/library');
export const goodKey = fc.tuple(fc.constantFrom('', '', 'https://'), host, port, path).map((parts) => parts.join(''));
export const anyKey = fc.oneof(
  { weight: 8, arbitrary: goodKey },
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '', '1', '0', 'a b', 'h:x', '%zz'),
);
export const image = fc
  .tuple(
    fc.constantFrom('', 'docker.io/', 'quay.io', 'a.example.com', 'example.com', 'localhost'),
    fc.constantFrom('', '', ':5000'),
    fc.constantFrom('nginx', 'team/app', 'teams', 'library/x'),
  )
  .map(([registry, number, repository]) =>
    registry === '' || registry.endsWith('/') ? registry + repository : `${registry}${number}/${repository}`,
  );

/** At least 4 characters that occur in nothing else here, so that finding them in a text means that it leaked. */
export const password = fc.stringMatching(/^[QXZ]{4}[!-~]{0,12}$/);
export const login = (word = password) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.tuple(word, word).map(([u, p]) => ({ auth: base64(`${u}:${p}`) })) },
    { weight: 4, arbitrary: fc.record({ username: word, password: word }) },
    { weight: 1, arbitrary: fc.record({ username: word, password: word, auth: fc.constant('') }) },
  );
export const goodConfig = fc
  .array(fc.tuple(anyKey, login()), { minLength: 1, maxLength: 6 })
  .map((entries) => auths(entries));
