/**
 * The one place for names that others resolve: `pullpass`, `repository`, `homepage` and `bugs` in package.json. A name under `.invalid`
 * belongs to nobody (RFC 6761): it stands there until somebody publishes, so that no stranger can register what we would point to.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '..');

export interface Names {
  readonly version: string;
  /** Without a tag; the tag is the version. */
  readonly image: string;
  /** Where the chart `pullpass` is, as `helm install` takes it, without `/pullpass`. */
  readonly chart: string;
  /** `https://host/owner/repository`. */
  readonly repository: string;
}

export function readNames(root = ROOT): Names {
  const { version, pullpass, repository } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
    pullpass: { image: string; chart: string };
    repository: { url: string };
  };
  return { version, ...pullpass, repository: repository.url.replace(/^git\+|\.git$/g, '') };
}

/** The names that are still placeholders. */
export const placeholders = ({ image, chart, repository }: Names): string[] =>
  [image, chart, repository].filter((name) => /^[^/]*(?:\/\/[^/]*)?\.invalid\//.test(name));
