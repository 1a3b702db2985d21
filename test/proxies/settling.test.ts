/** How long each kind of cache proxy surely takes to work with a new login: docs/complete.md has the same figures. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import { settlingTime } from '../../src/proxies/settling.ts';

const secret = { namespace: 'n', name: 's' };
const api = { url: 'https://p.corp', admin: { secret: { namespace: 'n', name: 'a' } } };
const object = { namespace: 'team', name: 'o' };
const workload = { namespace: 'n', name: 'w' };
/** By kind: its own fields, and mount, lifetime and token in seconds, with a registry whose tokens live 77 s. */
const KINDS: Record<string, [fields: object, parts: [number, number, number]]> = {
  'distribution-helper': [{ secret }, [120, 60, 77]],
  template: [{ secret, files: { f: '{{username}}' } }, [120, 0, 77]],
  distribution: [{ secret, workload }, [0, 0, 0]],
  zot: [{ secret, workload }, [0, 0, 0]],
  harbor: [{ ...api, endpoint: 'e' }, [0, 0, 0]],
  nexus: [{ ...api, repository: 'r' }, [0, 0, 77]],
  artifactory: [{ ...api, repository: 'r' }, [0, 0, 77]],
  gitlab: [{ ...api, group: 'g' }, [0, 0, 77]],
  webhook: [api, [0, 0, 77]],
  'kube-image-keeper': [
    { object: { kind: 'ClusterReplicatedImageSet', name: 'o' }, copyNamespace: 'team' },
    [0, 12, 0],
  ],
  'kube-fledged': [{ object }, [0, 0, 0]],
  'image-puller': [{ object }, [0, 0, 0]],
  'custom-resource': [{ object: { ...object, apiVersion: 'a/v1', resource: 'rs' }, path: '/spec/s' }, [0, 0, 77]],
};

function proxyOf(kind: string, more: object = {}) {
  const [proxy] = createProxies(
    configurationSchema.parse({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [{ name: 'upstream', secret: { namespace: 's', name: 's' }, copyName: 'regcred' }],
      cacheProxies: [{ name: 'p', kind, source: 'upstream', registry: 'docker.io', ...KINDS[kind]?.[0], ...more }],
    }),
  );
  if (proxy === undefined) throw new Error('no proxy');
  return proxy;
}

test.each(Object.entries(KINDS))('%s', (kind, [, parts]) => {
  const { config, adapter } = proxyOf(kind);
  expect(settlingTime(config, adapter, 77).seconds).toBe(parts[0] + parts[1] + parts[2]);
  const settle = { mountSeconds: 1, lifetimeSeconds: 2, tokenSeconds: 4 };
  expect(settlingTime(proxyOf(kind, { settle }).config, adapter, 77).seconds).toBe(7);
});

test('is in the documentation', () => {
  const page = readFileSync(new URL('../../docs/complete.md', import.meta.url), 'utf8');
  const rows = [
    ...page.matchAll(/^\| (`.*?|everything else) \| (\d+) \| (\d+)[^|]* \| (0|.*as long as.*|the same) \|$/gm),
  ];
  const told = Object.keys(KINDS).map((kind) => {
    const row =
      rows.find(([, names = '']) => names.split(/, | without /).includes(`\`${kind}\``)) ??
      rows.find(([, names]) => names === 'everything else');
    return [kind, [Number(row?.[2]), Number(row?.[3]), row?.[4] === '0' ? 0 : 77]];
  });
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(Object.entries(KINDS).map(([kind, [, parts]]) => [kind, parts])),
  );
});
