/**
 * A cluster, its registries and its clock, all of it a model; in it the real sources of a controller (book, preflight,
 * rollouts, canaries, state), which can die at any moment and come up again, here or in another replica.
 */
import { createHash } from 'node:crypto';
import type { Configuration, SourceConfig } from '../../src/config/schema.ts';
import { createSources } from '../../src/sources/loop.ts';
import type { Sources } from '../../src/sources/loop.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';
import { projectNamespace } from '../../src/observe/projections.ts';
import { createLog } from '../../src/log.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { createMemory } from '../sources/memory.ts';
import { base64, putCopy, putSource, rawSecret, worldFor } from '../sources/worlds.ts';
import type { Refusal, SourceRecord } from '../../src/observe/records.ts';

export const CANARY_SECONDS = 60;
export const NAMESPACES = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5'];
const SECRET = { namespace: 'pullpass-system', name: 'upstream-registry' };
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What is written down: the state Secret. */
interface Saved {
  sources: [string, SourceRecord][];
  refusals: [string, [string, Refusal][]][];
}

export interface Cluster {
  readonly now: () => number;
  /** Docker configs that namespaces hold, by name. */
  readonly copies: Map<string, string>;
  readonly registry: {
    /** `host user:password` that the registry takes now; and all that it ever took. */
    readonly valid: Set<string>;
    readonly everGood: Set<string>;
    /** Times of refused tries, by `host user`. */
    readonly refusedAt: Map<string, number[]>;
    down: boolean;
  };
  /** Images that pods of a namespace fail to pull. */
  readonly failing: Map<string, Set<string>>;
  /** Namespaces whose copy cannot be written: immutable, or denied by a tenant's webhook. */
  readonly blocked: Set<string>;
  canary: boolean;
  /** What the source Secret holds; undefined: it is not there. */
  readonly source: () => string | undefined;
  setSource(content: string | undefined, confirm?: string): Promise<void>;
  /** The word that would let vanished registries go. */
  readonly word: () => string | undefined;
  /** Reconciles one namespace, as the leader plans it: what it was given, or undefined where nothing was written. */
  reconcile(namespace: string): string | undefined;
  /** Time passes, and what is due happens. */
  pass(ms: number): Promise<void>;
  /** The process dies and another one takes over. With `unsaved`, what it wrote down last is lost too. */
  restart(): Promise<void>;
  /** The next writes of the state fail, and the process dies over it. */
  failSaves(): void;
  /** Who holds the canary's content, as the controller has written down. */
  readonly canaries: () => ReadonlySet<string>;
  reconfigure(): Promise<void>;
  stop(): void;
  /** What the controller has in force, the canaries' aside where there are any. */
  readonly newest: () => string | undefined;
}

export async function createCluster({ verify }: { verify: SourceConfig['verify'] }): Promise<Cluster> {
  let clock = Date.parse('2030-01-01T00:00:00Z');
  let saved: Saved = { sources: [], refusals: [] };
  let failing = false;
  let died = false;
  let version = 0;
  let held: { content: string; confirm?: string | undefined } | undefined;
  const copies = new Map<string, string>();
  const pods = new Map<string, Set<string>>();
  const blocked = new Set<string>();
  const registry: Cluster['registry'] = { valid: new Set(), everGood: new Set(), refusedAt: new Map(), down: false };
  const cluster = { canary: true };
  let running:
    | {
        sources: Sources;
        kill: () => void;
        world: ReturnType<typeof worldFor>;
        timers: Map<object, { run: () => void; at: number }>;
        config: () => Configuration;
      }
    | undefined;

  const configured = (): Configuration =>
    configuration([
      sourceConfig({
        verify,
        ...(cluster.canary && { canary: { namespaces: 1, proxies: 0, seconds: CANARY_SECONDS } }),
      }),
    ]);
  const rawSource = () => {
    const raw = rawSecret({ ...SECRET, uid: 's', resourceVersion: String(++version), content: held?.content ?? '' });
    return {
      ...raw,
      metadata: {
        ...raw.metadata,
        ...(held?.confirm !== undefined && { annotations: { 'pullpass.dev/confirm-removal': held.confirm } }),
      },
    };
  };

  async function begin(): Promise<void> {
    const memory = createMemory();
    memory.setRefusals(new Map(saved.refusals.map(([account, logins]) => [account, new Map(logins)])));
    for (const [name, record] of saved.sources) memory.setSource(name, structuredClone(record));
    const config = { now: configured() };
    const world = worldFor(config.now);
    const stopping = new AbortController();
    const timers = new Map<object, { run: () => void; at: number }>();
    const state = {
      ...memory,
      save: async () => {
        await tick();
        if (failing) {
          died = true;
          throw new UnreachableError('no answer');
        }
        if (stopping.signal.aborted) throw new UnreachableError('was stopped');
        saved = structuredClone({
          sources: [...memory.sources],
          refusals: [...memory.refusals()].map(([account, logins]): [string, [string, Refusal][]] => [
            account,
            [...logins],
          ]),
        });
      },
    };
    const { client } = scriptedClient(({ path }) => {
      const [, , , , namespace = ''] = path.split('/');
      if (path.includes('/secrets/'))
        return rawSecret({ namespace, name: 'regcred', content: copies.get(namespace) ?? '' });
      const images = path === '/api/v1/pods' ? [] : [...(pods.get(namespace) ?? [])];
      return {
        metadata: {},
        items: images.map((image, i) => ({
          metadata: { namespace, name: `p${i}` },
          spec: { containers: [{ name: 'c', image }] },
          status: { containerStatuses: [{ name: 'c', image, state: { waiting: { reason: 'ErrImagePull' } } }] },
        })),
      };
    });
    const sources = createSources({
      client,
      world,
      state,
      stop: stopping.signal,
      pause: { on: false, over: () => Promise.resolve() },
      refusals: createRefusals(state, () => clock),
      now: () => clock,
      timers: {
        set: (run, ms) => {
          const timer = {};
          timers.set(timer, { run, at: clock + ms });
          return timer;
        },
        clear: (timer) => {
          timers.delete(timer as object);
        },
      },
      reach: {
        check: async (_, { key, username, password }) => {
          await tick();
          const host = key.split('/')[0] ?? key;
          if (registry.down) return { state: 'unknown', why: 'no answer' };
          if (registry.valid.has(`${host} ${username}:${password}`))
            return { state: 'accepted', why: 'takes the login' };
          const account = `${host} ${username}`;
          registry.refusedAt.set(account, [...(registry.refusedAt.get(account) ?? []), clock]);
          return { state: 'refused', why: 'the login is refused' };
        },
      },
      events: {
        record: () => undefined,
        resolve: () => undefined,
        flush: () => Promise.resolve(),
        stop: () => undefined,
      },
      log: createLog('silent'),
      configuration: () => config.now,
      leading: () => !stopping.signal.aborted,
      term: () => new AbortController().signal,
      isRead: () => true,
      proxies: () => [],
      onAccepted: () => undefined,
      onChange: () => undefined,
    });
    for (const name of NAMESPACES)
      world.namespaces.put(
        projectNamespace({
          metadata: { name, uid: name, resourceVersion: '1', annotations: { 'pullpass.dev/sync': 'enabled' } },
        }),
      );
    for (const [namespace, content] of copies)
      putCopy(
        world,
        rawSecret({
          namespace,
          name: 'regcred',
          uid: `${namespace}-${content.length}`,
          resourceVersion: String(++version),
          content,
          source: 'upstream',
        }),
      );
    if (held !== undefined) putSource(world, rawSource());
    sources.book.configure(config.now);
    running = {
      sources,
      world,
      timers,
      kill: () => {
        stopping.abort();
        sources.stop();
      },
      config: () => (config.now = configured()),
    };
    sources.takeOver();
    await settle();
  }

  /** Until nothing moves any more; a process that could not write its state is dead, and another takes over. */
  async function settle(): Promise<void> {
    for (let i = 0; i < 30; i++) await tick();
    if (!died) return;
    died = false;
    failing = false;
    running?.kill();
    await begin();
  }

  const it: Cluster = {
    now: () => clock,
    copies,
    registry,
    failing: pods,
    blocked,
    get canary() {
      return cluster.canary;
    },
    set canary(on) {
      cluster.canary = on;
    },
    source: () => held?.content,
    async setSource(content, confirm) {
      held = content === undefined ? undefined : { content, confirm };
      if (running === undefined) return;
      if (held === undefined)
        running.world.secrets.get(`${SECRET.namespace}/${SECRET.name}`)?.remove(SECRET.namespace, SECRET.name);
      else putSource(running.world, rawSource());
      running.sources.look();
      await settle();
    },
    word: () => running?.sources.book.confirmation('upstream'),
    reconcile(namespace) {
      const { book } = running?.sources ?? {};
      const observed = book?.observe(namespace)[0];
      if (book === undefined || observed?.read !== true || observed.digest === undefined) return undefined;
      const content = Buffer.from(book.content('upstream', observed.digest) ?? '', 'base64').toString();
      if (copies.get(namespace) === content || blocked.has(namespace)) return undefined;
      copies.set(namespace, content);
      if (running !== undefined)
        putCopy(
          running.world,
          rawSecret({
            namespace,
            name: 'regcred',
            uid: `${namespace}-u`,
            resourceVersion: String(++version),
            content,
            source: 'upstream',
          }),
        );
      return content;
    },
    async pass(ms) {
      for (const end = clock + ms; clock < end;) {
        clock = Math.min(end, clock + 5_000);
        for (const [timer, { run, at }] of [...(running?.timers ?? [])])
          if (at <= clock && running?.timers.delete(timer) === true) run();
        await settle();
      }
    },
    async restart() {
      running?.kill();
      await begin();
    },
    failSaves: () => {
      failing = true;
    },
    canaries: () => new Set(saved.sources.flatMap(([, { trying }]) => trying?.namespaces ?? [])),
    async reconfigure() {
      if (running === undefined) return;
      running.sources.book.configure(running.config());
      running.sources.look();
      await settle();
    },
    stop: () => running?.kill(),
    newest: () => {
      const content = running?.sources.book.content('upstream');
      return content === undefined ? undefined : Buffer.from(content, 'base64').toString();
    },
  };
  await begin();
  return it;
}

/** One entry of a Docker config, as people and tools write them. */
export const entry = (username: string, password: string): object => ({
  username,
  password,
  auth: base64(`${username}:${password}`),
});
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);
