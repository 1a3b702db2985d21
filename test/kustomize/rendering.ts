/** The base with components, as somebody's own kustomization puts them together. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { findOnPath } from '../sandbox/registry/on-path.ts';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [key: string]: unknown;
}

const MANIFESTS = path.resolve(import.meta.dirname, '../../manifests');
const kindOf = (name: string): unknown =>
  (parse(readFileSync(path.join(MANIFESTS, 'components', name, 'kustomization.yaml'), 'utf8')) as { kind: unknown })
    .kind;
const directories = readdirSync(path.join(MANIFESTS, 'components')).sort();

/** What changes or adds to the base. */
export const COMPONENTS = directories.filter((name) => kindOf(name) === 'Component');
/** What stands beside it. */
export const KUSTOMIZATIONS = directories.filter((name) => kindOf(name) === 'Kustomization');

/** Every combination, from none to all. */
export const SUBSETS: readonly (readonly string[])[] = COMPONENTS.reduce<string[][]>(
  (subsets, name) => subsets.flatMap((subset) => [subset, [...subset, name]]),
  [[]],
);

export const kubectl = findOnPath('kubectl', 'see https://kubernetes.io/docs/tasks/tools/');

/** The text that `kubectl apply -k` would apply; `resources` are directories below manifests/components. */
export function render(components: readonly string[], resources: readonly string[] = []): string {
  if ('missing' in kubectl) throw new Error(kubectl.missing);
  const directory = mkdtempSync(path.join(tmpdir(), 'kustomize-'));
  try {
    symlinkSync(MANIFESTS, path.join(directory, 'manifests'));
    mkdirSync(path.join(directory, 'mine'));
    writeFileSync(
      path.join(directory, 'mine', 'kustomization.yaml'),
      JSON.stringify({
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        resources: ['../manifests', ...resources.map((name) => `../manifests/components/${name}`)],
        components: components.map((name) => `../manifests/components/${name}`),
      }),
    );
    return execFileSync(kubectl.found, ['kustomize', path.join(directory, 'mine')], { encoding: 'utf8' });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const objectsOf = (text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return document.toJS() as Manifest;
  });

export const nameOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
