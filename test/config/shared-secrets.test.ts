/** Cache proxies that name one Secret: which may, and one line for what two of them cannot both have. */
import { expect, test } from 'vitest';
import { parseConfiguration, renderProblem } from '../../src/config/load.ts';
import { sharersOf } from '../../src/config/shared-secrets.ts';

const SECRET = 'secret: { namespace: n, name: s }';
const WORKLOAD = 'workload: { namespace: n, name: zot }';
const lines = (...proxies: string[]): string[] => {
  const text = [
    'apiVersion: pullpass.dev/v1alpha1',
    'kind: Configuration',
    'sources: [{ name: a, secret: { namespace: s, name: s }, copyName: c }]',
    'cacheProxies:',
    ...proxies.map((fields, i) => `  - { name: p${i}, source: a, ${fields} }`),
  ].join('\n');
  const result = parseConfiguration(text, 'c.yaml');
  return result.ok ? [] : result.problems.map(renderProblem);
};
const zot = (registry: string, more = ''): string => `kind: zot, registry: ${registry}, ${SECRET}${more}`;
const helper = (registry: string, key?: string): string =>
  `kind: distribution-helper, registry: ${registry}, ${SECRET}${key === undefined ? '' : `, key: ${key}`}`;

test.each([
  [
    [
      zot('docker.io', `, ${WORKLOAD}`),
      zot('ghcr.io', `, ${WORKLOAD}`),
      zot('quay.io', `, ${WORKLOAD.replace('{ ', '{ kind: Deployment, ')}`),
    ],
  ],
  [[zot('docker.io', ', hosts: [docker.io]'), zot('docker.io')]],
  [[helper('docker.io'), helper('ghcr.io', 'ghcr.io.json')]],
])('may be one file: %j', (proxies) => {
  expect(lines(...proxies)).toEqual([]);
});

test.each([
  [
    'another kind',
    [zot('docker.io'), helper('ghcr.io')],
    /cacheProxies\[1\]\.secret: is used twice: "n\/s"; two cache proxies cannot share one Secret$/,
  ],
  [
    'a kind of one login',
    [1, 2].map(() => `kind: distribution, registry: docker.io, ${SECRET}`),
    /cacheProxies\[1\]\.secret: is used twice/,
  ],
  [
    'one host twice',
    [zot('docker.io'), zot('index.docker.io')],
    /cacheProxies\[1\]\.registry: is used twice: "registry-1\.docker\.io", here and by cache proxy "p0" in the same Secret; one file has one login for a host$/,
  ],
  [
    'one host twice, as a URL',
    [zot('ghcr.io'), zot('quay.io', ', hosts: [quay.io, "https://ghcr.io/x"]')],
    /cacheProxies\[1\]\.hosts: is used twice: "ghcr\.io"/,
  ],
  [
    'another key',
    [zot('docker.io'), zot('ghcr.io', ', key: b.json')],
    /cacheProxies\[1\]\.key: must be that of cache proxy "p0", for one zot reads this Secret$/,
  ],
  [
    'no workload',
    [zot('docker.io', `, ${WORKLOAD}`), zot('ghcr.io')],
    /cacheProxies\[1\](?:\.workload)?: must be that of cache proxy "p0"/,
  ],
  [
    'another workload',
    [zot('docker.io', `, ${WORKLOAD}`), zot('ghcr.io', `, ${WORKLOAD.replace('zot', 'x')}`)],
    /cacheProxies\[1\]\.workload: must be that of cache proxy "p0"/,
  ],
  [
    'one key twice',
    [helper('docker.io'), helper('ghcr.io')],
    /cacheProxies\[1\]\.key: is used twice: "credentials\.json", here and by cache proxy "p0" in the same Secret; give each its own key$/,
  ],
])('with %s are one line', (_, proxies, line) => {
  expect(lines(...proxies)).toEqual([expect.stringMatching(line)]);
});

test('a Secret of the same name in another namespace, or none, is not shared', () => {
  const [one, other, none] = [{ secret: { namespace: 'a', name: 's' } }, { secret: { namespace: 'b', name: 's' } }, {}];
  const all = [none, other, one];
  expect([sharersOf(all, one), sharersOf(all, none)]).toEqual([[one], []]);
});
