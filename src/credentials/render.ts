/** What a copy holds: the source's own bytes, or, with aliases, the source's entries and those that the aliases add. */
import type { AliasConfig } from '../config/schema.ts';
import { toText, toByteString } from './byte-string.ts';
import { resolveAlias } from './alias.ts';
import { type Credential, type SecretContent, contentOf, parseDockerConfig } from './docker-config.ts';
import { readEntries } from './entries.ts';
import { sourceText } from './go-json.ts';

/** Texts are one line each and never hold any part of a credential. */
export type RenderedCopy =
  | {
      ok: true;
      /** The value of `.dockerconfigjson`, in plain text. Equal input gives equal text. */
      dockerConfigJson: string;
      /** What kubelets will read from it. */
      credentials: Credential[];
      warnings: string[];
    }
  | { ok: false; problems: string[] };

/** The API server's limit for all values of a Secret. */
const MAX_SECRET_BYTES = 1024 * 1024;

/**
 * `logins`: the Secrets next to the source that aliases name in `login.secret`, by name.
 * Never throws. Whatever is ok is accepted by kubelets.
 */
export function renderCopy(source: SecretContent, aliases: readonly AliasConfig[], logins: ReadonlyMap<string, SecretContent>): RenderedCopy {
  const found = contentOf(source);
  if ('problem' in found) return { ok: false, problems: [found.problem] };
  const own = parseDockerConfig(found.content, found.form);
  if (!own.ok) return { ok: false, problems: own.problems };
  if (aliases.length === 0 && found.form === 'dockerconfigjson') {
    return checked(toText(toByteString(found.content)));
  }
  const read = readEntries(found.content, found.form);
  if (!read.ok) return read;
  const { document, entries, others } = read;

  // Entries are carried as they were written: fields that Pullpass does not know stay, and so do logins that are not UTF-8.
  const sources = entries.map(({ key, node }) => ({ key, json: sourceText(document, node) }));
  const auths = new Map(sources.map(({ key, json }) => [key, json]));
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const alias of aliases) {
    const resolved = resolveAlias(alias, sources, logins);
    if (!resolved.ok) {
      problems.push(resolved.problem);
      continue;
    }
    auths.set(alias.host, resolved.json);
    warnings.push(...resolved.warnings);
  }
  if (problems.length > 0) return { ok: false, problems };
  const members = others.map(({ name, value }) => member(name, sourceText(document, value)));
  return checked(object([...members, member('auths', object([...auths].map(([key, json]) => member(key, json))))]), warnings);
}

/** Nothing leaves here unread: what kubelets will make of the copy is decided by the same rules as for a source. */
function checked(dockerConfigJson: string, warnings: string[] = []): RenderedCopy {
  if (Buffer.byteLength(dockerConfigJson) > MAX_SECRET_BYTES) return { ok: false, problems: ['the copy would be larger than 1 MiB, which is the most a Secret can hold; use fewer aliases'] };
  const parsed = parseDockerConfig(dockerConfigJson);
  if (!parsed.ok) return { ok: false, problems: parsed.problems };
  return { ok: true, dockerConfigJson, credentials: parsed.credentials, warnings: [...warnings, ...parsed.warnings] };
}

function member(name: string, json: string): string {
  return `${JSON.stringify(name)}:${json}`;
}

function object(members: string[]): string {
  return `{${members.join(',')}}`;
}
