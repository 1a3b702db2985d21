/** The sources as an audit sees them: what is in force, what only the canaries have, and what the Secret holds now. */
import type { SourceConfig } from '../../config/schema.ts';
import type { Credential } from '../../credentials/docker-config.ts';
import { WHY_CONTRADICTORY, WHY_UNUSABLE } from '../../credentials/usable-login.ts';
import { KEY_DOCKER_CONFIG_JSON, TYPE_DOCKER_CONFIG_JSON } from '../../names.ts';
import { keyOf } from '../../observe/feed-ids.ts';
import type { ObservedScope } from '../../plan/observed.ts';
import type { Content } from '../../sources/content.ts';
import type { End } from '../../sources/ends.ts';
import { recordOf } from '../../sources/record.ts';
import type { AuditedSource, PullContent, PullEntry } from './observation.ts';
import type { ReadWorld } from './read-world.ts';
import type { ContentReader } from './secret-facts.ts';

/** In the order of the configuration. */
export function auditSources(read: ReadWorld, reader: ContentReader): AuditedSource[] {
  const { world, book } = read;
  return book.observe().map((observed): AuditedSource => {
    const { config } = observed;
    if (!observed.read) return { config, observed, state: 'unread', contents: new Map() };
    const { namespace, name } = config.secret;
    const secret = world.secrets.get(keyOf(config.secret))?.get(namespace, name);
    const troubles = book.troubles(config.name);
    const { passed, newest, stage } = book.rollout(config.name);
    const rolling = stage.state !== 'settled';
    const contentOf = (content: Content | undefined): PullContent | undefined =>
      content &&
      withEnds(
        reader({ type: TYPE_DOCKER_CONFIG_JSON, data: { [KEY_DOCKER_CONFIG_JSON]: content.base64 } }),
        content,
        (credential) => book.end(config.name, credential),
      );
    // Also if the Secret is missing or invalid: pods pull with the content in force.
    const content = contentOf(rolling ? passed : newest);
    const next = rolling ? contentOf(newest) : undefined;
    const doubt = book.doubt(config.name);
    const written = secret && writtenIn(reader(secret), next ?? content, doubt === undefined ? [] : [doubt]);
    return {
      config,
      // What is held back, or stopped by the canaries, has findings of its own.
      observed: { ...observed, problems: troubles },
      state: secret === undefined ? 'missing' : troubles.length > 0 ? 'invalid' : 'good',
      contents: new Map(
        [passed, newest].flatMap((each) => {
          const held = contentOf(each);
          return each === undefined || held === undefined ? [] : [[each.digest, held]];
        }),
      ),
      ...(content && { content }),
      ...(next && { next }),
      ...(written && { written }),
      ...(newest !== undefined && isFresh(read, config) && { fresh: true }),
      ...(secret?.writtenAt !== undefined && { changedAt: secret.writtenAt }),
      ...(secret?.createdAt !== undefined && { createdAt: secret.createdAt }),
    };
  });
}

/** With the ends that only the source knows. */
function withEnds(
  content: PullContent,
  { credentials }: Content,
  endOf: (credential: Credential) => End | undefined,
): PullContent {
  const byKey = new Map(credentials.map((credential) => [credential.key, credential]));
  const entries = content.entries.map((entry): PullEntry => {
    const credential = byKey.get(entry.key);
    const end = credential && endOf(credential);
    if (end === undefined || end.by === 'token') return entry;
    const { at, lifetimeMs, by } = end;
    return { ...entry, expiresAt: at, ...(lifetimeMs !== undefined && { lifetimeMs }), endBy: by };
  });
  return { ...content, entries };
}

/** A fresh source has nothing to copy yet: its copies are not missing, they wait. */
export function withoutFresh(
  scopes: readonly ObservedScope[],
  sources: readonly AuditedSource[],
): readonly ObservedScope[] {
  const fresh = new Set(sources.flatMap((source) => (source.fresh ? [source.config.name] : [])));
  if (fresh.size === 0) return scopes;
  return scopes.map((scope) => ({
    ...scope,
    sources: scope.sources.map((source) =>
      fresh.has(source.config.name) ? { ...source, digest: undefined, problems: [] } : source,
    ),
  }));
}

/** What is held back says so itself (PP082): here stay warnings about what is in force, or could be. */
function writtenIn(
  secret: PullContent,
  inForce: PullContent | undefined,
  doubts: readonly string[],
): PullContent | undefined {
  if (secret.problem !== undefined) return undefined;
  const isHeld = (warning: string): boolean => HELD.some((why) => warning.endsWith(`: ${why}`));
  const own = secret.warnings.filter((warning) => !isHeld(warning));
  return { ...secret, warnings: [...new Set([...own, ...(inForce?.warnings ?? []), ...doubts])] };
}

const HELD: readonly string[] = [WHY_CONTRADICTORY, ...Object.values(WHY_UNUSABLE)];

/** The controller remembers something, but not this source, and it never made a copy of it. */
function isFresh({ remembered, state, world }: ReadWorld, config: SourceConfig): boolean {
  if (!remembered || recordOf(state, config) !== undefined) return false;
  const copies = [...(world.copies.get(config.copyName)?.all() ?? [])];
  return !copies.some((copy) => copy.ours && copy.source === config.name);
}
