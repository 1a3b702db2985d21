/** Who uses logins that a source no longer has: which pods, cache proxies and copies would lose them. */
import type { Log } from '../log.ts';
import type { World } from '../observe/world.ts';
import type { SourceBook } from './book.ts';
import type { SourceChange } from './known-source.ts';
import { agree, plural } from '../text.ts';
import type { V1Pod } from '@kubernetes/client-node';
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { parseImage } from '../credentials/image-reference.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import { isForbidden } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { type ApiObject, listPages } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { chooseLogin } from '../plan/proxy.ts';
import type { Configuration } from '../config/schema.ts';

interface UsersOptions {
  readonly client: KubeClient;
  readonly configuration: Pick<Configuration, 'cacheProxies'>;
  readonly source: SourceConfig;
  /** All credentials of the source in force. */
  readonly credentials: readonly Credential[];
  /** The keys of those that would be removed. */
  readonly keys: readonly string[];
  readonly copies: number;
  /** The only namespaces whose pods are looked at; undefined: all. */
  readonly listed: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SHOWN = 3;

/** `3 pods (team-a/web-0, ...), cache proxy hub and 12 copies`. Throws errors of the API server, except a missing right. */
export async function usersOf({
  client,
  configuration,
  source,
  credentials,
  keys,
  copies,
  listed,
  signal,
}: UsersOptions): Promise<string> {
  const going = new Set(keys);
  const ring = makeKeyring([{ credentials }]);
  const pods: string[] = [];
  let unseen = false;
  /** A kubelet tries the next match if one is refused: so every pod that could use such a login counts. */
  const matches = (image: string): boolean => {
    const parsed = parseImage(image);
    return parsed.ok && lookup(ring, parsed.image.name).some(({ credential }) => going.has(credential.key));
  };
  try {
    for (const namespace of listed ?? [undefined]) {
      const found: string[] = [];
      await listPages(
        client,
        { path: paths.pods(namespace) },
        {
          ...(signal && { signal }),
          each: (object) => {
            const { metadata, spec } = object as ApiObject & Pick<V1Pod, 'spec'>;
            const images = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].flatMap(
              ({ image }) => image ?? [],
            );
            if (spec?.imagePullSecrets?.some(({ name }) => name === source.copyName) && images.some(matches))
              found.push(`${metadata.namespace ?? ''}/${metadata.name}`);
          },
          restart: () => void (found.length = 0),
        },
      );
      pods.push(...found);
    }
  } catch (error) {
    if (!isForbidden(error)) throw error;
    unseen = true;
  }
  const proxies = configuration.cacheProxies
    .filter((proxy) => {
      const choice = chooseLogin(credentials, proxy.registry);
      return proxy.source === source.name && choice.ok && going.has(choice.key);
    })
    .map(({ name }) => name);
  const shown = pods.slice(0, SHOWN).join(', ');
  return [
    unseen
      ? 'pods that may not be listed here'
      : `${plural(pods.length, 'pod')}${pods.length === 0 ? '' : ` (${shown}${pods.length > SHOWN ? ', ...' : ''})`}`,
    ...(proxies.length === 0 ? [] : [`cache ${agree(proxies.length, 'proxy', 'proxies')} ${proxies.join(', ')}`]),
    plural(copies, 'copy', 'copies'),
  ].join(' and ');
}

interface ChangeOptions extends Pick<UsersOptions, 'client'> {
  readonly configuration: Configuration;
  readonly world: Pick<World, 'copies' | 'listed'>;
  readonly book: SourceBook;
  readonly log: Pick<Log, 'debug'>;
  readonly stop: AbortSignal;
}

/** Adds to the message about vanished entries who still uses them. */
export async function withUsers(
  change: SourceChange,
  { client, configuration, world, book, log, stop }: ChangeOptions,
): Promise<SourceChange> {
  const { source } = change;
  const keys = book
    .held(source.name)
    .filter(({ cause }) => cause === 'vanished')
    .map(({ key }) => key);
  if (keys.length === 0 || !change.isNews) return change;
  const copies = [...(world.copies.get(source.copyName)?.all() ?? [])].filter(({ ours }) => ours).length;
  const credentials = book.rollout(source.name).newest?.credentials ?? [];
  try {
    const users = await usersOf({
      client,
      configuration,
      source,
      credentials,
      keys,
      copies,
      listed: world.listed,
      signal: stop,
    });
    book.mention(source.name, users);
  } catch (error) {
    log.debug({ err: error }, 'who uses the registries that are gone could not be found out');
  }
  const now = book.observe().find(({ config }) => config.name === source.name);
  return { ...change, problems: now?.problems ?? change.problems };
}
