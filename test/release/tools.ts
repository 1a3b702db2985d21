/** What `.ci/tools` builds and fetches, outside of the repository: programs of the Go module proxy, and Kubernetes' OpenAPI document. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import type { Found } from '../sandbox/registry/on-path.ts';

const CACHE = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'pullpass-tools');

/** On PATH, or where `.ci/tools` puts it. */
export const findTool = (program: string): Found =>
  findOnPath(
    program,
    'run .ci/tools (needs Go)',
    `${process.env['PATH'] ?? ''}${path.delimiter}${path.join(CACHE, 'bin')}`,
  );

/** The OpenAPI document of a Kubernetes release, and the CRDs of the Prometheus Operator. */
export function findOpenApi():
  { readonly openapi: string; readonly crds: readonly string[] } | { readonly missing: string } {
  const openapi = path.join(CACHE, 'openapi', 'kubernetes.json');
  if (!existsSync(openapi)) return { missing: `${openapi} is not there: run .ci/tools (needs Go)` };
  const crds = path.join(CACHE, 'openapi', 'crds');
  return { openapi, crds: readdirSync(crds).map((name) => path.join(crds, name)) };
}

/** CRDs of tools that write sources. */
export function findWriterCrds(): readonly string[] | { readonly missing: string } {
  const folder = path.join(CACHE, 'writers');
  return existsSync(folder)
    ? readdirSync(folder).map((name) => path.join(folder, name))
    : { missing: `${folder} is not there: run .ci/tools writers (needs Go)` };
}
