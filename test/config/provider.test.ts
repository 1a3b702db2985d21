/** The document of a provider, its mistakes, and what is printed of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { rbacCommand } from '../../src/cli/rbac.ts';
import { validateConfiguration } from '../../src/commands/validate.ts';
import { renderProblem } from '../../src/config/mistake.ts';
import { parseProvider } from '../../src/config/provider.ts';
import { run } from '../commands/environment.ts';

const document = (...ask: string[]): string =>
  [
    'apiVersion: pullpass.dev/v1alpha1',
    'kind: Provider',
    'secret: { namespace: pullpass-system, name: ecr }',
    'ask:',
    ...ask.map((line) => `  ${line}`),
    '',
  ].join('\n');
const PLUGIN = ['plugin: ecr-credential-provider', 'image: registry.example.com/any:1.0'];
const HELPER = ['helper: docker-credential-x', 'registries: [a.example.com, b.example.com]', 'refreshEvery: 1h30m'];

function problems(text: string): string[] {
  const result = parseProvider(text, 'p.yaml');
  return result === undefined || result.ok ? [] : result.problems.map(renderProblem);
}

test('a plugin is asked about the image without its tag, a helper for each registry', () => {
  const ask = (lines: string[]): unknown => {
    const result = parseProvider(document(...lines), 'p.yaml');
    return result?.ok === true ? result.document.ask : result;
  };
  expect(ask(PLUGIN)).toMatchObject({ image: 'registry.example.com/any', args: [], env: [] });
  expect(ask(HELPER)).toMatchObject({ registries: ['a.example.com', 'b.example.com'], refreshEvery: 5_400_000 });
});

test('a text of another kind is none', () => {
  for (const text of ['', 'kind: Configuration\n# Provider', '{"kind":"Secret","Provider":1}', 'Provider: ['])
    expect(parseProvider(text, 'p.yaml')).toBeUndefined();
});

test.each([
  [
    'a path as plugin',
    ['plugin: ../../bin/sh', PLUGIN[1] ?? ''],
    'ask.plugin: is not the name of a file in the folder',
  ],
  ['an image without a registry', ['plugin: p', 'image: nginx'], 'ask.image: must name its registry and a repository'],
  ['PATH', [...PLUGIN, 'env: [{ name: PATH, value: /bin }]'], 'ask.env[0].name: is set by Pullpass'],
  ['a key that is not known', [...PLUGIN, 'arg: [x]'], 'ask.arg: is not a known key: did you mean "args"?'],
  ['a second of refreshEvery', [...PLUGIN, 'refreshEvery: 1s'], 'ask.refreshEvery: is not a duration from 10s to 24h'],
  [
    'a number as refreshEvery',
    [...PLUGIN, 'refreshEvery: 60'],
    'ask.refreshEvery: is a number, must be text: put it in quotes',
  ],
  ['a helper without refreshEvery', HELPER.slice(0, 2), 'ask.refreshEvery: is missing: add it'],
  [
    'a glob for a helper',
    ['helper: h', 'registries: ["*.example.com"]', 'refreshEvery: 1h'],
    'ask.registries[0]: is a pattern',
  ],
  [
    'a relative token file',
    [...PLUGIN, 'serviceAccount: { tokenFile: token }'],
    'ask.serviceAccount.tokenFile: is not an absolute path',
  ],
])('%s is one line with its place', (_, lines, message) => {
  const [problem, ...others] = problems(document(...lines));
  expect(others).toEqual([]);
  expect(problem).toMatch(/^p\.yaml:\d+:\d+: /);
  expect(problem).toContain(message);
});

test('neither a plugin nor a helper is one line, too', () => {
  expect(problems(document('image: registry.example.com/any'))).toHaveLength(1);
});

test('validate says what is asked for what', () => {
  expect(validateConfiguration(document(...PLUGIN), 'p.yaml')).toEqual({
    text: 'p.yaml: valid, a provider: Secret pullpass-system/ecr by plugin ecr-credential-provider for registry.example.com/any',
    exitCode: 0,
  });
  expect(validateConfiguration(document(...HELPER, 'x: 1'), 'p.yaml').exitCode).toBe(1);
});

const folder = mkdtempSync(path.join(tmpdir(), 'provider-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('rbac --for provider: one Secret by name, Events, and nothing in the cluster', async () => {
  const file = path.join(folder, 'p.yaml');
  writeFileSync(file, document(...PLUGIN));
  const { out } = await run(rbacCommand, ['--for', 'provider', '--config', file, '--service-account', 'ecr-provider']);
  const objects = parseAllDocuments(out).map((each) => each.toJS() as Record<string, unknown>);
  const metadata = { name: 'ecr-provider', namespace: 'pullpass-system' };
  expect(objects).toMatchObject([
    {
      kind: 'Role',
      metadata,
      rules: [
        { apiGroups: [''], resources: ['secrets'], resourceNames: ['ecr'], verbs: ['get', 'create', 'patch'] },
        { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
      ],
    },
    {
      kind: 'RoleBinding',
      metadata,
      roleRef: { kind: 'Role', name: 'ecr-provider' },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
  ]);
  await expect(run(rbacCommand, ['--for', 'provider'])).rejects.toThrow(/needs --config/);
  await expect(run(rbacCommand, ['--for', 'provider', '--config', file, '--policies'])).rejects.toThrow(
    /goes with none/,
  );
});
