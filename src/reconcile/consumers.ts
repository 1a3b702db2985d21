/** Custom objects that name copies. Pullpass points them only at copies that stay, and takes references back before a copy goes. */
import { kindOf, messageOf, retryAfterOf } from '../errors.ts';
import type { FailureKind } from '../errors.ts';
import { ForeignReferenceError } from '../proxies/consumer.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { NotYetError } from '../proxies/adapter.ts';
import type { Consumer, ProxyContext } from '../proxies/adapter.ts';
import { createSerial } from '../async/serial.ts';

/** A copy cannot be removed, because a custom object still names it. `cause` decides whether that is transient. */
export class StillNamedError extends Error {
  override name = 'StillNamedError';
  readonly kind: FailureKind;
  readonly retryAfterMs: number | undefined;
  constructor({ object, place }: Consumer, cause: unknown) {
    const why =
      cause instanceof ForeignReferenceError || cause instanceof NotYetError
        ? messageOf(cause)
        : `${object} names it at ${place}, and that could not be changed: ${messageOf(cause)}`;
    super(`it is to go, and stays: ${why}`, { cause });
    const kind = kindOf(cause);
    // No watch may cover the object that names the copy. So `refused` becomes `fault`, which is retried with backoff.
    this.kind = kind === 'refused' ? 'fault' : kind;
    this.retryAfterMs = retryAfterOf(cause);
  }
}

export interface Consumers {
  /** Whether the copy that a cache proxy's object should name is about to go. False if it names no copy. */
  isGoing(proxy: ConfiguredProxy): boolean;
  /** Points the object at its copy by `apply`; if the copy is about to go, takes the reference back instead (`no copy`: there was none). */
  point(
    proxy: ConfiguredProxy,
    apply: () => Promise<void>,
    context: Context,
  ): Promise<'applied' | 'withdrawn' | 'no copy'>;
  /** Takes back every reference to a copy, then removes it. @throws StillNamedError if a reference stays */
  removeCopy(
    copy: { readonly namespace: string; readonly name: string },
    remove: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Takes back the reference of a cache proxy that is no longer configured. `heir`: the one that now has its field of the object. */
  drop(proxy: ConfiguredProxy, heir: ConfiguredProxy | undefined, signal: AbortSignal): Promise<void>;
}

type Context = Pick<ProxyContext, 'kube' | 'signal'>;

export interface ConsumersOptions {
  /** All cache proxies whose objects may name a copy, including those no longer configured. */
  proxies: () => Iterable<ConfiguredProxy>;
  /** Whether the copy of a source in a namespace is about to go, or is gone. */
  isGoing: (namespace: string, source: string) => boolean;
  context: (proxy: ConfiguredProxy, signal: AbortSignal) => Context;
}

export function createConsumers({ proxies, isGoing: goes, context: contextOf }: ConsumersOptions): Consumers {
  // One at a time per namespace of the copy: between the check for references and the removal, no object may be pointed at it.
  const turns = createSerial();
  const isGoing = ({ config, adapter: { consumer } }: ConfiguredProxy): boolean =>
    consumer !== undefined && goes(consumer.namespace, config.source);

  async function release(
    proxy: ConfiguredProxy,
    consumer: Consumer,
    copyName: string,
    signal: AbortSignal,
  ): Promise<void> {
    // An object that should name another copy by now must name that first (`moving`), so that it always names one.
    const going = copyName === consumer.copyNames[0] || isGoing(proxy);
    try {
      await consumer.release(copyName, going ? 'going' : 'moving', contextOf(proxy, signal));
    } catch (error) {
      throw new StillNamedError(consumer, error);
    }
  }

  return {
    isGoing,
    async point(proxy, apply, context) {
      const { consumer } = proxy.adapter;
      const applied = (): Promise<'applied'> => apply().then(() => 'applied');
      if (consumer === undefined) return applied();
      return turns(consumer.namespace, async () => {
        if (!isGoing(proxy)) return applied();
        let wrote = false;
        for (const copyName of consumer.copyNames) {
          const released = await consumer.release(copyName, 'going', context).catch((error: unknown) => {
            // Not reported here: `removeCopy` reports it, because the reference blocks the removal of the copy.
            if (!(error instanceof ForeignReferenceError)) throw error;
            return false;
          });
          wrote ||= released;
        }
        return wrote ? 'withdrawn' : 'no copy';
      });
    },
    async removeCopy({ namespace, name }, remove, signal) {
      const naming = [...proxies()].flatMap((proxy) => {
        const { consumer } = proxy.adapter;
        return consumer?.namespace === namespace && consumer.copyNames.includes(name) ? [{ proxy, consumer }] : [];
      });
      if (naming.length === 0) return remove();
      await turns(namespace, async () => {
        for (const { proxy, consumer } of naming) await release(proxy, consumer, name, signal);
        signal.throwIfAborted();
        await remove();
      });
    },
    async drop(proxy, heir, signal) {
      const { consumer } = proxy.adapter;
      if (consumer === undefined) return;
      const next = heir?.adapter.consumer;
      // A consumer knows only copies in its own namespace.
      const moves = next?.namespace === consumer.namespace;
      await turns(consumer.namespace, async () =>
        (moves ? next : consumer).release(
          consumer.copyNames[0],
          moves ? 'moving' : 'dropped',
          contextOf(proxy, signal),
        ),
      );
    },
  };
}
