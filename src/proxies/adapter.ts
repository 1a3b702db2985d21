/** The interface of every cache proxy product. One file per product implements it; all pass one conformance suite. */
import type { FailureKind } from '../errors.ts';
import type { Mac } from '../credentials/digest.ts';
import type { SecretContent } from '../credentials/docker-config.ts';
import type { Verdict } from '../plan/proxy.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import type { ApiObject } from '../kube/list.ts';
import type { HttpClient } from '../registry/http.ts';

/** One API object that shows which login a product was given. It is watched by name. */
export interface Target {
  /** Collection to watch, such as `/api/v1/namespaces/x/secrets`. */
  readonly path: string;
  /** Empty for a cluster-scoped object. */
  readonly namespace: string;
  readonly name: string;
  /** The part of the observed object that matters; no credential, only MACs of it. `object` undefined: it is absent. */
  fingerprint(object: ApiObject | undefined, mac: Mac): string;
  /** What {@link fingerprint} must be once `login` was applied. */
  expected(login: UpstreamLogin, mac: Mac): string;
}

/** The calls to the API server that an adapter may make: bounded in time, no credential in errors. */
export interface ProxyKube {
  /** Server-side apply, forced; adds our labels. Refuses a Secret that is not ours, unless it has the adopt annotation. */
  applySecret(secret: {
    namespace: string;
    name: string;
    type?: string;
    data: Readonly<Record<string, string>> /* plain text */;
    /** Where others keep a part of the Secret: all that it is to hold, made from what it holds now. Absent: `data`. */
    merge?: ((held: Readonly<Record<string, string>>) => Readonly<Record<string, string>>) | undefined;
    /** In whose name it is written; absent: in that of the cache proxy itself. */
    owner?: string;
    annotations?: Readonly<Record<string, string>>;
  }): Promise<void>;
  /** Data of a Secret, decoded. Throws UserError if it does not exist. */
  readSecret(secret: { namespace: string; name: string }): Promise<Readonly<Record<string, string>>>;
  get<T>(path: string): Promise<T | undefined>;
  /** Merge patch; or JSON Patch if a list is edited, with `test` operations. */
  patch(
    path: string,
    type: 'application/merge-patch+json' | 'application/json-patch+json',
    body: object,
  ): Promise<void>;
}

export interface ProxyContext {
  readonly kube: ProxyKube;
  /** For the product's own API: bounded in time and size, no redirects to other hosts, no credential in errors. */
  readonly http: HttpClient;
  readonly mac: Mac;
  readonly signal: AbortSignal;
  /** Name of the copies of the cache proxy's source: products of the patch shape are pointed at one. */
  readonly copyName: string;
}

/** The product, or its upstream, refuses the login to forward: more tries could lock the account. */
export class LoginRefusedError extends Error {
  override name = 'LoginRefusedError';
}

/** The product refuses the administrator's login of Pullpass: the login to forward was not tried. */
export class AdminRefusedError extends LoginRefusedError {
  override name = 'AdminRefusedError';
}

/** Something else must happen first, and soon will: no failure unless it lasts. A target changes when it has happened. */
export class NotYetError extends Error {
  override name = 'NotYetError';
  readonly kind: FailureKind = 'not yet';
}

export type { Verdict } from '../plan/proxy.ts';

/** In seconds; the parts add up. */
export interface Settling {
  /** Until a kubelet has updated a mounted Secret. */
  readonly mount?: number;
  /** As long as the product keeps what it read. */
  readonly lifetime?: number;
  /** As long as it goes on with a token of the login before. `registry`: as long as its registry lets a token live. */
  readonly token?: 'registry';
}

/** `never`: it will not run with it unless a person changes something. `why`: one line. */
export interface Unsettled {
  readonly why: string;
  readonly never?: true;
}

/** A reference to a copy in a custom object. */
export interface Named {
  readonly copyName: string;
  /** Its place in the object. */
  readonly place: string;
  /** Whether Pullpass wrote it; a reference of another writer is never changed. */
  readonly ours: boolean;
}

/**
 * Why a reference is taken back. `going`: the copy is removed, so no place in the object may name it. `moving`: the copy's name is
 * retired, and the object must name the new one first. `dropped`: the cache proxy is no longer configured; only its own place counts.
 */
export type Release = 'going' | 'moving' | 'dropped';

/** The custom object of a product that reads the copy itself: it must not reference a copy that does not exist. */
export interface Consumer {
  /** The object's name in messages: `ImageCache "team/base"`. */
  readonly object: string;
  /** The place in the object that references the copy. */
  readonly place: string;
  /** Object and place together: cache proxies with the same seat write the same reference. */
  readonly seat: string;
  /** Namespace of the copy. */
  readonly namespace: string;
  /** Name of the copy that the object is pointed at, then the retired names. */
  readonly copyNames: readonly [string, ...string[]];
  named(copyNames: readonly string[], kube: ProxyKube): Promise<readonly Named[]>;
  /**
   * Takes back the references that Pullpass wrote; returns whether it wrote. Idempotent; an absent object or kind has none.
   * Throws ForeignReferenceError for a reference of another writer, NotYetError, ApiError, LostRaceError.
   */
  release(copyName: string, release: Release, context: Pick<ProxyContext, 'kube' | 'signal'>): Promise<boolean>;
}

/** What holds a login besides what Pullpass writes, and can go on using the one before. */
export interface Holders {
  /** What nobody can count. For people; completes "Also held by ...", without a full stop. */
  readonly unseen: string;
  readonly derived?: DerivedSecrets;
}

/**
 * Secrets that the product itself makes of the login, under names that nobody configured. Whoever may list Secrets in all
 * namespaces can count them; the controller may not.
 */
export interface DerivedSecrets {
  /** Plural, for people: `Secrets that kube-image-keeper made of the copy`. */
  readonly what: string;
  /** Path of the object that they come from. */
  readonly origin: string;
  /** The label selector that finds them; undefined: the object does not tell. Pure. */
  selector(origin: ApiObject): string | undefined;
  /** The login for this registry in one of them; undefined: it holds none of ours. Pure. */
  login(origin: ApiObject, secret: ApiObject & SecretContent): Pick<UpstreamLogin, 'username' | 'password'> | undefined;
}

/** An object of the product that Pullpass patches. */
export interface Edited {
  /** `''` for the core group. */
  readonly apiGroup: string;
  readonly resource: string;
  /** Absent: cluster-scoped. */
  readonly namespace?: string | undefined;
  readonly name: string;
  /** JSON pointers of all that changes. RBAC cannot say that; the admission policies do. */
  readonly fields: readonly string[];
}

export interface CacheProxy {
  /**
   * The objects that show that a login was applied: {@link apply} is called only if one of them does not match. Empty for a
   * product with its own API, from which passwords cannot be read back: then the state keeps a MAC.
   */
  readonly targets: readonly Target[];
  /** All parts of the configuration that decide what is written: part of the MAC in the state, for products without targets. */
  readonly identity: string;
  /**
   * Brings the product's login up to date. Idempotent: what is already right is not written again. If the product can try a login,
   * it is tried first, and a refused one changes nothing: throws LoginRefusedError. Other errors are retried with backoff.
   */
  apply(login: UpstreamLogin, context: ProxyContext): Promise<void>;
  /** Only for a product with an object that {@link apply} patches. */
  readonly edited?: Edited;
  /** Only for a product that is pointed at the copy. */
  readonly consumer?: Consumer;
  readonly holders: Holders;
  /** How long it surely takes to work with a login that was written. Absent: at once. */
  readonly settling?: Settling;
  /** Why the product does not yet run with what was applied; undefined: it does. Asked before a verification. */
  unsettled?(context: Pick<ProxyContext, 'kube'>): Promise<Unsettled | undefined>;
  /** Whether it says "not found" of a blob only if its registry said so: a refused login gets another answer (see `proof.ts`). */
  readonly tellsAbsence?: boolean;
  /** Whether its list of tags has those that it holds, and no others. */
  readonly listsHeld?: boolean;
  /** Asks the product itself whether its login works, if it can tell. The pull through `probe` is not done here. */
  verify?(login: UpstreamLogin, context: ProxyContext): Promise<Verdict>;
}
