/**
 * `npm run generate` writes every file that is made from others; `-- --check` writes none, and ends with 1 if one is not as it should be.
 * The order counts: a later file may be made from an earlier one.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { generated } from '../charts/build.ts';
import { tables } from '../charts/tables.ts';
import { renderBornReady } from '../src/commands/born-ready-text.ts';
import { renderPolicies } from '../src/commands/policies-text.ts';
import { RBAC_NAME } from '../src/commands/choices.ts';
import { renderProviderRbac, renderRbac } from '../src/commands/rbac-text.ts';
import { loadConfiguration } from '../src/config/load.ts';
import { loadProvider } from '../src/config/provider.ts';
import { DEFAULT_NAMESPACE } from '../src/names.ts';
import { configurationPage } from './configuration-page.ts';
import { readNames, ROOT } from './names.ts';

export interface Step {
  /** From the root of the repository. */
  readonly file: string;
  /** A program that `content` starts. */
  readonly needs?: string;
  content(): string | Promise<string>;
}

const inRoot = (file: string): string => path.join(ROOT, file);
const shipped = () => loadConfiguration(inRoot('manifests/config.yaml'));
const controller = { namespace: DEFAULT_NAMESPACE, serviceAccount: RBAC_NAME };

const madeOf = (files: Map<string, string>, at = ''): Step[] =>
  [...files].map(([file, text]) => ({ file: at + file, content: () => text }));

const PROVIDER = 'manifests/components/provider';

export const STEPS: readonly Step[] = [
  ...['manifests/deployment.yaml', `${PROVIDER}/deployment.yaml`].map((file) => ({
    file,
    content: () => deployment(file),
  })),
  { file: 'manifests/rbac.yaml', content: async () => renderRbac(await shipped(), controller) },
  {
    file: 'manifests/components/policies/policies.yaml',
    content: async () => renderPolicies(await shipped(), controller),
  },
  {
    file: 'manifests/components/born-ready/policy.yaml',
    content: async () => renderBornReady(await shipped(), { ...controller, version: 'v1' }),
  },
  {
    file: `${PROVIDER}/rbac.yaml`,
    content: async () =>
      renderProviderRbac(await loadProvider(inRoot(`${PROVIDER}/provider.yaml`)), {
        namespace: DEFAULT_NAMESPACE,
        serviceAccount: 'pullpass-provider',
      }),
  },
  {
    file: 'manifests/install.yaml',
    needs: 'kubectl',
    content: () => execFileSync('kubectl', ['kustomize', inRoot('manifests')], { encoding: 'utf8' }),
  },
  { file: 'docs/configuration-reference.md', content: configurationPage },
  ...madeOf(tables()),
  ...madeOf(generated(), 'charts/pullpass/'),
];

/** Written by hand, but for the image. */
function deployment(file: string): string {
  const { image, version } = readNames();
  const lines = /^( +image: ).*$/gm;
  const text = readFileSync(inRoot(file), 'utf8');
  if (text.match(lines)?.length !== 1) throw new Error(`${file}: must have exactly one line "image:"`);
  return text.replace(lines, `$1${image}:${version}`);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(inRoot(file), 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  for (const { file, needs, content } of STEPS) {
    try {
      const text = await content();
      if (text === read(file)) continue;
      console.log(values.check ? `${file}: is not as made from its sources: npm run generate` : `${file}: written`);
      if (values.check) process.exitCode = 1;
      else writeFileSync(inRoot(file), text);
    } catch (error) {
      const absent = (error as NodeJS.ErrnoException).code === 'ENOENT' && needs !== undefined;
      console.error(`${file}: not made: ${absent ? `needs ${needs}, which is not on PATH` : (error as Error).message}`);
      process.exitCode = 1;
    }
  }
}
