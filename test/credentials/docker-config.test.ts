import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guessForm, parseDockerConfig, parseSecret } from '../../src/credentials/docker-config.ts';
import { anyKey, auths, base64, goodConfig, legacySecret, password, pullSecret } from './arbitraries.ts';

const entry = (value: unknown) => parseDockerConfig(auths([['quay.io', value]]));
const problems = (text: string) => {
  const config = parseDockerConfig(text);
  return config.ok ? [] : config.problems;
};
const warnings = (value: unknown) => {
  const config = entry(value);
  return config.ok ? config.warnings : ['not ok'];
};

test('credentials come in document order, with the key as it was written', () => {
  const config = parseSecret(
    pullSecret(
      auths([
        ['https://quay.io/v2/', { auth: base64('a:b:c') }],
        ['2', { username: 'u', password: 'p' }],
        ['1', { auth: '', identitytoken: 't' }],
      ]),
    ),
  );
  expect(config).toMatchObject({
    ok: true,
    credentials: [
      { key: 'https://quay.io/v2/', username: 'a', password: 'b:c' },
      { key: '2', username: 'u', password: 'p' },
      { key: '1', username: '', password: '', identityToken: 't' },
    ],
  });
});

test('a legacy Secret has its registries at the top', () => {
  expect(parseSecret(legacySecret('{"quay.io":{"username":"u","password":"p"}}'))).toEqual({
    ok: true,
    credentials: [{ key: 'quay.io', username: 'u', password: 'p' }],
    warnings: [],
  });
});

test('prototype names are keys like any other', () => {
  const config = parseDockerConfig(
    '{"auths":{"__proto__":{"username":"a","password":"p"},"constructor":{"username":"b","password":"p"}}}',
  );
  expect(config.ok && config.credentials.map(({ key, username }) => [key, username])).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
});

test.each([
  [
    '{"auths":{"quay.io":{"auth":"pants"}}}',
    'registry "quay.io": "auth" is not base64; it must be base64 of username:password',
  ],
  [
    '{"auths":{"quay.io":{"auth":"Zm9v"}}}',
    'registry "quay.io": "auth" has no ":" once decoded; it must be base64 of username:password',
  ],
  ['{"auths":{"quay.io":{"password":12345}}}', 'registry "quay.io": "password" must be a string, not a number'],
  ['{"auths":{"quay.io":["x"]}}', 'registry "quay.io" must be an object, not an array'],
  ['{"auths":"x"}', '"auths" must be an object, not a string'],
  ['[]', 'the document must be an object, not an array'],
  [
    '{"HttpHeaders":{"a":1},"auths":{"quay.io":{}}}',
    '"HttpHeaders" must hold strings only; the kubelet refuses the whole Secret otherwise',
  ],
  ['{"HttpHeaders":1,"auths":{"quay.io":{}}}', '"HttpHeaders" must be an object, not a number'],
  [
    '{"auths":{"quay.io":{"auth":"\\n"}}}',
    'registry "quay.io": "auth" has no ":" once decoded; it must be base64 of username:password',
  ],
  ['{\n  "auths": {"quay.io" {}}}', 'is not JSON (line 2, column 23)'],
  ['word', 'is not JSON (line 1, column 1)'],
  ['A Secret, kind: Secret', 'is not JSON (line 1, column 1)'],
  [
    base64(' {"auths":{}}'),
    'is not JSON (line 1, column 1); it looks like base64 around JSON: encode it once, not twice',
  ],
  [
    base64('{"auths":{}}'),
    'is not JSON (line 1, column 1); it looks like base64 around JSON: encode it once, not twice',
  ],
])('%s fails every pull of a pod: %s', (text, problem) => {
  expect(parseDockerConfig(text)).toEqual({ ok: false, problems: [problem], failsPulls: true });
});

test.each([
  ['{"auths":x}', 1, 10],
  ['{"x":}', 1, 6],
  ['{"x":[,]}', 1, 7],
  ['{"x":1e}', 1, 7],
  ['{"x":01}', 1, 7],
  ['{"x":tru}', 1, 6],
  ['"abc', 1, 5],
  ['{"x":"\u0001"}', 1, 7],
  ['{"x":"\\q"}', 1, 7],
  ['{} {}', 1, 4],
  ['{\n\n  x', 3, 3],
  ['', 1, 1],
])('%j is no JSON, and it is told from where on: line %i, column %i', (text, line, column) => {
  expect(problems(text)).toEqual([`is not JSON (line ${line}, column ${column})`]);
});

test.each(['true', 'false', '1.5e-3', '-0', '"x"', '[1, [2]]'])('%s is JSON, but no registries', (value) => {
  expect(problems(`{"auths": ${value} }`)).toEqual([expect.stringMatching(/^"auths" must be an object, not an? /)]);
});

test('a value that is true or false is called a boolean', () => {
  for (const value of [true, false])
    expect(problems(JSON.stringify({ auths: value }))).toEqual(['"auths" must be an object, not a boolean']);
});

test('escapes are read as in JSON, half a surrogate pair as U+FFFD', () => {
  const text = '{"auths":{"quay.io":{"username":"\\u20ac\\/\\t\\\\","password":"\\ud83d\\udd11 \\ud83d"}}}';
  expect(parseDockerConfig(text)).toMatchObject({
    credentials: [{ username: '\u20ac/\t\\', password: '\u{1f511} \ufffd' }],
  });
});

test.each([
  [Buffer.from('\ufeff{}', 'utf16le'), 'it is UTF-16, as some Windows tools write it: save it as UTF-8'],
  [Buffer.from('\ufeff{}', 'utf16le').swap16(), 'it is UTF-16, as some Windows tools write it: save it as UTF-8'],
  [Buffer.from('\ufeff{}'), 'it begins with a byte order mark: save it as UTF-8 without one'],
  [gzipSync('{}'), 'it is compressed: put the file itself there'],
  [Buffer.from('---\napiVersion: v1'), 'it looks like a Kubernetes manifest: put the Docker config itself there'],
  [Buffer.from('kind: Secret'), 'it looks like a Kubernetes manifest: put the Docker config itself there'],
])('what people wrap a Docker config in is recognised: %#', (content, what) => {
  expect(parseDockerConfig(content)).toEqual({
    ok: false,
    problems: [`is not JSON (line 1, column 1); ${what}`],
    failsPulls: true,
  });
});

test('every problem is told, in the order of the document', () => {
  const entries = '"a":{"username":1,"password":2},"b":{"auth":"!"},"c":{"auth":"Zm9v"},"d":3';
  expect(problems(`{"auths":{${entries}},"httpHeaders":{"x":1}}`)).toEqual([
    'registry "a": "username" must be a string, not a number',
    'registry "a": "password" must be a string, not a number',
    'registry "b": "auth" is not base64; it must be base64 of username:password',
    'registry "c": "auth" has no ":" once decoded; it must be base64 of username:password',
    'registry "d" must be an object, not a number',
    '"HttpHeaders" must hold strings only; the kubelet refuses the whole Secret otherwise',
  ]);
});

test('names of fields are folded as Go folds them: two letters beyond ASCII are S and K', () => {
  expect(entry({ 'u\u017fername': 'u', PASSWORD: 'p', 'identityTo\u212aen': 't' })).toMatchObject({
    credentials: [{ username: 'u', password: 'p', identityToken: 't' }],
  });
});

test.each([
  [pullSecret('{}'), 'has no registries; put at least one under "auths"'],
  [pullSecret('{"auths":{}}'), 'has no registries; put at least one under "auths"'],
  [pullSecret('null'), 'has no registries; put at least one under "auths"'],
  [
    pullSecret('{"quay.io":{"auth":"YTpi"}}'),
    'has registries at the top, the form of type kubernetes.io/dockercfg; put them under "auths"',
  ],
  [
    pullSecret('{"quay.io":{"email":"e","username":"u"}}'),
    'has registries at the top, the form of type kubernetes.io/dockercfg; put them under "auths"',
  ],
  [
    pullSecret('{"quay.io":{"password":"p"}}'),
    'has registries at the top, the form of type kubernetes.io/dockercfg; put them under "auths"',
  ],
  [
    pullSecret('{"auths":{},"credsStore":"desktop"}'),
    'has no registries; its logins are in a credential store or helper, which kubelets cannot ask: put at least one under "auths"',
  ],
  [legacySecret('{}'), 'has no registries; put at least one under its host name'],
  [
    legacySecret(auths([['quay.io', { auth: 'YTpi' }]])),
    'has the form of type kubernetes.io/dockerconfigjson, in which kubelets find nothing under type kubernetes.io/dockercfg; make it a Secret of that type',
  ],
  [pullSecret(''), 'has nothing under data[".dockerconfigjson"]; put the Docker config there'],
  [
    { type: 'kubernetes.io/dockerconfigjson' },
    'has nothing under data[".dockerconfigjson"]; put the Docker config there',
  ],
  [
    { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': '%' } },
    'data[".dockerconfigjson"] is not base64',
  ],
  [{ type: 'Opaque', data: {} }, 'is of type "Opaque"; a pull Secret is of type kubernetes.io/dockerconfigjson'],
  [
    { type: 'kubernetes.io/tls' },
    'is of type "kubernetes.io/tls"; a pull Secret is of type kubernetes.io/dockerconfigjson',
  ],
  [{}, 'is of type "Opaque"; a pull Secret is of type kubernetes.io/dockerconfigjson'],
])('%j gives kubelets nothing: %s', (secret, problem) => {
  expect(parseSecret(secret)).toEqual({ ok: false, problems: [problem], failsPulls: false });
});

describe('warnings', () => {
  test.each([
    [
      { identitytoken: 'tttt' },
      'registry "quay.io": has only an identity token, which kubelets ignore; add a username and a password or access token',
    ],
    [{}, 'registry "quay.io": has neither username nor password, so that kubelets pull without a login; add both'],
    [{ username: 'u' }, 'registry "quay.io": has no password; add one, or an access token'],
    [{ auth: base64(':p') }, 'registry "quay.io": has no username; add it beside the password'],
    [
      { username: 'robot', password: 'ENC[AES256_GCM,data:PKY=,iv:yp=,tag:3B==,type:str]' },
      'registry "quay.io": its login is still encrypted by SOPS; decrypt it where it is applied',
    ],
    [
      { auth: base64('u:p\n') },
      'registry "quay.io": its password ends with a line break, which is hardly a part of it (echo adds one, echo -n does not)',
    ],
    [
      { auth: base64(Buffer.from('u:\xff', 'latin1')) },
      'registry "quay.io": its login is not UTF-8, which kubelets cannot hand to the container runtime; write it anew',
    ],
    [
      { auth: base64(Buffer.from('u:grüß\xff', 'latin1')) },
      'registry "quay.io": its login is not UTF-8, which kubelets cannot hand to the container runtime; write it anew',
    ],
    [
      { auth: base64('u:old'), username: 'u', password: 'new' },
      'registry "quay.io": "auth" holds another login than "username" and "password", and kubelets use "auth"; write one login, best without "auth"',
    ],
  ])('%j: %s', (value, warning) => {
    expect(warnings(value)).toEqual([warning]);
  });

  test('a complete entry has none', () => {
    expect(warnings({ username: 'u', password: 'p', email: 'e', auth: base64('u:p'), identitytoken: 't' })).toEqual([]);
    expect(warnings({ username: 'u', password: 'p\nq' })).toEqual([]);
  });

  test('keys that kubelets leave out, or that name no host', () => {
    const config = parseDockerConfig(
      auths([
        ['quay.io:x', { username: 'u', password: 'p' }],
        ['/team', { username: 'u', password: 'p' }],
      ]),
    );
    expect(config.ok && config.warnings).toEqual([
      'registry "quay.io:x": kubelets leave it out, because it names no host; write host, host:port or host/path',
      'registry "/team": kubelets leave it out, because it names no host; write host, host:port or host/path',
    ]);
  });

  test('two logins for what is one key to kubelets', () => {
    const config = parseDockerConfig(
      auths([
        ['quay.io', { auth: base64('a:b') }],
        ['https://quay.io/v2/', { auth: base64('a:c') }],
        ['http://quay.io', { auth: base64('a:b') }],
      ]),
    );
    expect(config.ok && config.warnings).toEqual([
      'registry "https://quay.io/v2/": means the same to kubelets as "quay.io", with another login; which one they try first is random, so keep one',
    ]);
  });

  test('credential helpers, unless they are empty', () => {
    const config = parseDockerConfig(
      '{"credsStore":"desktop","credHelpers":{"gcr.io":"gcloud"},"auths":{"quay.io":{"auth":"YTpi"}}}',
    );
    expect(config.ok && config.warnings).toEqual([
      '"credsStore": kubelets ignore it; write the logins under "auths"',
      '"credHelpers": kubelets ignore it; write the logins under "auths"',
    ]);
    for (const empty of ['"credsStore":"","credHelpers":{}', '"credsStore":null,"credHelpers":null'])
      expect(parseDockerConfig(`{${empty},"auths":{"quay.io":{"auth":"YTpi"}}}`)).toMatchObject({
        ok: true,
        warnings: [],
      });
  });

  test('an entry without a login beside a credential store: it is there that the login is', () => {
    expect(parseDockerConfig('{"credsStore":"desktop","auths":{"quay.io":{}}}')).toMatchObject({
      credentials: [{ unusable: 'credential store' }],
    });
  });

  test('a login inside a key is not shown, and neither are control characters', () => {
    const config = parseDockerConfig(auths([['https://user:hunter2@quay.io/\u001b[31m', {}]]));
    expect(config.ok && config.warnings.join()).toMatch(/^registry "https:\/\/\*\*\*@quay\.io\/\\u\{1b\}\[31m"/);
  });
});

test('nesting is limited as in Go', () => {
  const nested = (levels: number) =>
    `{"auths":{"quay.io":{"auth":"YTpi"}},"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
  expect(parseDockerConfig(nested(10_000)).ok).toBe(true);
  expect(parseDockerConfig(nested(10_001)).ok).toBe(false);
});

test('a document whose form nobody names is of the usual one', () => {
  expect(problems('{}')).toEqual(['has no registries; put at least one under "auths"']);
});

test('a large document is read', () => {
  const many = Array.from({ length: 20_000 }, (_, i): [string, unknown] => [
    `r${i}.example.com/é`,
    { auth: base64('ü:p') },
  ]);
  expect(parseDockerConfig(auths(many))).toMatchObject({ ok: true, credentials: { length: 20_000 } });
});

test('a file without registries under auths is legacy when it has logins at the top', () => {
  expect(guessForm('{"quay.io":{"auth":"YTpi"}}')).toBe('dockercfg');
  expect(guessForm('{"auths":{},"credHelpers":{"a":"b"}}')).toBe('dockerconfigjson');
  expect(guessForm('{}')).toBe('dockerconfigjson');
  expect(guessForm('no JSON')).toBe('dockerconfigjson');
});

describe('whatever it is given', () => {
  const rubbish = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.string().map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(`{"auths":${text}}`)),
    fc.json().map((text) => Buffer.from(`{"auths":{"quay.io":${text}}}`)),
    fc
      .tuple(goodConfig, fc.nat(), fc.uint8Array({ maxLength: 3 }))
      .map(([text, at, bytes]) =>
        Buffer.from(
          text.slice(0, at % text.length) + Buffer.from(bytes).toString('latin1') + text.slice(at % text.length),
          'latin1',
        ),
      ),
  );

  test('it does not throw, and says what is wrong in lines', () => {
    fc.assert(
      fc.property(rubbish, fc.constantFrom('dockerconfigjson' as const, 'dockercfg' as const), (content, form) => {
        const config = parseDockerConfig(content, form);
        const lines = config.ok ? config.warnings : config.problems;
        if (!config.ok) expect(lines).not.toEqual([]);
        for (const line of lines) expect(line).toMatch(/^[^\n\r]+$/);
      }),
      { numRuns: 2000 },
    );
  });

  test('it refuses what is no JSON, and reads what is', () => {
    fc.assert(
      fc.property(rubbish, (content) => {
        let json = true;
        try {
          JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(content));
        } catch {
          json = false;
        }
        expect(problems(content.toString('latin1')).some((problem) => problem.startsWith('is not JSON')) && json).toBe(
          false,
        );
        expect(parseDockerConfig(content).ok && !json).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test('no text that it makes holds a part of a login', () => {
    // Every way in which a login can be written, and be wrong.
    const secret = fc.oneof(
      fc.tuple(password, password).map(([u, p]) => ({
        words: [u, p, base64(`${u}:${p}`)],
        json: JSON.stringify({ auth: base64(`${u}:${p}`), identitytoken: p }),
      })),
      password.map((p) => ({ words: [p], json: JSON.stringify({ auth: `${p}!` }) })),
      password.map((p) => ({ words: [p, base64(p)], json: JSON.stringify({ auth: base64(p) }) })),
      password.map((p) => ({ words: [p], json: JSON.stringify(p) })),
      password.map((p) => ({ words: [p], json: JSON.stringify({ username: [p], password: { [p]: p }, email: true }) })),
      password.map((p) => ({ words: [p], json: `{"password": ${p}}` })),
      password.map((p) => ({ words: [p], json: `{"password": "${p}\n"}` })),
      password.map((p) => ({ words: [p], json: JSON.stringify({ identitytoken: p }) })),
    );
    const member = fc.tuple(
      fc.oneof(
        anyKey.filter((key) => !/[QXZ]/.test(key)),
        password.map((p) => `https://u:${p}@quay.io`),
      ),
      secret,
    );
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 4 }), fc.boolean(), (members, wrapped) => {
        const body = `{${members.map(([key, { json }]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
        const config = wrapped ? parseDockerConfig(`{"auths":${body}}`) : parseDockerConfig(body, 'dockercfg');
        const said = (config.ok ? config.warnings : config.problems).join('\n');
        for (const word of members.flatMap(([, { words }]) => words)) {
          for (let i = 0; i + 6 <= word.length; i++) expect(said).not.toContain(word.slice(i, i + 6));
        }
        expect(said).not.toMatch(/[QXZ]{4}/);
      }),
      { numRuns: 1500 },
    );
  });
});
