/** One HTTP exchange, by undici's own interface for handlers: its `request` makes a stream of each answer, which costs as much again. */
import type { Dispatcher } from 'undici';
import { isOver } from '../async/term.ts';
import type { UnderWay } from '../async/under-way.ts';
import { TooLargeError } from './api-error.ts';
import { SupersededError } from './races.ts';

export interface Exchange {
  readonly method: Dispatcher.HttpMethod;
  /** With the query. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The request is not sent if this term is over by then. */
  readonly term?: AbortSignal | undefined;
  readonly underWay: UnderWay;
  /** An answer begins; a watch may go on for minutes from here. */
  readonly onStatus: (status: number) => void;
  /** Takes the body of a good answer as it comes. What it throws ends the exchange. Absent: {@link Answer.body} has it. */
  readonly onData?: ((chunk: Uint8Array) => void) | undefined;
  /** Largest body of a good answer, in bytes. */
  readonly maxBytes: number;
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Of a refusal that is too long: empty. */
  readonly body: Buffer;
}

/** The server's own texts are shorter. */
const MAX_REFUSAL_BYTES = 64 * 1024;

export const isGood = (status: number): boolean => status < 300;

/** Rejects when there is no complete answer: why, from undici, `onData`, or with the word of {@link UnderWay} that stopped it. */
export function exchange(
  dispatcher: Dispatcher,
  sent: { readonly origin: string; readonly path: string; readonly headers: string[] },
  asked: Exchange,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (asked.signal?.aborted === true) return void reject(new Error('was stopped'));
    const { method, body = null } = asked;
    dispatcher.dispatch({ ...sent, method, body }, new Handler(asked, resolve, reject));
  });
}

class Handler implements Dispatcher.DispatchHandler {
  readonly #asked: Exchange;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #leave: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #over: Error | undefined;
  #status = 0;
  #retryAfter: string | undefined;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(asked: Exchange, resolve: (answer: Answer) => void, reject: (error: unknown) => void) {
    this.#asked = asked;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#leave = asked.underWay.add((why) => this.#fail(new Error(why)), asked.signal);
  }

  /** The request is about to be written to a connection. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (isOver(this.#asked.term)) this.#fail(new SupersededError('not sent: this replica may no longer be the leader'));
    else if (this.#over) controller.abort(this.#over);
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    // 103 and the like: the answer follows.
    if (status < 200) return;
    this.#status = status;
    this.#asked.onStatus(status);
    const retryAfter = headers['retry-after'];
    this.#retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    const { onData, maxBytes } = this.#asked;
    if (isGood(this.#status) && onData) {
      try {
        onData(chunk);
      } catch (error) {
        this.#fail(error);
      }
      return;
    }
    this.#size += chunk.length;
    this.#chunks.push(chunk);
    if (this.#size <= (isGood(this.#status) ? maxBytes : MAX_REFUSAL_BYTES)) return;
    if (isGood(this.#status)) return this.#fail(new TooLargeError(`the answer is larger than ${maxBytes} bytes`));
    this.#chunks = [];
    this.onResponseEnd();
    this.#controller?.abort(new Error('too long'));
  }

  onResponseEnd(): void {
    this.#leave();
    const [first] = this.#chunks;
    const body = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, retryAfter: this.#retryAfter, body });
  }

  onResponseError(_: unknown, error: Error): void {
    this.#leave();
    this.#reject(this.#over ?? error);
  }

  /** At once, also while it waits for a connection. */
  #fail(error: unknown): void {
    this.#over = error instanceof Error ? error : new Error('stopped', { cause: error });
    this.#leave();
    this.#reject(error);
    this.#controller?.abort(this.#over);
  }
}
