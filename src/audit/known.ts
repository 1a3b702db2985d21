/** What the controller remembers of logins and cache proxies, in its state Secret: an audit tries nothing itself. */
import type { Configuration } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import { isForbidden } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { STATE_NAME } from '../names.ts';
import { isTryable, loginId } from '../reconcile/preflight.ts';
import { observeRotations } from '../reconcile/progress.ts';
import type { Snapshot } from '../reconcile/snapshot.ts';
import { createState } from '../reconcile/state.ts';
import type { State } from '../reconcile/state.ts';
import type { Observation, ProxyStanding, RegistryStanding } from './observation.ts';

export interface Known extends Pick<Observation, 'registries' | 'proxies' | 'heldBack'> {
  /** One line each: what could not be learned, and why. */
  readonly gaps: readonly string[];
}

export interface KnownOptions {
  readonly client: KubeClient;
  readonly configuration: Configuration;
  /** Where the controller keeps its state. */
  readonly namespace: string;
  readonly snapshot: Snapshot;
  readonly signal?: AbortSignal | undefined;
}

/** What may not be read is a gap, and nothing is said of it. */
export async function knownTo({ client, configuration, namespace, snapshot, signal }: KnownOptions): Promise<Known> {
  const state = createState(client, namespace);
  try {
    const remembered = await state.peek(signal);
    const gaps = remembered ? [] : await whyNot(client, namespace, signal);
    const rotations = await observeRotations({ client, configuration, namespace, snapshot });
    const configured = new Map(configuration.cacheProxies.map((proxy) => [proxy.name, proxy]));
    const unread = new Set(snapshot.book.observe().filter(({ read }) => !read).map(({ config }) => config.name));
    const held = new Set(rotations.filter(({ refused }) => refused.length > 0).map(({ source }) => source));
    return {
      gaps,
      ...(remembered && { registries: configuration.sources.flatMap(({ name, verify }) => (verify === 'off' ? [] : registriesOf(name, snapshot, state))) }),
      heldBack: rotations.flatMap(({ source, refused }) => refused.map((why) => ({ source, why }))),
      proxies: rotations.flatMap(({ proxies }) => proxies).flatMap(({ name, kind, source, applied, appliedAt, verified, why, since }) => {
        const config = configured.get(name);
        // What cannot be told is not reported as missing.
        if (config === undefined || applied === undefined || unread.has(source)) return [];
        const at = { name, kind, source, registry: config.registry, ...(config.probe && { url: config.probe.url }) };
        if (held.has(source)) return [keeping(at, state)];
        return [{ ...at, applied, verified, why, ...(appliedAt !== undefined && { appliedAt }), ...(since !== undefined && { since }) }];
      }),
    };
  } catch (error) {
    if (!isForbidden(error) && !(error instanceof UserError)) throw error;
    return { gaps: [`What registries said of logins, and cache proxies, so nothing is said about them: ${(error as Error).message}`] };
  }
}

/** Absent: the controller has not run yet, and there is nothing to know. */
async function whyNot(client: KubeClient, namespace: string, signal: AbortSignal | undefined): Promise<string[]> {
  try {
    await client.get(paths.secrets(namespace, STATE_NAME), { sensitive: true, signal });
    return [];
  } catch (error) {
    if (!isForbidden(error)) return [];
    return [`What the controller remembers, so nothing is said about refused logins and about cache proxies: ${(error as Error).message}`];
  }
}

/** The newest login of its source is held back: it keeps the one before, and that is as it should be. */
function keeping(at: Pick<ProxyStanding, 'name' | 'kind' | 'source' | 'registry' | 'url'>, state: State): ProxyStanding {
  const { applied, verified } = state.proxy(at.name);
  const last = verified !== undefined && verified.mac === applied?.mac ? verified : undefined;
  return {
    ...at, applied: applied !== undefined, verified: last?.state ?? 'unknown', why: `keeps the login before, for the newest is held back${last === undefined ? '' : `; ${last.why}`}`,
    ...(applied && { appliedAt: applied.at }), ...(last && { since: last.at }),
  };
}

/** Each login of the newest content: refused, if it is remembered as such; accepted, if the whole content was. */
function registriesOf(source: string, { book }: Snapshot, state: State): RegistryStanding[] {
  const record = state.source(source);
  const content = book.content(source);
  if (record === undefined || content === undefined) return [];
  const accepted = record.state === 'accepted' && record.mac === state.mac(content) && record.why.length === 0;
  return (book.credentials(source) ?? []).filter(isTryable).flatMap((credential: Credential): RegistryStanding[] => {
    const key = redactKey(credential.key);
    const refused = record.refused[loginId(state.mac, credential)];
    // `at` is the last try, not the first refusal: only what is held back has a time since when.
    if (refused !== undefined) return [{ source, key, state: 'refused', why: refused.why, ...(record.state === 'held back' && { since: record.since }) }];
    return accepted ? [{ source, key, state: 'accepted', why: 'the registry took it', since: record.since }] : [];
  });
}
