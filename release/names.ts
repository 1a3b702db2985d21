/**
 * The one place for names that others resolve: `pullpass`, `repository`, `homepage` and `bugs` in package.json. A name under `.invalid`
 * belongs to nobody (RFC 6761): it stands there until somebody publishes, so that no stranger can register what we would point to.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '..');

export interface Hosted {
  /** Without a tag; the tag is the version. */
  readonly image: string;
  /** Where the chart `pullpass` is, as `helm install` takes it, without `/pullpass`. */
  readonly chart: string;
  /** `https://host/owner/repository`. */
  readonly repository: string;
}

export interface Names extends Hosted {
  readonly version: string;
  /** npm refuses to publish: the name in package.json is nobody's yet. */
  readonly private: boolean;
}

export function readNames(root = ROOT): Names {
  const { version, pullpass, repository, ...rest } = JSON.parse(
    readFileSync(path.join(root, 'package.json'), 'utf8'),
  ) as {
    version: string;
    pullpass: { image: string; chart: string };
    repository: { url: string };
    private?: boolean;
  };
  const { image, chart } = pullpass;
  return {
    version,
    image,
    chart,
    repository: repository.url.replace(/^git\+|\.git$/g, ''),
    private: rest.private ?? false,
  };
}

/** Those that a GitHub repository and its packages have. */
export function githubNames(slug: string): Hosted {
  if (!/^[\w-]+\/[\w.-]+$/.test(slug)) throw new Error(`"${slug}" is no OWNER/REPOSITORY`);
  // References of images are lower case; owners need not be.
  const image = `ghcr.io/${slug.toLowerCase()}`;
  return { image, chart: `oci://${image}/charts`, repository: `https://github.com/${slug}` };
}

/** `node release/names.ts` prints them as a workflow's outputs. */
if (import.meta.main) for (const [name, value] of Object.entries(readNames())) console.log(`${name}=${value}`);
