/** What copies of a source hold. */
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { parseDockerConfig } from '../credentials/docker-config.ts';
import { renderContent } from '../credentials/render-docker-config.ts';
import type { Digest } from '../observe/world.ts';

export interface Content {
  /** Keyed digest of {@link base64}: what it is known by. */
  readonly digest: string;
  readonly base64: string;
  /** The source's own logins, without those of aliases: what cache proxies are given. */
  readonly own: readonly Credential[];
  /** All of them, one a key. */
  readonly credentials: readonly Credential[];
}

/** An alias stands in the place of an own entry of the same key. */
export function contentOf(digest: Digest, own: readonly Credential[], aliases: readonly Credential[]): Content {
  const credentials = [...new Map([...own, ...aliases].map((credential) => [credential.key, credential])).values()];
  const base64 = Buffer.from(renderContent(credentials)).toString('base64');
  return { digest: digest(base64), base64, own, credentials };
}

/** A content as a copy holds it. An own entry in whose place an alias stands is not known any more. */
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
