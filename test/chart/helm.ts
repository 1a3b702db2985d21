/** The Helm versions that are installed, and what they do with the chart. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { CHART } from '../../charts/build.ts';
import type { Found } from '../sandbox/registry/on-path.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [key: string]: unknown;
}
export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}
export interface Helm {
  readonly major: number;
  readonly version: string;
  /** Not with the settings, plugins and caches of whoever runs the tests. `kubeconfig`: its text. */
  run(args: readonly string[], options?: { kubeconfig?: string; values?: object }): Promise<Result>;
  /** What it renders, the hooks too; throws what it says. */
  template(values: object, options?: TemplateOptions): Promise<Manifest[]>;
}
interface TemplateOptions {
  namespace?: string;
  args?: readonly string[];
}

/** The chart refuses its own placeholder. */
export const IMAGE = { repository: 'registry.example.com/platform/pullpass' };
export const NAMESPACE = 'pullpass-system';
const MAJORS = [3, 4] as const;
const KUBE_VERSION = '1.36.3';

/** `$HELM3` and `$HELM4`, or `helm3`, `helm4` or `helm` on PATH. */
function findHelm(major: number): Found {
  const named = process.env[`HELM${major}`];
  const candidates =
    named !== undefined
      ? [named]
      : [`helm${major}`, 'helm'].flatMap((name) => {
          const found = findOnPath(name, '');
          return 'found' in found ? [found.found] : [];
        });
  const found = candidates.find((file) => versionOf(file).startsWith(`v${major}.`));
  return found === undefined
    ? { missing: `Helm ${major} is not on PATH (helm${major} or helm), and HELM${major} does not name it` }
    : { found };
}

function versionOf(file: string): string {
  return spawnSync(file, ['version', '--short'], { encoding: 'utf8' }).stdout ?? '';
}

/** Calls `define` for each version that is installed; one line for each that is not. */
export function onEachHelm(define: (helm: Helm) => void): void {
  for (const major of MAJORS) {
    const helm = findHelm(major);
    describe(`Helm ${major}`, () => {
      if ('missing' in helm) test.skip(helm.missing, () => undefined);
      else define(createHelm(helm.found, major));
    });
  }
}

function createHelm(file: string, major: number): Helm {
  const helm: Helm = {
    major,
    version: versionOf(file).trim(),
    run(given, { kubeconfig, values } = {}) {
      // A Helm that is built from its module takes an old version for that of a cluster that it cannot ask.
      const args = ['template', 'lint'].includes(given[0] ?? '') ? [...given, '--kube-version', KUBE_VERSION] : given;
      const home = mkdtempSync(path.join(tmpdir(), 'pullpass-helm-'));
      const more = values === undefined ? [] : ['--values', path.join(home, 'values.yaml')];
      // Helm reads YAML 1.1, where a plain `off` is false.
      writeFileSync(path.join(home, 'values.yaml'), stringify(values ?? {}, { version: '1.1' }));
      writeFileSync(path.join(home, 'kubeconfig'), kubeconfig ?? '');
      const env = { PATH: process.env['PATH'], HOME: home, KUBECONFIG: path.join(home, 'kubeconfig') };
      return new Promise((resolve) => {
        const limits = { maxBuffer: 64 * 1024 * 1024, timeout: 240_000 };
        execFile(file, [...args, ...more], { ...limits, env }, (error, stdout, stderr) => {
          rmSync(home, { recursive: true, force: true });
          resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
        });
      });
    },
    async template(values, { namespace = NAMESPACE, args = [] } = {}) {
      const said = await helm.run(['template', 'pullpass', CHART, '--namespace', namespace, ...args], {
        values: { image: IMAGE, ...values },
      });
      if (said.status !== 0) throw new Error(said.stderr);
      return parse(said.stdout);
    },
  };
  return helm;
}

/** Helm writes empty documents, too. */
export function parse(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    const object = document.toJS() as Manifest | null;
    return object === null ? [] : [object];
  });
}

export const isHook = ({ metadata }: Manifest): boolean => metadata.annotations?.['helm.sh/hook'] !== undefined;
