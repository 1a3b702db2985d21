/** What products with an API of their own answer, and what objects of products with custom resources hold. */
import { applyPatch, deepClone, type Operation } from 'fast-json-patch';
import { configurationSchema } from '../../src/config/schema.ts';
import { UserError } from '../../src/errors.ts';
import { ApiError, UnreachableError } from '../../src/kube/api-error.ts';
import type { ApiObject } from '../../src/kube/list.ts';
import type { ProxyContext } from '../../src/proxies/adapter.ts';
import { LoginRefusedError, NotYetError } from '../../src/proxies/adapter.ts';
import { ProductError } from '../../src/proxies/api.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import { HttpError } from '../../src/registry/http-error.ts';
import { LostRaceError } from '../../src/kube/races.ts';
import { scripted } from './registries.ts';
import { asJson, CREDENTIAL, declaredAsync, holds, memberOf, sayable, texts, type Parser } from './parser.ts';

const LOGIN = { registry: 'docker.io', username: 'robot', password: CREDENTIAL };
const ERRORS = [
  UserError,
  ProductError,
  LoginRefusedError,
  NotYetError,
  HttpError,
  ApiError,
  UnreachableError,
  LostRaceError,
];
const mac = (text: string): string => `mac-${text.length}`;
const API = { url: 'https://product.corp', admin: { secret: { namespace: 'x', name: 'admin' } } };
const ok = (body: unknown, status = 200): object => ({ status, headers: {}, body: JSON.stringify(body) });

function adapterOf(config: object) {
  const [proxy] = createProxies(
    configurationSchema.parse({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [
        { name: 's', secret: { namespace: 'n', name: 's' }, copyName: 'copy', namespaces: { allow: ['*'], deny: [] } },
      ],
      cacheProxies: [{ name: 'p', source: 's', registry: 'docker.io', ...config }],
      retiredCopyNames: ['old'],
    }),
  );
  if (proxy === undefined) throw new Error('no cache proxy');
  return proxy.adapter;
}

function withApi(name: string, config: object, samples: object[][], words: string[]): Parser {
  const adapter = adapterOf({ ...config, ...API });
  return {
    name: `answers of ${name}`,
    samples: samples.map((answers) => JSON.stringify(answers)),
    words: [...words, CREDENTIAL, '"id":-1', '[]', '{}', 'null', 'https://registry-1.docker.io'],
    async read(text) {
      const context: ProxyContext = {
        kube: {
          applySecret: () => Promise.resolve(),
          get: () => Promise.resolve(undefined),
          patch: () => Promise.resolve(),
          readSecret: () => Promise.resolve({ username: 'admin', password: `admin-${CREDENTIAL}`, token: 'a-token' }),
        },
        http: scripted(text, ({ url }) => holds(new URL(url).origin === API.url, `it asks ${url}`)),
        mac,
        signal: new AbortController().signal,
        copyName: 'copy',
      };
      const error = await declaredAsync(ERRORS, () => adapter.apply(LOGIN, context));
      const verdict = await adapter.verify?.(LOGIN, { ...context, http: scripted(text) });
      sayable([error?.message ?? '', verdict?.why ?? '']);
    },
  };
}

const copy = {
  metadata: { name: 'copy', namespace: 'team' },
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': Buffer.from(
      JSON.stringify({ auths: { 'docker.io': { username: LOGIN.username, password: LOGIN.password } } }),
    ).toString('base64'),
  },
};

/** All names of pull Secrets anywhere in an object. */
function foreignNames(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const name = memberOf(value, 'name');
  return [
    ...(typeof name === 'string' && !['copy', 'old'].includes(name) ? [name] : []),
    ...Object.values(value).flatMap(foreignNames),
  ];
}

function withObject(kind: string, config: object, samples: object[]): Parser {
  const adapter = adapterOf({ kind, ...config });
  return {
    name: `objects of ${kind}`,
    samples: samples.map((sample) => JSON.stringify(sample)),
    words: ['copy', 'old', 'foreign', 'docker.io', '{"name":"copy"}', '[null]', '"pullpass.dev/copies"', 'null'],
    async read(text) {
      const value = asJson(text);
      const annotations = memberOf(memberOf(value, 'metadata'), 'annotations');
      let object: ApiObject = {
        ...(typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}),
        metadata: {
          name: 'o',
          namespace: 'team',
          uid: 'u',
          resourceVersion: '1',
          ...(annotations !== undefined && { annotations: texts(annotations) }),
        },
      };
      const before = foreignNames(object);
      let writes = 0;
      const context = {
        kube: {
          applySecret: () => Promise.resolve(),
          readSecret: () => Promise.resolve({}),
          get: (path: string) => Promise.resolve((path.includes('/secrets/') ? copy : deepClone(object)) as never),
          patch: (_: string, type: string, body: object) => {
            holds(type === 'application/json-patch+json' && ++writes < 20, 'it writes for ever');
            const operations = (body as Operation[]).filter(({ op }) => op !== 'test');
            object = applyPatch<ApiObject>(deepClone(object) as ApiObject, operations, true, true, true).newDocument;
            return Promise.resolve();
          },
        },
        http: scripted('{}'),
        mac,
        signal: new AbortController().signal,
        copyName: 'copy',
      };
      for (const target of adapter.targets) target.fingerprint(object, mac);
      const error = await declaredAsync(ERRORS, () => adapter.apply(LOGIN, context));
      const released = await declaredAsync(ERRORS, async () => {
        await adapter.consumer?.release('copy', 'dropped', context);
      });
      sayable([error?.message ?? '', released?.message ?? ''], { secret: false, limit: 200_000 });
      const after = foreignNames(object);
      // A single field of ours is pointed at the copy; the entries of a list stay.
      if (kind === 'kube-fledged' || kind === 'image-puller')
        holds(
          before.every((name) => after.includes(name)),
          `an entry of another is gone: ${before.join()} ${after.join()}`,
        );
    },
  };
}

const noted = { annotations: { 'pullpass.dev/copies': '{"/spec/imagePullSecrets":["old"]}' } };

export const productParsers: readonly Parser[] = [
  withApi(
    'Harbor',
    { kind: 'harbor', endpoint: 'hub', project: 'cache' },
    [
      [
        ok([{ id: 1, name: 'hub', url: 'https://hub.docker.com', credential: { access_key: 'robot' } }]),
        ok({}),
        ok({}),
        ok([{ id: 1, name: 'hub', url: 'https://hub.docker.com' }]),
      ],
      [ok([]), ok({}, 400), ok({ errors: [{ message: CREDENTIAL }] }, 400)],
    ],
    ['"credential":null', '"project_id":1', '409'],
  ),
  withApi(
    'Nexus',
    { kind: 'nexus', repository: 'hub' },
    [
      [
        ok({
          proxy: { remoteUrl: 'https://registry-1.docker.io' },
          httpClient: { authentication: { type: 'username', username: 'robot' } },
          routingRuleName: 'r',
        }),
      ],
    ],
    ['"httpClient":null', '"authentication":null', '204'],
  ),
  withApi(
    'Artifactory',
    { kind: 'artifactory', repository: 'hub' },
    [
      [ok({ rclass: 'remote', url: 'https://registry-1.docker.io/', username: 'robot' })],
      [ok({ errors: [{ status: 400, message: CREDENTIAL }] }, 400)],
    ],
    ['"rclass":"local"'],
  ),
  withApi(
    'GitLab',
    { kind: 'gitlab', group: 'a/b' },
    [
      [ok({ data: { group: { dependencyProxySetting: { enabled: true, identity: 'robot' } } } })],
      [ok({ data: { updateDependencyProxySettings: { errors: [CREDENTIAL] } }, errors: [{ message: CREDENTIAL }] })],
    ],
    ['"data":null', '"errors":[]'],
  ),
  withObject('kube-fledged', { object: { namespace: 'team', name: 'o' } }, [
    {
      metadata: noted,
      spec: { imagePullSecrets: [{ name: 'foreign' }, { name: 'old' }] },
      status: { status: 'Succeeded' },
    },
  ]),
  withObject('image-puller', { object: { namespace: 'team', name: 'o' } }, [
    { metadata: noted, spec: { imagePullSecrets: [{ name: 'foreign' }], configMapName: 'x' }, status: {} },
  ]),
  withObject('kube-image-keeper', { object: { kind: 'ClusterReplicatedImageSet', name: 'o' }, copyNamespace: 'team' }, [
    {
      metadata: noted,
      spec: {
        upstreams: [
          { registry: 'docker.io', credentialSecret: { name: 'foreign', namespace: 'x' } },
          { registry: 'r.corp' },
        ],
      },
    },
  ]),
  withObject(
    'custom-resource',
    {
      object: { namespace: 'team', name: 'o', apiVersion: 'a/v1', resource: 'os' },
      path: '/spec/pull',
      form: 'reference',
    },
    [{ metadata: noted, spec: { pull: { name: 'foreign' } } }],
  ),
];
