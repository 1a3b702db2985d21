/** Cache proxies that were removed from the configuration, and whose custom objects may still name a copy. */
import { isPassing, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import type { Consumers } from '../reconcile/consumers.ts';
import { retryUnwatched } from '../retry.ts';
import type { Retry } from '../retry.ts';

export interface Leaving {
  /** `before`, `after`: the cache proxies of the previous configuration, and of the one in force. */
  configure(before: readonly ConfiguredProxy[], after: readonly ConfiguredProxy[]): void;
  all(): Iterable<ConfiguredProxy>;
  /** Names of these cache proxies; a name appears once per reference to take back. */
  names(): string[];
  /** Takes back the references that were written for cache proxies of this name. */
  handle(name: string, consumers: Pick<Consumers, 'drop'>, signal: AbortSignal): Promise<Retry>;
}

export function createLeaving({ log }: { log: Pick<Log, 'info' | 'warn'> }): Leaving {
  /** By object, field and copy: see `keyOf`. */
  const leaving = new Map<string, ConfiguredProxy>();
  const told = new Set<string>();
  let configured: readonly ConfiguredProxy[] = [];

  return {
    configure(before, after) {
      for (const proxy of before) if (proxy.adapter.consumer !== undefined) leaving.set(keyOf(proxy), proxy);
      for (const proxy of after) leaving.delete(keyOf(proxy));
      for (const key of told) if (!leaving.has(key)) told.delete(key);
      configured = after;
    },
    all: () => leaving.values(),
    names: () => [...leaving.values()].map(({ config }) => config.name),
    async handle(name, consumers, signal) {
      for (const [key, proxy] of leaving) {
        const {
          config,
          copyName,
          adapter: { consumer },
        } = proxy;
        if (config.name !== name || consumer === undefined) continue;
        const about = { proxy: name, copyName };
        try {
          await consumers.drop(
            proxy,
            configured.find(({ adapter }) => adapter.consumer?.seat === consumer.seat),
            signal,
          );
          leaving.delete(key);
          log.info(
            about,
            `cache proxy ${name} is no longer configured: ${consumer.object} does not name copy "${copyName}" for it any more`,
          );
        } catch (error) {
          if (signal.aborted) return 'done';
          if (!isPassing(error) && !told.has(key)) {
            told.add(key);
            log.warn(
              about,
              `cache proxy ${name} is no longer configured, and ${consumer.object} still names copy "${copyName}" at ${consumer.place}: ${messageOf(error)}`,
            );
          }
          return retryUnwatched(error);
        }
      }
      return 'done';
    },
  };
}

const keyOf = ({ copyName, adapter }: ConfiguredProxy): string =>
  JSON.stringify([adapter.consumer?.seat, adapter.consumer?.namespace, copyName]);
