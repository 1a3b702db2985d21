/** Faults that a test can inject. */
import type { RequestInfo } from './serve/request-info.ts';

export interface RequestMatch {
  readonly verb?: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

export type FaultKind =
  /** Answered with this code and nothing done. */
  | { readonly kind: 'status'; readonly code: number; readonly retryAfterSeconds?: number; readonly message?: string }
  /** The connection of a watch is cut: of those that are open now, and of new ones. */
  | { readonly kind: 'drop-watch' }
  /** A watch stays open and is never heard of again. */
  | { readonly kind: 'stall-watch' }
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** The connection is cut before anything is done. */
  | { readonly kind: 'reset' }
  /** The write is done and its answer is lost. */
  | { readonly kind: 'reset-after-write' };

export type Fault = FaultKind & {
  /** What is left out matches everything. */
  readonly match: RequestMatch;
  /** How many requests it hits; without it all of them, until it is removed. */
  readonly times?: number;
};

export interface FaultHandle {
  readonly hits: number;
  remove(): void;
}

interface Armed {
  readonly fault: Fault;
  hits: number;
}

/** An open watch; the server keeps the list of them. */
export interface OpenWatch {
  readonly request: RequestInfo;
  drop(): void;
  stall(): void;
}

export class Faults {
  #armed: Armed[] = [];
  readonly #watches: ReadonlySet<OpenWatch>;

  constructor(watches: ReadonlySet<OpenWatch>) {
    this.#watches = watches;
  }

  add(fault: Fault): FaultHandle {
    const armed: Armed = { fault, hits: 0 };
    this.#armed.push(armed);
    for (const open of this.#watches) if (this.#hits(armed, open.request)) strike(fault, open);
    return {
      get hits() {
        return armed.hits;
      },
      remove: () => {
        this.#armed = this.#armed.filter((other) => other !== armed);
      },
    };
  }

  clear(): void {
    this.#armed = [];
  }

  /** The faults that hit a new request, each counted once. */
  hitting(request: RequestInfo): Fault[] {
    return this.#armed
      .filter((armed) => !isWatchFault(armed.fault) && this.#hits(armed, request))
      .map(({ fault }) => fault);
  }

  /** Tells a watch that has just been opened what befalls it. */
  opened(watch: OpenWatch): void {
    for (const armed of this.#armed)
      if (isWatchFault(armed.fault) && this.#hits(armed, watch.request)) strike(armed.fault, watch);
  }

  #hits(armed: Armed, request: RequestInfo): boolean {
    const { fault } = armed;
    if (isWatchFault(fault) && request.verb !== 'watch') return false;
    if (fault.times !== undefined && armed.hits >= fault.times) return false;
    if (!matches(fault.match, request)) return false;
    armed.hits++;
    return true;
  }
}

function strike(fault: Fault, watch: OpenWatch): void {
  if (fault.kind === 'drop-watch') watch.drop();
  if (fault.kind === 'stall-watch') watch.stall();
}

function isWatchFault(fault: Fault): boolean {
  return fault.kind === 'drop-watch' || fault.kind === 'stall-watch';
}

function matches(match: RequestMatch, { verb, resource }: RequestInfo): boolean {
  if (match.verb !== undefined && match.verb !== verb) return false;
  return (['resource', 'namespace', 'name', 'subresource'] as const).every(
    (key) => match[key] === undefined || match[key] === resource?.[key],
  );
}
