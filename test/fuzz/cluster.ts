/** What an API server, a gateway in front of it and a kubeconfig say. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ApiError, apiErrorOf, UnreachableError } from '../../src/kube/api-error.ts';
import { createClient, type KubeClient } from '../../src/kube/client.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { createLeaseLock } from '../../src/kube/lease-lock.ts';
import { listPages } from '../../src/kube/list.ts';
import { watchStream } from '../../src/kube/watch-stream.ts';
import { UserError } from '../../src/errors.ts';
import { asJson, CREDENTIAL, declared, declaredAsync, holds, memberOf, sayable, texts, type Parser } from './parser.ts';

const STATUS = JSON.stringify({
  kind: 'Status',
  message: `secrets "x" is forbidden: ${CREDENTIAL} exceeded quota`,
  reason: 'Forbidden',
  details: { retryAfterSeconds: 3, causes: [{ reason: 'NamespaceTerminating', message: 'm', field: 'f' }] },
  code: 403,
});
const OBJECT = JSON.stringify({
  metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '5', annotations: {} },
});
const LIST = `{"metadata":{"resourceVersion":"7","continue":""},"items":[${OBJECT},${OBJECT}]}`;
const LINES = `{"type":"ADDED","object":${OBJECT}}\n{"type":"BOOKMARK","object":${OBJECT}}\n{"type":"ERROR","object":${STATUS}}\n`;
const LEASE = JSON.stringify({
  metadata: { name: 'l', resourceVersion: '1' },
  spec: {
    holderIdentity: 'other',
    leaseDurationSeconds: 15,
    renewTime: '2026-01-01T00:00:00.000000Z',
    leaseTransitions: 3,
  },
});
const KUBECONFIG = `apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: k, user: u } }]
clusters: [{ name: k, cluster: { server: "https://127.0.0.1:6443", certificate-authority-data: YQ== } }]
users: [{ name: u, user: { token: ${CREDENTIAL} } }]
`;

/** An API server that answers every request with this text. */
function clientOf(status: number, text: string): KubeClient {
  const connection: Connection = {
    server: 'https://api',
    refresh: () => undefined,
    redact: (text) => text,
    close: () => Promise.resolve(),
    async send({ onData }) {
      // In parts, as it comes over a network.
      const bytes = Buffer.from(text);
      for (const part of [bytes.subarray(0, 7), bytes.subarray(7, 300), bytes.subarray(300)]) onData?.(part);
      return Promise.resolve({ status, retryAfter: text.slice(0, 30), body: bytes });
    },
  };
  return createClient(connection);
}

const directory = mkdtempSync(path.join(tmpdir(), 'pullpass-fuzz-'));
export const cleanUp = (): void => rmSync(directory, { recursive: true, force: true });

export const clusterParsers: readonly Parser[] = [
  {
    name: 'errors of the API server',
    samples: [STATUS, '<html><title>503 Busy</title></html>', 'upstream connect error', '{"details":null}'],
    words: [
      '"causes":[null]',
      '"retryAfterSeconds":1e999',
      '"message":null',
      '<title>',
      CREDENTIAL,
      '"details":[]',
      'reason',
    ],
    fell: ['{"details":{"retryAfterSeconds":1e999}}'],
    read(text) {
      for (const hidden of [true, false]) {
        const error = apiErrorOf('GET /x', 403, text, text.slice(0, 40), hidden);
        sayable([error.message], { limit: 600, secret: hidden });
        holds(
          error.retryAfterMs === undefined || (error.retryAfterMs > 0 && error.retryAfterMs <= 300_000),
          'a wait without end',
        );
        holds(
          error.causes.every((cause) => typeof cause === 'string'),
          'a cause that is no text',
        );
      }
    },
  },
  {
    name: 'lists and objects of the API server',
    samples: [LIST, OBJECT, '{"metadata":{},"items":null}'],
    words: ['"items":', 'null', '"continue":"x"', '{"metadata":null}', '[]'],
    async read(text) {
      let seen = 0;
      const error = await declaredAsync([ApiError, UnreachableError], () =>
        listPages(
          clientOf(200, text),
          { path: '/x' },
          {
            each: () => {
              if (++seen > 20_000) throw new UnreachableError('it never ends');
            },
            restart: () => undefined,
            // A list that says "continue" again and again is stopped by who asked for it.
            onPage: () => {
              if (++seen > 100) throw new UnreachableError('it never ends');
            },
          },
        ),
      );
      sayable(error === undefined ? [] : [error.message], { secret: false });
    },
  },
  {
    name: 'lines of a watch',
    samples: [LINES, `{"type":"MODIFIED","object":${OBJECT}}\n`],
    words: ['\n', '{"type":"ERROR","object":', 'null', '}', '"code":410', '{"type":"ERROR"}\n'],
    async read(text) {
      const events: unknown[] = [];
      const error = await declaredAsync([ApiError, UnreachableError, Error], async () => {
        const options = { query: {}, idleMs: 60_000, signal: new AbortController().signal };
        await watchStream(clientOf(200, text), { path: '/x' }, options, (event) => events.push(event));
      });
      // A stream of one line that ends at once is an error, too: it is opened again, later.
      holds(error !== undefined, 'a watch that ends at once is no error');
      holds(!(error instanceof TypeError), `it falls over its content: ${error.message}`);
      sayable([error.message], { secret: false });
    },
  },
  {
    name: 'Leases',
    samples: [LEASE, JSON.stringify({ metadata: {} })],
    words: ['"spec":{}', '2000000000', '"holderIdentity":""', '-1', '"leaseTransitions":2147483647'],
    async read(text) {
      const value = asJson(text);
      // The API server keeps the types; the values are a stranger's.
      const { holderIdentity, renewTime, acquireTime } = texts(memberOf(value, 'spec'));
      const seconds = memberOf(memberOf(value, 'spec'), 'leaseDurationSeconds');
      const lease = {
        metadata: texts(memberOf(value, 'metadata')),
        spec: {
          holderIdentity,
          renewTime,
          acquireTime,
          ...(typeof seconds === 'number' && { leaseDurationSeconds: seconds }),
        },
      };
      const client = clientOf(200, JSON.stringify(lease));
      const lock = createLeaseLock({
        client,
        namespace: 'n',
        name: 'l',
        identity: 'me',
        leaseDurationMs: 15_000,
        log: { warn: () => undefined, info: () => undefined } as never,
        now: () => 0,
        wall: () => 0,
      });
      await declaredAsync([ApiError, UnreachableError], async () => {
        const signal = new AbortController().signal;
        const outcome = await lock.tryHold(signal, false);
        holds(['ours', 'theirs', 'contested'].includes(outcome), 'nobody knows whose it is');
        await lock.free(signal);
      });
    },
  },
  {
    name: 'kubeconfigs',
    share: 0.5,
    samples: [
      KUBECONFIG,
      JSON.stringify({ apiVersion: 'v1', clusters: [], contexts: null, users: [{ name: 'u', user: {} }] }),
    ],
    words: ['clusters:', 'contexts: []', 'exec: {}', '&a ', '*a', '- ', 'null', 'current-context: x'],
    read(text) {
      const file = path.join(directory, 'kubeconfig');
      writeFileSync(file, text);
      const error = declared([UserError], () => loadKubeConfig({ kubeconfig: file }));
      sayable(error === undefined ? [] : [error.message], { limit: 2_000 });
    },
  },
];
