/** Who pulls with logins that a source does not have any more: what would be lost if they went. */
import { agree, plural } from '../text.ts';
import type { V1Pod } from '@kubernetes/client-node';
import type { SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { parseImage } from '../credentials/image-reference.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import { isForbidden } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';
import { chooseLogin } from '../plan/proxy.ts';
import type { Configuration } from '../config/schema.ts';

interface UsersOptions {
  readonly client: KubeClient;
  readonly configuration: Pick<Configuration, 'cacheProxies'>;
  readonly source: SourceConfig;
  /** All that is in force of the source. */
  readonly credentials: readonly Credential[];
  /** Keys among them that would go. */
  readonly keys: readonly string[];
  readonly copies: number;
  readonly signal?: AbortSignal | undefined;
}

const SHOWN = 3;

/** `3 pods (team-a/web-0, ...), cache proxy hub and 12 copies`. Throws what the API server says, but for a missing right. */
export async function usersOf({
  client,
  configuration,
  source,
  credentials,
  keys,
  copies,
  signal,
}: UsersOptions): Promise<string> {
  const going = new Set(keys);
  const ring = makeKeyring([{ credentials }]);
  const pods: string[] = [];
  let unseen = false;
  /** Kubelets go on to the next match when one is refused: a pod that could use it counts. */
  const matches = (image: string): boolean => {
    const parsed = parseImage(image);
    return parsed.ok && lookup(ring, parsed.image.name).some(({ credential }) => going.has(credential.key));
  };
  try {
    await listPages(
      client,
      { path: '/api/v1/pods' },
      {
        ...(signal && { signal }),
        each: (object) => {
          const { metadata, spec } = object as unknown as V1Pod;
          const images = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].flatMap(
            ({ image }) => image ?? [],
          );
          if (spec?.imagePullSecrets?.some(({ name }) => name === source.copyName) && images.some(matches))
            pods.push(`${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`);
        },
        restart: () => void (pods.length = 0),
      },
    );
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
