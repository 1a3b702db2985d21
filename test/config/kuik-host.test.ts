/** kube-image-keeper asks for the host of its own object: the source must have a login for it, by an alias. */
import { expect, test } from 'vitest';
import { parseConfiguration, renderProblem } from '../../src/config/load.ts';

/** The problems of a configuration, without the file's name. */
function problems(registry: string, host: string | undefined, aliases: object[] = []): string[] {
  const parsed = parseConfiguration(
    JSON.stringify({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [
        {
          name: 'other',
          secret: { namespace: 's', name: 'o' },
          copyName: 'o',
          aliases: [{ host: 'mirror.corp', from: registry }],
        },
        { name: 'hub', secret: { namespace: 's', name: 'h' }, copyName: 'h', aliases },
      ],
      cacheProxies: [
        {
          name: 'kuik',
          kind: 'kube-image-keeper',
          source: 'hub',
          registry,
          ...(host !== undefined && { host }),
          object: { kind: 'ClusterReplicatedImageSet', name: 'set' },
          copyNamespace: 'kuik-system',
        },
      ],
    }),
    'f.yaml',
  );
  return parsed.ok
    ? []
    : parsed.problems.map((problem) => renderProblem(problem).replace(/^f\.yaml:\d+(?::\d+)?: /, ''));
}

test.each<[string, string | undefined, object[]]>([
  ['docker.io', undefined, []],
  ['docker.io', 'docker.io', []],
  ['https://index.docker.io/v1/', 'docker.io', []],
  ['registry-1.docker.io', 'index.docker.io', []],
  ['quay.io/corp', 'quay.io', []],
  ['docker.io', 'mirror.corp', [{ host: 'mirror.corp', from: 'index.docker.io' }]],
  ['docker.io', 'mirror.corp:8443', [{ host: 'mirror.corp:8443/hub', from: 'docker.io' }]],
  ['docker.io', 'mirror.corp', [{ host: '*.corp', from: 'docker.io' }]],
  ['docker.io', 'registry-1.docker.io', [{ host: 'registry-1.docker.io', from: 'docker.io' }]],
])('%s asked as %s with %j is in order', (registry, host, aliases) => {
  expect(problems(registry, host, aliases)).toEqual([]);
});

test.each<[string, string, object[]]>([
  ['docker.io', 'mirror.corp', []],
  ['docker.io', 'mirror.corp', [{ host: 'mirror.corp:8443', from: 'docker.io' }]],
  ['docker.io', 'registry-1.docker.io', []],
  ['quay.io', 'quay.io:8443', []],
])('%s asked as %s with %j has no login', (registry, host, aliases) => {
  expect(problems(registry, host, aliases)).toEqual([
    expect.stringContaining(
      `is another host than that of "${registry}", and source "hub" has no alias for it, so kube-image-keeper would pull ` +
        `anonymously: add { host: "${host}", from: "${registry}" } to its aliases`,
    ),
  ]);
});

test.each([{ from: 'quay.io' }, { login: { secret: 'mirror-login' } }])('an alias %j gives another login', (login) => {
  expect(problems('docker.io', 'mirror.corp', [{ host: 'mirror.corp', ...login }])).toEqual([
    expect.stringContaining('has an alias with another login than that of "docker.io"'),
  ]);
});
