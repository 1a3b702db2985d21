/** The workflows do what they need and no more, with actions that nobody can change under us. No run on GitHub has seen them yet. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../../release/names.ts';
import { run, tellMissing } from '../monitoring/tools.ts';
import { findTool } from './tools.ts';

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
interface Job {
  uses?: string;
  'runs-on'?: string;
  'timeout-minutes'?: number;
  permissions?: Record<string, string>;
  steps?: Step[];
}
interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  concurrency: object;
  jobs: Record<string, Job>;
}

const files = globSync('.github/workflows/*.yml', { cwd: ROOT }).sort();
const text = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const workflow = (file: string): Workflow => parse(text(file)) as Workflow;
const jobs = files.flatMap((file) => Object.entries(workflow(file).jobs).map(([name, job]) => ({ file, name, job })));
const steps = jobs.flatMap(({ file, name, job }) => (job.steps ?? []).map((step) => ({ file, name, step })));

test('there are workflows for changes, API servers, clusters, releases and code scanning', () => {
  expect(files.map((file) => path.basename(file, '.yml'))).toEqual(['api-servers', 'ci', 'codeql', 'e2e', 'release']);
});

describe.each(files)('%s', (file) => {
  test('grants nothing by default, and does not run twice for one branch', () => {
    expect(workflow(file)).toMatchObject({ permissions: {}, concurrency: { group: expect.any(String) as string } });
  });

  test('is started by nothing that lets a stranger run code with rights', () => {
    for (const event of ['pull_request_target', 'workflow_run', 'issue_comment', 'issues'])
      expect(workflow(file).on).not.toHaveProperty(event);
  });

  test('says that no run has seen it', () => {
    expect(text(file).split('\n')[0]).toContain('No run on GitHub has seen this workflow yet');
  });
});

test('each job says its rights, its machine and its limit', () => {
  for (const { file, name, job } of jobs) {
    expect(job.permissions, `${file}: ${name}`).toBeDefined();
    if (job.uses !== undefined) continue;
    expect(job['runs-on'], `${file}: ${name}`).not.toMatch(/latest/);
    expect(job['timeout-minutes'], `${file}: ${name}`).toBeLessThanOrEqual(40);
  }
});

test('only these jobs may write, and only this', () => {
  const writes = jobs.flatMap(({ file, name, job }) => {
    const rights = Object.entries(job.permissions ?? {}).flatMap(([right, level]) => (level === 'write' ? right : []));
    return rights.length > 0 ? `${path.basename(file)}: ${name}: ${rights.sort().join(', ')}` : [];
  });
  expect(writes.sort()).toEqual([
    'codeql.yml: analyze: security-events',
    'release.yml: chart: attestations, id-token, packages',
    'release.yml: image: attestations, id-token, packages',
    'release.yml: npm: id-token',
    'release.yml: release: contents',
  ]);
});

test('every action is pinned by commit, with its version beside it, and each to one commit', () => {
  const used = files.flatMap((file) => [...text(file).matchAll(/\buses: (.*)$/gm)].map(([, action = '']) => action));
  const pinned = used.filter((action) => !action.startsWith('./'));
  expect(pinned.length).toBeGreaterThan(20);
  expect(pinned.filter((action) => !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual([]);
  const actions = new Map<string, Set<string>>();
  for (const action of pinned) {
    const [name = '', commit = ''] = action.split('@');
    // Actions of one repository have one version.
    const repository = name.split('/').slice(0, 2).join('/');
    actions.set(repository, (actions.get(repository) ?? new Set()).add(commit));
  }
  for (const [repository, commits] of actions) expect([...commits], repository).toHaveLength(1);
});

test('a checkout leaves no token behind', () => {
  const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'));
  expect(checkouts.length).toBeGreaterThan(5);
  for (const { step, file } of checkouts) expect(step.with, file).toMatchObject({ 'persist-credentials': false });
});

test('no script has a value put into it as text: all come by variables', () => {
  expect(steps.filter(({ step }) => step.run?.includes('${{'))).toEqual([]);
});

test('the images of kind are pinned by digest', () => {
  const images = text('.github/workflows/e2e.yml').match(/kindest\/node:\S+/g) ?? [];
  expect(images).toHaveLength(3);
  for (const image of images) expect(image).toMatch(/^kindest\/node:v1\.\d+\.\d+@sha256:[0-9a-f]{64}$/);
});

const actionlint = findTool('actionlint');
tellMissing('the workflows in the eyes of actionlint', actionlint);
test.skipIf('missing' in actionlint)('actionlint finds nothing', () => {
  const paths = files.map((file) => path.join(ROOT, file));
  expect(run(actionlint, paths)).toEqual({ status: 0, output: '' });
  const wrong = text('.github/workflows/ci.yml').replace('runs-on:', 'run-on:');
  expect(run(actionlint, ['-'], wrong)).toMatchObject({
    status: 1,
    output: expect.stringContaining('run-on') as string,
  });
});
