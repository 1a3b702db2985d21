/** All errors of the API server, with its own messages. */
import type { JsonObject } from './json.ts';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string | undefined;
  readonly group?: string | undefined;
  readonly kind?: string | undefined;
  readonly uid?: string | undefined;
  readonly causes?: readonly StatusCause[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/** Thrown anywhere in a handler; the server turns it into a `Status`. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string | undefined, message: string, details?: StatusDetails) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  status(): JsonObject {
    return statusObject('Failure', {
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    });
  }
}

export function statusObject(
  status: 'Success' | 'Failure',
  rest: { message?: string; reason?: string | undefined; details?: StatusDetails | undefined; code?: number },
): JsonObject {
  const { message, reason, details, code } = rest;
  return JSON.parse(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status, message, reason, details, code }),
  ) as JsonObject;
}

/** `secrets`, or `leases.coordination.k8s.io`. */
export function qualified({ group, resource }: GroupResource): string {
  return group === '' ? resource : `${resource}.${group}`;
}

function about(resource: GroupResource, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.resource,
  };
}

export function notFound(resource: GroupResource, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, about(resource, name));
}

export function alreadyExists(resource: GroupResource, name: string, dying = false): ApiError {
  return new ApiError(
    409,
    'AlreadyExists',
    `${dying ? 'object is being deleted: ' : ''}${qualified(resource)} "${name}" already exists`,
    about(resource, name),
  );
}

export function conflict(resource: GroupResource, name: string, why: string): ApiError {
  return new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    about(resource, name),
  );
}

export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export function applyConflict(message: string, causes: readonly StatusCause[]): ApiError {
  return new ApiError(409, 'Conflict', message, { causes });
}

export function forbidden(
  resource: GroupResource,
  name: string,
  why: string,
  causes?: readonly StatusCause[],
): ApiError {
  const what = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new ApiError(403, 'Forbidden', `${what} is forbidden: ${why}`, {
    ...about(resource, name),
    ...(causes ? { causes } : {}),
  });
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

/** The error for a Go error that is not a StatusError. */
export function internal(message: string): ApiError {
  return new ApiError(500, undefined, message);
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message);
}

/** The error for a path that names no served resource. */
export function unknownResource(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function rejectedPatch(): ApiError {
  return new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

export function tooLargeResourceVersion(asked: number, current: number): ApiError {
  return new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}
