/** What an answer means, described without any text chosen by the server. */
import type { HttpResponse } from './http.ts';

/** Error codes of the distribution specification and of Distribution itself: any other text could be an echo of the request. */
const CODES = [
  'UNAUTHORIZED',
  'DENIED',
  'TOOMANYREQUESTS',
  'BLOB_UNKNOWN',
  'MANIFEST_UNKNOWN',
  'MANIFEST_INVALID',
  'NAME_UNKNOWN',
  'NAME_INVALID',
  'BLOB_UNKNOWN',
  'TAG_INVALID',
  'UNSUPPORTED',
  'UNAVAILABLE',
  'UNKNOWN',
];

/** `401`, `404 MANIFEST_UNKNOWN`, `200 with an HTML page`, `307, a redirect to another host`. */
export function describe(response: HttpResponse): string {
  const { status } = response;
  if (response.redirectedTo !== undefined) return `${status}, a redirect that is not followed`;
  if (status === 429) return '429: too many requests, try later';
  if (isHtml(response)) return `${status} with an HTML page`;
  const code = errorCode(response);
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** Registries and token servers answer in JSON: a page comes from a proxy, a portal or a web site. */
export function isHtml({ headers, body }: HttpResponse): boolean {
  return (
    /^\s*(?:text\/html|application\/xhtml)/i.test(headers['content-type'] ?? '') || /^\s*<(?:!doctype|html)/i.test(body)
  );
}

/** The first error code of a registry's error document, if it is a known one. */
export function errorCode({ body }: HttpResponse): string | undefined {
  const document = parseObject(body);
  const first: unknown = Array.isArray(document?.['errors']) ? document['errors'][0] : undefined;
  const code = typeof first === 'object' && first !== null && 'code' in first ? first.code : undefined;
  return CODES.find((known) => known === code);
}

/**
 * Whether the server refuses what the request carried. A 403 with an HTML page comes from a firewall or proxy in
 * between, and says nothing about the login.
 */
export function isRefusal(response: HttpResponse): boolean {
  return response.status === 401 || (response.status === 403 && !isHtml(response));
}

/** A JSON object, or undefined. */
export function parseObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
