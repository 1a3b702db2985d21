/** HTTP as it is on the wire: no client library between a test and the answer. */
import https from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { KeyPair } from '../../sandbox/kube-api/tls/certificates.ts';
import { lines } from './lines.ts';

/**
 * An object, list or Status as tests read it. Deliberately loose: what is there is what is being asserted, and reading
 * something that is not there fails the assertion.
 */
export interface Body {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    generation: number;
    creationTimestamp: string;
    deletionTimestamp?: string;
    generateName?: string;
    continue?: string;
    remainingItemCount?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    managedFields?: {
      manager: string;
      operation: string;
      apiVersion: string;
      subresource?: string;
      time: string;
      fieldsV1: Record<string, unknown>;
    }[];
    [key: string]: unknown;
  };
  items: Body[];
  code: number;
  reason: string;
  message: string;
  details: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    retryAfterSeconds?: number;
    causes?: { reason: string; message: string; field?: string }[];
  };
  status: Record<string, unknown>;
  spec: Record<string, unknown>;
  data: Record<string, string>;
  [key: string]: unknown;
}

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; an empty object when the body is not JSON. */
  readonly body: Body;
}

export interface CallOptions {
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Body;
}

export interface RawClient {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Opens a watch and yields its events until the server ends it or the signal aborts. */
  watch(path: string, options?: CallOptions): AsyncGenerator<WatchEvent, void>;
  close(): void;
}

export type Identity = KeyPair | { readonly token: string } | Record<string, never>;

export function rawClient(server: { readonly url: string; readonly caPem: string }, identity: Identity): RawClient {
  const certificate = 'certPem' in identity ? { cert: identity.certPem, key: identity.keyPem } : {};
  const agent = new https.Agent({ keepAlive: true, ca: server.caPem, ...certificate });

  function open(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    const payload =
      options.body === undefined
        ? undefined
        : typeof options.body === 'string'
          ? options.body
          : JSON.stringify(options.body);
    const headers: Record<string, string> = {
      accept: options.accept ?? 'application/json',
      'user-agent': 'raw-client',
      ...options.headers,
    };
    if (payload !== undefined) {
      headers['content-type'] = options.type ?? 'application/json';
      // Node sends a DELETE's body without any framing unless it is told its length.
      headers['content-length'] = String(Buffer.byteLength(payload));
    }
    if ('token' in identity) headers['authorization'] = `Bearer ${identity.token}`;
    return new Promise((resolve, reject) => {
      const request = https.request(
        new URL(path, server.url),
        { method, agent, headers, ...(options.signal ? { signal: options.signal } : {}) },
        resolve,
      );
      request.on('error', reject);
      request.end(payload);
    });
  }

  return {
    async call(method, path, options = {}) {
      const response = await open(method, path, options);
      response.setEncoding('utf8');
      let text = '';
      for await (const chunk of response) text += chunk as string;
      return { code: response.statusCode ?? 0, headers: response.headers, text, body: parse(text) };
    },
    async *watch(path, options = {}) {
      const response = await open('GET', path, options);
      try {
        for await (const line of lines(response)) yield JSON.parse(line) as WatchEvent;
      } catch (error) {
        if (!options.signal?.aborted) throw error;
      } finally {
        response.destroy();
      }
    },
    close: () => agent.destroy(),
  };
}

function parse(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {} as Body;
  }
}
