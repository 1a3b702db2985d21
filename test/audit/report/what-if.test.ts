import { expect, test } from 'vitest';
import type { Observation, Template } from '../../../src/audit/observe/observation.ts';
import { whatIf } from '../../../src/audit/report/what-if.ts';
import type { Without } from '../../../src/audit/report/what-if.ts';
import { account, copy, namespace } from '../../plan/observations.ts';
import { content, goodScope, observation, secrets, workload } from '../observations.ts';

const CORP = content({ 'registry.corp': 'corp-password' });
const SAME = content({ 'registry.corp': 'corp-password', 'other.corp': 'corp-password' });
const OLD = content({ 'registry.corp': 'old-password' });
const image = 'registry.corp/app:1.0';
const template = (parts: Partial<Template> = {}): Template => ({
  namespace: 'team-a',
  owner: { kind: 'Deployment', name: 'web' },
  serviceAccount: 'default',
  pullSecrets: [],
  images: [image],
  ...parts,
});
/** `namespace kind/name by: image, then` of what changes. */
const lines = (seen: Partial<Observation>, without: Without): string[] =>
  whatIf(observation({ workloads: [], ...seen }), without).changed.map(
    ({ namespace, owner, by, then, other, unless }) =>
      [
        `${namespace} ${owner.kind}/${owner.name} ${by.join('+')}: ${then}`,
        ...(other ? [`${other.secret} ${other.key}`] : []),
        ...(unless ? [unless] : []),
      ].join(', '),
  );

test('a template that names a Secret loses its login with it, and so do the pods that it made', () => {
  const seen = {
    workloads: [workload({ pullSecrets: ['old'], images: [image] })],
    templates: [
      template({ pullSecrets: ['old'] }),
      template({ owner: { kind: 'CronJob', name: 'night' }, pullSecrets: ['old'] }),
    ],
    pullSecrets: secrets({ 'team-a/old': OLD }),
  };
  expect(lines(seen, { secret: 'old' })).toEqual([
    'team-a CronJob/night template: no login',
    'team-a Deployment/web pods+template: no login',
  ]);
  expect(lines(seen, { secret: 'old', namespace: 'team-b' })).toEqual([]);
});

test('a template without a list gets that of its ServiceAccount as it is now; its older pods keep theirs', () => {
  const seen = {
    scopes: [goodScope({ serviceAccounts: [account({ pullSecrets: ['regcred'] })] })],
    workloads: [workload({ pullSecrets: ['old'], images: [image] })],
    templates: [template()],
    pullSecrets: secrets({ 'team-a/old': OLD, 'team-a/regcred': CORP }),
  };
  expect(lines(seen, { secret: 'old' })).toEqual(['team-a Deployment/web pods: no login']);
  expect(lines(seen, { secret: 'regcred' })).toEqual(['team-a Deployment/web template: no login']);
});

test('another login that takes over is named; a Secret that was not read makes it unknown', () => {
  const templates = [template({ pullSecrets: ['old', 'more'] })];
  const without = { secret: 'old' };
  expect(lines({ templates, pullSecrets: secrets({ 'team-a/old': OLD, 'team-a/more': CORP }) }, without)).toEqual([
    'team-a Deployment/web template: another login, more registry.corp',
  ]);
  expect(lines({ templates, pullSecrets: secrets({ 'team-a/old': OLD, 'team-a/more': 'unseen' }) }, without)).toEqual([
    'team-a Deployment/web template: unknown',
  ]);
});

test('what a Secret that was not read has is unknown, and so is what goes with it', () => {
  const seen = (more: string[]) => ({
    templates: [template({ pullSecrets: ['old', ...more] })],
    pullSecrets: secrets({ 'team-a/old': 'unseen', 'team-a/more': CORP }),
  });
  expect(lines(seen([]), { secret: 'old' })).toEqual(['team-a Deployment/web template: unknown']);
  expect(lines(seen(['more']), { secret: 'old' })).toEqual([]);
});

test('what has no login now, or another registry, does not change', () => {
  const templates = [
    template({ images: ['elsewhere.corp/app'], pullSecrets: ['old'] }),
    template({ pullSecrets: ['gone'] }),
  ];
  const pullSecrets = secrets({ 'team-a/old': OLD, 'team-a/gone': 'missing' });
  expect(lines({ templates, pullSecrets }, { secret: 'old' })).toEqual([]);
});

test('without a source, its copies are gone, and not a Secret of somebody else with the same name', () => {
  const scopes = [
    goodScope({ copies: [copy({ source: 'hub' })] }),
    goodScope({
      namespace: namespace({ name: 'team-b' }),
      copies: [copy({ namespace: 'team-b', ours: false, source: 'hub' })],
    }),
  ];
  const templates = ['team-a', 'team-b'].map((namespace) => template({ namespace, pullSecrets: ['regcred'] }));
  const pullSecrets = secrets({ 'team-a/regcred': CORP, 'team-b/regcred': CORP });
  const { source = '' } = scopes[0]?.copies.get('regcred') ?? {};
  expect(lines({ scopes, templates, pullSecrets }, { source })).toEqual(['team-a Deployment/web template: no login']);
});

test('a revoked login is of no use wherever it is written down; another one for the same registry stays', () => {
  const [audited] = observation().sources;
  if (audited === undefined) throw new Error('no source');
  const seen = {
    sources: [{ ...audited, content: CORP, written: CORP }],
    templates: [
      template({ owner: { kind: 'Job', name: 'copy' }, pullSecrets: ['regcred'] }),
      template({ owner: { kind: 'Job', name: 'hand-made' }, pullSecrets: ['hand-made'] }),
      template({ owner: { kind: 'Job', name: 'own-login' }, pullSecrets: ['old'] }),
      template({ owner: { kind: 'Job', name: 'elsewhere' }, pullSecrets: ['hand-made'], images: ['other.corp/app'] }),
    ],
    pullSecrets: secrets({ 'team-a/regcred': CORP, 'team-a/hand-made': SAME, 'team-a/old': OLD }),
  };
  expect(lines(seen, { login: 'https://registry.corp/v1/' })).toEqual([
    'team-a Job/copy template: no login',
    'team-a Job/hand-made template: no login',
  ]);
});

test('where a pull may succeed without a login, that is said', () => {
  const hub = content({ 'https://index.docker.io/v1/': 'x', '123456789012.dkr.ecr.eu-west-1.amazonaws.com': 'x' });
  const images = ['nginx:1.27', '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1'];
  expect(
    lines(
      { templates: [template({ images, pullSecrets: ['old'] })], pullSecrets: secrets({ 'team-a/old': hub }) },
      { secret: 'old' },
    ),
  ).toEqual(['team-a Deployment/web template: no login, node', 'team-a Deployment/web template: no login, public']);
});

test('static pods have no pull Secrets: they lose nothing', () => {
  const workloads = [workload({ isStatic: true, pullSecrets: ['old'], images: [image] })];
  expect(lines({ workloads, pullSecrets: secrets({ 'team-a/old': OLD }) }, { secret: 'old' })).toEqual([]);
});
