/**
 * What only the leader knows: copies, sources, logins, cache proxies. Two replicas that said it would be counted twice, and one
 * that led before would go on with what was true then.
 */
import { redactKey } from '../credentials/registry-name.ts';
import { printable } from '../text.ts';
import type { Families } from './families.ts';

/** Standings of a copy, in the words of the audit. */
export const COPY_STATES = ['in-sync', 'stale', 'missing', 'foreign', 'blocked', 'waiting'] as const;
/** Standings of a chosen ServiceAccount's reference to its copy. */
export const REFERENCE_STATES = ['present', 'missing'] as const;
/** What a registry says of a credential. */
export const CREDENTIAL_STATES = ['accepted', 'refused', 'unknown'] as const;
/** What healing does with a pod: it is evicted in its turn, would be, or is left alone. */
export const STUCK_STATES = ['evict', 'dry-run', 'left'] as const;
/** Longest label that comes from a source Secret, in characters. */
const LONGEST_LABEL = 200;

/** The families, to be set, and `forget` for the end of a term. */
export function createLeaderMetrics({ gauge }: Families) {
  const copies = gauge('copies', `Copies by source and state (${COPY_STATES.join(', ')}).`, ['source', 'state']);
  const references = gauge(
    'references',
    `References of chosen ServiceAccounts to copies, by source and state (${REFERENCE_STATES.join(', ')}).`,
    ['source', 'state'],
  );
  const sourceValid = gauge(
    'source_valid',
    '1 if the source Secret holds usable credentials, 0 if its last good content stays in force.',
    ['source'],
  );
  const sourceExpiryValid = gauge(
    'source_expiry_valid',
    '1 if the annotation expires-at of the source Secret counts; 0: it does not, so nobody knows when its login ends.',
    ['source'],
  );
  const sourceChanged = gauge(
    'source_changed_timestamp_seconds',
    'When the newest content of the source was accepted, in seconds since 1970.',
    ['source'],
  );
  const rotationPending = gauge(
    'rotation_pending',
    'How many namespaces do not carry the current content of the source yet, and cache proxies are not done with it.',
    ['source'],
  );
  const proxyApplied = gauge('proxy_applied', '1 if the cache proxy was given the login that its source has now.', [
    'proxy',
    'source',
  ]);
  const proxyVerified = gauge(
    'proxy_verified',
    'Whether the cache proxy pulls with its login: 1 for the state that holds (verified, refused, unknown).',
    ['proxy', 'source', 'state'],
  );
  const proxyUnknown = gauge(
    'proxy_unknown',
    'Why it is not known whether the cache proxy pulls with its login: 1 for the reason that holds.',
    ['proxy', 'source', 'reason'],
  );
  const proxyDone = gauge(
    'proxy_done',
    '1 if the cache proxy needs the login before no longer: it has settled and, with a probe, it is proven.',
    ['proxy', 'source'],
  );
  const credentialVerified = gauge(
    'credential_verified',
    `What the registry says of the credential: 1 for the state that holds (${CREDENTIAL_STATES.join(', ')}).`,
    ['source', 'registry', 'state'],
  );
  const credentialExpiry = gauge(
    'credential_expiry_timestamp_seconds',
    'When the login ends, in seconds since 1970: by itself (a JSON Web Token, a password of ECR), by the annotation of its Secret, or by maxAge.',
    ['source', 'registry'],
  );
  const credentialLifetime = gauge(
    'credential_lifetime_seconds',
    'How long the login is good for, from its issue to its end, where that is known.',
    ['source', 'registry'],
  );
  const registryLabel = (key: string): string => printable(redactKey(key)).slice(0, LONGEST_LABEL);
  const removalsHeld = gauge(
    'removals_held',
    'Namespaces that keep a copy or a reference because the configuration would remove too many at once.',
  );
  const stuckPods = gauge(
    'stuck_pods',
    `Pods that were made too early to have the reference and cannot pull for want of it, by what is done (${STUCK_STATES.join(', ')}).`,
    ['source', 'state'],
  );
  const byName = [copies, references, sourceValid, sourceChanged, sourceExpiryValid, rotationPending];
  const byProxy = [proxyApplied, proxyVerified, proxyUnknown, proxyDone];

  return {
    /** `source`, `state`: {@link COPY_STATES} */
    copies,
    /** `source`, `state`: {@link REFERENCE_STATES} */
    references,
    rotationPending,
    /** `proxy`, `source` */
    proxyApplied,
    /** `proxy`, `source`, `state`: verified, refused, unknown */
    proxyVerified,
    /** `proxy`, `source`, `reason`: UNKNOWN_REASONS */
    proxyUnknown,
    /** `proxy`, `source` */
    proxyDone,
    removalsHeld,
    /** `source`, `state`: {@link STUCK_STATES} */
    stuckPods,
    /** `kind`: ServiceAccount, Secret (a copy), CacheProxy (an object of it) */
    contestedObjects: gauge('contested_objects', 'Objects on which another writer undoes each write, by kind.', [
      'kind',
    ]),

    /** Replaces what is known of sources. `changedAt`: milliseconds since 1970. */
    setSources(
      sources: Iterable<{
        readonly source: string;
        readonly valid: boolean;
        readonly changedAt: number | undefined;
        readonly expiryValid?: boolean;
      }>,
    ): void {
      sourceValid.reset();
      sourceChanged.reset();
      sourceExpiryValid.reset();
      for (const { source, valid, changedAt, expiryValid } of sources) {
        if (expiryValid !== undefined) sourceExpiryValid.set({ source }, expiryValid ? 1 : 0);
        sourceValid.set({ source }, valid ? 1 : 0);
        if (changedAt !== undefined) sourceChanged.set({ source }, changedAt / 1000);
      }
    },
    /** Replaces all known verdicts: a key that a source no longer has leaves no series behind. */
    setCredentials(
      credentials: Iterable<{
        readonly source: string;
        readonly key: string;
        readonly state: (typeof CREDENTIAL_STATES)[number];
      }>,
    ): void {
      credentialVerified.reset();
      for (const { source, key, state: now } of credentials) {
        for (const state of CREDENTIAL_STATES)
          credentialVerified.set({ source, registry: registryLabel(key), state }, now === state ? 1 : 0);
      }
    },
    /** Replaces all known expiry times. `expiresAt`: milliseconds since 1970; `lifetimeMs`: from the issue of the login to its end. */
    setExpiries(
      logins: Iterable<{
        readonly source: string;
        readonly key: string;
        readonly expiresAt: number;
        readonly lifetimeMs?: number | undefined;
      }>,
    ): void {
      credentialExpiry.reset();
      credentialLifetime.reset();
      // If keys become the same label, the one that expires first counts: it is set last.
      for (const { source, key, expiresAt, lifetimeMs } of [...logins].sort((a, b) => b.expiresAt - a.expiresAt)) {
        const labels = { source, registry: registryLabel(key) };
        credentialExpiry.set(labels, expiresAt / 1000);
        if (lifetimeMs === undefined) credentialLifetime.remove(labels);
        else credentialLifetime.set(labels, lifetimeMs / 1000);
      }
    },
    /** Removes all series of a source that left the configuration: their last values would stay forever. */
    forgetSource(source: string): void {
      for (const state of COPY_STATES) copies.remove({ source, state });
      for (const state of REFERENCE_STATES) references.remove({ source, state });
      for (const state of STUCK_STATES) stuckPods.remove({ source, state });
      for (const metric of [sourceValid, sourceChanged, sourceExpiryValid, rotationPending]) metric.remove({ source });
    },
    /** The next term begins with nothing of this one. `contestedObjects` is kept by who counts: it goes back by itself. */
    forget(): void {
      for (const metric of [...byName, ...byProxy, credentialVerified, credentialExpiry, credentialLifetime, stuckPods])
        metric.reset();
      removalsHeld.set(0);
    },
  };
}
