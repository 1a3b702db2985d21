import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { match, matchFromDockerConfig } from '../../src/commands/match-lookup.ts';
import { renderMatch } from '../../src/commands/match-text.ts';
import { matchCommand } from '../../src/cli/match.ts';
import type { Output } from '../../src/commands/output.ts';
import { UsageError, UserError } from '../../src/errors.ts';
import { run } from './environment.ts';
import { auths, base64, goodConfig, image, legacySecret, pullSecret } from '../credentials/arbitraries.ts';

const CONFIG = auths([
  ['https://index.docker.io/v1/', { auth: base64('hub:hunter2') }],
  ['registry.example.com', { auth: base64('wide:hunter2') }],
  ['registry.example.com/team', { username: 'team', password: 'hunter2' }],
  ['registry.example.com:5000', { username: 'port', password: 'hunter2' }],
  ['quay.io', { username: 'q', password: 'hunter2' }],
]);
const find = (reference: string, text = CONFIG) => matchFromDockerConfig(reference, text, 'config.json');
const show = (reference: string, output: Output = 'table', text = CONFIG): string =>
  renderMatch(find(reference, text), output, false);
const usernames = (text: string) => find('quay.io/a', text).matches.map(({ credential }) => credential.username);

test('json holds the image, the repository that was looked up, and the matches in order', () => {
  expect(JSON.parse(show('registry.example.com/team/app:1', 'json'))).toEqual({
    image: 'registry.example.com/team/app:1',
    repository: 'registry.example.com/team/app',
    matches: [
      { key: 'registry.example.com/team', username: 'team' },
      { key: 'registry.example.com', username: 'wide' },
    ],
  });
});

test('yaml holds the same', () => {
  expect(show('nginx', 'yaml')).toBe(
    'image: nginx\nrepository: docker.io/library/nginx\nmatches:\n  - key: https://index.docker.io/v1/\n    username: hub\n',
  );
});

test('the exit status is 4 when nothing matches, and 0 when one does', async () => {
  const command = (reference: string, output: Output, input = CONFIG) =>
    run(matchCommand, [reference, '--docker-config', '-', '--output', output], { input });
  expect(await command('ghcr.io/a', 'json')).toMatchObject({
    status: 4,
    out: '{\n  "image": "ghcr.io/a",\n  "repository": "ghcr.io/a",\n  "matches": []\n}\n',
  });
  expect(await command('ghcr.io/a', 'table', '{"auths":{}}')).toMatchObject({
    status: 4,
    err: 'stdin: has no registries; put at least one under "auths"\n',
  });
  expect(await command('quay.io/a', 'json')).toMatchObject({ status: 0, err: '' });
});

test('the table explains matches, near misses and the rest', () => {
  expect(show('registry.example.com/team/app:1')).toBe(`\
For registry.example.com/team/app kubelets try, in this order:

   KEY                        USERNAME  WHY
1  registry.example.com/team  team      same host, and the repository starts with /team
2  registry.example.com       wide      same host

Not tried:

KEY                        WHY NOT
registry.example.com:5000  the port differs: the key has 5000, the image none

Of other registries: quay.io, https://index.docker.io/v1/
`);
});

test('the table says so when nothing matches', () => {
  expect(show('ghcr.io/a')).toMatch(
    /^No usable login matches ghcr\.io\/a: kubelets pull it without a login, unless their node has one of its own\.\n\nOf other registries: /,
  );
});

test('colour only when it is asked for', () => {
  const escape = '\u001b[';
  expect(show('quay.io/a')).not.toContain(escape);
  expect(renderMatch(find('quay.io/a'), 'table', true)).toContain(escape);
});

describe('what is accepted as a Docker config', () => {
  const manifest = (secret: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, ...secret });
  test.each([
    ['config.json', CONFIG],
    ['a legacy .dockercfg', '{"quay.io":{"username":"q","password":"hunter2"}}'],
    ['a Secret in JSON', JSON.stringify(manifest(pullSecret(CONFIG)))],
    [
      'a legacy Secret in JSON',
      JSON.stringify(manifest(legacySecret('{"quay.io":{"username":"q","password":"hunter2"}}'))),
    ],
    [
      'a Secret in YAML',
      `kind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: ${base64(CONFIG)}\n`,
    ],
    [
      'a Secret with stringData, which wins',
      `kind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: e30=\nstringData:\n  .dockerconfigjson: '${CONFIG}'\n`,
    ],
  ])('%s', (_, text) => {
    expect(usernames(text)).toEqual(['q']);
  });

  test.each([
    ['', /^config\.json: is not JSON \(line 1, column 1\)$/],
    ['{"auths":{"quay.io":{"auth":"hunter2"}}', /^config\.json: is not JSON \(line 1, column \d+\)$/],
    ['{"auths":{"quay.io":{"auth":"hunter2!"}}}', /^config\.json: registry "quay\.io": "auth" is not base64; .*$/],
    [
      '{"auths":{"a":{"auth":"hunter2!"},"b":{"auth":"!"}}}',
      /^config\.json: registry "a": "auth" is not base64; .* \(and 1 more like it\)$/,
    ],
    ['auths:\n  quay.io:\n    password: hunter2', /^config\.json: is not JSON \(line 1, column 1\)$/],
    ['kind: Secret\ntype: Opaque\ndata: {}\n', /^config\.json: is of type "Opaque"; a pull Secret is of type .*$/],
    ['[]', /^config\.json: the document must be an object, not an array$/],
  ])('%j is unusable: one clear line, exit status 1', (text, line) => {
    const error = thrown(() => find('quay.io/a', text));
    expect(error).toMatchObject({ exitCode: 1, message: expect.stringMatching(line) as string });
    expect(String(error)).not.toContain('hunter2');
  });
});

test('an image that is none is a usage error', () => {
  expect(() => find('Nginx')).toThrow(
    new UsageError('"Nginx" is not an image reference: the repository must be lower case'),
  );
});

describe('from the cluster', () => {
  const second = pullSecret(auths([['quay.io', { username: 'second', password: 'hunter2' }]]));

  test('the Secrets are tried in the order of the list, and named', () => {
    const result = match('quay.io/a', [
      { name: 'one', secret: pullSecret(CONFIG) },
      { name: 'two', secret: second },
    ]);
    expect(renderMatch(result, 'table', false)).toContain(`\
   KEY      USERNAME  SECRET  WHY
1  quay.io  q         one     same host
2  quay.io  second    two     same host
`);
  });

  test('kubelets go on without Secrets that are missing, of another type, or empty', () => {
    const { matches, notes } = match('quay.io/a', [
      { name: 'gone', secret: undefined },
      { name: 'opaque', secret: { type: 'Opaque', data: {} } },
      { name: 'two', secret: second },
    ]);
    expect(matches.map(({ secret }) => secret)).toEqual(['two']);
    expect(notes).toEqual([
      'Secret "gone": does not exist; kubelets go on without it, with a Warning Event on each pull',
      'Secret "opaque": is of type "Opaque"; a pull Secret is of type kubernetes.io/dockerconfigjson',
    ]);
  });

  test('one unreadable Secret fails every pull, so that it is an error', () => {
    const error = thrown(() =>
      match('quay.io/a', [
        { name: 'two', secret: second },
        { name: 'bad', secret: pullSecret('{"auths":{"x":{"auth":"hunter2!"}}}') },
      ]),
    );
    expect(error).toEqual(
      new UserError('Secret "bad": registry "x": "auth" is not base64; it must be base64 of username:password'),
    );
  });
});

test('what a terminal would obey is shown, not sent', () => {
  const text = show(
    'quay.io/a',
    'table',
    auths([
      ['quay.io', { username: '\u001b[31mred\nline\u202e', password: 'hunter2' }],
      ['https://user:hunter2@quay.io/a', { auth: base64('a:b') }],
    ]),
  );
  expect(text).toContain('\\u{1b}[31mred\\u{a}line\\u{202e}');
  expect(text).toContain('https://***@quay.io/a');
  expect(text).not.toContain('hunter2');
});

test('no output holds a password', () => {
  fc.assert(
    fc.property(
      goodConfig,
      image,
      fc.constantFrom('table' as const, 'json' as const, 'yaml' as const),
      (text, reference, output) => {
        const hidden = text
          .replaceAll(
            /"auth":"([^"]+)"/g,
            (_, auth: string) => `"auth":"${base64(`user:QQQQ${Buffer.from(auth, 'base64').toString()}`)}"`,
          )
          .replaceAll(/"username":"(?:[^"\\]|\\.)*"/g, '"username":"user"');
        expect(show(reference, output, hidden) + find(reference, hidden).notes.join('\n')).not.toMatch(/[QXZ]{4}/);
      },
    ),
    { numRuns: 500 },
  );
});

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
