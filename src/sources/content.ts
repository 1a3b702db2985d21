/** The content of a source: what its copies hold. */
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { parseDockerConfig } from '../credentials/docker-config.ts';
import { renderContent } from '../credentials/render-docker-config.ts';
import type { Digest } from '../observe/world.ts';

export interface Content {
  /** Keyed digest of {@link base64}: identifies the content. */
  readonly digest: string;
  readonly base64: string;
  /** The source's own credentials, without aliases: what cache proxies get. */
  readonly own: readonly Credential[];
  /** With aliases: one credential per registry key. */
  readonly credentials: readonly Credential[];
}

/** An alias replaces an own entry with the same key. */
export function contentOf(digest: Digest, own: readonly Credential[], aliases: readonly Credential[]): Content {
  const credentials = [...new Map([...own, ...aliases].map((credential) => [credential.key, credential])).values()];
  const base64 = Buffer.from(renderContent(credentials)).toString('base64');
  return { digest: digest(base64), base64, own, credentials };
}

/** Reads a content from a copy. Own entries that an alias replaced are not in it. */
export function parseContent(digest: Digest, { aliases }: SourceConfig, base64: string): Content | undefined {
  const parsed = parseDockerConfig(Buffer.from(base64, 'base64'));
  if (!parsed.ok) return undefined;
  const hosts = new Set(aliases.map(({ host }) => host));
  return {
    digest: digest(base64),
    base64,
    own: parsed.credentials.filter(({ key }) => !hosts.has(key)),
    credentials: parsed.credentials,
  };
}
