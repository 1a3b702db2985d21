import { expect, test } from 'vitest';
import { validateConfiguration } from '../../src/commands/validate.ts';
import { FULL, GOOD } from '../config/documents.ts';

const warnings = (text: string): string[] =>
  validateConfiguration(text, 'c.yaml')
    .text.split('\n')
    .filter((line) => line.startsWith('warning: '));
const withGuard = (guard: string): string => `${GOOD}    namespaces: ${guard}\n`;

test('a good file gets a summary and one line a source', () => {
  expect(validateConfiguration(GOOD, 'c.yaml')).toEqual({
    exitCode: 0,
    text:
      'c.yaml: valid, 1 source\n' +
      ('  upstream: Secret pullpass-system/upstream-registry, copies "upstream-registry", namespaces * but ' +
        'not kube-* pullpass-system, in when they opt in, ServiceAccounts default'),
  });
});

test('a bad file gets every error and exit status 1', () => {
  expect(validateConfiguration(`${GOOD}a: 1\nb: 1\n`, 'stdin')).toEqual({
    exitCode: 1,
    text: expect.stringMatching(/^stdin:7:1: a: is not a known key.*\nstdin:8:1: b: is not a known key.*$/) as string,
  });
});

test('what is kept on opt-out and what is retired is pointed out', () => {
  expect(warnings(FULL)).toEqual([
    expect.stringContaining('sources[0].onOptOut: a namespace that opts out keeps its copy'),
    expect.stringContaining('retiredCopyNames: Pullpass deletes its Secrets named "old-registry"'),
    'warning: paused: nothing is written, and no rotation arrives, until it is false again',
    'warning: confirmRemoval: confirms another configuration than this one, and nothing here; take it out, or get the value for this one from `pullpass plan`',
  ]);
});

test.each([
  ['{ allow: [] }', true],
  ['{ allow: [team-a], deny: ["team-*"] }', true],
  ['{ allow: ["team-*"], deny: ["*"] }', true],
  ['{ allow: ["!a"], deny: ["*"] }', true],
  ['{ allow: ["fo*"], deny: ["*", "!foo"] }', false],
  ['{ allow: ["team-*"], deny: ["team-?"] }', false],
  ['{ allow: ["team-*"], deny: ["team-a*"] }', false],
])('a guard that admits no namespace is pointed out: %s -> %s', (guard, warned) => {
  expect(
    warnings(withGuard(guard)).some((line) => line.includes('sources[0].namespaces: the guard admits no namespace')),
  ).toBe(warned);
});

test.each([
  [
    '{ deny: [] }',
    'warning: sources[0].namespaces.deny: "kube-system", "kube-public", "kube-node-lease" may opt in; add "kube-*" unless that is meant',
  ],
  [
    '{ deny: [kube-system, pullpass-system] }',
    'warning: sources[0].namespaces.deny: "kube-public", "kube-node-lease" may opt in; add "kube-*" unless that is meant',
  ],
])('a guard that admits the namespaces of the cluster itself is pointed out: %s', (guard, line) => {
  expect(warnings(withGuard(guard))).toContain(line);
});

test('a guard that does not reach them anyway is not', () => {
  expect(warnings(withGuard('{ allow: ["team-*"], deny: [] }'))).toEqual([]);
});

test('a selector is shown, and that it is no guard against whoever may label, once', () => {
  const guard = '{ selector: { matchLabels: { env: prod }, matchExpressions: [{ key: x, operator: Exists }] } }';
  expect(warnings(withGuard(guard))).toEqual([
    'warning: sources[0].namespaces.selector: who may annotate a namespace may often label it, too; ' +
      'what must not get the credential belongs in "deny", or not in "allow"',
  ]);
  expect(validateConfiguration(withGuard(guard), 'c.yaml').text).toContain(
    'namespaces * but not kube-* pullpass-system, with labels env=prod,x, in when',
  );
});

test('what would make Argo CD prune copies is pointed out, and its options are not', () => {
  const of = (metadata: string) => warnings(`${GOOD}    copyMetadata: ${metadata}\n`);
  expect(of('{ annotations: { argocd.argoproj.io/sync-options: "Prune=false" } }')).toEqual([]);
  expect(of('{ labels: { app.kubernetes.io/instance: x, argocd.argoproj.io/instance: y } }')).toEqual([
    'warning: sources[0].copyMetadata: "argocd.argoproj.io/instance", "app.kubernetes.io/instance" can make Argo CD take each copy ' +
      'for a part of an application, and prune it; leave it out unless that is meant',
  ]);
});

test('a copy that would land on a source Secret is pointed out', () => {
  expect(warnings(withGuard('{ deny: ["kube-*"] }'))).toEqual([
    'warning: sources[0].copyName: namespace "pullpass-system" may opt in, but there "upstream-registry" ' +
      'is the source Secret of "upstream"; deny that namespace or choose another name',
  ]);
});

test('the cache proxies are listed: what each gets, and where that is written', () => {
  const secret = { namespace: 'cache', name: 'login' };
  const api = { url: 'https://p.corp', admin: { secret: { namespace: 'n', name: 'admin' } } };
  const object = { namespace: 'team', name: 'o' };
  const proxies = [
    { kind: 'distribution', secret, workload: { namespace: 'cache', name: 'hub' } },
    {
      kind: 'distribution-helper',
      secret: { ...secret, name: 'b' },
      probe: { url: 'https://c.corp/x', repository: 'corp/app' },
    },
    { kind: 'zot', secret: { ...secret, name: 'c' } },
    { kind: 'harbor', ...api, endpoint: 'hub' },
    { kind: 'nexus', ...api, repository: 'r' },
    { kind: 'gitlab', ...api, group: 'g/h' },
    { kind: 'webhook', ...api },
    { kind: 'kube-image-keeper', object: { kind: 'ClusterImageSetMirror', name: 'o' }, copyNamespace: 'team' },
    { kind: 'kube-fledged', object },
    { kind: 'image-puller', object },
    { kind: 'custom-resource', object: { ...object, apiVersion: 'a/v1', resource: 'things' }, path: '/s' },
  ].map((each, i) => ({ name: `p${i}`, source: 'upstream', registry: 'docker.io', ...each }));
  const { text, exitCode } = validateConfiguration(`${GOOD}cacheProxies: ${JSON.stringify(proxies)}\n`, 'c.yaml');
  expect(exitCode).toBe(0);
  const [head, , ...rest] = text.split('\n');
  expect(head).toBe('c.yaml: valid, 1 source, 11 cache proxies');
  const of = '"docker.io" of source upstream, writes';
  expect(rest).toEqual([
    `  cache proxy p0: distribution, ${of} Secret cache/login, then restarts Deployment cache/hub`,
    `  cache proxy p1: distribution-helper, ${of} Secret cache/b, probe corp/app at https://c.corp/x`,
    `  cache proxy p2: zot, ${of} Secret cache/c`,
    `  cache proxy p3: harbor, ${of} registry endpoint "hub" of https://p.corp/`,
    `  cache proxy p4: nexus, ${of} repository "r" of https://p.corp/`,
    `  cache proxy p5: gitlab, ${of} dependency proxy of group "g/h" of https://p.corp/`,
    `  cache proxy p6: webhook, ${of} to https://p.corp/`,
    `  cache proxy p7: kube-image-keeper, ${of} a reference in ClusterImageSetMirror o, to the copy in team`,
    `  cache proxy p8: kube-fledged, ${of} a reference in ImageCache team/o`,
    `  cache proxy p9: image-puller, ${of} a reference in KubernetesImagePuller team/o`,
    `  cache proxy p10: custom-resource, ${of} a reference in things team/o`,
  ]);
});

test.each([
  ['2099', 'is not a time with its zone (RFC 3339), such as 2027-01-31T18:00:00Z'],
  ['2020-01-01T00:00:00Z', 'is over'],
  ['9999-01-01T00:00:00Z', 'is more than 20 years away, and no login lives so long'],
])('a manifest whose annotation says %s as the end is warned of', (end, why) => {
  const manifest = {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/dockerconfigjson' },
    metadata: { name: 's', annotations: { 'pullpass.dev/expires-at': end } },
    stringData: { '.dockerconfigjson': '{"auths":{"r.test":{"username":"robot","password":"pw"}}}' },
  };
  const { text, exitCode } = validateConfiguration(JSON.stringify(manifest), 's.json');
  expect([exitCode, text.split('\n').at(-1)]).toEqual([0, `warning: annotation pullpass.dev/expires-at ${why}`]);
});
