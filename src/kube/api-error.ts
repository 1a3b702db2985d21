/** The errors of calls to the API server, and what kind of failure each is. */
import { wall } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { FailureKind } from '../errors.ts';
import { fit } from '../text.ts';

/** Longest wait that a server can ask for; a longer one is cut to this. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;
/** Longest message, in characters: it ends up in logs, Events and terminals. */
export const MAX_MESSAGE = 500;

/** The fields of a Kubernetes `Status` that are used here. */
interface Status {
  message?: string;
  reason?: string;
  details?: { retryAfterSeconds?: number; causes?: { reason?: string; message?: string; field?: string }[] };
}

/** An HTTP answer other than 2xx. `code` is the HTTP status, `reason` the machine-readable one of the Status. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  /** Reasons of `details.causes`, such as NamespaceTerminating or FieldManagerConflict. */
  readonly causes: readonly string[];
  /** How long the server asks to wait, in milliseconds: above 0, and bounded. Undefined if it does not ask. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, code: number, status: Status, retryAfterMs?: number) {
    super(`${request}: ${status.message ?? `HTTP status ${code}`}`);
    this.code = code;
    this.reason = status.reason ?? '';
    this.causes = (status.details?.causes ?? []).map((cause) => cause.reason ?? '');
    const seconds = status.details?.retryAfterSeconds;
    const asked = retryAfterMs ?? (seconds === undefined ? 0 : seconds * 1000);
    // 0 asks for no wait: then our own backoff applies.
    this.retryAfterMs = asked > 0 ? Math.min(asked, MAX_RETRY_AFTER_MS) : undefined;
  }

  /** 422: a policy or an immutable object. For a JSON Patch that lost a race, LostRaceError is thrown instead. */
  get kind(): FailureKind {
    if (this.code === 409 || this.code === 429 || this.code >= 500) return 'passing';
    return isInvalid(this) ? 'refused' : isForbidden(this) ? 'forbidden' : 'fault';
  }
}

/** No answer at all: connection refused or reset, a timeout, a certificate that does not verify. */
export class UnreachableError extends Error {
  override name = 'UnreachableError';
  readonly kind: FailureKind = 'passing';
}

/** The answer is larger than the caller accepts. */
export class TooLargeError extends UnreachableError {
  override name = 'TooLargeError';
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.code === 409;
export const isForbidden = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 403 && !isNamespaceTerminating(error);
/** The server no longer keeps the resourceVersion that a list or watch continues from. */
export const isGone = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 410 || error.reason === 'Expired');
/** The resourceVersion is newer than the server's: its etcd was restored from a backup. */
export const isTooNew = (error: unknown): boolean =>
  error instanceof ApiError && error.causes.includes('ResourceVersionTooLarge');
/** A create in a namespace that is being deleted: a 403, but not a missing right. */
export const isNamespaceTerminating = (error: unknown): boolean =>
  error instanceof ApiError && error.causes.includes('NamespaceTerminating');
/** A 403 of RBAC or of Pullpass's own policies, and not of what a namespace has: a quota, or the admission of others. */
export const lacksRight = (error: unknown): boolean =>
  isForbidden(error) &&
  (/ cannot [a-z]+ resource /.test(messageOf(error)) ||
    messageOf(error).endsWith(RIGHT_MISSING) ||
    OWN_POLICY.test(messageOf(error)));
/** The server rejects what was sent: a policy, an immutable field. For a JSON Patch it can also be a lost race. */
export const isInvalid = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 400 || error.code === 422);
/** Another writer came first. A JSON Patch whose `test` fails gets 422, not 409. */
export const isRace = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 409 || error.code === 422);

/** Builds the error for an answer. `hideMessage`: the request holds a credential, and the server may quote it. */
export function apiErrorOf(
  request: string,
  code: number,
  body: string,
  retryAfter: string | undefined,
  hideMessage: boolean,
): ApiError {
  const status = readStatus(body);
  const said = status === undefined ? plainText(body) : (status.message ?? '');
  const message = hideMessage ? inOurWords(code, status, said) : fit(said, MAX_MESSAGE);
  // Proxies and overloaded servers answer with text or a page that does not state the code.
  const shown =
    message === '' ? `HTTP status ${code}` : status === undefined ? `HTTP status ${code}: ${message}` : message;
  return new ApiError(request, code, { ...status, message: shown }, parseRetryAfter(retryAfter));
}

/** Reads only Status fields of the right type: a proxy in between may answer with any other shape. */
function readStatus(body: string): Status | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (parsed === null || typeof parsed !== 'object') return undefined;
  const { message, reason, details } = parsed as Record<string, unknown>;
  const { causes, retryAfterSeconds } = (details ?? {}) as Record<string, unknown>;
  return {
    ...(typeof message === 'string' && { message }),
    ...(typeof reason === 'string' && /^[A-Za-z]{1,64}$/.test(reason) && { reason }),
    details: {
      ...(typeof retryAfterSeconds === 'number' && { retryAfterSeconds }),
      causes: (Array.isArray(causes) ? causes : []).flatMap((cause: { reason?: unknown } | null) =>
        typeof cause?.reason === 'string' ? [{ reason: cause.reason }] : [],
      ),
    },
  };
}

const RIGHT_MISSING = 'the right is missing';
const OWN_POLICY = /the policy pullpass-[-a-z]+ denies it/;

/** Why a write of a credential was refused, with no text from the server: webhooks quote what they refuse. */
function inOurWords(code: number, status: Status | undefined, said: string): string {
  const name = `HTTP status ${code}${status?.reason === undefined ? '' : ` ${status.reason}`}`;
  if (code !== 403) return name;
  if (status?.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating'))
    return `${name}: the namespace is being deleted`;
  if (said.includes('exceeded quota')) return `${name}: a ResourceQuota of the namespace is used up`;
  if (/ cannot [a-z]+ resource /.test(said)) return `${name}: ${RIGHT_MISSING}`;
  const [, policy] = /ValidatingAdmissionPolicy '(pullpass-[-a-z]{1,40})'/.exec(said) ?? [];
  if (policy !== undefined)
    return `${name}: the policy ${policy} denies it; if the configuration changed, apply the output of \`pullpass rbac --policies\``;
  if (/admission webhook|ValidatingAdmissionPolicy/.test(said))
    return `${name}: an admission webhook or policy denies it`;
  return name;
}

/** Text as it is; of a page only its title. */
function plainText(body: string): string {
  return /^\s*</.test(body) ? (/<title>([^<]*)/i.exec(body)?.[1] ?? '') : body;
}

function parseRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - wall();
  return Number.isFinite(ms) ? ms : undefined;
}
