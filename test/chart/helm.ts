/** The Helm versions that are installed, and what they make of the chart. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { findOnPath } from '../sandbox/registry/on-path.ts';

const CHART = path.resolve(import.meta.dirname, '../../charts/pullpass');

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [key: string]: unknown;
}
export interface Helm {
  /** Throws what it says. */
  template(values: object, options?: { namespace?: string; args?: readonly string[] }): Promise<Manifest[]>;
}

/** Calls `define` for each version that is installed; one line for each that is not. */
export function onEachHelm(define: (helm: Helm) => void): void {
  for (const major of [3, 4]) {
    const file = findHelm(major);
    describe(`Helm ${major}`, () => {
      if (file === undefined)
        test.skip(`no Helm ${major}: neither HELM${major} nor PATH (helm${major}, helm) has one`, () => undefined);
      else define({ template: (values, options) => template(file, values, options) });
    });
  }
}

function findHelm(major: number): string | undefined {
  const named = process.env[`HELM${major}`];
  const onPath = [`helm${major}`, 'helm'].map((name) => findOnPath(name, ''));
  const candidates = named === undefined ? onPath.flatMap((each) => ('found' in each ? [each.found] : [])) : [named];
  return candidates.find((file) =>
    spawnSync(file, ['version', '--short'], { encoding: 'utf8' }).stdout.startsWith(`v${major}.`),
  );
}

async function template(
  file: string,
  values: object,
  { namespace = 'pullpass-system', args = [] }: { namespace?: string; args?: readonly string[] } = {},
): Promise<Manifest[]> {
  const home = await mkdtemp(path.join(tmpdir(), 'pullpass-helm-'));
  try {
    const given = path.join(home, 'values.yaml');
    await writeFile(given, stringify(values, { version: '1.1' }));
    const { stdout } = await promisify(execFile)(
      file,
      ['template', 'pullpass', CHART, '--namespace', namespace, '--values', given, ...args],
      { env: { PATH: process.env['PATH'], HOME: home }, maxBuffer: 64 * 1024 * 1024 },
    );
    return parse(stdout);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export function parse(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    const object = document.toJS() as Manifest | null;
    return object === null ? [] : [object];
  });
}
