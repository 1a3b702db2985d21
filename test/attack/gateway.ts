/** A gateway in front of an API server: passes requests on, changes them or their answers, or answers itself, as a test says. */
import { Agent, createServer, request } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { parse, stringify } from 'yaml';
import type { ApiServer } from '../integration/env/api-server.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { kubeconfig } from '../sandbox/kube-api/tls/kubeconfig.ts';

interface Change {
  /** Path and query to ask for instead. */
  readonly url?: string;
  /** Lines to send instead of one line of the answer. */
  readonly lines?: (line: string) => readonly string[];
}
export type Handler = (
  asked: { readonly url: URL; readonly token: string; readonly isWatch: boolean; readonly method: string },
  response: ServerResponse,
  forward: (change?: Change) => void,
) => void;

export interface Gateway {
  readonly url: string;
  /** Requests so far, as `METHOD /path?query`. */
  readonly asked: string[];
  /** Undefined: everything is passed on as it is. */
  handle(handler: Handler | undefined): void;
  /** For the same user as that of a kubeconfig with a token. `tokenFile`: where to read the token instead. */
  kubeconfigLike(text: string, tokenFile?: string): string;
  /** Cuts all connections. */
  cut(): void;
  close(): Promise<void>;
}

export async function startGateway(server: ApiServer): Promise<Gateway> {
  const ca = await createCertificateAuthority('gateway');
  const { certPem, keyPem } = await ca.serving();
  const agent = new Agent({ ca: server.caPem, keepAlive: true });
  const sockets = new Set<TLSSocket>();
  const asked: string[] = [];
  let handler: Handler = (_, __, forward) => forward();

  const gateway = createServer({ cert: certPem, key: keyPem }, (incoming, response) => {
    const url = new URL(incoming.url ?? '/', server.url);
    asked.push(`${incoming.method} ${incoming.url}`);
    const token = /^Bearer (.*)$/.exec(incoming.headers.authorization ?? '')?.[1] ?? '';
    const isWatch = url.searchParams.get('watch') === 'true';
    handler({ url, token, isWatch, method: incoming.method ?? '' }, response, (change) =>
      pass(incoming, response, change),
    );
  });
  gateway.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(gateway.address() as AddressInfo).port}`;

  function pass(incoming: IncomingMessage, response: ServerResponse, { url: other, lines }: Change = {}): void {
    const { host: _, ...headers } = incoming.headers;
    const options = { agent, headers, method: incoming.method };
    const outgoing = request(new URL(other ?? incoming.url ?? '/', server.url), options, (answer) => {
      response.writeHead(
        answer.statusCode ?? 500,
        lines === undefined ? answer.headers : { 'content-type': 'application/json' },
      );
      response.flushHeaders();
      if (lines === undefined) return void answer.pipe(response);
      let rest = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        const whole = (rest + text).split('\n');
        rest = whole.pop() ?? '';
        for (const line of whole.flatMap(lines)) response.write(`${line}\n`);
      });
      answer.on('end', () => response.end()).on('error', () => response.destroy());
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url,
    asked,
    cut,
    handle(next) {
      handler = next ?? ((_, __, forward) => forward());
    },
    kubeconfigLike(text, tokenFile) {
      const { users } = parse(text) as { users: [{ user: { token: string } }] };
      const config = parse(kubeconfig({ url, caPem: ca.certPem }, users[0].user)) as { users: [{ user: object }] };
      if (tokenFile !== undefined)
        config.users[0].user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } };
      return stringify(config);
    },
    async close() {
      cut();
      agent.destroy();
      await new Promise((resolve) => gateway.close(resolve));
    },
  };
}
