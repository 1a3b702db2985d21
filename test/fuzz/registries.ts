/** What registries, token servers and cache proxies answer. They saw the login: whatever they send back is never repeated. */
import { checkLogin } from '../../src/registry/auth.ts';
import { describe, errorCode, isHtml } from '../../src/registry/answer.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { readEgress } from '../../src/registry/egress.ts';
import { readDemand } from '../../src/registry/handshake.ts';
import { redactUrl } from '../../src/registry/http-error.ts';
import type { HttpClient, HttpResponse } from '../../src/registry/http.ts';
import { probeManifest } from '../../src/registry/probe.ts';
import { openRepository } from '../../src/registry/repository.ts';
import { listTags } from '../../src/registry/tags.ts';
import { requestToken } from '../../src/registry/token.ts';
import { UserError } from '../../src/errors.ts';
import {
  asJson,
  CREDENTIAL,
  declared,
  holds,
  listOf,
  memberOf,
  sayable,
  textOf,
  texts,
  type Parser,
} from './parser.ts';

const REGISTRY = new URL('https://registry.corp');
const LOGIN = { username: 'robot', password: CREDENTIAL };
const CHALLENGE = 'Bearer realm="https://auth.corp/token",service="registry.corp",scope="repository:a/b:pull"';
const ERRORS = JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: `no ${CREDENTIAL}`, detail: {} }] });

const answer = (status: number, headers: object, body: string): object => ({ status, headers, body });
const exchange = (...answers: object[]): string => JSON.stringify(answers);
const TOKEN = answer(200, { 'content-type': 'application/json' }, JSON.stringify({ token: 'abc', expires_in: 300 }));
const SHUT = answer(401, { 'www-authenticate': CHALLENGE }, ERRORS);

/** In the shape that the HTTP client guarantees. */
export function responseOf(value: unknown): HttpResponse {
  const status = memberOf(value, 'status');
  return {
    status: typeof status === 'number' && status >= 100 && status < 1000 ? Math.floor(status) : 200,
    headers: Object.fromEntries(
      Object.entries(texts(memberOf(value, 'headers'))).map(([name, text]) => [
        name.toLowerCase(),
        text.replace(/[\r\n\0]/g, ''),
      ]),
    ),
    body: textOf(memberOf(value, 'body')),
  };
}

/** Gives the answers one after the other, and the last one again and again. */
export function scripted(
  text: string,
  onRequest?: (request: Parameters<HttpClient['request']>[0]) => void,
): HttpClient {
  const value = asJson(text);
  const answers = Array.isArray(value) ? value.slice(0, 50) : [value];
  let requests = 0;
  return {
    request(request) {
      onRequest?.(request);
      const next: unknown = answers[Math.min(requests++, answers.length - 1)];
      holds(requests < 60, 'it asks for ever');
      return Promise.resolve(responseOf(next));
    },
    close: () => Promise.resolve(),
  };
}

/** A login goes to https only, and to no URL that holds a login itself. */
const careful = ({ url, auth }: Parameters<HttpClient['request']>[0]): void => {
  const { protocol, username } = new URL(url);
  holds(auth === undefined || (protocol === 'https:' && username === ''), `a login goes to ${url}`);
};

export const registryParsers: readonly Parser[] = [
  {
    name: 'challenges',
    samples: [CHALLENGE, `Basic realm="x", ${CHALLENGE}`, 'Negotiate abc==, Basic realm=x', 'Bearer realm="a\\"b"'],
    words: ['Bearer ', 'Basic ', 'realm=', '"', ',', '=', '\\', ', ,', 'a=b,', 'realm="https://x@y/z"'],
    read(text) {
      const challenges = parseChallenges(text);
      holds(challenges.length <= 16, 'more than sixteen');
      for (const { scheme, params } of challenges)
        holds(
          scheme === scheme.toLowerCase() && Object.keys(params).every((name) => name === name.toLowerCase()),
          'not in lower case',
        );
      const demand = readDemand({ status: 401, headers: { 'www-authenticate': text }, body: '' }, REGISTRY);
      if (demand.type === 'unknown') return sayable([demand.why], { secret: false });
      if (demand.type === 'login' && demand.scheme.type === 'bearer')
        careful({ method: 'GET', url: demand.scheme.realm.href, auth: LOGIN });
    },
  },
  {
    name: 'answers of registries',
    samples: [
      exchange(SHUT),
      exchange(answer(404, { 'content-type': 'text/html' }, `<html>${CREDENTIAL}`)),
      exchange(answer(200, {}, '{}')),
    ],
    words: ['<!doctype html>', 'UNAUTHORIZED', '{"errors":[]}', '"errors":[null]', '429'],
    read(text) {
      const response = responseOf(listOf(asJson(text))[0]);
      sayable([describe(response), errorCode(response) ?? '']);
      isHtml(response);
      const demand = readDemand(response, REGISTRY);
      if (demand.type === 'unknown') sayable([demand.why], { secret: false });
    },
  },
  {
    name: 'answers of token servers',
    samples: [
      exchange(TOKEN),
      exchange(answer(401, {}, ERRORS)),
      exchange(answer(400, {}, '{"error":"invalid_grant"}')),
    ],
    words: ['"token":null', '"expires_in":1e999', '"expires_in":-1', '"access_token":"x"', CREDENTIAL],
    fell: [exchange(answer(200, {}, '{"token":"a","expires_in":1e999}'))],
    async read(text) {
      const realm = new URL('https://auth.corp/token');
      const token = await requestToken({
        realm,
        service: 's',
        scope: undefined,
        login: LOGIN,
        http: scripted(text),
        signal: undefined,
      });
      if (token.state !== 'issued') return sayable([token.why]);
      holds(/^[!-~]{1,24000}$/.test(token.token), 'a token that is no header');
      holds(token.seconds >= 60 && token.seconds <= 365 * 86_400, `a token that lives ${token.seconds} s`);
    },
  },
  {
    name: 'the login check',
    samples: [
      exchange(SHUT, TOKEN, answer(200, {}, '{}')),
      exchange(SHUT, SHUT),
      exchange(answer(401, { 'www-authenticate': 'Basic realm=x' }, ''), answer(200, {}, '')),
    ],
    words: [CHALLENGE, 'Basic', '"token":"abc"', '401', '403', '429', CREDENTIAL, 'http://auth.corp'],
    async read(text) {
      for (const repository of [undefined, 'a/b']) {
        const said = await checkLogin({
          registry: 'registry.corp',
          repository,
          login: LOGIN,
          http: scripted(text, careful),
        });
        sayable([said.why], { secret: !/realm|location/i.test(text) || !/realm[^,]*hunter2/i.test(text) });
      }
    },
  },
  {
    name: 'lists of tags, and manifests',
    samples: [
      exchange(
        SHUT,
        TOKEN,
        answer(200, { link: '</v2/a/b/tags/list?last=x&n=1>; rel="next"' }, '{"tags":["1","latest"]}'),
        answer(200, {}, '{"tags":null}'),
      ),
      exchange(SHUT, TOKEN, answer(404, {}, ERRORS)),
      exchange(answer(200, { 'docker-content-digest': `sha256:${'a'.repeat(64)}` }, '{}')),
    ],
    words: ['"tags":[', 'rel="next"', '<', '>', ';', '../', '?n=1', CREDENTIAL, '"-x"'],
    async read(text) {
      const access = { base: 'https://registry.corp', repository: 'a/b', login: LOGIN };
      const opened = openRepository({ ...access, http: scripted(text, careful) });
      holds('send' in opened, 'the repository is not opened');
      const tags = await listTags(opened);
      if (tags.state === 'listed')
        holds(
          tags.tags.every((tag) => /^\w[\w.-]{0,127}$/.test(tag)),
          'no tag',
        );
      const found = await probeManifest({ ...access, reference: 'latest', http: scripted(text, careful) });
      const quiet = !/realm[^,]*hunter2/i.test(text);
      sayable([found.why, ...('why' in tags ? [tags.why] : [])], { secret: quiet });
    },
  },
  {
    name: 'the variables of an egress proxy',
    samples: [
      `http://user:${CREDENTIAL}@proxy.corp:3128|10.0.0.0/8,.corp,*,a.b:80`,
      'proxy.corp:3128|::1,fd00::/8',
      'https://p|x',
    ],
    words: ['|', ',', '.', '*', '/', '%', '@', '10.0.0.0/33', '[::1]:80', 'socks5://', '://'],
    read(text) {
      const [HTTPS_PROXY = '', NO_PROXY = ''] = text.split('|', 2);
      const error = declared([UserError], () => {
        const egress = readEgress({ HTTPS_PROXY, NO_PROXY });
        for (const url of ['https://a.corp', 'http://10.1.2.3:80', 'https://[fd00::1]/']) egress.proxyFor(new URL(url));
      });
      sayable(error === undefined ? [] : [error.message]);
      redactUrl(text);
    },
  },
];
