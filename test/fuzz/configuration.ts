/** The configuration and what stands in it. */
import { parseConfiguration, renderProblem, MAX_PROBLEMS } from '../../src/config/load.ts';
import { matchNames, globMatches } from '../../src/config/glob.ts';
import { checkTemplate, compileTemplate } from '../../src/config/placeholders.ts';
import { isTimeZone, isValidCron } from '../../src/config/schedule.ts';
import { validateConfiguration } from '../../src/commands/validate.ts';
import { UserError } from '../../src/errors.ts';
import { FULL, GOOD } from '../config/documents.ts';
import { declared, holds, same, sayable, type Parser } from './parser.ts';

const PROXIES = `${GOOD}cacheProxies:
  - { kind: template, name: a, source: upstream, registry: docker.io, secret: { namespace: x, name: y }, files: { f: "{{auth|json}}" } }
  - { kind: harbor, name: b, source: upstream, registry: docker.io, url: https://h.corp, admin: { secret: { namespace: x, name: z } }, endpoint: e }
  - kind: kube-image-keeper
    name: c
    source: upstream
    registry: r.corp
    host: h.corp
    object: &o { kind: ClusterImageSetMirror, name: m }
    copyNamespace: team
registries: [{ host: r.corp, ca: "-----BEGIN CERTIFICATE-----" }]
`;

/** JSON is YAML: the structure is mutated too. */
const AS_JSON = JSON.stringify({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: [
    {
      name: 'a',
      secret: { namespace: 'n', name: 's' },
      copyName: 'c',
      namespaces: { allow: ['*'], deny: [] },
      aliases: [{ host: 'h.corp', from: 'docker.io' }],
      canary: { seconds: 5 },
    },
  ],
  cacheProxies: [
    {
      kind: 'custom-resource',
      name: 'p',
      source: 'a',
      registry: 'docker.io',
      object: { namespace: 'n', name: 'x', apiVersion: 'a/v1', resource: 'as' },
      path: '/spec/pull',
    },
  ],
  schedules: { audit: '0 * * * *' },
  retiredCopyNames: ['old'],
});

export const configurationParsers: readonly Parser[] = [
  {
    name: 'configuration',
    share: 2,
    samples: [FULL, GOOD, PROXIES, AS_JSON],
    words: [
      '&a ',
      '*a',
      '<<: *a',
      '!x ',
      '---\n',
      '? ',
      '- ',
      ': ',
      '|\n',
      '>\n  ',
      '{',
      '}',
      'sources: ',
      'x: [',
      '%YAML 1.2\n',
    ],
    fell: [
      '>\u0000 ev'.repeat(300),
      `${GOOD}schedules: { resync: "0-9999999 * * * *" }\n`,
      `${GOOD}? [a]\n: 1\n`,
      `${GOOD}x: &a [*a]\n`,
    ],
    read(text) {
      const result = parseConfiguration(text, 'c.yaml');
      if (!result.ok) {
        holds(result.problems.length > 0 && result.problems.length <= MAX_PROBLEMS + 1, 'another number of problems');
        const lines = text.split('\n').length;
        for (const { line, column } of result.problems)
          holds(line >= 1 && line <= lines && column >= 1, 'no line of it');
        return sayable(result.problems.map(renderProblem), { secret: false });
      }
      // With its defaults written out it is the same configuration.
      const again = parseConfiguration(JSON.stringify(result.configuration), 'c.yaml');
      holds(again.ok, 'its defaults are not valid');
      same(again.configuration, result.configuration, 'its defaults');
    },
  },
  {
    name: 'pullpass validate',
    samples: [
      FULL,
      AS_JSON,
      '{"auths":{"a.corp":{"auth":"YTpi"}}}',
      'kind: Secret\nstringData: { .dockerconfigjson: "{}" }\n',
    ],
    words: ['kind: Secret', 'data: ', 'auths', '*a', '&a'],
    share: 0.7,
    read(text) {
      sayable([validateConfiguration(text, 'f').text.replaceAll('\n', ' ')], { limit: 200_000, secret: false });
    },
  },
  {
    name: 'templates',
    samples: ['{"auths":{"{{registry}}":{"auth":"{{auth|json}}"}}}', 'user={{username}}\npass={{password|yaml}}'],
    words: ['{{', '}}', '{{{', '|json', '|base64', '|yaml', '{{password}}', '{{auth|json|json}}'],
    fell: [`{{password${'|json'.repeat(40)}}}`],
    read(text) {
      const problem = checkTemplate(text);
      if (problem !== undefined) return sayable([problem]);
      const render = compileTemplate(text, 'files.f');
      const error = declared([UserError], () =>
        holds(
          render({ registry: 'r.corp', username: 'u', password: '"\\\u0001' }).length <= 1024 * 1024,
          'it is larger than a Secret',
        ),
      );
      sayable(error === undefined ? [] : [error.message]);
    },
  },
  {
    name: 'schedules and time zones',
    samples: ['*/10 * * * *', '0 0 1-7 jan,feb mon', '0 */2 * * * *', 'Europe/Berlin', '@hourly'],
    words: ['*', '/', '-', ',', '0-99', '*/0', '7', 'sun', 'L', '#', 'W', '?', '1000000000', '59-0'],
    fell: ['0-999999999 * * * *'],
    read(text) {
      isValidCron(text);
      isTimeZone(text);
    },
  },
  {
    name: 'lists of globs',
    samples: ['*,!kube-*', 'team-?,a*b*c', '!ci-*', 'default'],
    words: ['*', '?', '!', 'a', '-', ',', '**', '*a'],
    read(text) {
      const patterns = text.slice(0, 4096).split(',').slice(0, 256);
      const matches = matchNames(patterns);
      for (const name of ['default', 'kube-system', 'team-a', 'a'.repeat(63)]) {
        const [no, yes] = [patterns.filter((p) => p.startsWith('!')), patterns.filter((p) => !p.startsWith('!'))];
        const wanted =
          (yes.some((p) => globMatches(p, name)) || (yes.length === 0 && no.length > 0)) &&
          !no.some((p) => globMatches(p.slice(1), name));
        holds(matches(name) === wanted, `${name} is judged in two ways`);
      }
    },
  },
];
