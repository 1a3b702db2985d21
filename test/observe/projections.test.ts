/** What is kept of an object: few fields, and of each no more than a bounded part. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { metadataText } from '../../src/config/copy-metadata.ts';
import { describe, expect, test } from 'vitest';
import type { ApiObject } from '../../src/kube/list.ts';
import { projectCopy, projectNamespace, projectServiceAccount } from '../../src/observe/projections.ts';
import { ANNOTATION_ADDED, ANNOTATION_SERVICE_ACCOUNTS, ANNOTATION_SOURCES, ANNOTATION_SYNC } from '../../src/names.ts';
import { MAX_ANNOTATION, MAX_PULL_SECRETS } from '../../src/plan/bounds.ts';

const strays = (metadata: { annotations?: Record<string, string>; labels?: Record<string, string> }) =>
  projectNamespace({ metadata: { name: 'team-a', ...metadata } }).strays;

test('a key that begins like ours and is none, and a label where an annotation is meant, are kept as strays', () => {
  expect(
    strays({
      annotations: { 'pullpass.dev/synch': 'enabled', 'pullpass.dev/sync': 'enabled', team: 'a' },
      labels: { 'pullpass.dev/sync': 'enabled', team: 'a' },
    }),
  ).toEqual(['pullpass.dev/synch', 'label pullpass.dev/sync']);
});

test('keys that mean something, and those of others, are none; most namespaces keep nothing of the kind', () => {
  expect(
    projectNamespace({
      metadata: {
        name: 'team-a',
        annotations: {
          'pullpass.dev/sync': 'enabled',
          'pullpass.dev/sources': 'a',
          'pullpass.dev/service-accounts': '*',
          'notpullpass.dev/x': 'y',
        },
        labels: { 'example.com/pullpass.dev': 'x' },
      },
    }),
  ).not.toHaveProperty('strays');
});

test('of thousands only the first few are kept', () => {
  expect(
    strays({ annotations: Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`pullpass.dev/x${i}`, ''])) }),
  ).toHaveLength(5);
});

test('of labels only those are kept that a selector asks for, whatever a tenant adds', () => {
  const labels = {
    env: 'prod',
    constructor: 'x',
    ...Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`l${i}`, ''])),
  };
  const project = (...keys: string[]) =>
    projectNamespace({ metadata: { name: 'team-a', labels } }, new Set(keys)).labels;
  expect(project('env', 'constructor', 'absent')).toEqual({ env: 'prod', constructor: 'x' });
  expect(project()).toBeUndefined();
});

describe('what Pullpass gave a copy besides', () => {
  const LABEL = { 'pullpass.dev/source': 'hub', 'app.kubernetes.io/managed-by': 'pullpass' };
  const f = (...keys: string[]) => Object.fromEntries(keys.map((key) => [`f:${key}`, {}]));
  const applied = (
    labels: string[],
    annotations: string[] = [],
    by: object = { manager: 'pullpass', operation: 'Apply' },
  ) => ({
    ...by,
    fieldsV1: { 'f:metadata': { 'f:labels': f(...labels), 'f:annotations': f(...annotations) } },
  });
  const metadataOf = (labels: object, annotations: Record<string, string>, ...managedFields: object[]) =>
    projectCopy(
      { metadata: { name: 'c', labels: { ...LABEL, ...labels }, annotations, managedFields } },
      { digest: () => 'd', instance: 'pullpass-system' },
    ).metadata;

  test('is what it applied, with the values that are there; not what others wrote, nor its own labels', () => {
    const own = applied([...Object.keys(LABEL), 'team'], ['note']);
    expect(
      metadataOf(
        { team: 'a', theirs: 'x' },
        { note: 'b', more: 'y' },
        own,
        applied(['theirs'], ['more'], { manager: 'x', operation: 'Apply' }),
      ),
    ).toBe(metadataText({ labels: { team: 'a' }, annotations: { note: 'b' } }));
    expect(metadataOf({ team: 'changed' }, {}, own)).toBe(metadataText({ labels: { team: 'changed' } }));
  });

  test('is nothing where the server has no record, or of another write than an apply', () => {
    expect(metadataOf({ team: 'a' }, {})).toBeUndefined();
    expect(metadataOf({ team: 'a' }, {}, applied(Object.keys(LABEL)))).toBeUndefined();
    expect(
      metadataOf({ team: 'a' }, {}, applied(['team'], [], { manager: 'pullpass', operation: 'Update' })),
    ).toBeUndefined();
  });

  test('is bounded, although a tenant can write in the name of Pullpass', () => {
    const long = metadataOf({}, { note: 'x'.repeat(200_000) }, applied([], ['note']));
    expect(long?.length).toBe(4_097);
  });
});

describe('who undid a write', () => {
  const managedFields = [
    {
      manager: 'other',
      operation: 'Apply',
      fieldsV1: { 'f:imagePullSecrets': {}, 'f:data': { 'f:.dockerconfigjson': {} } },
    },
  ];
  const accountWith = (added: string | undefined, ...names: string[]) =>
    projectServiceAccount({
      metadata: { name: 'app', managedFields, ...(added && { annotations: { [ANNOTATION_ADDED]: added } }) },
      imagePullSecrets: names.map((name) => ({ name })),
    });

  test('is kept of a ServiceAccount that lacks what is in its record, and of no other', () => {
    expect(accountWith('hub,quay', 'hub').undoneBy).toBe('field manager "other", Apply');
    expect(accountWith('hub', 'hub', 'more')).not.toHaveProperty('undoneBy');
    expect(accountWith(undefined, 'more')).not.toHaveProperty('undoneBy');
  });

  test('is kept of a copy, and not of a Secret that is none', () => {
    const labels = { 'pullpass.dev/source': 'hub' };
    const by = { digest: (): string => 'd', instance: 'pullpass-system' };
    expect(projectCopy({ metadata: { name: 'c', managedFields, labels } }, by).undoneBy).toContain('"other"');
    expect(projectCopy({ metadata: { name: 'c', managedFields } }, by)).not.toHaveProperty('undoneBy');
  });
});

describe('of an object as large as the API server takes', () => {
  const objects = 40;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const inUse = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const meta = (annotations: Record<string, string> = {}) => ({
    metadata: { name: 'x', namespace: 'team-a', uid: 'u', resourceVersion: '1', annotations },
  });
  /** What stays in memory of one object, in bytes, when it came as a line of a watch. */
  function kept(object: (n: number) => object, project: (object: never) => object): number {
    const all: object[] = [project(JSON.parse(JSON.stringify(object(0))) as never)];
    const before = inUse();
    for (let n = 0; n < objects; n++) all.push(project(JSON.parse(JSON.stringify(object(n))) as never));
    return (inUse() - before) / (all.length - 1);
  }
  const text = (n: number, size: number): string => `${n}${'x,'.repeat(size / 2)}`;

  test.each<[string, (n: number) => object]>([
    ['a record of 250 KiB', (n) => meta({ [ANNOTATION_ADDED]: text(n, 250 * 1024) })],
    ['a choice of 250 KiB', (n) => meta({ [ANNOTATION_SYNC]: text(n, 250 * 1024) })],
    ['one pull secret of 1 MB', (n) => ({ ...meta(), imagePullSecrets: [{ name: text(n, 1e6) }] })],
    [
      '100,000 pull secrets',
      (n) => ({ ...meta(), imagePullSecrets: Array.from({ length: 100_000 }, (_, i) => ({ name: `${n}-${i}` })) }),
    ],
    [
      'tokens and annotations of others',
      (n) => ({
        ...meta({ other: text(n, 250 * 1024) }),
        secrets: Array.from({ length: 10_000 }, (_, i) => ({ name: `${n}-${i}` })),
      }),
    ],
  ])('a ServiceAccount keeps no more than some KiB: %s', (_, object) => {
    expect(kept(object, projectServiceAccount)).toBeLessThan(16 * 1024);
  });

  test.each([ANNOTATION_SYNC, ANNOTATION_SOURCES, ANNOTATION_SERVICE_ACCOUNTS])(
    'a Namespace keeps no more than some KiB: %s',
    (key) => {
      expect(kept((n) => meta({ [key]: text(n, 250 * 1024) }), projectNamespace)).toBeLessThan(16 * 1024);
    },
  );

  test('a Secret by the name of a copy keeps no more than some KiB', () => {
    expect(
      kept(
        (n) => ({ ...meta(), type: text(n, 1e6) }),
        (object: ApiObject) => projectCopy(object, { digest: () => 'digest', instance: 'pullpass-system' }),
      ),
    ).toBeLessThan(16 * 1024);
  });
});

test('what counts is kept as it was written; of more, one character shows that there was more', () => {
  const most = 'ä'.repeat(MAX_ANNOTATION);
  const of = (annotations: Record<string, string>) => projectServiceAccount({ metadata: { name: 'x', annotations } });
  expect(of({ [ANNOTATION_ADDED]: most, [ANNOTATION_SYNC]: 'disabled' })).toMatchObject({
    added: most,
    sync: 'disabled',
  });
  expect(of({ [ANNOTATION_ADDED]: `${most}äää` }).added).toBe(`${most}ä`);
  expect(
    projectNamespace({ metadata: { name: 'x', annotations: { [ANNOTATION_SOURCES]: `${most}bcd` } } }).sources,
  ).toBe(`${most}b`);
});

test('a list of pull secrets is kept whole, or not at all', () => {
  const of = (names: string[]) =>
    projectServiceAccount({ metadata: { name: 'x' }, imagePullSecrets: names.map((name) => ({ name })) });
  const most = Array.from({ length: MAX_PULL_SECRETS }, (_, i) => `s${i}`);
  expect(of(most)).toMatchObject({ pullSecrets: most });
  expect(of(most)).not.toHaveProperty('oversized');
  expect(of([...most, 'more'])).toMatchObject({ pullSecrets: undefined, oversized: true });
  expect(of(['x'.repeat(MAX_ANNOTATION - 1)]).oversized).toBeUndefined();
  expect(of(['x'.repeat(MAX_ANNOTATION)]).oversized).toBe(true);
});

test('of a copy is kept what may be in its way: whose it is, who made it, and what cannot be changed or keeps it', () => {
  const seen = (metadata: object, rest: object = {}) =>
    projectCopy(
      { metadata: { name: 'c', labels: { 'pullpass.dev/source': 'hub' }, ...metadata }, ...rest },
      { digest: (text) => text, instance: 'pullpass-system' },
    );
  const by = (...managers: string[]) => ({ managedFields: managers.map((manager) => ({ manager })) });
  const labels = { 'pullpass.dev/source': 'hub', 'pullpass.dev/instance': 'team-tools' };
  expect(seen({ labels })).toMatchObject({ ours: false, other: 'instance', instance: 'team-tools' });
  expect(seen({})).toMatchObject({ ours: true, instance: undefined });
  expect(seen({}, { immutable: true }).immutable).toBe(true);
  expect(seen({}, { immutable: false })).not.toHaveProperty('immutable');
  expect(seen(by('kubectl-create')).handmade).toBe(true);
  for (const metadata of [{}, by('pullpass'), by('pullpass', 'kubectl-edit')])
    expect(seen(metadata)).not.toHaveProperty('handmade');
  const finalizers = Array.from({ length: 1_000 }, (_, i) => `example.com/${'x'.repeat(100)}${i}`);
  expect(seen({ finalizers })).not.toHaveProperty('finalizers');
  expect(seen({ finalizers, deletionTimestamp: '2030-01-01T00:00:00Z' }).finalizers).toEqual(finalizers.slice(0, 4));
  expect(seen({ finalizers: [], deletionTimestamp: '2030-01-01T00:00:00Z' })).not.toHaveProperty('finalizers');
});
