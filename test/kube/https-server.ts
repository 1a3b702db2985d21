/** A real HTTPS server on loopback that a test scripts, and a kubeconfig for it. */
import type { KubeConfig } from '@kubernetes/client-node';
import { KubeConfig as Config } from '@kubernetes/client-node';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';

export interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export type Handler = (request: Seen, response: ServerResponse) => void | Promise<void>;

export async function httpsServer() {
  const authority = await createCertificateAuthority('test-ca');
  const { certPem, keyPem } = await authority.serving();
  const requests: Seen[] = [];
  const sockets = new Set<TLSSocket>();
  let connections = 0;
  let handler: Handler = (_, response) => json(response, 200, {});

  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const seen = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      requests.push(seen);
      void handler(seen, response);
    });
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    authority,
    requests,
    /** How many were opened so far. */
    connections: () => connections,
    open: () => sockets.size,
    on(next: Handler): void {
      handler = next;
    },
    /** A kubeconfig with the CA; `user` as client-node has it. */
    config(user: Partial<KubeConfig['users'][number]> = {}, caPem = authority.certPem): KubeConfig {
      const config = new Config();
      config.loadFromClusterAndUser(
        { name: 'test', server: url, skipTLSVerify: false, caData: Buffer.from(caPem).toString('base64') },
        { name: 'me', ...user },
      );
      return config;
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

export function text(response: ServerResponse, code: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(code, headers).end(body);
}
