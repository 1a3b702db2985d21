/** What the programs of a provider answer, and its document. */
import { parseProvider } from '../../src/config/provider.ts';
import { renderProblem } from '../../src/config/mistake.ts';
import { parseGoDuration } from '../../src/credentials/go-duration.ts';
import { readHelperAnswer, readPluginAnswer } from '../../src/provider/answer.ts';
import { ProviderFailure } from '../../src/provider/failure.ts';
import { contentOf } from '../../src/provider/secret.ts';
import { parseDockerConfig } from '../../src/credentials/docker-config.ts';
import { CREDENTIAL, declared, holds, sayable, type Parser } from './parser.ts';

const IMAGE = 'registry.corp:5000/team/app';
const answer = (key: string): string =>
  JSON.stringify({
    kind: 'CredentialProviderResponse',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    cacheKeyType: 'Registry',
    cacheDuration: '6h0m0s',
    auth: { [key]: { username: 'AWS', password: CREDENTIAL } },
  });

/** What becomes of logins is one that kubelets read as it was given. */
function taken(logins: ReturnType<typeof readPluginAnswer>['logins']): void {
  const read = parseDockerConfig(contentOf(logins));
  holds(
    read.ok && read.credentials.every(({ unusable, contradictory }) => unusable === undefined && !contradictory),
    'a login was taken that kubelets do not use',
  );
  holds(logins.length === read.credentials.length, 'a login was lost');
}

export const providerParsers: readonly Parser[] = [
  {
    name: 'answers of credential provider plugins',
    samples: [answer('registry.corp:5000'), answer('*.corp:5000'), answer('registry.corp:5000/team')],
    words: ['"auth":', '"-1ns"', '"9999999h"', '"*.*"', '\\u0000', '\\ud800', 'null', '"__proto__"', 'https://'],
    read(text) {
      const error = declared([ProviderFailure], () => taken(readPluginAnswer(Buffer.from(text), IMAGE).logins));
      if (error !== undefined) sayable([error.message]);
    },
  },
  {
    name: 'answers of credential helpers',
    samples: [JSON.stringify({ ServerURL: 'registry.corp', Username: 'AWS', Secret: CREDENTIAL })],
    words: ['"<token>"', '"Secret":', '\\u0000', ':'],
    read(text) {
      const error = declared([ProviderFailure], () => taken([readHelperAnswer(Buffer.from(text), 'registry.corp')]));
      if (error !== undefined) sayable([error.message]);
    },
  },
  {
    name: 'durations of Go',
    samples: ['6h0m0s', '-1.5h', '300ms', '0'],
    words: ['ns', 'µs', '.', '-', '9'],
    read(text) {
      const ms = parseGoDuration(text);
      holds(ms === undefined || (Number.isFinite(ms) && Math.abs(ms) < 2 ** 63 / 1e6), `is ${ms}`);
    },
  },
  {
    name: 'documents of a provider',
    samples: [
      'apiVersion: pullpass.dev/v1alpha1\nkind: Provider\nsecret: { namespace: a, name: b }\n' +
        `ask:\n  plugin: p\n  image: ${IMAGE}\n  env: [{ name: A, value: ${CREDENTIAL} }]\n  serviceAccount: { tokenFile: /t }\n`,
      'apiVersion: pullpass.dev/v1alpha1\nkind: Provider\nsecret: { namespace: a, name: b }\n' +
        'ask: { helper: docker-credential-x, registries: [a.corp], refreshEvery: 4h }\n',
    ],
    words: ['../', 'PATH', '[]', '{}', '&a', '*a', ': ', '\n', '"\\0"'],
    read(text) {
      const result = parseProvider(text, 'file');
      // A key that is not known is repeated, and may be what stood in a value.
      if (result?.ok === false) sayable(result.problems.map(renderProblem), { secret: false });
    },
  },
];
