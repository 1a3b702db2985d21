import { expect, test } from 'vitest';
import { parseConfiguration } from '../../src/config/load.ts';
import { egressOf } from '../../src/plan/egress.ts';
import { GOOD } from '../config/documents.ts';

const BASE = [443, 6443];

function egress(more: string, ports: number[] = []): [ports: number[], namespaces: string[]] {
  const parsed = parseConfiguration(`${GOOD}${more}`, 'c.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const found = egressOf(parsed.configuration, { namespace: 'pullpass-system', ports });
  return [found.ports.filter((port) => !BASE.includes(port)), [...found.namespaces]];
}

const probed = (url: string): string =>
  `cacheProxies: [{ name: p, kind: zot, source: upstream, registry: docker.io, secret: { namespace: n, name: s }, ` +
  `probe: { url: ${JSON.stringify(url)}, repository: a/b } }]\n`;

test.each<[url: string, ports: number[], namespaces: string[]]>([
  ['http://hub.caches.svc:5000', [], ['caches']],
  ['http://hub.caches.svc.cluster.local.:5000/x', [], ['caches']],
  ['http://hub-0.hub.caches.svc:5000', [], ['caches']],
  ['http://hub.caches.svc.k8s.corp:5000', [5000], ['caches']],
  ['http://hub-cache.registry-cache:5000', [5000], ['registry-cache']],
  ['http://hub', [80], ['pullpass-system']],
  ['https://cache.example.com', [], []],
  ['https://cache.example.com:8443/base', [8443], []],
  ['HTTP://Cache.Example.COM', [80], []],
  ['https://10.0.0.5:5443', [5443], []],
  ['https://[2001:db8::1]:5444', [5444], []],
])('the probe of a cache proxy at %s', (url, ports, namespaces) => {
  expect(egress(probed(url))).toEqual([ports, namespaces]);
});

test('registry keys: their port, and no namespace unless they are a Service and nothing else', () => {
  const aliases =
    '    aliases: [{ host: "m.corp:5001", from: "a.corp:5002" }, { host: "h.infra.svc:5003", from: quay.io }]\n';
  expect(egress(aliases)).toEqual([[5001, 5002], ['infra']]);
});

test('a registry that is asked by plain http is reached on port 80, if it has no port of its own', () => {
  const registries = (plainHttp: boolean): string => `registries: [{ host: plain.corp, plainHttp: ${plainHttp} }]\n`;
  expect(egress(registries(true))).toEqual([[80], []]);
  expect(egress(registries(false))).toEqual([[], []]);
  expect(egress('registries: [{ host: "plain.corp:8080", plainHttp: true }]\n')).toEqual([[8080], []]);
});

test('the API of a product is reached, and more ports are added, each once and in order', () => {
  const harbor =
    'cacheProxies: [{ name: h, kind: harbor, source: upstream, registry: docker.io, url: "https://harbor.corp.example:8443", ' +
    'admin: { secret: { namespace: n, name: a } }, endpoint: hub }]\n';
  expect(egress(harbor, [3128, 80, 8443])).toEqual([[80, 3128, 8443], []]);
});
