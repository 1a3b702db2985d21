/** Errors between a request and its answer, each in one line that never holds a credential. */

/**
 * `invalid`: the request itself could not be sent. `cancelled`: by the caller's signal. `closed`: the client was closed.
 * `egress`: the egress proxy gave no connection, so the host was not asked.
 */
type HttpFailure =
  | 'invalid'
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'cut'
  | 'timeout'
  | 'tls'
  | 'protocol'
  | 'too large'
  | 'egress'
  | 'cancelled'
  | 'closed';

/**
 * No usable answer. The message is one line: method, URL without login and query, reason.
 * It has no `cause` on purpose: parser errors quote what the server sent, and a server can echo the request.
 */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly failure: HttpFailure;
  constructor(failure: HttpFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

/** Scheme, host, port and path, for messages: a query, or a login before the host, can hold a secret. */
export function redactUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : url;
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return 'a malformed URL';
  // The path of a parsed URL is ASCII without spaces or control characters.
  const path = parsed.pathname.length > 200 ? `${parsed.pathname.slice(0, 200)}...` : parsed.pathname;
  return `${parsed.origin}${path}`;
}

const BY_CODE: Record<string, readonly [HttpFailure, string]> = {
  ENOTFOUND: ['dns', 'the host name does not resolve'],
  EAI_AGAIN: ['dns', 'the host name cannot be resolved now'],
  ECONNREFUSED: ['refused', 'connection refused'],
  EHOSTUNREACH: ['unreachable', 'no route to the host'],
  ENETUNREACH: ['unreachable', 'no route to the network'],
  ECONNRESET: ['cut', 'the server cut the connection'],
  EPIPE: ['cut', 'the server cut the connection'],
  UND_ERR_SOCKET: ['cut', 'the server cut the connection'],
  ETIMEDOUT: ['timeout', 'no connection within the time limit'],
  UND_ERR_CONNECT_TIMEOUT: ['timeout', 'no connection within the time limit'],
  UND_ERR_HEADERS_OVERFLOW: ['too large', 'the headers of the answer are too large'],
  HPE_HEADER_OVERFLOW: ['too large', 'the headers of the answer are too large'],
  EPROTO: ['tls', 'the server does not speak TLS'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['tls', 'the server does not speak TLS'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['tls', 'the server does not speak TLS'],
  CERT_HAS_EXPIRED: ['tls', 'its certificate has expired'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['tls', 'its certificate is for another host'],
  UND_ERR_DESTROYED: ['closed', 'the client is closed'],
  UND_ERR_CLOSED: ['closed', 'the client is closed'],
};
const TRUST =
  /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|CERT_UNTRUSTED)$/;
const TLS = /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|INVALID_|HOSTNAME_MISMATCH)/;

/** `what`: method and redacted URL. */
export function toHttpError(error: unknown, what: string): HttpError {
  if (error instanceof HttpError) return error;
  const [failure, reason] = reasonOf(error);
  return new HttpError(failure, `${what}: ${reason}`);
}

/** Reads only codes from `error`: its text may quote the server. */
export function reasonOf(error: unknown): readonly [HttpFailure, string] {
  const code = codeOf(error);
  const known = Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
  if (known !== undefined) return known;
  if (TRUST.test(code)) return ['tls', `its certificate is not trusted; give its CA (${code})`];
  if (TLS.test(code)) return ['tls', `TLS failed (${code})`];
  if (code.startsWith('HPE_') || code.startsWith('UND_ERR_RES'))
    return ['protocol', `the answer is not HTTP (${code})`];
  return ['protocol', `failed (${code})`];
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'no code';
}
