/**
 * A Harbor that runs already, as a cache: a proxy-cache project of its own, behind a front that can be shut. Pullpass makes the
 * registry endpoint and the project; the harness takes both away.
 */
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cache } from './caches.ts';
import type { Login } from './upstream.ts';

const STORE_TRIES = 90;

export interface Harbor {
  readonly url: string;
  readonly admin: Login;
}

export interface HarborCache extends Cache {
  readonly login: Login;
  /** Of the registry endpoint and of the project. */
  readonly name: string;
  /** What Pullpass does otherwise. */
  setUp(upstreamUrl: string, login: Login): Promise<void>;
}

export async function createHarborCache({ url, admin }: Harbor): Promise<HarborCache> {
  const name = `proof-${randomBytes(4).toString('hex')}`;
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const front = createServer((socket) => {
    const onward = connect(Number(target.port || 80), target.hostname);
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      front.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = front.address() as AddressInfo;

  async function api<T>(method: string, path: string, body?: object): Promise<T | undefined> {
    const answer = await fetch(`${url}/api/v2.0/${path}`, {
      method,
      headers: { authorization: basic(admin), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`Harbor: ${method} ${path}: ${answer.status} ${await answer.text()}`);
    const text = await answer.text();
    return text === '' ? undefined : (JSON.parse(text) as T);
  }
  const endpointId = async (): Promise<number | undefined> =>
    (await api<{ id: number }[]>('GET', `registries?q=name=${name}`))?.[0]?.id;

  const cache: HarborCache = {
    name,
    login: admin,
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    imageOf: (repository) => `${name}/${repository}`,
    isUp: () => front.listening,
    async start() {
      if (!front.listening) await listen(port);
    },
    mount: () => Promise.resolve(),
    /** Harbor copies what it passed on in a job of its own, after some pauses. */
    async stored(repository) {
      for (let tries = 0; tries < STORE_TRIES; tries++, await delay(1_000)) {
        const path = `projects/${name}/repositories/${repository.replaceAll('/', '%252F')}/artifacts`;
        if (((await api<unknown[]>('GET', path)) ?? []).length > 0) return;
      }
      throw new Error(`Harbor did not store ${repository} in ${STORE_TRIES} s`);
    },
    async stop() {
      if (!front.listening) return;
      const closed = new Promise<void>((resolve) => front.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async empty() {
      const repositories = (await api<{ name: string }[]>('GET', `projects/${name}/repositories?page_size=100`)) ?? [];
      for (const repository of repositories) {
        const path = repository.name.slice(name.length + 1).replaceAll('/', '%252F');
        await api('DELETE', `projects/${name}/repositories/${path}`);
      }
    },
    async setUp(upstreamUrl, { username, password }) {
      const credential = { type: 'basic', access_key: username, access_secret: password };
      await api('POST', 'registries', { name, type: 'docker-registry', url: upstreamUrl, credential });
      await api('POST', 'projects', { project_name: name, registry_id: await endpointId() });
    },
    async remove() {
      // A job may still be storing what was pulled.
      for (let tries = 1; ; tries++, await delay(1_000)) {
        try {
          await cache.empty();
          await api('DELETE', `projects/${name}`);
          break;
        } catch (error) {
          if (tries === STORE_TRIES) throw error;
        }
      }
      const id = await endpointId();
      if (id !== undefined) await api('DELETE', `registries/${id}`);
      await cache.stop();
    },
  };
  return cache;
}

export const basic = ({ username, password }: Login): string => `Basic ${btoa(`${username}:${password}`)}`;
