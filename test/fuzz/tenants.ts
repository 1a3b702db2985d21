/** What tenants and others write into API objects, and what Pullpass keeps there itself. */
import { applyPatch, deepClone, type Operation } from 'fast-json-patch';
import { readRecords, textOf as recordsText } from '../../src/observe/records.ts';
import { projectNamespace, projectServiceAccount, timeOf } from '../../src/observe/projections.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import type { ApiObject } from '../../src/kube/list.ts';
import { ANNOTATION_ADDED, ANNOTATION_COPIES, DEFAULT_NAMESPACE } from '../../src/names.ts';
import { ownerOf } from '../../src/owner.ts';
import { accountSelectors, listProblems, selectSources } from '../../src/plan/selection.ts';
import { planReferences, toJsonPatch } from '../../src/plan/service-account.ts';
import { forgotten, isRecorded, recorded } from '../../src/proxies/copy-record.ts';
import type { RecordedCopy } from '../../src/proxies/copy-record.ts';
import { readField, escapePart } from '../../src/proxies/json-pointer.ts';
import { addReference, findReference } from '../../src/proxies/object-edit.ts';
import { elementsOf, names, serves } from '../../src/proxies/kuik-elements.ts';
import { asJson, holds, listOf, memberOf, same, sayable, textOf, texts, type Parser } from './parser.ts';

const SOURCES = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: ['a', 'b'].map((name) => ({
    name,
    secret: { namespace: 'n', name },
    copyName: `${name}-copy`,
    optInByDefault: name === 'b',
  })),
}).sources;

/** With the shape that the API server guarantees; the texts are the tenant's. */
function objectOf(value: unknown): ApiObject {
  const metadata = memberOf(value, 'metadata');
  const annotations = memberOf(metadata, 'annotations');
  const labels = memberOf(metadata, 'labels');
  return {
    ...(typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}),
    metadata: {
      name: 'x',
      namespace: 'team',
      uid: 'u',
      ...(annotations !== undefined && { annotations: texts(annotations) }),
      ...(labels !== undefined && { labels: texts(labels) }),
    },
  };
}

const account = (added: string, ...secrets: string[]): string =>
  JSON.stringify({
    metadata: { annotations: { [ANNOTATION_ADDED]: added, 'pullpass.dev/sync': 'enabled' } },
    imagePullSecrets: secrets.map((name) => ({ name })),
  });

export const tenantParsers: readonly Parser[] = [
  {
    name: 'annotations of a namespace',
    samples: [
      JSON.stringify({
        metadata: {
          annotations: {
            'pullpass.dev/sync': 'enabled',
            'pullpass.dev/sources': 'a, b',
            'pullpass.dev/service-accounts': 'default,!x*',
          },
          labels: { 'pullpass.dev/sync': 'x' },
        },
      }),
    ],
    words: ['enabled', ',', '!', '*', 'pullpass.dev/', ',,', 'b'],
    read(text) {
      const namespace = projectNamespace(objectOf(asJson(text)));
      const { choices, problems } = selectSources(namespace, SOURCES);
      holds(choices.size === SOURCES.length, 'a source without a choice');
      for (const problem of [...problems, ...listProblems(namespace)])
        if ('what' in problem) sayable([problem.what], { secret: false });
      const selects = accountSelectors(namespace);
      for (const source of SOURCES)
        for (const name of ['default', 'x']) selects(source)({ ...projectServiceAccount(objectOf({})), name });
    },
  },
  {
    name: 'pull secrets of a ServiceAccount, and the record of those added',
    samples: [
      account('a-copy,b-copy', 'foreign', 'a-copy', 'b-copy', 'a-copy'),
      account('', 'x'),
      account('a-copy', 'a-copy'),
    ],
    words: ['a-copy', 'b-copy', ',', 'foreign', '<', '&', '\u2028'],
    read(text) {
      const value = asJson(text);
      const secrets = listOf(memberOf(value, 'imagePullSecrets')).map((item) => {
        const name = memberOf(item, 'name');
        return typeof name === 'string' ? { name } : {};
      });
      const object = {
        ...objectOf(value),
        ...(memberOf(value, 'imagePullSecrets') !== undefined && { imagePullSecrets: secrets }),
      };
      const observed = projectServiceAccount(object);
      for (const [instance, wanted] of [
        [DEFAULT_NAMESPACE, []],
        [DEFAULT_NAMESPACE, ['a-copy']],
        ['elsewhere', ['a-copy', 'c-copy']],
      ] as const) {
        const whose = { instance, own: new Set<string>() };
        const edit = planReferences(observed, { wanted: new Set(wanted), kept: new Set(['b-copy']), ...whose });
        if (edit === undefined) continue;
        const patch = toJsonPatch(observed, edit).filter(({ op }) => op !== 'test') as Operation[];
        const after = applyPatch(deepClone(object), patch, true).newDocument as {
          imagePullSecrets?: { name?: string }[];
        };
        const record = new Set((observed.added ?? '').split(',').map((part) => part.trim()));
        const left = (after.imagePullSecrets ?? []).map(({ name = '' }) => name);
        for (const name of new Set(secrets.map(({ name = '' }) => name))) {
          const [was, is] = [secrets, left.map((each) => ({ name: each }))].map(
            (list) => list.filter((each) => (each.name ?? '') === name).length,
          );
          const entry = instance === DEFAULT_NAMESPACE ? name : `${name}@${instance}`;
          const mayLose = record.has(entry) && !wanted.some((each) => each === name) && name !== 'b-copy' ? 1 : 0;
          holds((is ?? 0) >= (was ?? 0) - mayLose, `an entry of another is gone: ${JSON.stringify(name)}`);
        }
      }
    },
  },
  {
    name: 'the record of copies on a custom object',
    samples: [
      JSON.stringify({
        metadata: { annotations: { [ANNOTATION_COPIES]: '{"/spec/a":["a-copy","other"],"/spec/b x":["y"]}' } },
      }),
      JSON.stringify({ metadata: { annotations: {} } }),
    ],
    words: ['{"/spec/a":', '["a-copy"]', '[]', '{}', '"__proto__"', 'constructor', 'null'],
    read(text) {
      const object = objectOf(asJson(text));
      const after = (notes: Readonly<Record<string, string | null>>): ApiObject => ({
        metadata: {
          ...object.metadata,
          annotations: Object.fromEntries(
            Object.entries({ ...object.metadata.annotations, ...notes }).filter(
              (entry): entry is [string, string] => entry[1] !== null,
            ),
          ),
        },
      });
      const copy = (copyName: string): RecordedCopy => ({ copyName, instance: DEFAULT_NAMESPACE });
      for (const place of ['/spec/a', 'constructor']) {
        const wrote = after(recorded(object, place, copy('a-copy'), false));
        holds(isRecorded(wrote, place, copy('a-copy')), `nothing was written down for ${place}`);
        const less = after(forgotten(object, (each) => each === place, copy('a-copy')));
        holds(!isRecorded(less, place, copy('a-copy')), 'it is not forgotten');
        for (const [where, name] of [
          ['/spec/b x', 'y'],
          [place, 'other'],
        ] as const)
          holds(isRecorded(less, where, copy(name)) === isRecorded(object, where, copy(name)), 'more was forgotten');
      }
    },
  },
  {
    name: 'the state Secret',
    samples: [
      JSON.stringify({
        proxies: {
          p: {
            applied: { mac: 'm', at: '2026-01-01T00:00:00Z' },
            verified: { mac: 'm', state: 'verified', why: 'w', at: '2026-01-01T00:00:00Z' },
          },
        },
        sources: {
          a: {
            secret: 'n/a',
            removals: 0,
            letGo: [],
            passed: ['d'],
            trying: { digest: 'd', state: 'canary', namespaces: [], proxies: [], before: [], why: [] },
            logins: { k: 'm' },
            unproven: [],
            held: [{ key: 'k', cause: 'refused', why: 'w', keeps: true, login: 'm', since: '2026-01-01T00:00:00Z' }],
            since: '2026-01-01T00:00:00Z',
          },
        },
        refusals: { x: { y: { times: 1, at: '2026-01-01T00:00:00Z', why: 'w' } } },
      }),
    ],
    words: ['"__proto__":{}', 'constructor', '2026-01-01', 'null', '+275760-09-13'],
    read(text) {
      const records = readRecords(text);
      const written = recordsText(records);
      same(recordsText(readRecords(written)), written, 'what was read and written');
    },
  },
  {
    name: 'custom objects, their pointers and elements',
    samples: [
      JSON.stringify({
        pointer: '/spec/pull~1x/0',
        spec: {
          pull: [{ name: 'a' }],
          upstreams: [{ registry: 'r.corp', credentialSecret: { name: 'a' } }],
          mirrors: [],
        },
      }),
      JSON.stringify({ pointer: '/spec/imagePullSecrets', spec: { imagePullSecrets: [{ name: 'x' }, null, 'y'] } }),
    ],
    words: ['~0', '~1', '/', '__proto__', 'constructor', 'length', '-', '/spec', 'r.corp'],
    read(text) {
      const value = asJson(text);
      const object = objectOf(value);
      const pointer = textOf(memberOf(value, 'pointer'));
      readField(value, pointer);
      same(readField({ [pointer]: 1 }, `/${escapePart(pointer)}`), { value: 1 }, 'an escaped part');
      for (const at of ['/spec/imagePullSecrets', pointer.startsWith('/') ? pointer : `/${pointer}`]) {
        const edit = addReference(object, at, 'copy');
        if ('problem' in edit) continue;
        const items = readField(object, at);
        const after = applyPatch<ApiObject>(
          deepClone(object) as ApiObject,
          edit.patch as Operation[],
          false,
          true,
          true,
        ).newDocument;
        const now = readField(after, at);
        const list = 'value' in now ? listOf(now.value) : [];
        const before = 'value' in items ? listOf(items.value) : [];
        same(list.slice(0, before.length), before, 'entries of others');
        holds(findReference(after, at, 'copy').length === 1, 'it is not there');
      }
      for (const list of ['upstreams', 'mirrors', pointer])
        for (const element of elementsOf(object, list)) {
          serves(element, 'r.corp');
          names(element, { name: 'a' });
        }
    },
  },
  {
    name: 'owners and times of objects',
    samples: [
      JSON.stringify({ metadata: { labels: { 'pullpass.dev/source': 'a', 'pullpass.dev/role': 'state' } } }),
      '2026-01-01T00:00:00Z',
    ],
    words: ['pullpass.dev/source', 'pullpass.dev/cache-proxy', 'app.kubernetes.io/managed-by'],
    share: 0.3,
    read(text) {
      for (const instance of [undefined, DEFAULT_NAMESPACE, 'elsewhere'])
        ownerOf(objectOf(asJson(text)).metadata, instance);
      timeOf(text);
    },
  },
];
