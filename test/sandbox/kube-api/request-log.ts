/** Records all requests, so that a test can check "no writes" or "three writes and no reads". */

export interface LoggedRequest {
  readonly time: Date;
  /** get, list, watch, create, update, patch, delete, deletecollection; the lower-case method for paths that are no resource. */
  readonly verb: string;
  readonly path: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** 0 when the connection was cut instead of an answer. */
  readonly code: number;
  readonly user: string;
  readonly userAgent: string;
  readonly contentType: string;
}

const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection'];

export class RequestLog {
  #entries: LoggedRequest[] = [];

  add(entry: LoggedRequest): void {
    this.#entries.push(entry);
  }

  all(): readonly LoggedRequest[] {
    return this.#entries;
  }

  reset(): void {
    this.#entries = [];
  }
}

export function isWrite({ verb, resource }: LoggedRequest): boolean {
  return WRITES.includes(verb) && !resource.endsWith('reviews');
}
