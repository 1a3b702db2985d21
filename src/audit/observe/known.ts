/** The controller's verdicts on logins and cache proxies, from its state Secret: an audit tries no login itself. */
import type { Configuration, SourceConfig } from '../../config/schema.ts';
import { redactKey } from '../../credentials/registry-name.ts';
import { UserError } from '../../errors.ts';
import { isForbidden } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { heldLine } from '../../sources/merge.ts';
import { accountOf } from '../../sources/preflight.ts';
import { isProxyDone, observeProxies } from '../../rotation/proxy-progress.ts';
import { createRefusals } from '../../observe/refusals.ts';
import { keyId, recordOf } from '../../sources/record.ts';
import type { Snapshot } from '../../sources/snapshot.ts';
import { derivedLogins } from './derived.ts';
import type { Observation } from './observation.ts';
import type { AuditedLogin } from './verdicts.ts';

export interface Known extends Pick<Observation, 'registries' | 'proxies' | 'heldBack' | 'derived'> {
  /** One line each: what could not be read, and why. */
  readonly gaps: readonly string[];
}

interface KnownOptions {
  readonly client: KubeClient;
  readonly configuration: Configuration;
  readonly snapshot: Snapshot;
  /** Only what cache proxies made of their logins in these namespaces; absent: in all. */
  readonly only?: readonly string[] | undefined;
  /** false for the controller: it may not read Secrets under other names than its own, so it does not ask. */
  readonly mayAsk: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What may not be read becomes a gap, without findings about it. */
export async function knownTo(options: KnownOptions): Promise<Known> {
  const { client, configuration, snapshot } = options;
  const { remembered, unreadable, book } = snapshot;
  try {
    const proxies = await observeProxies({ client, configuration, snapshot });
    const configured = new Map(configuration.cacheProxies.map((proxy) => [proxy.name, proxy]));
    const { derived, gaps } = await derivedLogins({ ...options, proxies });
    return {
      gaps:
        unreadable === undefined
          ? gaps
          : [
              'What the controller remembers, so nothing is said about refused logins and about cache proxies: ' +
                unreadable,
              ...gaps,
            ],
      ...(derived.length > 0 && { derived }),
      ...(remembered && {
        registries: configuration.sources.flatMap((source) =>
          source.verify === 'off' ? [] : registriesOf(source, snapshot),
        ),
      }),
      heldBack: configuration.sources.flatMap((source) => heldBackOf(source, snapshot)),
      // If `applied` is unknown, the audit says nothing of the cache proxy.
      proxies: book
        .observe()
        .flatMap(({ config, read }) => (read ? proxies.filter(({ source }) => source === config.name) : []))
        .flatMap((progress) => {
          const { name, kind, source, applied, appliedAt, verified, reason, why, since } = progress;
          const config = configured.get(name);
          if (config === undefined || applied === undefined) return [];
          return [
            {
              name,
              kind,
              source,
              registry: config.registry,
              ...(config.probe && { url: config.probe.url }),
              applied,
              verified,
              ...(reason !== undefined && { reason }),
              done: isProxyDone(progress),
              why,
              ...(appliedAt !== undefined && { appliedAt }),
              ...(since !== undefined && { since }),
            },
          ];
        }),
    };
  } catch (error) {
    if (!isForbidden(error) && !(error instanceof UserError)) throw error;
    return {
      gaps: [
        `What registries said of logins, and cache proxies, so nothing is said about them: ${(error as Error).message}`,
      ],
    };
  }
}

/** Held back: entries for which the content in force differs from the source, and a halted rollout. */
function heldBackOf(source: SourceConfig, { book, state }: Snapshot): NonNullable<Observation['heldBack']>[number][] {
  const { stage } = book.rollout(source.name);
  const record = recordOf(state, source);
  return [
    ...book.held(source.name).map((held) => {
      const since = record?.held.find(({ key, cause }) => key === redactKey(held.key) && cause === held.cause)?.since;
      return { source: source.name, why: heldLine(held), ...(since !== undefined && { since }) };
    }),
    ...(stage.state === 'halted'
      ? stage.why.map((why) => ({ source: source.name, why: `halted at the canaries: ${why}` }))
      : []),
  ];
}

/** The logins of the newest content, without aliases. During a rollout a refusal of the login before it counts: most pods pull with it. */
function registriesOf(source: SourceConfig, { book, state }: Snapshot): AuditedLogin[] {
  const record = recordOf(state, source);
  if (record === undefined) return [];
  const refusals = createRefusals(state);
  const { newest, passed } = book.rollout(source.name);
  const before = new Map((passed?.own ?? []).map((credential) => [credential.key, credential]));
  const logins = [
    ...(newest?.own ?? []),
    ...[...before.values()].filter(({ key }) => !newest?.own.some((each) => each.key === key)),
  ];
  return logins.map((credential): AuditedLogin => {
    const at = { source: source.name, key: redactKey(credential.key) };
    const refused = [before.get(credential.key) ?? credential, credential]
      .map((each) => refusals.waits(accountOf(each)))
      .find((each) => each?.tried === true);
    if (refused !== undefined) return { ...at, state: 'refused', why: refused.why };
    if (record.unproven.includes(keyId(state, credential.key)))
      return { ...at, state: 'unknown', why: 'it could not be tried' };
    return { ...at, state: 'accepted', why: 'the registry took it', since: record.since };
  });
}
