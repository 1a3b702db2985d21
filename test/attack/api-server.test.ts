/**
 * A hostile API server, or whatever stands in its place: it answers anything but what it was asked for. The program stays alive, says
 * that it is not ready, keeps its memory and its token, and works again when the server does.
 */
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationSchema } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import { startGateway } from './gateway.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const MiB = 2 ** 20;
/** Writes for as long as the other side reads. */
function pour(response: ServerResponse, piece: string): void {
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', more);
  more();
}
const status = (message: string, code = 500): string => JSON.stringify({ kind: 'Status', message, code });
const object = (i: number, more: object = {}): object => ({
  metadata: { namespace: `n${i}`, name: 'hub-copy', uid: `u${i}`, resourceVersion: String(1e6 + i), ...more },
});

interface Asked {
  readonly token: string;
  readonly isWatch: boolean;
  readonly elsewhere: string;
}
const HOSTILE: Readonly<Record<string, (response: ServerResponse, asked: Asked) => void>> = {
  'HTML with 200': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>'),
  'a redirect to another host': (response, { elsewhere }) => response.writeHead(307, { location: elsewhere }).end(),
  'gzip that nobody asked for': (response) =>
    response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(gzipSync('{"items":[]}')),
  'errors that repeat the token': (response, { token, isWatch }) =>
    isWatch
      ? response.writeHead(200, JSON_TYPE).end(`${JSON.stringify({ type: 'ERROR', object: { message: token } })}\n`)
      : response.writeHead(500, JSON_TYPE).end(status(`you sent ${token}`)),
  'a page that repeats the token': (response, { token }) =>
    response.writeHead(502).end(`<title>Bearer ${token}</title>`),
  'a line without end': (response) => pour(response.writeHead(200, JSON_TYPE), 'x'.repeat(MiB)),
  'an error without end': (response) => pour(response.writeHead(500), 'x'.repeat(MiB)),
  'a list of a million, in one page or in pages without end': (response, { isWatch }) => {
    if (isWatch) return void response.writeHead(400).end();
    const items = Array.from({ length: 20_000 }, (_, i) => object(i));
    response.writeHead(200, JSON_TYPE).end(JSON.stringify({ metadata: { continue: String(Math.random()) }, items }));
  },
  'events of any shape': (response) => {
    const odd = [null, 5, {}, { type: 'ADDED' }, { type: 'ERROR', object: null }, { type: 'NEW', object: object(1) }];
    response.writeHead(200, JSON_TYPE).end(odd.map((line) => `${JSON.stringify(line)}\n`).join(''));
  },
  'events of strangers without end': (response) => {
    let i = 0;
    const lines = (): string =>
      Array.from({ length: 500 }, () => JSON.stringify({ type: 'ADDED', object: object(i++, { name: 'other' }) })).join(
        '\n',
      );
    const send = setInterval(() => response.write(`${lines()}\n`), 20);
    response.writeHead(200, JSON_TYPE).on('close', () => clearInterval(send));
  },
};

test(
  'whatever it answers, the program stays alive and not ready, and works again afterwards',
  { timeout: 240_000 },
  async () => {
    const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
    await using sandbox = await startSandbox();
    const cluster = await createCluster(sandbox);
    await cluster.applyRbac(configurationSchema.parse(document));
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-of-the-source' });
    const gateway = await startGateway(sandbox);
    const sentElsewhere: unknown[] = [];
    const other = createServer((request, response) => {
      sentElsewhere.push(request.headers);
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    const account = await sandbox.kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'pullpass' });
    const { token } = (parse(account) as { users: [{ user: { token: string } }] }).users[0].user;
    const program = await startProgram(sandbox, {
      configuration: document,
      kubeconfig: gateway.kubeconfigLike(account),
    });
    const memory = (): number =>
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8'))?.[1]) / 1024;
    try {
      await program.logged('leading');
      for (const [what, answer] of Object.entries(HOSTILE)) {
        gateway.handle(({ token: sent, isWatch }, response) => answer(response, { token: sent, isWatch, elsewhere }));
        gateway.cut();
        await delay(2_500);
        expect([what, await program.status('/livez')]).toEqual([what, 200]);
      }
      expect(await program.status('/readyz')).toBe(503);
      gateway.handle(undefined);
      gateway.cut();
      await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
      await eventually(
        async () => expect(await cluster.login('team', 'hub-copy')).toEqual({ 'registry.corp': 'pw-of-the-source' }),
        90_000,
      );
      await eventually(async () => expect(await program.status('/readyz')).toBe(200), 60_000);
      expect(sentElsewhere).toEqual([]);
      const said = JSON.stringify([program.logs, program.stderr]);
      expect(said).not.toContain(token);
      expect(said).not.toContain('pw-of-the-source');
      // The manifests allow 512 MiB.
      expect(memory()).toBeLessThan(500);
    } finally {
      await program.stop();
      await gateway.close();
      other.close();
      await cluster.close();
    }
  },
);
