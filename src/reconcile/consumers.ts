/** Custom objects that name copies, beside ServiceAccounts: pointed only at a copy that is to be there, released before it goes. */
import { kindOf, messageOf, retryAfterOf } from '../errors.ts';
import type { FailureKind } from '../errors.ts';
import { ForeignReferenceError } from '../proxies/consumer.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { NotYetError } from '../proxies/adapter.ts';
import type { Consumer, ProxyContext } from '../proxies/adapter.ts';
import { createSerial } from '../async/serial.ts';

/** A copy is to go, and an object names it all the same: the copy stays. `cause` says whether that passes by itself. */
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
    // The object that names the copy may be out of sight here: what changes there is found out by looking.
    this.kind = kind === 'refused' ? 'fault' : kind;
    this.retryAfterMs = retryAfterOf(cause);
  }
}

export interface Consumers {
  /** Whether the copy that a cache proxy's object is to name is about to go. Never, where it names none. */
  isGoing(proxy: ConfiguredProxy): boolean;
  /** Has `apply` point the object at its copy; where that is about to go, takes the reference back, and says whether there was one. */
  point(
    proxy: ConfiguredProxy,
    apply: () => Promise<void>,
    context: Context,
  ): Promise<'applied' | 'withdrawn' | 'no copy'>;
  /** Takes back every reference to a copy, and only then removes it. @throws StillNamedError where one stays */
  removeCopy(
    copy: { readonly namespace: string; readonly name: string },
    remove: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Of a cache proxy that is configured no longer. `heir`: who has its place in the object now. */
  drop(proxy: ConfiguredProxy, heir: ConfiguredProxy | undefined, signal: AbortSignal): Promise<void>;
}

type Context = Pick<ProxyContext, 'kube' | 'signal'>;

export interface ConsumersOptions {
  /** All whose objects may name a copy, those too that are configured no longer. */
  proxies: () => Iterable<ConfiguredProxy>;
  /** Whether the copy of a source is about to go from a namespace, or has gone. */
  isGoing: (namespace: string, source: string) => boolean;
  context: (proxy: ConfiguredProxy, signal: AbortSignal) => Context;
}

export function createConsumers({ proxies, isGoing: goes, context: contextOf }: ConsumersOptions): Consumers {
  // By namespace of the copy: between the look at what names a copy and its removal nobody may be pointed at it.
  const turns = createSerial();
  const isGoing = ({ config, adapter: { consumer } }: ConfiguredProxy): boolean =>
    consumer !== undefined && goes(consumer.namespace, config.source);

  async function release(
    proxy: ConfiguredProxy,
    consumer: Consumer,
    copyName: string,
    signal: AbortSignal,
  ): Promise<void> {
    // An object that is to name another copy by now does so first: it is never without.
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
            // Whoever removes the copy is held up by it and tells; without a copy it is nobody's business here.
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
      // Of another namespace it can only tell what it names itself.
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
