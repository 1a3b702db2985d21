/** What the controller remembers of logins and cache proxies, in its state Secret: an audit tries nothing itself. */
import type { Configuration } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import { isForbidden } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { isTryable, loginId } from '../reconcile/preflight.ts';
import { observeRotations } from '../reconcile/progress.ts';
import type { Snapshot } from '../reconcile/snapshot.ts';
import { createState } from '../reconcile/state.ts';
import type { State } from '../reconcile/state.ts';
import type { Observation, RegistryStanding } from './observation.ts';

export type Known = Pick<Observation, 'registries' | 'proxies' | 'heldBack'>;

export interface KnownOptions {
  readonly client: KubeClient;
  readonly configuration: Configuration;
  /** Where the controller keeps its state. */
  readonly namespace: string;
  readonly snapshot: Snapshot;
  readonly signal?: AbortSignal | undefined;
}

/** undefined where it may not be read: the audit then says nothing of it. */
export async function knownTo({ client, configuration, namespace, snapshot, signal }: KnownOptions): Promise<Known | undefined> {
  const state = createState(client, namespace);
  try {
    const remembered = await state.peek(signal);
    const rotations = await observeRotations({ client, configuration, namespace, snapshot });
    const configured = new Map(configuration.cacheProxies.map((proxy) => [proxy.name, proxy]));
    const unread = new Set(snapshot.book.observe().filter(({ read }) => !read).map(({ config }) => config.name));
    return {
      ...(remembered && { registries: configuration.sources.flatMap(({ name, verify }) => (verify === 'off' ? [] : registriesOf(name, snapshot, state))) }),
      heldBack: rotations.flatMap(({ source, refused }) => refused.map((why) => ({ source, why }))),
      proxies: rotations.flatMap(({ proxies }) => proxies).flatMap(({ name, kind, source, applied, appliedAt, verified, why, since }) => {
        const config = configured.get(name);
        // What cannot be told is not reported as missing.
        if (config === undefined || applied === undefined || unread.has(source)) return [];
        return [{ name, kind, source, registry: config.registry, applied, verified, why, ...(appliedAt !== undefined && { appliedAt }), ...(since !== undefined && { since }), ...(config.probe && { url: config.probe.url }) }];
      }),
    };
  } catch (error) {
    if (isForbidden(error) || error instanceof UserError) return undefined;
    throw error;
  }
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
