/** What `validate` refuses of a cache proxy, a probe and the name of a registry; each at its line. */
import { describe, expect, test } from 'vitest';
import { parseConfiguration } from '../../src/config/load.ts';
import { GOOD } from './documents.ts';

function lines(text: string): string[] {
  const result = parseConfiguration(text, 'c.yaml');
  return result.ok ? [] : result.problems.map(({ line, path, message }) => `${line}: ${path}: ${message}`);
}
const SECRET = 'secret: { namespace: n, name: s }';
const API = 'url: https://h.corp, admin: { secret: { namespace: n, name: a } }';
/** The proxy's own fields are line 9. */
const proxy = (fields: string, registry = 'docker.io', text = GOOD): string =>
  `${text}cacheProxies:\n  - { name: p, source: upstream, registry: "${registry}",\n      ${fields} }\n`;

describe('a kind that cannot serve its registry is refused', () => {
  test('GitLab serves Docker Hub only', () => {
    for (const registry of ['docker.io', 'https://index.docker.io/v1/', 'registry-1.docker.io'])
      expect(lines(proxy(`kind: gitlab, ${API}, group: g`, registry))).toEqual([]);
    for (const registry of ['quay.io', 'docker.io/corp'])
      expect(lines(proxy(`kind: gitlab, ${API}, group: g`, registry))).toEqual([
        `8: cacheProxies[0].registry: is "${registry}", and GitLab's dependency proxy pulls from Docker Hub only: write docker.io, or use a product of another kind`,
      ]);
  });
});

describe('a probe', () => {
  const zot = (probe: string): string => proxy(`kind: zot, ${SECRET}, probe: { ${probe} }`);

  test.each([
    'url: http://hub-cache.registry-cache:5000, repository: corp/app',
    'url: https://h.corp/artifactory/api/docker/hub, repository: a, reference: v1.2_3-4, upstreamRepository: corp/a__b',
    `url: "http://[fd00::1]:5000", repository: corp/app, reference: "sha256:${'0'.repeat(64)}"`,
  ])('may be { %s }', (probe) => {
    expect(lines(zot(probe))).toEqual([]);
  });

  test.each([
    ['url: https://hunter2:hunter2@c.corp, repository: a', 'probe.url: holds a login: give it in a Secret'],
    ['url: https://hunter2@c.corp, repository: a', 'probe.url: holds a login: give it in a Secret'],
    [
      'url: https://c.corp?hunter2, repository: a',
      'probe.url: has a query or fragment: write only scheme, host and path',
    ],
    [
      'url: "https://c.corp/#hunter2", repository: a',
      'probe.url: has a query or fragment: write only scheme, host and path',
    ],
    ['url: c.corp, repository: a', 'probe.url: is not an http:// or https:// URL'],
    ...['Corp/app', 'corp/app:1', 'https://c.corp/a', '../a', 'a//b', '/a', 'a b', ''].map((name) => [
      `url: https://c.corp, repository: "${name}"`,
      'probe.repository: is not a repository, such as "corp/app": lower case, without host and tag',
    ]),
    [
      'url: https://c.corp, repository: a, upstreamRepository: "a:1"',
      'probe.upstreamRepository: is not a repository, such as "corp/app": lower case, without host and tag',
    ],
    ...['', '-1', 'a/b', 'sha256:0', ':1', 'a:b'].map((reference) => [
      `url: https://c.corp, repository: a, reference: "${reference}"`,
      'probe.reference: is not a tag, nor a digest such as sha256:...',
    ]),
  ] as [string, string][])('may not be { %s }', (probe, line) => {
    expect(lines(zot(probe))).toEqual([`9: cacheProxies[0].${line}`]);
  });

  test.each([
    ['kube-fledged', 'object: { namespace: team, name: o }'],
    ['image-puller', 'object: { namespace: team, name: o }'],
    ['kube-image-keeper', 'object: { kind: ClusterReplicatedImageSet, name: o }, copyNamespace: team'],
  ])('has nothing to ask with kind %s', (kind, fields) => {
    expect(lines(proxy(`kind: ${kind}, ${fields}`))).toEqual([]);
    expect(lines(proxy(`kind: ${kind}, ${fields}, probe: { url: https://c.corp, repository: a }`))).toEqual([
      `9: cacheProxies[0].probe: must not be there: ${kind} has no endpoint through which an image could be asked for; nodes pull, with the copy`,
    ]);
  });

  test('may be with custom-resource and webhook', () => {
    const probe = 'probe: { url: https://c.corp, repository: a }';
    expect(lines(proxy(`kind: webhook, ${API}, ${probe}`))).toEqual([]);
    expect(
      lines(
        proxy(
          `kind: custom-resource, object: { apiVersion: a/v1, resource: rs, namespace: t, name: o }, path: /s, ${probe}`,
        ),
      ),
    ).toEqual([]);
  });

  test('may not push with a Secret that the configuration writes', () => {
    expect(
      lines(zot('url: https://c.corp, repository: a, push: { secret: { namespace: x, name: upstream-registry } }')),
    ).toEqual([
      expect.stringContaining(
        'sources[0].copyName: is the name of the Secret that the probe of cache proxy "p" pushes with',
      ) as string,
    ]);
  });
});

test.each(['harbor, endpoint: e', 'nexus, repository: r', 'artifactory, repository: r', 'gitlab, group: g', 'webhook'])(
  'the URL of an API holds no login: %s',
  (kind) => {
    const fields = `kind: ${kind}, ${API.replace('https://', 'https://admin:hunter2@')}`;
    expect(lines(proxy(fields))).toEqual(['9: cacheProxies[0].url: holds a login: give it in a Secret']);
  },
);

describe('a product reads the copy only where the guard admits one', () => {
  const guarded = (guard: string): string => `${GOOD}    namespaces: ${guard}\n`;
  const TARGETS: [string, string][] = [
    ['copyNamespace', 'kind: kube-image-keeper, object: { kind: ClusterImageSetMirror, name: o }, copyNamespace: NS'],
    ['object.namespace', 'kind: kube-fledged, object: { namespace: NS, name: o }'],
    ['object.namespace', 'kind: image-puller, object: { namespace: NS, name: o }'],
    [
      'object.namespace',
      'kind: custom-resource, object: { apiVersion: a/v1, resource: rs, namespace: NS, name: o }, path: /s',
    ],
    [
      'copyNamespace',
      'kind: custom-resource, object: { apiVersion: a/v1, resource: rs, name: o }, path: /s, copyNamespace: NS',
    ],
  ];

  test.each(TARGETS)('%s of %s', (path, fields) => {
    const at = (namespace: string, text = GOOD) => lines(proxy(fields.replace('NS', namespace), 'docker.io', text));
    const refused = (namespace: string) =>
      expect.stringContaining(
        `cacheProxies[0].${path}: is "${namespace}", which the guard of source "upstream" does not admit, so that no copy is ever there`,
      ) as string;
    expect(at('team-a')).toEqual([]);
    expect(at('kube-system')).toEqual([refused('kube-system')]);
    expect(at('pullpass-system')).toEqual([refused('pullpass-system')]);
    expect(at('team-a', guarded('{ allow: ["apps-*"] }'))).toEqual([refused('team-a')]);
    expect(at('team-a', guarded('{ allow: ["team-*"], deny: [team-a] }'))).toEqual([refused('team-a')]);
    expect(at('kube-system', guarded('{ deny: [] }'))).toEqual([]);
  });

  test('nothing is said of a guard with errors of its own', () => {
    expect(
      lines(proxy('kind: kube-fledged, object: { namespace: t, name: o }', 'docker.io', guarded('{ allow: [T] }'))),
    ).toEqual([expect.stringContaining('namespaces.allow[0]: is not a pattern') as string]);
  });
});

describe('the name of a registry', () => {
  const PLACES: Record<string, (name: string) => string> = {
    'cacheProxies[0].registry': (name) => proxy(`kind: zot, ${SECRET}`, name),
    'cacheProxies[0].hosts[0]': (name) => proxy(`kind: zot, ${SECRET}, hosts: ["${name}"]`),
    'cacheProxies[0].host': (name) =>
      proxy(
        `kind: kube-image-keeper, object: { kind: ClusterImageSetMirror, name: o }, copyNamespace: t, host: "${name}"`,
      ),
    'sources[0].aliases[0].host': (name) => `${GOOD}    aliases: [{ host: "${name}", from: docker.io }]\n`,
    'registries[0].host': (name) => `${GOOD}registries: [{ host: "${name}" }]\n`,
  };
  const places = Object.keys(PLACES);
  const said = (place: string, name: string): string[] =>
    lines(PLACES[place]?.(name) ?? '').map((line) => line.replace(/^\d+: /, ''));

  test.each(places)('%s may be a host', (place) => {
    for (const name of ['quay.io', 'registry.corp:5000', 'localhost:5000', '10.0.0.1', '[fd00::1]:5000', 'docker.io'])
      // Whether kube-image-keeper finds a login under the host is another question.
      expect(said(place, name).filter((line) => !line.includes(' has no alias for it'))).toEqual([]);
  });

  test.each([
    ...places.flatMap((place) => [
      [place, '', 'is empty'],
      [place, 'a b.corp', 'no spaces, no characters outside ASCII'],
      [place, 'a\\tb', 'no spaces, no characters outside ASCII'],
      [place, 'bücher.corp', 'no spaces, no characters outside ASCII'],
      [place, 'hunter2:hunter2@quay.io', 'holds a login or a digest'],
      [place, 'quay.io?hunter2', 'has a \\"?\\" or \\"#\\"'],
      [place, 'ftp://quay.io', 'has a scheme that no registry has'],
      [place, 'quay.io:x', 'is not a registry'],
      [place, 'quay.io:99999', 'is not a registry'],
      [place, '/corp', 'is not a registry'],
      ...(place.includes('aliases') ? [] : [[place, '*.corp', 'is a pattern: write one host']]),
    ]),
    ...['cacheProxies[0].host', 'registries[0].host'].flatMap((place) => [
      [place, 'https://quay.io', 'must be without a scheme: write host or host:port'],
      [place, 'quay.io/corp', 'must be without a path: write host or host:port'],
    ]),
  ] as [string, string, string][])('%s may not be "%s"', (place, name, why) => {
    const found = said(place, name);
    expect(found).toEqual([expect.stringContaining(why.replaceAll('\\', '')) as string]);
    expect(found[0]?.startsWith(`${place}: `)).toBe(true);
    expect(found[0]).not.toContain('hunter2');
  });

  test('may have a path or a scheme where it is a key of a source, and a glob where it is one of a copy', () => {
    for (const name of ['https://quay.io/v2/', 'quay.io/corp', 'https://index.docker.io/v1/'])
      expect(said('cacheProxies[0].registry', name)).toEqual([]);
    for (const name of [
      'https://quay.io/v2/',
      'harbor.corp:443/dockerhub',
      '*.corp.example',
      'https://index.docker.io/v1/',
    ])
      expect(said('sources[0].aliases[0].host', name)).toEqual([]);
    expect(said('cacheProxies[0].hosts[0]', 'https://registry-1.docker.io/v2/')).toEqual([]);
  });

  test('of Docker Hub, as people think it is, is refused with the right one', () => {
    for (const name of ['docker.com', 'hub.docker.com', 'registry.docker.com', 'index.docker.com', 'dockerhub'])
      expect(Object.fromEntries(places.map((place) => [place, said(place, name)]))).toEqual({
        'cacheProxies[0].registry': ['cacheProxies[0].registry: is no name of Docker Hub: write docker.io'],
        'cacheProxies[0].hosts[0]': ['cacheProxies[0].hosts[0]: is no name of Docker Hub: write registry-1.docker.io'],
        'cacheProxies[0].host': ['cacheProxies[0].host: is no name of Docker Hub: write docker.io'],
        'sources[0].aliases[0].host': [
          'sources[0].aliases[0].host: is no name of Docker Hub: write https://index.docker.io/v1/',
        ],
        'registries[0].host': ['registries[0].host: is no name of Docker Hub: write docker.io'],
      });
    expect(said('cacheProxies[0].registry', 'hub.docker.com/r/corp')).toEqual([
      'cacheProxies[0].registry: is no name of Docker Hub: write docker.io/corp',
    ]);
    // Pullpass reads each of its own names; but in a copy no kubelet would use this one.
    expect(said('cacheProxies[0].registry', 'index.docker.io:443')).toEqual([]);
    expect(said('sources[0].aliases[0].host', 'index.docker.io:443')).toEqual([
      expect.stringContaining('write https://index.docker.io/v1/') as string,
    ]);
    expect(said('sources[0].aliases[0].host', 'registry-1.docker.io')).toEqual([]);
  });
});
