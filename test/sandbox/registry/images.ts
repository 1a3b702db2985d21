/** Blobs, manifests and tags of repositories, in memory. */
import { createHash } from 'node:crypto';

export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly content: Buffer;
}

export interface Images {
  putBlob(repository: string, content: Buffer): string;
  blob(repository: string, digest: string): Buffer | undefined;
  /** `reference`: a tag, or the manifest's own digest. */
  putManifest(repository: string, reference: string, mediaType: string, content: Buffer): Manifest;
  manifest(repository: string, reference: string): Manifest | undefined;
  /** Undefined: no such repository. */
  tags(repository: string): string[] | undefined;
  /** Takes a tag away; the manifest stays. */
  untag(repository: string, tag: string): void;
  /** Takes a manifest away, with its tags. */
  removeManifest(repository: string, digest: string): void;
}

interface Repository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, Manifest>;
  readonly tags: Map<string, string>;
}

export function digestOf(content: Buffer | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

export function createImages(): Images {
  const repositories = new Map<string, Repository>();
  const open = (name: string): Repository => {
    const repository = repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
    repositories.set(name, repository);
    return repository;
  };
  return {
    putBlob(name, content) {
      const digest = digestOf(content);
      open(name).blobs.set(digest, content);
      return digest;
    },
    blob: (name, digest) => repositories.get(name)?.blobs.get(digest),
    putManifest(name, reference, mediaType, content) {
      const manifest = { digest: digestOf(content), mediaType, content };
      const repository = open(name);
      repository.manifests.set(manifest.digest, manifest);
      if (!reference.includes(':')) repository.tags.set(reference, manifest.digest);
      return manifest;
    },
    manifest(name, reference) {
      const repository = repositories.get(name);
      return repository?.manifests.get(reference.includes(':') ? reference : (repository.tags.get(reference) ?? ''));
    },
    tags: (name) => {
      const repository = repositories.get(name);
      return repository && [...repository.tags.keys()].sort();
    },
    untag: (name, tag) => void repositories.get(name)?.tags.delete(tag),
    removeManifest(name, digest) {
      const repository = repositories.get(name);
      repository?.manifests.delete(digest);
      for (const [tag, to] of repository?.tags ?? []) if (to === digest) repository?.tags.delete(tag);
    },
  };
}
