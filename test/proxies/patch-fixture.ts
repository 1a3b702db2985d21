/** One custom object with an adapter at work on it, and the product played as far as it reads Secrets. */
import { createHmac } from 'node:crypto';
import type { JsonPatchOperation } from '../../src/plan/service-account.ts';
import { type SecretContent, parseSecret } from '../../src/credentials/docker-config.ts';
import { lookup, makeKeyring } from '../../src/credentials/keyring.ts';
import { DOCKER_HUB_KEY } from '../../src/credentials/registry-name.ts';
import type { ApiObject } from '../../src/kube/list.ts';
import type { CacheProxy, ProxyContext, ProxyKube } from '../../src/proxies/adapter.ts';
import type { PatchOptions } from '../../src/proxies/custom-object.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { ProxyFixture } from '../conformance/cache-proxy.ts';
import { COPY, type Adapter, type World } from './patch-worlds.ts';
import type { UpstreamLogin } from '../../src/credentials/upstream.ts';
import type { Mac } from '../../src/credentials/digest.ts';
import { rightsOf } from './rights-of.ts';

/** A configured cache proxy of a patch kind, and its adapter. */
interface Made {
  readonly config: object;
  readonly proxy: CacheProxy;
}

export const made = <Config extends object>(
  adapter: (config: Config, options: PatchOptions) => CacheProxy,
  config: Config,
): Made => ({ config, proxy: adapter(config, { copyName: COPY }) });

export interface PlayedProduct {
  readonly make: (namespace: string) => Made;
  /** The object as its owner wrote it. */
  readonly object: (namespace: string) => { metadata: { name: string } };
  /** The Secrets that the product reads. */
  readonly reads: (object: never, namespace: string) => { namespace: string; name: string }[];
  /** For a product that reads them only when told: did this change tell it? Then `after` is what it writes into its object. */
  readonly told?: { by(before: ApiObject, now: ApiObject): boolean; readonly after?: object };
}

export interface Bench {
  readonly proxy: CacheProxy;
  readonly context: ProxyContext;
  readonly adapter: Adapter;
  /** Path of the object. */
  readonly path: string;
  object<T>(): Promise<T>;
  /** Somebody else's merge patch. */
  edit(body: object): Promise<void>;
  /** What the controller does for namespaces: writes the copy. `more`: further entries, registry key to password. */
  giveCopy(password: string, more?: Readonly<Record<string, string>>): Promise<void>;
  /** Copy first, then the adapter, as the engine does it. */
  apply(password: string, more?: Readonly<Record<string, string>>): Promise<void>;
  holds: ProxyFixture['holds'];
  /** The adapter's patches, in order. */
  readonly writes: JsonPatchOperation[][];
  /** Runs once, between the adapter's reading and its next write. */
  interrupt(edit: () => Promise<void>): void;
  /** Runs once, right after the adapter's next write. */
  afterwards(edit: () => Promise<void>): void;
  close(): Promise<void>;
}

export const mac: Mac = (text) => createHmac('sha256', 'a key of the tests').update(text).digest('hex');
export const login = (password: string): UpstreamLogin => ({ registry: 'docker.io', username: 'robot', password });
export const shared = { name: 'hub-cache', source: 'upstream', registry: 'docker.io' };

export async function openBench(world: World, { make, object, reads, told }: PlayedProduct): Promise<Bench> {
  const { namespace, admin } = world;
  const { config, proxy } = make(namespace);
  const [target, copy] = proxy.targets;
  if (target === undefined || copy === undefined) throw new Error('a patch adapter has two targets');
  const path = `${target.path}/${target.name}`;
  await admin.create(target.path, object(namespace));
  const adapter = await world.as(rightsOf(config));
  const http = createHttpClient();
  const get = async <T>(): Promise<T> => (await admin.get<T>(path)) as T;
  const writes: JsonPatchOperation[][] = [];
  let interruption: (() => Promise<void>) | undefined;
  let echo: (() => Promise<void>) | undefined;
  let seen = await get<ApiObject>();
  let read: { username: string; password: string } | undefined;

  /** As a kubelet or a client of registries: all of them in order, those that are not there left out. */
  async function readSecrets(): Promise<typeof read> {
    const secrets = await Promise.all(
      reads(await get(), namespace).map(({ namespace: where, name }) =>
        admin.get<SecretContent>(`/api/v1/namespaces/${where}/secrets/${name}`),
      ),
    );
    const parsed = secrets.flatMap((secret) => (secret === undefined ? [] : [parseSecret(secret)]));
    const [first] = lookup(
      makeKeyring(parsed.flatMap((config) => (config.ok ? [{ credentials: config.credentials }] : []))),
      'docker.io/corp/app',
    );
    return first && { username: first.credential.username, password: first.credential.password };
  }
  async function play(): Promise<void> {
    const now = await get<ApiObject>();
    if (told?.by(seen, now)) {
      read = await readSecrets();
      if (told.after) await admin.patch(path, 'application/merge-patch+json', told.after);
    }
    seen = await get();
  }

  const kube: ProxyKube = {
    ...adapter.kube,
    async patch(where, type, body) {
      await interruption?.();
      interruption = undefined;
      writes.push(body as JsonPatchOperation[]);
      await adapter.kube.patch(where, type, body);
      await play();
      await echo?.();
      echo = undefined;
    },
  };
  const bench: Bench = {
    proxy,
    adapter,
    path,
    writes,
    context: { kube, http, mac, signal: new AbortController().signal, copyName: COPY },
    object: get,
    edit: async (body) => {
      await admin.patch(path, 'application/merge-patch+json', body);
      seen = await get();
    },
    async giveCopy(password, more = {}) {
      const entry = (secret: string): object => ({ auth: Buffer.from(`robot:${secret}`).toString('base64') });
      const auths = {
        [DOCKER_HUB_KEY]: entry(password),
        ...Object.fromEntries(Object.entries(more).map(([key, secret]) => [key, entry(secret)])),
        'quay.io': { auth: Buffer.from('other:pw-other').toString('base64') },
      };
      const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
      if ((await admin.get(`${copy.path}/${copy.name}`)) !== undefined)
        return admin.patch(`${copy.path}/${copy.name}`, 'application/merge-patch+json', { data });
      await admin.create(copy.path, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: copy.name },
        type: 'kubernetes.io/dockerconfigjson',
        data,
      });
    },
    async apply(password, more) {
      await bench.giveCopy(password, more);
      await proxy.apply(login(password), bench.context);
    },
    holds: async () => (told === undefined ? readSecrets() : read),
    interrupt: (edit) => void (interruption = edit),
    afterwards: (edit) => void (echo = edit),
    async close() {
      await Promise.all([adapter.close(), http.close()]);
    },
  };
  return bench;
}

/** The adapter under the conformance suite. The product reads the copy itself, so each login is put there before it is applied. */
export async function patchFixture(world: World, product: PlayedProduct): Promise<ProxyFixture> {
  const bench = await openBench(world, product);
  return {
    proxy: { ...bench.proxy, apply: (wanted) => bench.apply(wanted.password) },
    context: bench.context,
    holds: () => bench.holds(),
    writes: () => bench.writes.length,
    observe: () => Promise.all(bench.proxy.targets.map((target) => bench.adapter.observe(target))),
    stop: () => bench.close(),
  };
}
