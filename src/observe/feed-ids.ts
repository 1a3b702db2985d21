/** Ids of feeds, and which of them tell whether a source was read. */
import type { SourceConfig } from '../config/schema.ts';

/** The source's Secret and those that its aliases log in with, all in the source's namespace. */
export function secretsOf(source: SourceConfig): { namespace: string; name: string }[] {
  const logins = source.aliases.flatMap((alias) =>
    'login' in alias ? [{ namespace: source.secret.namespace, name: alias.login.secret }] : [],
  );
  return [source.secret, ...logins];
}

export const keyOf = ({ namespace, name }: { namespace: string; name: string }): string => `${namespace}/${name}`;

const inPlace = (id: string, place: string | undefined): string => (place === undefined ? id : `${id} in ${place}`);
export const accountFeed = (place: string | undefined): string => inPlace('serviceaccounts', place);
export const copyFeed = (copyName: string, place: string | undefined): string => inPlace(`copy/${copyName}`, place);
export const sourceFeed = (ref: { namespace: string; name: string }): string => `source/${keyOf(ref)}`;

/** How far the feeds were read, by id. `refused`: the server says that it may not be read. */
export interface FeedStates {
  isSynced(id: string): boolean;
  isRefused(id: string): boolean;
}

/**
 * Whether all that must be known before anything is decided about a source was read: its Secrets, its copies, and the labels
 * that it selects by. A listed namespace that may not be read, maybe because it does not exist, holds up none of the others.
 */
export function isSourceRead(
  { listed, labels }: { readonly listed: readonly string[] | undefined; readonly labels: { readonly feed: string } },
  source: SourceConfig,
  feeds: FeedStates,
): boolean {
  const { secrets, copies } = feedsOfSource(source, listed);
  return (
    (source.namespaces.selector === undefined || feeds.isSynced(labels.feed)) &&
    secrets.every((id) => feeds.isSynced(id)) &&
    copies.every((id) => feeds.isSynced(id) || feeds.isRefused(id)) &&
    copies.some((id) => feeds.isSynced(id))
  );
}

interface SourceFeeds {
  readonly listed: readonly string[] | undefined;
  readonly secrets: readonly string[];
  readonly copies: readonly string[];
}

/** Remembered: they are asked for at each reconcile. */
const sourceFeeds = new WeakMap<SourceConfig, SourceFeeds>();

function feedsOfSource(source: SourceConfig, listed: readonly string[] | undefined): SourceFeeds {
  const known = sourceFeeds.get(source);
  if (known !== undefined && known.listed === listed) return known;
  const feeds = {
    listed,
    secrets: secretsOf(source).map(sourceFeed),
    copies: (listed ?? [undefined]).map((place) => copyFeed(source.copyName, place)),
  };
  sourceFeeds.set(source, feeds);
  return feeds;
}
