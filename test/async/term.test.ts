/** A request of a term that is over by the clock is not sent, even if no timer has told its signal yet. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { during, endBy, isOver } from '../../src/async/term.ts';
import { createClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import { httpsServer, json } from '../kube/https-server.ts';

let server: Awaited<ReturnType<typeof httpsServer>>;
beforeAll(async () => {
  server = await httpsServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.requests.length = 0;
  server.on((_, response) => json(response, 200, {}));
});

function term(): { signal: AbortSignal; end(): void } {
  const { signal } = new AbortController();
  let over = false;
  endBy(signal, () => over);
  return { signal, end: () => void (over = true) };
}

test('a signal without a clock is over when it is aborted', () => {
  const stop = new AbortController();
  expect([isOver(undefined), isOver(stop.signal)]).toEqual([false, false]);
  stop.abort();
  expect(isOver(stop.signal)).toBe(true);
});

test('during a term: over with the term, by its clock too, and aborted with the other signal', () => {
  const [{ signal, end }, stop] = [term(), new AbortController()];
  const both = during(signal, stop.signal);
  expect(isOver(both)).toBe(false);
  end();
  expect([isOver(both), both.aborted]).toEqual([true, false]);
  stop.abort();
  expect(both.aborted).toBe(true);
});

test('the API server gets nothing from a term that is over, and all from one that is not', async () => {
  const connection = connect(server.config({ token: 't' }));
  const client = createClient(connection);
  const { signal, end } = term();
  await client.patch('/api/v1/things/a', 'application/merge-patch+json', {}, { signal });
  end();
  await expect(client.patch('/api/v1/things/b', 'application/merge-patch+json', {}, { signal })).rejects.toMatchObject({
    kind: 'superseded',
  });
  await expect(client.delete('/api/v1/things/c', {}, { signal })).rejects.toMatchObject({ kind: 'superseded' });
  expect(server.requests.map(({ url }) => url)).toEqual(['/api/v1/things/a']);
  await connection.close();
});

test('what waits for a connection while the term ends is not sent either', async () => {
  const connection = connect(server.config({ token: 't' }));
  const client = createClient(connection);
  const { signal, end } = term();
  const slow = Promise.withResolvers<void>();
  server.on(async (_, response) => {
    await slow.promise;
    json(response, 200, {});
  });
  // More than there are connections: the rest waits for its turn.
  const all = Array.from({ length: 80 }, (_, i) => client.create('/api/v1/things', { i }, { signal }));
  const settled = Promise.allSettled(all);
  while (server.requests.length < 64) await delay(10);
  end();
  slow.resolve();
  const outcomes = await settled;
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(64);
  expect(server.requests).toHaveLength(64);
  await connection.close();
});

test('a product gets nothing from a term that is over', async () => {
  const seen: string[] = [];
  const product = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.end('{}');
  });
  await new Promise<void>((resolve) => product.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(product.address() as AddressInfo).port}`;
  const http = createHttpClient();
  const { signal, end } = term();
  await http.request({ method: 'PUT', url: `${url}/a`, body: '{}', signal });
  end();
  await expect(http.request({ method: 'PUT', url: `${url}/b`, body: '{}', signal })).rejects.toMatchObject({
    failure: 'cancelled',
  });
  expect(seen).toEqual(['/a']);
  await http.close();
  await new Promise((resolve) => product.close(resolve));
});
