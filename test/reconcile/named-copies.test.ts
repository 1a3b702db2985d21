/** Which objects still name a copy that is to go: with objects that a test plays. */
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { nameOf, readNamedCopies } from '../../src/reconcile/named-copies.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { account, copy, namespace, scope, source } from '../plan/observations.ts';

const PLACE = '/spec/imagePullSecrets';
const puller = (name: string, parts: object = {}) => ({
  name,
  kind: 'image-puller',
  source: 'hub',
  registry: 'docker.io',
  object: { namespace: 'team', name: 'puller' },
  ...parts,
});
const configured = (cacheProxies: object[], retiredCopyNames: string[] = []) =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'hub-copy' }],
    retiredCopyNames,
    cacheProxies,
  });

/** `names`: in the object of the puller; undefined: it is not there. `out`: the namespace opted out. */
async function named(
  configuration: ReturnType<typeof configured>,
  { names, out = false, ours = [] as string[] }: { names?: string | undefined; out?: boolean; ours?: string[] },
  options: Partial<Parameters<typeof readNamedCopies>[0]> = {},
) {
  const { client, calls } = scriptedClient(() => {
    if (names === undefined) throw refusal(404);
    return {
      metadata: { name: 'puller', annotations: { 'pullpass.dev/copies': JSON.stringify({ [PLACE]: ours }) } },
      spec: { imagePullSecrets: names },
    };
  });
  const config = { name: 'hub', copyName: 'hub-copy' };
  const observed = scope({
    namespace: namespace({ name: 'team', sync: out ? 'disabled' : 'enabled' }),
    serviceAccounts: [account({ namespace: 'team' })],
    sources: [source({ config })],
    copies: [copy({ namespace: 'team', name: 'hub-copy', source: 'hub' })],
  });
  const found = await readNamedCopies({
    client,
    configuration,
    snapshot: { scopes: [observed], world: { instance: 'pullpass-system' } },
    ...options,
  });
  return { found, calls };
}

const reference = {
  copyName: 'hub-copy',
  place: PLACE,
  ours: true,
  proxy: 'puller',
  object: 'KubernetesImagePuller "team/puller"',
  namespace: 'team',
};

test('a copy that stays is not looked for', async () => {
  const { found, calls } = await named(configured([puller('puller')]), { names: 'hub-copy' });
  expect([found, calls]).toEqual([[], []]);
});

test('a copy that goes is, with its place and whose the reference is', async () => {
  const configuration = configured([puller('puller')]);
  expect((await named(configuration, { names: 'x;hub-copy', out: true, ours: ['hub-copy'] })).found).toEqual([
    reference,
  ]);
  expect((await named(configuration, { names: 'hub-copy', out: true })).found).toEqual([{ ...reference, ours: false }]);
  expect((await named(configuration, { names: 'other', out: true })).found).toEqual([]);
  expect((await named(configuration, { out: true })).found).toEqual([]);
});

test('a namespace that is not there has no copy that could stay', async () => {
  const { found } = await named(
    configured([puller('puller')]),
    { names: 'hub-copy' },
    { snapshot: { scopes: [], world: { instance: 'pullpass-system' } } },
  );
  expect(found).toEqual([{ ...reference, ours: false }]);
});

test('plans may be made as if nobody had opted in', async () => {
  const select = () => ({ choices: new Map([['hub', { in: false, why: 'disabled' } as const]]), problems: [] });
  const { found } = await named(configured([puller('puller')]), { names: 'hub-copy' }, { options: { select } });
  expect(found).toHaveLength(1);
});

test('a retired name is to go, whether the copy stays or not', async () => {
  const { found } = await named(configured([puller('puller')], ['old-copy']), { names: 'old-copy;hub-copy' });
  expect(found).toEqual([{ ...reference, copyName: 'old-copy', ours: false }]);
});

test('a place that several cache proxies share counts once, and one without an object that names a copy not at all', async () => {
  const zot = {
    name: 'cache',
    kind: 'zot',
    source: 'hub',
    registry: 'docker.io',
    secret: { namespace: 'team', name: 'l' },
  };
  const configuration = configured([puller('puller'), puller('again', { registry: 'quay.io' }), zot]);
  const { found } = await named(configuration, { names: 'hub-copy', out: true });
  expect(found.map(({ proxy }) => proxy)).toEqual(['again']);
});

test('an object that may not be read is an error, and a stop cuts the look', async () => {
  const configuration = configured([puller('puller')]);
  const { client } = scriptedClient(() => {
    throw refusal(403);
  });
  await expect(named(configuration, { out: true }, { client })).rejects.toThrow('403');
  await expect(named(configuration, { names: '', out: true }, { signal: AbortSignal.abort() })).rejects.toThrow(
    'stopped',
  );
});

test('a copy has one name in all messages', () => {
  expect(nameOf({ namespace: 'team', copyName: 'hub-copy' })).toBe('team/hub-copy');
});
