/** What a stranger sends to the HTTP server. */
import { connect } from 'node:net';
import { UnreachableError } from '../../src/kube/api-error.ts';
import { UserError } from '../../src/errors.ts';
import { createAccess } from '../../src/server/access.ts';
import { parseAddress, startServer, text as page, type RunningServer } from '../../src/server/listener.ts';
import { CREDENTIAL, declared, holds, sayable, textOf, type Parser } from './parser.ts';

let server: Promise<RunningServer> | undefined;
export const stopServer = async (): Promise<void> => (await server)?.close();

const serve = (): Promise<RunningServer> =>
  (server ??= startServer({
    address: '127.0.0.1:0',
    livez: () => [],
    readyz: () => [],
    pages: { '/metrics': () => page(200, 'x'.repeat(5_000)) },
  }));

export const serverParsers: readonly Parser[] = [
  {
    name: 'Authorization headers',
    samples: [`Bearer ${CREDENTIAL}`, 'Basic YTpi', 'bearer  a.b.c '],
    words: ['Bearer ', 'Basic ', ',', '=', '~'],
    async read(text) {
      const asked: string[] = [];
      const access = createAccess({
        path: '/report',
        now: () => 0,
        client: {
          create: (_, body) => {
            const { spec } = body as { spec: { token?: string } };
            asked.push(spec.token ?? '');
            return Promise.reject(new UnreachableError(`no ${spec.token ?? ''}`));
          },
        },
        log: { warn: (line: unknown) => sayable([textOf(line)], { limit: 20_000 }) } as never,
      });
      const verdict = await access.allow(text, new AbortController().signal);
      holds(verdict === 'unauthenticated' || verdict === 'unavailable', `a stranger is ${verdict}`);
      holds(
        asked.every((token) => /^[\w.~+/-]+=*$/.test(token)),
        'something else than a token is asked about',
      );
    },
  },
  {
    name: 'requests to the HTTP server',
    share: 0.15,
    samples: [
      'GET /metrics HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip;q=1, br\r\nconnection: close\r\n\r\n',
      'HEAD /livez?x=1 HTTP/1.0\r\nauthorization: Bearer x\r\n\r\n',
      'POST /readyz HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ],
    words: [
      '\r\n',
      'GET ',
      ' HTTP/1.1',
      'accept-encoding: ',
      'gzip',
      ';q=0',
      'upgrade: h2c\r\n',
      'CONNECT ',
      '//',
      '*',
      'content-length: 5\r\n',
      'expect: 100-continue\r\n',
    ],
    async read(text) {
      const { url = '' } = await serve();
      const port = Number(new URL(url).port);
      const bytes = await new Promise<number>((resolve) => {
        let length = 0;
        const socket = connect(port, '127.0.0.1', () => socket.end(Buffer.from(text, 'latin1')));
        socket.on('data', (chunk) => (length += chunk.length));
        socket.on('error', () => undefined).on('close', () => resolve(length));
      });
      holds(bytes <= 6_000 * (1 + text.split('\r\n\r\n').length), `answers ${bytes} bytes`);
    },
  },
  {
    name: 'addresses to listen on',
    share: 0.3,
    samples: [':8080', '[::1]:8080', '127.0.0.1:0', '0', 'a.b:1'],
    words: [':', '[', ']', '99999', '.'],
    read(text) {
      const error = declared([UserError], () => parseAddress(text));
      sayable(error === undefined ? [] : [error.message]);
    },
  },
];
