/** Rights for a list of namespaces: all that the cluster-wide ones do there, and nothing beyond. */
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../src/config/load.ts';
import { beyondTheList } from '../../src/proxies/kinds.ts';
import { allRights } from '../../src/plan/rights.ts';
import type { Right } from '../../src/plan/rights.ts';
import { FULL, GOOD } from '../config/documents.ts';

function configuration(text: string) {
  const parsed = parseConfiguration(text, 'test.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.configuration;
}
const controller = { namespace: 'pullpass-system', namespaces: ['team', 'web'] };
const grants = (rights: readonly Right[], namespace: string): string[] =>
  rights
    .filter((right) => right.namespace === namespace)
    .map(({ resource, verbs, resourceNames }) =>
      `${verbs.join('+')} ${resource} ${resourceNames?.join() ?? ''}`.trim(),
    );

test('every right is in a namespace', () => {
  for (const text of [GOOD, FULL, `${GOOD}schedules: { audit: "0 * * * *" }\n`])
    expect(allRights(configuration(text), controller).filter(({ namespace }) => namespace === undefined)).toEqual([]);
});

test('each listed namespace has the same, and no other namespace has it', () => {
  const rights = allRights(configuration(`${GOOD}schedules: { audit: "0 * * * *" }\n`), controller);
  expect(grants(rights, 'team')).toEqual([
    'get+list+watch+patch serviceaccounts',
    'create+patch events',
    'get+list+watch+create+patch+delete secrets upstream-registry',
    'list pods',
  ]);
  expect(grants(rights, 'web')).toEqual(grants(rights, 'team'));
  expect(grants(rights, 'pullpass-system')).toEqual([
    'create+patch events',
    'get+list+watch secrets upstream-registry',
    'get+update leases pullpass-controller',
    'create leases',
    'get+create+patch secrets pullpass-state',
    'get+create+patch configmaps pullpass-status',
  ]);
});

test('Events about a source are allowed where its Secret is', () => {
  const elsewhere = configuration(GOOD.replace('namespace: pullpass-system', 'namespace: logins'));
  expect(grants(allRights(elsewhere, controller), 'logins')).toContain('create+patch events');
});

test('without a list the rights are those of the cluster, and nothing is beyond', () => {
  const { namespaces: _, ...plain } = controller;
  expect(allRights(configuration(GOOD), plain)[0]).toMatchObject({ resource: 'namespaces' });
  expect(beyondTheList(configuration(FULL), { ...plain, secureReport: true })).toEqual([]);
});

const preheater = (object: string): string => `
cacheProxies:
  - { name: mine, kind: custom-resource, source: upstream, registry: docker.io, path: /spec/secret, form: name, ${object} }
`;
const OBJECT = 'apiVersion: example.com/v1, resource: mirrors, name: main';
test.each<[string, string, RegExp[], string?]>([
  ['all is well', '', []],
  [
    'the report object is one of the cluster',
    'schedules: { audit: "0 * * * *" }\naudit: { reportObject: true }\n',
    [/^set audit\.reportObject to false: to publish the audit/, /^set audit\.reportObject to false/],
  ],
  ['a custom object in a listed namespace', preheater(`object: { ${OBJECT}, namespace: team }`), []],
  [
    'one of the cluster, with its copy in a listed namespace',
    preheater(`object: { ${OBJECT} }, copyNamespace: team`),
    [
      /^take the cache proxy out of the configuration, .*: to point the object of a cache proxy at the copy needs rights on mirrors\.example\.com/,
    ],
  ],
  [
    'the labels of namespaces',
    '',
    [
      /^take namespaces\.selector out of source upstream: to read the labels of a namespace needs rights which no namespace has$/,
    ],
    '    namespaces: { selector: { matchLabels: { env: prod } } }\n',
  ],
  [
    'one whose copy is in a namespace that is not listed',
    preheater(`object: { ${OBJECT}, namespace: elsewhere }`),
    [/^add elsewhere to the list: cache proxy mine reads the copy there$/],
  ],
])('%s', (_, more, lines, ofSource = '') => {
  expect(beyondTheList(configuration(GOOD + ofSource + more), controller)).toEqual(
    lines.map((line) => expect.stringMatching(line) as string),
  );
});

test('to ask whose a token is, is a right on the cluster', () => {
  expect(beyondTheList(configuration(GOOD), { ...controller, secureReport: true })).toEqual([
    expect.stringMatching(/^leave out --secure-report: .*tokenreviews/),
    expect.stringMatching(/^leave out --secure-report: .*subjectaccessreviews/),
  ]);
});
