/**
 * Connections through an egress proxy. Always by CONNECT, also to http:// hosts: then what the proxy itself says (403, 407) can
 * never be taken for the answer of a registry.
 */
import { Pool } from 'undici';
import type { buildConnector, Dispatcher } from 'undici';
import type { Socket } from 'node:net';
import type { EgressProxy } from './egress.ts';
import { HttpError, reasonOf } from './http-error.ts';

export interface Tunnels {
  /** Fails with an HttpError `egress` if the proxy gives no connection: that says nothing about the host behind it. */
  readonly connect: buildConnector.connector;
  close(): Promise<void>;
}

interface TunnelOptions {
  /** Does the TLS with the host behind the proxy. */
  readonly secure: buildConnector.connector;
  /** From the first packet to the proxy until it has connected, in milliseconds. */
  readonly connectMs: number;
  readonly maxHeaderSize: number;
  readonly userAgent: string;
}

export function createTunnels(
  proxy: EgressProxy,
  { secure, connectMs, maxHeaderSize, userAgent }: TunnelOptions,
): Tunnels {
  const pool = new Pool(proxy.origin, { allowH2: false, maxHeaderSize, connect: { timeout: connectMs } });

  async function open(target: string): Promise<Socket> {
    const late = AbortSignal.timeout(connectMs);
    let answer: Dispatcher.ConnectData;
    try {
      answer = await pool.connect({
        path: target,
        signal: late,
        headers: {
          host: target,
          'user-agent': userAgent,
          ...(proxy.authorization !== undefined && { 'proxy-authorization': proxy.authorization }),
        },
      });
    } catch (error) {
      const why = late.aborted ? `it gave no connection within ${connectMs / 1000} s` : reasonOf(error)[1];
      throw new HttpError('egress', `the proxy could not be reached: ${why}`);
    }
    // In undici, the socket of a CONNECT is the TCP or TLS connection itself.
    if (answer.statusCode === 200) return answer.socket as Socket;
    answer.socket.on('error', () => undefined).destroy();
    throw new HttpError('egress', refusal(target, answer.statusCode));
  }

  return {
    connect(options, callback) {
      const { protocol, host = '', port } = options;
      open(port ? host : `${host}:${protocol === 'https:' ? 443 : 80}`).then(
        (socket) =>
          protocol === 'https:' ? secure({ ...options, httpSocket: socket }, callback) : callback(null, socket),
        (error: Error) => callback(error, null),
      );
    },
    close: () => pool.destroy(),
  };
}

/** Of the proxy's answer only the status is told: its text could repeat the request. */
function refusal(target: string, status: number): string {
  if (status === 407)
    return 'the proxy wants another login (407): put user:password@ into its URL, or correct it there';
  return status >= 500
    ? `the proxy does not get through to ${target} (HTTP ${status}); if it is inside the cluster, list it in NO_PROXY`
    : `the proxy does not let us through to ${target} (HTTP ${status}): allow it there, or list it in NO_PROXY`;
}
