/** The caches under proof: the products themselves, each run as a pod would run it with the Secret that Pullpass renders. */
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freeHost, launch } from './process.ts';
import type { Process } from './process.ts';
import type { Login } from './upstream.ts';

/** They store in the background. */
const STORE_MS = 200;

/** What the Secret holds: key to text. */
export type Content = Readonly<Record<string, string>>;

export interface Cache {
  readonly host: string;
  readonly url: string;
  /** As the cache calls a repository of the upstream. */
  imageOf(repository: string): string;
  /** Where the cache itself wants one. */
  readonly login?: Login;
  isUp(): boolean;
  /** A pod with this content: environment, or the first mount. Its storage stays from pod to pod. */
  start(content: Content): Promise<void>;
  /** The mounted Secret follows; what reads its login only at its start does not notice. */
  mount(content: Content): Promise<void>;
  /** Resolves once it holds what was pulled of a repository through it. */
  stored(repository: string): Promise<void>;
  stop(): Promise<void>;
  /** Drops all that it holds. It must be stopped. */
  empty(): Promise<void>;
  remove(): Promise<void>;
}

export interface CacheOptions {
  readonly program: string;
  readonly upstreamUrl: string;
  /** For how long a helper's answer is kept. */
  readonly lifetimeSeconds: number;
}

/** Where one pod has its files. */
interface Place extends CacheOptions {
  readonly host: string;
  readonly storage: string;
  readonly mount: string;
  readonly directory: string;
}

interface Run {
  readonly args: readonly string[];
  readonly env?: Content;
}

/** Writes its configuration; gives how to run it. */
type Product = (place: Place, content: Content) => Promise<Run>;

const distribution =
  (proxy: (place: Place, content: Content) => Promise<{ proxy: object; env?: Content }>): Product =>
  async (place, content) => {
    const { proxy: settings, env = {} } = await proxy(place, content);
    const file = path.join(place.directory, 'config.json');
    // JSON is YAML.
    await writeFile(
      file,
      JSON.stringify({
        version: 0.1,
        log: { level: 'info', accesslog: { disabled: true } },
        storage: { filesystem: { rootdirectory: place.storage } },
        http: { addr: place.host },
        proxy: { remoteurl: place.upstreamUrl, ...settings },
      }),
    );
    return { args: ['serve', file], env };
  };

export type ProductName = 'environment' | 'helper' | 'zot';

const PRODUCTS: Readonly<Record<ProductName, Product>> = {
  /** `envFrom` the Secret. */
  environment: distribution(async (_, content) => ({ proxy: {}, env: content })),
  helper: distribution(async ({ directory, mount, lifetimeSeconds }) => {
    const command = path.join(directory, 'helper');
    await writeFile(command, `#!/bin/sh\nexec cat ${mount}/credentials.json\n`);
    await chmod(command, 0o755);
    return { proxy: { exec: { command, lifetime: `${lifetimeSeconds}s` } } };
  }),
  zot: async ({ directory, host, storage, mount, upstreamUrl }) => {
    const file = path.join(directory, 'config.json');
    const [address, port] = host.split(':');
    const registry = { urls: [upstreamUrl], onDemand: true, tlsVerify: false, content: [{ prefix: '**' }] };
    await writeFile(
      file,
      JSON.stringify({
        storage: { rootDirectory: storage },
        http: { address, port },
        log: { level: 'info' },
        extensions: {
          sync: { enable: true, credentialsFile: path.join(mount, 'credentials.json'), registries: [registry] },
        },
      }),
    );
    return { args: ['serve', file] };
  },
};

/** A login as each product reads it, written by hand: where a cache is looked at without Pullpass. */
export const CONTENT: Readonly<Record<ProductName, (host: string, login: Login) => Content>> = {
  environment: (_, { username, password }) => ({
    REGISTRY_PROXY_USERNAME: username,
    REGISTRY_PROXY_PASSWORD: password,
  }),
  helper: (host, { username, password }) => ({
    'credentials.json': JSON.stringify({ ServerURL: host, Username: username, Secret: password }),
  }),
  zot: (host, login) => ({ 'credentials.json': JSON.stringify({ [host]: login }) }),
};

/** Not started yet. */
export async function createCache(product: ProductName, options: CacheOptions): Promise<Cache> {
  const directory = await mkdtemp(path.join(tmpdir(), 'proof-cache-'));
  const host = await freeHost();
  const place: Place = {
    ...options,
    host,
    directory,
    storage: path.join(directory, 'storage'),
    mount: path.join(directory, 'mount'),
  };
  let process: Process | undefined;
  let versions = 0;

  /** As a kubelet's atomic writer: a new directory, and a link that is swapped. */
  async function mount(content: Content): Promise<void> {
    const version = path.join(directory, `mount-${++versions}`);
    await mkdir(version);
    for (const [key, value] of Object.entries(content)) await writeFile(path.join(version, key), value);
    await symlink(version, `${version}-link`);
    await rename(`${version}-link`, place.mount);
  }

  const cache: Cache = {
    host,
    url: `http://${host}`,
    imageOf: (repository) => repository,
    isUp: () => process !== undefined && !process.gone(),
    async start(content) {
      await mkdir(place.storage, { recursive: true });
      await mount(content);
      const { args, env } = await PRODUCTS[product](place, content);
      process = await launch({ name: product, program: options.program, args, host, env: { HOME: directory, ...env } });
    },
    mount,
    stored: () => delay(STORE_MS),
    async stop() {
      await process?.stop();
      process = undefined;
    },
    empty: () => rm(place.storage, { recursive: true, force: true }),
    async remove() {
      await cache.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return cache;
}
