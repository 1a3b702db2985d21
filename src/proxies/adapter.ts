/** What every cache proxy product looks like to the engine. One file a product implements it; all run one conformance suite. */
import type { FailureKind } from '../errors.ts';
import type { Mac } from '../credentials/digest.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import type { ApiObject } from '../kube/list.ts';
import type { Right } from '../plan/rights.ts';
import type { HttpClient } from '../registry/http.ts';

/** One object in the API server that shows what a product was given. It is watched, by name. */
export interface Target {
  /** Collection to watch, such as `/api/v1/namespaces/x/secrets`. */
  readonly path: string;
  /** Empty for a cluster-scoped object. */
  readonly namespace: string;
  readonly name: string;
  /** What of the observed object decides; no credential, only macs of one. undefined: the object is absent. */
  fingerprint(object: ApiObject | undefined, mac: Mac): string;
  /** What {@link fingerprint} must be once `login` was applied. */
  expected(login: UpstreamLogin, mac: Mac): string;
}

/** What an adapter may do with the API server; implemented once, bounded in time, credentials never repeated in errors. */
export interface ProxyKube {
  /** Server-side apply with our field manager, forced; `managed-by` and the label of the cache proxy are added. Refuses a Secret that is not ours unless it says adopt. */
  applySecret(secret: {
    namespace: string;
    name: string;
    type?: string;
    data: Readonly<Record<string, string>> /* plain text */;
    annotations?: Readonly<Record<string, string>>;
  }): Promise<void>;
  /** Data of a Secret, decoded. Throws UserError when it is not there. */
  readSecret(secret: { namespace: string; name: string }): Promise<Readonly<Record<string, string>>>;
  get<T>(path: string): Promise<T | undefined>;
  /** Merge patch, or JSON Patch where a list is edited (then guarded by `test`). */
  patch(
    path: string,
    type: 'application/merge-patch+json' | 'application/json-patch+json',
    body: object,
  ): Promise<void>;
}

export interface ProxyContext {
  readonly kube: ProxyKube;
  /** For the product's own API: bounded, no redirects to other hosts, credentials never in errors. */
  readonly http: HttpClient;
  readonly mac: Mac;
  readonly signal: AbortSignal;
  /** Name of the copy of the proxy's source: what `patch` products point at. */
  readonly copyName: string;
}

/** The product, or its upstream, says no to the login to forward: more tries would lock an account. */
export class LoginRefusedError extends Error {
  override name = 'LoginRefusedError';
}

/** The product says no to our own administrator's login: the login to forward was not tried. */
export class AdminRefusedError extends LoginRefusedError {
  override name = 'AdminRefusedError';
}

/** Something else has to happen first, and is about to: no failure unless it lasts. A target changes when it has happened. */
export class NotYetError extends Error {
  override name = 'NotYetError';
  readonly kind: FailureKind = 'not yet';
}

export interface Verdict {
  readonly state: 'verified' | 'refused' | 'unknown';
  /** One line, no credential. */
  readonly why: string;
}

/** Of a copy that a custom object names. */
export interface Named {
  readonly copyName: string;
  /** Where in the object. */
  readonly place: string;
  /** Whether Pullpass wrote that; what somebody else wrote is not touched. */
  readonly ours: boolean;
}

/**
 * Why a reference is taken back. `going`: the copy goes, so no part of the object may name it. `moving`: the copy's name is
 * retired, and the object is to name another one first. `dropped`: the cache proxy is configured no longer; only its own place counts.
 */
export type Release = 'going' | 'moving' | 'dropped';

/** The custom object of a product that reads the copy itself: it must not name a copy that is not there. */
export interface Consumer {
  /** How messages call the object: `ImageCache "team/base"`. */
  readonly object: string;
  /** Where in the object the copy is named. */
  readonly place: string;
  /** The object and the place: who has the same writes the same. */
  readonly seat: string;
  /** Where the copy is. */
  readonly namespace: string;
  /** The copy that the object is pointed at; behind it those of retired names. */
  readonly copyNames: readonly [string, ...string[]];
  named(copyNames: readonly string[], kube: ProxyKube): Promise<readonly Named[]>;
  /**
   * Takes back what Pullpass wrote, and says whether there was any. Idempotent; an object or a kind that is gone names nothing.
   * Throws ForeignReferenceError for what somebody else wrote, NotYetError, ApiError, LostRaceError.
   */
  release(copyName: string, release: Release, context: Pick<ProxyContext, 'kube' | 'signal'>): Promise<boolean>;
}

export interface CacheProxy {
  /** Rights on the API server, limited by name. */
  readonly rights: readonly Right[];
  /**
   * What shows that a login was applied: the engine calls {@link apply} only when one of them does not match. Empty for a
   * product that keeps it behind its own API, where passwords cannot be read back: then the engine remembers a mac.
   */
  readonly targets: readonly Target[];
  /** Everything of the configuration that decides what is written, for the remembered mac of products without targets. */
  readonly identity: string;
  /**
   * Brings the product's login up to date. Idempotent: what is right already is not written again. Where the product can
   * try a candidate, it is tried first, and a refused one changes nothing: throws LoginRefusedError. Other errors are retried with backoff.
   */
  apply(login: UpstreamLogin, context: ProxyContext): Promise<void>;
  /** Only of a product that is pointed at the copy. */
  readonly consumer?: Consumer;
  /** What keeps the product from running with what was applied, in one line; undefined when nothing does. Asked before a verification. */
  unsettled?(context: ProxyContext): Promise<string | undefined>;
  /** Asks the product itself whether its login works, where it can tell. A pull through `probe` is the engine's business. */
  verify?(login: UpstreamLogin, context: ProxyContext): Promise<Verdict>;
}
