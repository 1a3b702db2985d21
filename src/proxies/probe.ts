/** The configured probe of a cache proxy: which repository to ask for, there and at the registry, and with which logins. */
import { WITHOUT_ENDPOINT } from '../config/cache-proxies.ts';
import type { CacheProxyConfig, Configuration } from '../config/schema.ts';
import { DOCKER_HUB, registryHost } from '../credentials/registry-name.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import type { Login } from '../registry/login.ts';
import { openRepository } from '../registry/repository.ts';
import type { ProxyContext, Verdict } from './adapter.ts';
import type { ConfiguredProxy } from './kinds.ts';
import { prove } from './proof.ts';
import type { ProofMemory } from './proof.ts';
import type { Reach } from './reach.ts';

type Probe = NonNullable<CacheProxyConfig['probe']>;

export interface Question {
  readonly proxy: ConfiguredProxy;
  /** The login that the cache proxy was given. */
  readonly login: UpstreamLogin;
  readonly memory: ProofMemory;
  readonly configuration: Pick<Configuration, 'registries'>;
  readonly context: Pick<ProxyContext, 'kube' | 'signal'>;
}

const NO_PROBE: Verdict = {
  state: 'unknown',
  reason: 'no probe',
  why: 'no private probe image is configured, and a public or cached pull proves nothing',
};

const NO_ENDPOINT: Verdict = {
  state: 'unknown',
  reason: 'no probe',
  why: 'it has no address through which an image could be asked for; nodes pull, with the copy',
};

/** Rejects if a Secret of the probe cannot be read, or the memory cannot be written. */
export async function runProbe(
  { proxy: { config, adapter }, login, memory, configuration, context: { kube, signal } }: Question,
  reach: Reach,
): Promise<Verdict> {
  const { probe } = config;
  if (WITHOUT_ENDPOINT.has(config.kind)) return NO_ENDPOINT;
  if (probe === undefined) return NO_PROBE;
  const read = async (from: Probe['push']): Promise<Login | undefined> => {
    if (from === undefined) return undefined;
    const { username = '', password = '' } = await kube.readSecret(from.secret);
    return { username, password };
  };
  const { base, http } = reach.registry(configuration, registryHost(login.registry));
  const registry = { base: addressOf(config, login) ?? base, repository: nameUpstream(config, probe), http, signal };
  const mayPush = await read(probe.push);

  const cache = openRepository({
    base: probe.url,
    repository: probe.repository,
    http: reach.http(probe.ca),
    signal,
    login: await read(probe.login),
  });
  if ('why' in cache) return { state: 'unknown', reason: 'cache', why: cache.why };
  const { username, password } = login;
  const upstream = openRepository({ ...registry, login: { username, password } });
  const anybody = openRepository(registry);
  if ('why' in upstream) return { state: 'unknown', reason: 'upstream', why: upstream.why };
  if ('why' in anybody) return { state: 'unknown', reason: 'upstream', why: anybody.why };
  const pusher = mayPush && openRepository({ ...registry, login: mayPush, push: true });
  if (pusher !== undefined && 'why' in pusher)
    return { state: 'unknown', reason: 'upstream', why: `probe.push: ${pusher.why}` };
  const { tellsAbsence = false, listsHeld = false } = adapter;
  return prove({ cache, upstream, anybody, pusher, reference: probe.reference, tellsAbsence, listsHeld, memory });
}

/** Where the product pulls from, if that need not be the registry's own address. */
function addressOf(config: CacheProxyConfig, { registry }: UpstreamLogin): string | undefined {
  return config.kind === 'harbor' && registry !== DOCKER_HUB ? config.endpointUrl : undefined;
}

/** Products that serve several registries call a repository by a longer name. */
function nameUpstream(config: CacheProxyConfig, { repository, upstreamRepository }: Probe): string {
  if (upstreamRepository !== undefined) return upstreamRepository;
  if (config.kind === 'harbor') return repository.replace(/^[^/]+\//, '');
  const prefix = config.kind === 'artifactory' ? `${config.repository}/` : '';
  return repository.startsWith(prefix) ? repository.slice(prefix.length) : repository;
}

interface Prover {
  /** Rejects as {@link runProbe} does. */
  prove(
    proxy: ConfiguredProxy,
    login: UpstreamLogin,
    memory: ProofMemory,
    context: Question['context'],
  ): Promise<Verdict>;
  /** How long a token lives that the registry gives for the login, in seconds; undefined: unknown. */
  tokenSeconds(login: UpstreamLogin, signal: AbortSignal): Promise<number | undefined>;
}

/** What the controller asks of cache proxies and their registries, by the configuration in force. */
export function createProver(reach: Reach, configuration: () => Configuration): Prover {
  return {
    prove: (proxy, login, memory, context) =>
      runProbe({ proxy, login, memory, context, configuration: configuration() }, reach),
    tokenSeconds: async ({ registry, ...login }, signal) =>
      (await reach.check(configuration(), { key: registry, ...login }, signal)).tokenSeconds,
  };
}
