/** Strangers who take all the room that there is, and a kubelet whose probes are answered all the same. */
import { once } from 'node:events';
import { request as send } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { startServer } from '../../src/server/listener.ts';
import type { RunningServer, ServerOptions } from '../../src/server/listener.ts';

const PLACES = 256;
const KUBELET = '127.0.0.1';
const STRANGER = '127.0.0.2';
let server: RunningServer | undefined;
const strangers = new Set<Socket>();
afterEach(async () => {
  for (const socket of strangers) socket.destroy();
  strangers.clear();
  await server?.close();
});

async function start(options: Partial<ServerOptions> = {}): Promise<number> {
  server = await startServer({
    address: '0.0.0.0:0',
    livez: () => [],
    readyz: () => [],
    ...options,
  });
  return Number(new URL(server.url ?? '').port);
}

/** Connects, sends `words`, and reads nothing. */
async function stranger(port: number, localAddress = STRANGER, words = ''): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  strangers.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => strangers.delete(socket));
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  if (words !== '') socket.write(words);
  return socket;
}

const crowd = (
  port: number,
  size: number,
  from: (i: number) => string = () => STRANGER,
  words = '',
): Promise<Socket[]> => Promise.all(Array.from({ length: size }, (_, i) => stranger(port, from(i), words)));

/** What 40 probes get, each on a connection of its own, as a kubelet asks. */
async function probes(port: number, localAddress = KUBELET): Promise<(number | string | undefined)[]> {
  const answers: (number | string | undefined)[] = [];
  for (let i = 0; i < 40; i++) {
    const request = send({ port, host: '127.0.0.1', localAddress, path: '/livez', agent: false, timeout: 5_000 }).end();
    request.on('timeout', () => request.destroy(new Error('no answer within the five seconds that a probe waits')));
    answers.push(
      await new Promise((resolve) => {
        request.once('response', (response) => response.resume().once('end', () => resolve(response.statusCode)));
        request.once('error', ({ message }) => resolve(message));
      }),
    );
  }
  return answers;
}
const ALL = Array.from({ length: 40 }, () => 200);

test('idle connections of one pod leave room for probes, and for no more than there is room', async () => {
  const port = await start();
  await crowd(port, PLACES + 50);
  expect(await probes(port)).toEqual(ALL);
  await pause(50);
  expect(strangers.size).toBeLessThanOrEqual(PLACES);
  expect(strangers.size).toBeGreaterThan(PLACES - 10);
});

test('so do idle connections from the address of the probes themselves, such as those of a pod on the network of its node', async () => {
  const port = await start();
  await crowd(port, PLACES + 50, () => KUBELET);
  expect(await probes(port)).toEqual(ALL);
});

test('so do those of hundreds of pods', async () => {
  const port = await start();
  await crowd(port, PLACES + 50, (i) => `127.0.${1 + (i >> 7)}.${1 + (i & 127)}`);
  expect(await probes(port)).toEqual(ALL);
});

test('so do those that never finish their request, and those that are opened again whenever they are closed', async () => {
  const port = await start();
  const persist = async (): Promise<void> => {
    while (server !== undefined && strangers.size > 0) {
      const socket = await stranger(port, STRANGER, 'GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    }
  };
  await crowd(port, 1);
  const persistent = Array.from({ length: PLACES + 20 }, persist);
  await pause(300);
  expect(await probes(port)).toEqual(ALL);
  for (const socket of strangers) socket.destroy();
  server = void (await server?.close());
  for (const socket of strangers) socket.destroy();
  await Promise.all(persistent);
});

test('so do those that ask for a large page and do not read it; it is in memory once', async () => {
  const body = 'x'.repeat(8 * 2 ** 20);
  let made = 0;
  const port = await start({
    pages: {
      '/report': () => {
        made++;
        return { contentType: 'text/html', body };
      },
    },
  });
  const before = process.memoryUsage().rss;
  await crowd(port, PLACES + 20, () => STRANGER, 'GET /report HTTP/1.1\r\nHost: x\r\n\r\n');
  while (made < PLACES) await pause(50);
  expect(await probes(port)).toEqual(ALL);
  expect(await probes(port, STRANGER)).toEqual(ALL);
  // 256 times the page would be 2 GiB.
  expect(process.memoryUsage().rss - before).toBeLessThan(512 * 2 ** 20);
});

test('however many ask for a page that takes long to make, a probe waits for few of them', async () => {
  let made = 0;
  const port = await start({
    pages: {
      '/metrics': () => {
        for (const until = performance.now() + 10; performance.now() < until;);
        made++;
        return { contentType: 'text/plain', body: 'up 1\n' };
      },
    },
  });
  const asking = await crowd(port, 200);
  for (const socket of asking) socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  while (made === 0) await pause(1);
  const waited: number[] = [];
  for (let i = 0; i < 3; i++) {
    const before = made;
    const request = send({ port, host: '127.0.0.1', path: '/livez', agent: false }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    waited.push(made - before);
  }
  // Client and server share a process here: some pages are made while the request is on its way.
  expect(waited.map((n) => n < 40)).toEqual([true, true, true]);
});

test('an answer under way is cut last', async () => {
  const gates: (() => void)[] = [];
  const port = await start({
    pages: {
      '/metrics': () =>
        new Promise((resolve) => gates.push(() => resolve({ contentType: 'text/plain', body: 'late\n' }))),
    },
  });
  const asked = await stranger(port, STRANGER, 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  while (gates.length === 0) await pause(1);
  await crowd(port, 2 * PLACES);
  gates[0]?.();
  expect(await text(asked)).toMatch(/late\n$/);
});

test('who keeps many answers waiting loses one, and not the neighbour that has a single idle connection', async () => {
  let asked = 0;
  const port = await start({
    pages: {
      '/metrics': () => {
        asked++;
        return new Promise(() => undefined);
      },
    },
  });
  await crowd(port, PLACES - 1, () => STRANGER, 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  while (asked < PLACES - 1) await pause(1);
  const neighbour = await stranger(port, '127.0.0.3');
  expect(await probes(port)).toEqual(ALL);
  expect(neighbour.destroyed).toBe(false);
});

test('of idle connections the longest idle goes first: one that was used just now stays', async () => {
  const port = await start();
  const [first] = await crowd(port, PLACES);
  await pause(100);
  first?.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
  if (first !== undefined) await once(first, 'data');
  await crowd(port, 50);
  await pause(50);
  expect(first?.destroyed).toBe(false);
  expect(strangers.size).toBe(PLACES);
});

test('a request before the last answer ends the connection; one after the other is fine', async () => {
  let asked = 0;
  const port = await start({
    pages: {
      '/report': async () => {
        asked++;
        await pause(20);
        return { contentType: 'text/plain', body: 'x' };
      },
    },
  });
  const one = 'GET /report HTTP/1.1\r\nHost: x\r\n\r\n';
  const hasty = await stranger(port, STRANGER, one.repeat(1_000));
  hasty.resume();
  if (!hasty.closed) await once(hasty, 'close');
  expect(asked).toBeLessThanOrEqual(1);
  const patient = await stranger(port);
  for (let i = 0; i < 5; i++) {
    patient.write(one);
    await once(patient, 'data');
  }
  expect(asked).toBeGreaterThanOrEqual(5);
});
