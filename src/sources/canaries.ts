/** Chooses the canaries of a source's new content, and sees whether they have it and whether their pulls fail. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { parseImage } from '../credentials/image-reference.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Log } from '../log.ts';
import type { Verdict } from '../plan/proxy.ts';
import { stateOf } from '../plan/proxy.ts';
import { selectSources } from '../plan/selection.ts';
import { createCanary } from './canary.ts';
import type { Canary, CanaryOptions } from './canary.ts';
import { failingPulls } from '../observe/failing-pulls.ts';
import { replaceCanaries } from './rollout.ts';
import type { Canaries as Chosen } from './rollout.ts';
import type { SourceBook } from './book.ts';
import type { World } from '../observe/world.ts';

/** The standing of a cache proxy that gets its login from a source. */
export interface CarrierProxy {
  readonly name: string;
  /** It has the login that it is to have now. */
  readonly applied: boolean;
  /** Whether it pulls with it. */
  readonly verified: Verdict;
}

interface Canaries extends Canary {
  /**
   * Namespaces in order of their names, cache proxies in that of the configuration. `after`: the canaries so far; the next ones
   * are chosen, if there are any. A first content has no canaries, unless copies hold another one. Undefined: all carriers at once.
   */
  choose(source: SourceConfig, digest: string, first: boolean, after?: Chosen): Chosen | undefined;
}

interface CanariesOptions extends Pick<CanaryOptions, 'timers'> {
  client: KubeClient;
  world: World;
  book: Pick<SourceBook, 'rollout' | 'advance'>;
  configuration: () => Configuration;
  /** The standing of each cache proxy. */
  proxies: () => readonly CarrierProxy[];
  isPaused: () => boolean;
  /** A rollout may be at another stage: its canaries were looked at or replaced. */
  onMoved: () => void;
  log: Log;
}

export function createCanaries({
  client,
  world,
  book,
  configuration,
  proxies,
  isPaused,
  onMoved,
  log,
  timers,
}: CanariesOptions): Canaries {
  function choose(source: SourceConfig, digest: string, first: boolean, after?: Chosen): Chosen | undefined {
    const { canary: wanted } = source;
    const copies = [...(world.copies.get(source.copyName)?.all() ?? [])];
    const namespaces = copies
      .filter((copy) => copy.ours && copy.digest !== digest)
      .map(({ namespace }) => namespace)
      .sort();
    const given = configuration().cacheProxies.filter((proxy) => proxy.source === source.name);
    const caches = first && namespaces.length === 0 ? [] : given.map(({ name }) => name);
    if (wanted === undefined || (namespaces.length === 0 && caches.length === 0)) return undefined;
    return {
      namespaces: some(namespaces, wanted.namespaces, after?.namespaces),
      proxies: some(caches, wanted.proxies, after?.proxies),
    };
  }

  /** Counts only namespaces that are still opted in, and cache proxies that are still configured. */
  function arrival(
    { name, copyName, ...config }: SourceConfig,
    { namespaces, proxies: first }: Chosen,
    digest: string,
  ): ReturnType<CanaryOptions['arrival']> {
    const wanted = [...namespaces].filter((each) => {
      const namespace = world.namespaces.get('', each);
      return (
        namespace !== undefined &&
        !namespace.terminating &&
        selectSources(namespace, [{ ...config, name, copyName }]).choices.get(name)?.in === true
      );
    });
    const caches = proxies().filter((proxy) => first.has(proxy.name));
    if (wanted.length === 0 && caches.length === 0) return 'gone';
    const has = [
      ...wanted.map((each) => world.copies.get(copyName)?.get(each, copyName)?.digest === digest),
      ...caches.map(({ applied }) => applied),
    ];
    if (!has.every(Boolean)) return has.some(Boolean) ? 'some' : 'none';
    return caches.some(({ verified }) => verified.reason === 'settling') ? 'settling' : 'all';
  }

  async function failing(
    source: SourceConfig,
    { namespaces, proxies: first }: Chosen,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { passed, newest } = book.rollout(source.name);
    const ring = makeKeyring([{ credentials: [...(newest?.credentials ?? []), ...(passed?.credentials ?? [])] }]);
    // Failing pulls from other registries do not count: this login is not their cause.
    const isOfSource = (image: string): boolean => {
      const parsed = parseImage(image);
      return parsed.ok && lookup(ring, parsed.image.name).length > 0;
    };
    return [
      ...(await failingPulls(client, namespaces, isOfSource, signal)),
      ...proxies()
        .filter(({ name, verified }) => first.has(name) && verified.state === 'refused')
        .map(({ name }) => `cache proxy ${name}: it cannot pull with the new login`),
    ];
  }

  // In a pause no canary gets the content, so what is seen proves nothing. After it they are watched anew.
  const canary = createCanary({
    timers,
    failing,
    arrival,
    onGone: (name) => {
      if (isPaused()) return;
      const source = configuration().sources.find((each) => each.name === name);
      const { newest, passed, stage } = book.rollout(name);
      if (source === undefined || newest === undefined || stage.state === 'settled') return;
      log.warn(
        { source: name, namespaces: [...stage.canaries.namespaces], proxies: [...stage.canaries.proxies] },
        'these canaries do not get the new content, or are no more: others go first',
      );
      const others = choose(source, newest.digest, passed === undefined, stage.canaries);
      book.advance(name, (rollout) => replaceCanaries(rollout, others));
      onMoved();
    },
    onLooked: (name, move) => {
      if (isPaused()) return;
      const { stage } = book.rollout(name);
      book.advance(name, move);
      const after = book.rollout(name).stage.state;
      if (after === 'halted')
        log.warn(
          { source: name },
          'rotation halted: pulls started to fail at the canaries; the rest keeps the content before',
        );
      else if (stage.state !== 'looking' && stage.state !== 'settled') {
        // A cache proxy without a probe shows nothing: the log says so.
        const caches = proxies().filter((proxy) => stage.canaries.proxies.has(proxy.name));
        const cacheProxies = caches.map((proxy) => `${proxy.name}: ${stateOf(proxy.verified)}`);
        log.info(
          { source: name, ...(caches.length > 0 && { cacheProxies }) },
          'no pull fails at the canaries: the rest follows',
        );
      }
      onMoved();
    },
  });
  return { ...canary, choose };
}

/** The next `count` names after `after`, in a circle: a canary that cannot be written to delays a rollout only for a time. */
function some(names: readonly string[], count: number, after: ReadonlySet<string> = new Set()): Set<string> {
  const next = names.findLastIndex((name) => after.has(name)) + 1;
  return new Set([...names.slice(next), ...names].slice(0, count));
}
