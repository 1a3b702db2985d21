import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfiguration, parseConfiguration, renderProblem } from '../../src/config/load.ts';
import { ConfigurationError } from '../../src/config/mistake.ts';
import { GOOD, HEAD, source } from './documents.ts';

const lines = (text: string): string[] => {
  const result = parseConfiguration(text, 'c.yaml');
  return result.ok ? [] : result.problems.map(renderProblem);
};

test.each([
  ['90d', 90 * 86_400_000],
  ['1m', 60_000],
  ['12h', 12 * 3_600_000],
  ['1d12h30m', 36.5 * 3_600_000],
  ['3650d', 3650 * 86_400_000],
])('maxAge may be %s', (text, ms) => {
  const result = parseConfiguration(`${GOOD}    maxAge: ${text}\n`, 'c.yaml');
  expect(result.ok && result.configuration.sources[0]?.maxAge).toBe(ms);
});

test.each(['90', 'd', '', '-1d', '1d-1h', '12h1d', '3651d', '30s', '59s', '99999d', '1.5d', '1dd'])(
  'maxAge %j is one line',
  (text) => {
    expect(lines(`${GOOD}    maxAge: "${text}"\n`)).toEqual([
      expect.stringMatching(/^c\.yaml:\d+:\d+: sources\[0\]\.maxAge: is not an age from 1m to 3650d, such as "90d"/),
    ]);
  },
);

describe('a good document', () => {
  test('gets its defaults', () => {
    expect(parseConfiguration(GOOD, 'c.yaml')).toEqual({
      ok: true,
      configuration: {
        apiVersion: 'pullpass.dev/v1alpha1',
        kind: 'Configuration',
        sources: [
          {
            name: 'upstream',
            secret: { namespace: 'pullpass-system', name: 'upstream-registry' },
            copyName: 'upstream-registry',
            namespaces: { allow: ['*'], deny: ['kube-*', 'pullpass-system'] },
            optInByDefault: false,
            serviceAccounts: ['default'],
            aliases: [],
            verify: 'auto',
            onOptOut: 'remove',
          },
        ],
        cacheProxies: [],
        registries: [],
        retiredCopyNames: [],
        schedules: { resync: '*/10 * * * *', probe: '*/15 * * * *', timeZone: 'UTC' },
        audit: { reportObject: false },
        paused: false,
      },
    });
  });

  test('may have audits as an object, but not without a schedule for them', () => {
    expect(lines(`${GOOD}audit: { reportObject: true }\nschedules: { audit: "0 * * * *" }\n`)).toEqual([]);
    expect(lines(`${GOOD}audit: { reportObject: true }\n`)).toEqual([
      expect.stringMatching(/audit\.reportObject: needs a schedule: set schedules\.audit, such as "0 \* \* \* \*"$/),
    ]);
  });

  test('may carry a confirmation: 12 hex digits, as text', () => {
    expect(lines(`${GOOD}confirmRemoval: "0123456789ab"\n`)).toEqual([]);
    expect(lines(`${GOOD}confirmRemoval: "yes"\n`)).toEqual([
      expect.stringMatching(/confirmRemoval: is not a confirmation: 12 hex digits, as `pullpass plan` shows them/),
    ]);
    expect(lines(`${GOOD}confirmRemoval: 123456789012\n`)).toEqual([
      expect.stringMatching(/confirmRemoval: is a number, must be text: put it in quotes$/),
    ]);
  });

  test.each([
    ['a byte order mark', `\ufeff${GOOD}`],
    ['Windows line ends', GOOD.replaceAll('\n', '\r\n')],
    ['an empty document after it', `${GOOD}---\n`],
    ['a document marker before it', `# comment\n---\n${GOOD}`],
    [
      'JSON',
      JSON.stringify({
        apiVersion: 'pullpass.dev/v1alpha1',
        kind: 'Configuration',
        sources: [{ name: 'a', secret: { namespace: 'n', name: 's' }, copyName: 'c' }],
      }),
    ],
    [
      'an anchor used again',
      `${HEAD}sources:\n${source('a').replace('allow: ["*"]', 'allow: &all ["*"]')}${source('b').replace('allow: ["*"]', 'allow: *all')}`,
    ],
    [
      'both kinds of aliases',
      `${GOOD}    aliases:\n      - { host: a.example.com, from: docker.io }\n      - { host: docker.io, login: { secret: mirror-login } }\n`,
    ],
  ])('may have or be %s', (_, text) => {
    expect(lines(text)).toEqual([]);
  });
});

describe('a text that is no configuration is refused in one line', () => {
  test.each([
    ['empty', '', 'c.yaml:1:1: is empty: start it with "apiVersion: pullpass.dev/v1alpha1" and "kind: Configuration"'],
    [
      'only comments',
      '# later\n',
      'c.yaml:1:1: is empty: start it with "apiVersion: pullpass.dev/v1alpha1" and "kind: Configuration"',
    ],
    [
      'a list',
      '- a\n',
      'c.yaml:1:1: is a list, not a configuration: start it with "apiVersion: pullpass.dev/v1alpha1" and "kind: Configuration"',
    ],
    [
      'a word',
      'hello\n',
      'c.yaml:1:1: is plain text, not a configuration: start it with "apiVersion: pullpass.dev/v1alpha1" and "kind: Configuration"',
    ],
    [
      'two documents',
      `${GOOD}---\n${GOOD}`,
      'c.yaml:8:1: a second document starts here: keep one, and put further sources under its "sources"',
    ],
    [
      'a ConfigMap',
      'apiVersion: v1\nkind: ConfigMap\ndata: {}\n',
      'c.yaml:1:1: is a ConfigMap manifest: give the configuration that stands under its "data" as a file of its own',
    ],
    [
      'indented by tabs',
      `${HEAD}sources:\n\t- name: a\n`,
      'c.yaml:4:1: is not valid YAML: a tab indents this line, use spaces',
    ],
    [
      'tagged',
      `${HEAD}sources: !vault path\n`,
      'c.yaml:3:10: has a tag ("!...") that a configuration has no use for: remove it',
    ],
    [
      'an alias without anchor',
      `${HEAD}sources: *x\n`,
      'c.yaml:3:10: uses an alias ("*name") whose anchor ("&name") does not stand before it: define the anchor first',
    ],
    [
      'bottomless',
      '['.repeat(100_000),
      expect.stringMatching(/^c\.yaml:1:\d+: is nested too deeply to be a configuration$/),
    ],
  ])('%s', (_, text, line) => {
    expect(lines(text)).toEqual([line]);
  });

  test('an alias bomb is refused before it is expanded', () => {
    const levels = [...'bcdefgh'].map(
      (letter, i) => `${letter}: &${letter} [${Array(10).fill(`*${'abcdefg'[i]}`).join(', ')}]`,
    );
    expect(lines(`a: &a [x, x]\n${levels.join('\n')}\n`)).toEqual([
      expect.stringContaining('has more than 10000 values before here, with aliases ("*name") written out'),
    ]);
  });

  test('text of the file is not repeated by syntax errors', () => {
    for (const text of [
      'sources: [a, b\n  hunter2: "\n',
      'x: |hunter2\n',
      'x: >\u0000 hunter2\n',
      'x: &a *hunter2 b\n',
    ]) {
      const said = lines(HEAD + text).join();
      expect(said).not.toBe('');
      expect(said).not.toContain('hunter2');
    }
  });
});

describe('problems', () => {
  test('are listed all at once, each at its line, in the order of the text', () => {
    expect(
      lines(`\
apiVersion: apps/v1
kind: Config
sources:
  - nam: a
    secret:
      name: s
    copyName: C
    verify: always
    onOptOut: keep
    optInByDefault: "yes"
    serviceAccounts: default
  - name: 12
    copyName:
    secret: null
caches: []
schedules: { prune: x, resync: "a b", timeZone: Moon }
retiredCopyNames: [old, old]
`),
    ).toEqual([
      'c.yaml:1:13: apiVersion: must be "pullpass.dev/v1alpha1"',
      'c.yaml:2:7: kind: must be "Configuration"',
      'c.yaml:4:5: sources[0].nam: is not a known key: did you mean "name"?',
      'c.yaml:5:5: sources[0].secret.namespace: is missing: add it',
      expect.stringMatching(/^c\.yaml:7:15: sources\[0\]\.copyName: is not a valid name: lower-case/),
      'c.yaml:8:13: sources[0].verify: must be "off" or "auto" or "enforce"',
      'c.yaml:9:15: sources[0].onOptOut: must be "remove" or "retain"',
      'c.yaml:10:21: sources[0].optInByDefault: is text, must be true or false',
      'c.yaml:11:22: sources[0].serviceAccounts: is text, must be a list: put "- " in front of it, or brackets around it',
      'c.yaml:12:11: sources[1].name: is a number, must be text: put it in quotes',
      'c.yaml:13:5: sources[1].copyName: is empty, must be text',
      'c.yaml:14:13: sources[1].secret: is empty, must be a mapping',
      'c.yaml:15:1: caches: is not a known key: remove it; known here: apiVersion, kind, sources, ' +
        'cacheProxies, registries, retiredCopyNames, schedules, audit, paused, confirmRemoval',
      'c.yaml:16:14: schedules.prune: is not a known key: remove it; known here: resync, probe, audit, timeZone',
      'c.yaml:16:32: schedules.resync: is not a cron expression, such as "*/10 * * * *"',
      'c.yaml:16:49: schedules.timeZone: is not an IANA time zone, such as "Europe/Berlin"',
      'c.yaml:17:25: retiredCopyNames[1]: is used twice: "old"; remove one of the two',
    ]);
  });

  test('include what is used twice, also in a document with other errors', () => {
    expect(lines(`${GOOD}${source('upstream')}    nam: x\n    nam: y\nretiredCopyNames: [upstream-copy]\n`)).toEqual([
      'c.yaml:7:11: sources[1].name: is used twice: "upstream"; sources need different names',
      'c.yaml:12:5: this key is given twice in one mapping: remove one of the two',
      'c.yaml:12:5: sources[1].nam: is not a known key: did you mean "name"?',
      'c.yaml:13:20: retiredCopyNames[0]: is still the copyName of a source: "upstream-copy"; remove it here',
    ]);
  });

  test('a configuration for another version of Pullpass is one problem, not one for each key that is new', () => {
    const text = GOOD.replace('v1alpha1', 'v1beta1').replace('kind: ', 'newKey: {}\nkind: ');
    expect(lines(text)).toEqual([
      'c.yaml:1:13: apiVersion: is "pullpass.dev/v1beta1", and this Pullpass reads "pullpass.dev/v1alpha1" only: run the version of Pullpass that the file is for',
    ]);
  });

  test('of a copy name shared by two sources are found', () => {
    expect(lines(`${GOOD}${source('b').replace('b-copy', 'upstream-registry')}`)).toEqual([
      expect.stringContaining(
        'sources[1].copyName: is used twice: "upstream-registry"; two sources cannot share one Secret',
      ),
    ]);
  });

  test.each([
    ['{ host: x, form: y }', 'c.yaml:8:20: sources[0].aliases[0].form: is not a known key: did you mean "from"?'],
    ['{ hots: x, from: y }', 'c.yaml:8:11: sources[0].aliases[0].hots: is not a known key: did you mean "host"?'],
    ['{ host: x, login: {} }', 'c.yaml:8:20: sources[0].aliases[0].login.secret: is missing: add it'],
    [
      '{ host: x, login: { secret: s, pw: y } }',
      'c.yaml:8:40: sources[0].aliases[0].login.pw: is not a known key: remove it; known here: secret',
    ],
    ['{ from: y }', 'c.yaml:8:9: sources[0].aliases[0].host: is missing: add it'],
    ['{ host: x, from: "" }', 'c.yaml:8:26: sources[0].aliases[0].from: is empty'],
    ...['{ host: x }', '{ host: x, from: y, login: { secret: s } }', 'x'].map((alias) => [
      alias,
      'c.yaml:8:9: sources[0].aliases[0]: must have "host" and one of "from" (whose login in the source to ' +
        'use) or "login: { secret: ... }" (a login of its own)',
    ]),
  ])('of an alias name what is wrong with the variant that was meant: %s', (alias, line) => {
    expect(lines(`${GOOD}    aliases:\n      - ${alias}\n`)).toEqual([line]);
  });

  test('never show a value, which could be a password in the wrong place', () => {
    const text = lines(
      `${GOOD}    aliases:\n      - { host: x, login: hunter2 }\n    onOptOut: hunter2\n    optInByDefault: hunter2\n    password: hunter2\n`,
    ).join('\n');
    expect(text).toMatch(/login.*\n.*onOptOut.*\n.*optInByDefault.*\n.*password/);
    expect(text).not.toContain('hunter2');
  });

  test('keep to one line, whatever a key contains', () => {
    expect(lines(`${GOOD}"a\\u001b[31m\\nb": 1\n`)).toEqual([
      expect.stringMatching(/^c\.yaml:7:1: \["a\\u001b\[31m\\nb"\]: is not a known key/),
    ]);
  });

  test('after a line that is no YAML at all stand at their own line', () => {
    expect(lines(GOOD.replace('    copyName', ']   copyName')).every((line) => line.startsWith('c.yaml:6:'))).toBe(
      true,
    );
  });

  test.each(['\ufeff', '# comment\r\n'])('stand at the same place behind %j', (start) => {
    const lineCount = start.split('\n').length - 1;
    expect(lines(`${start}${GOOD}a: 1\n`)).toEqual([expect.stringMatching(`^c\\.yaml:${7 + lineCount}:1: a: `)]);
  });

  test('are found for keys that every object has', () => {
    expect(lines(`${GOOD}__proto__: {}\nconstructor: 1\n`)).toEqual([
      expect.stringMatching(/^c\.yaml:7:1: __proto__: is not a known key: remove it/),
      expect.stringMatching(/^c\.yaml:8:1: constructor: is not a known key: remove it/),
    ]);
  });
});

describe('cache proxies', () => {
  /** Two lines a proxy: what all kinds have, from line 8 on, then the fields. */
  const withProxies = (...proxies: string[]): string =>
    `${GOOD}cacheProxies:\n${proxies.map((fields, i) => `  - { name: p${i}, source: upstream, registry: docker.io,\n      ${fields} }\n`).join('')}`;
  const SECRET = 'secret: { namespace: n, name: s }';
  const API = 'url: https://h.corp, admin: { secret: { namespace: n, name: a } }';

  test.each([
    `kind: distribution, ${SECRET}`,
    `kind: template, ${SECRET}, files: { "auth.json": "{{auth|json}}" }`,
    `kind: harbor, ${API}, endpoint: e`,
    `kind: harbor, ${API}, endpoint: e, endpointUrl: https://mirror.corp`,
    `kind: webhook, ${API}`,
  ])('may be: %s', (fields) => {
    expect(lines(withProxies(fields))).toEqual([]);
  });

  test.each([
    ['kind: squid', /^c\.yaml:9:\d+: cacheProxies\[0\]\.kind: /],
    ['kind: zot', /^c\.yaml:8:5: cacheProxies\[0\]\.secret: is missing: add it$/],
    [
      'kind: zot, secret: { namespace: n, name: S }',
      /^c\.yaml:9:\d+: cacheProxies\[0\]\.secret\.name: is not a valid name/,
    ],
    [`kind: zot, ${SECRET}, key: a/b`, /^c\.yaml:9:\d+: cacheProxies\[0\]\.key: is not a key of a Secret/],
    [`kind: zot, ${SECRET}, key: ..`, /\.key: is not a key of a Secret/],
    [
      `kind: distribution, ${SECRET}, usernameKey: "a b"`,
      /^c\.yaml:9:\d+: cacheProxies\[0\]\.usernameKey: is not a key of a Secret/,
    ],
    [
      `kind: distribution, ${SECRET}, usernameKey: a, passwordKey: a`,
      /^c\.yaml:9:\d+: cacheProxies\[0\]\.passwordKey: must be another key than usernameKey/,
    ],
    [
      `kind: distribution, ${SECRET}, usernameKey: REGISTRY_PROXY_PASSWORD`,
      /\.passwordKey: must be another key than usernameKey/,
    ],
    [`kind: template, ${SECRET}, files: {}`, /^c\.yaml:9:\d+: cacheProxies\[0\]\.files: needs at least one key/],
    [
      `kind: template, ${SECRET}, files: { a/b: x }`,
      /^c\.yaml:9:\d+: cacheProxies\[0\]\.files\["a\/b"\]: is not a key of a Secret/,
    ],
    [
      `kind: template, ${SECRET}, files: { a: "{{pasword}}" }`,
      /^c\.yaml:9:\d+: cacheProxies\[0\]\.files\.a: unknown placeholder "\{\{pasword\}\}": use \{\{registry\}\}/,
    ],
    [`kind: template, ${SECRET}, files: { a: "{{password" }`, /\.files\.a: "\{\{" without "\}\}"/],
    [`kind: harbor, ${API}, endpoint: e, endpointUrl: harbor`, /\.endpointUrl: is not an http:\/\/ or https:\/\/ URL$/],
  ])('with one mistake get one line: %s', (fields, line) => {
    expect(lines(withProxies(fields))).toEqual([expect.stringMatching(line)]);
  });

  test.each(['', ', endpointUrl: "https://registry-1.docker.io"', ', endpointUrl: "https://hub.docker.com"'])(
    'of Harbor for another registry than Docker Hub must say where that is: %j',
    (url) => {
      expect(
        lines(
          withProxies(`kind: harbor, ${API}, endpoint: e${url}`).replace('registry: docker.io', 'registry: ghcr.io'),
        ),
      ).toEqual([
        expect.stringMatching(
          /^c\.yaml:\d+:\d+: cacheProxies\[0\]\.endpointUrl: leads to Docker Hub, and the login is for "ghcr\.io": add endpointUrl/,
        ),
      ]);
    },
  );

  test('need names of their own, a source that there is, and a Secret that no other renders into', () => {
    const two = withProxies(`kind: zot, ${SECRET}`, `kind: template, ${SECRET}, files: { a: x }`);
    expect(lines(two)).toEqual([
      expect.stringMatching(
        /^c\.yaml:11:\d+: cacheProxies\[1\]\.secret: is used twice: "n\/s"; two cache proxies cannot share one Secret$/,
      ),
    ]);
    expect(lines(two.replace('name: p1', 'name: p0').replace('name: s }, files', 'name: t }, files'))).toEqual([
      expect.stringMatching(/^c\.yaml:10:13: cacheProxies\[1\]\.name: is used twice: "p0"/),
    ]);
    expect(lines(withProxies(`kind: zot, ${SECRET}`).replace('source: upstream', 'source: downstream'))).toEqual([
      expect.stringMatching(
        /^c\.yaml:8:\d+: cacheProxies\[0\]\.source: is not the name of a source: "downstream"; use one of: upstream$/,
      ),
    ]);
  });

  test('show no text of a template, which could hold a password', () => {
    expect(
      lines(withProxies(`kind: template, ${SECRET}, files: { a: "hunter2 {{", b: [hunter2] }`)).join(),
    ).not.toContain('hunter2');
  });
});

describe('loading a file', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-load-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test('gives the configuration', async () => {
    const file = path.join(directory, 'good.yaml');
    await writeFile(file, GOOD);
    expect((await loadConfiguration(file)).sources).toHaveLength(1);
  });

  test('with problems fails with one line a problem', async () => {
    const file = path.join(directory, 'bad.yaml');
    await writeFile(file, `${GOOD}a: 1\nb: 2\n`);
    const error: unknown = await loadConfiguration(file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems.map(({ line }) => line)).toEqual([7, 8]);
    expect((error as ConfigurationError).message.split('\n')).toHaveLength(2);
  });

  test('that is missing, a directory, or not text fails with one line that says what to do', async () => {
    await writeFile(path.join(directory, 'binary'), Buffer.from([0xff, 0xfe, 0x41]));
    await expect(loadConfiguration(path.join(directory, 'none.yaml'))).rejects.toThrow(
      /^configuration file .*none\.yaml does not exist: check the path.*$/,
    );
    await expect(loadConfiguration(directory)).rejects.toThrow(
      / is a directory: name the file in it, such as config\.yaml$/,
    );
    await expect(loadConfiguration(path.join(directory, 'binary'))).rejects.toThrow(
      / is not UTF-8 text: save it as UTF-8$/,
    );
  });

  test.skipIf(process.getuid?.() === 0)('that may not be read fails with one line that says what to do', async () => {
    const file = path.join(directory, 'secret.yaml');
    await writeFile(file, GOOD);
    await chmod(file, 0);
    await expect(loadConfiguration(file)).rejects.toThrow(/permission denied: make it readable/);
  });
});
