/** The API server as adapters may use it. Requests hold logins: no error repeats what the server says about a body. */
import { UserError } from '../errors.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import {
  ANNOTATION_ADOPT,
  LABEL_CACHE_PROXY,
  LABEL_INSTANCE,
  LABEL_ROLE,
  LABEL_SOURCE,
  MANAGER,
  PATCH_MANAGER,
} from '../names.ts';
import { ownerOf, type Owner } from '../owner.ts';
import { quoteList } from '../text.ts';
import type { ProxyKube } from './adapter.ts';
import { isAsWanted, madeByUsAlone, secretBody, textOf, TYPE_OPAQUE } from './rendered-secret.ts';
import type { ObservedSecret, WantedSecret, Whose } from './rendered-secret.ts';

/** For a Secret of Pullpass that is not a cache proxy's. */
const WHOSE: Readonly<Record<Exclude<Owner, 'login' | 'nobody'>, string>> = {
  copy: 'is the copy of a source: give one of them another name',
  state: 'holds the state of the controller: give the Secret of the cache proxy another name',
  status: `carries the label ${LABEL_ROLE}: remove the label, or give the Secret of the cache proxy another name`,
  report: `carries the label ${LABEL_ROLE}: remove the label, or give the Secret of the cache proxy another name`,
  contested:
    `carries several of ${LABEL_SOURCE}, ${LABEL_CACHE_PROXY} and ${LABEL_ROLE}, ` +
    'so it is unclear whose it is: remove those that are wrong',
  instance:
    'is of another installation of Pullpass: give the Secret of the cache proxy another name, or remove one of the two; ' +
    `if the other is gone already, remove the label ${LABEL_INSTANCE} from the Secret`,
};

/**
 * The calls of one cache proxy, bounded in time by the client and by `signal`.
 * Errors: UserError if a person must act; ApiError (409 and 422: a lost race) and UnreachableError of the client.
 * All of them are retried later.
 */
export function createProxyKube({
  client,
  proxy,
  instance,
  signal,
}: {
  client: KubeClient;
  /** Its name in the configuration. */ proxy: string;
  /** Namespace of the controller. */
  instance: string;
  signal: AbortSignal;
}): ProxyKube {
  const secretly = { signal, sensitive: true };

  async function get<T>(path: string): Promise<T | undefined> {
    try {
      return await client.get<T>(path, secretly);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  const put = (secret: WantedSecret, body: object, force: boolean): Promise<ObservedSecret> =>
    client.patch(paths.secrets(secret.namespace, secret.name), 'application/apply-patch+yaml', body, {
      query: { fieldManager: MANAGER, force },
      ...secretly,
    });

  /** Not forced: if a Secret was created meanwhile with other values under the same keys, the server answers 409. */
  async function create(secret: WantedSecret, whose: Whose): Promise<void> {
    const made = await put(secret, secretBody(secret, whose), false).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      throw new UserError(
        `cache proxy "${proxy}": namespace "${secret.namespace}" is not there: create it, or correct secret.namespace`,
        { cause: error },
      );
    });
    if (madeByUsAlone(made)) return;
    // A Secret with other keys was created meanwhile, and the apply was merged into it: an empty apply removes our fields.
    const { uid, resourceVersion } = made.metadata;
    await put(
      secret,
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: secret.namespace, name: secret.name, uid, resourceVersion },
      },
      true,
    );
    throw foreign(secret);
  }

  function foreign({ namespace, name }: WantedSecret): UserError {
    return new UserError(
      `cache proxy "${proxy}": Secret ${namespace}/${name} was not made by Pullpass and is left alone: ` +
        `delete or rename it, or annotate it ${ANNOTATION_ADOPT}="true" to let Pullpass take it over`,
    );
  }

  return {
    async applySecret({ owner: inTheNameOf = proxy, merge, ...asked }) {
      const { namespace, name, type = TYPE_OPAQUE } = asked;
      const whose = { proxy: inTheNameOf, instance };
      const found = await get<ObservedSecret>(paths.secrets(namespace, name));
      const secret: WantedSecret = { ...asked, data: merge?.(textOf(found ?? {})) ?? asked.data };
      if (found === undefined) return create(secret, whose);
      const owner = ownerOf(found.metadata, instance);
      if (owner !== 'login' && owner !== 'nobody')
        throw new UserError(`cache proxy "${proxy}": Secret ${namespace}/${name} ${WHOSE[owner]}`);
      const given = owner === 'nobody';
      if (given && found.metadata.annotations?.[ANNOTATION_ADOPT] !== 'true') throw foreign(secret);
      if (isAsWanted(found, secret, whose)) return;
      const { uid = '', resourceVersion = '' } = found.metadata;
      const preconditions = { uid, resourceVersion };
      // `type` is always immutable; with `immutable: true` all the rest, too.
      if (found.type !== type || found.immutable === true) {
        if (given)
          throw new UserError(
            `cache proxy "${proxy}": Secret ${namespace}/${name} is ` +
              `${found.immutable === true ? 'immutable' : `of type ${found.type}, not ${type}`}, ` +
              'which cannot be changed: delete it, Pullpass then makes it anew',
          );
        const { finalizers = [], deletionTimestamp } = found.metadata;
        if (deletionTimestamp !== undefined && finalizers.length > 0)
          throw new UserError(
            `cache proxy "${proxy}": Secret ${namespace}/${name} is to be replaced, and is kept by its finalizers ` +
              `(${quoteList(finalizers)}): whoever set them must finish their work, or remove them`,
          );
        await client.delete(
          paths.secrets(namespace, name),
          { apiVersion: 'v1', kind: 'DeleteOptions', preconditions },
          secretly,
        );
        return create(secret, whose);
      }
      // Forced, to correct drift; uid and resourceVersion make sure that it is the object that was read.
      await put(secret, secretBody(secret, whose, preconditions), true);
    },
    async readSecret({ namespace, name }) {
      const found = await get<ObservedSecret>(paths.secrets(namespace, name));
      if (found === undefined)
        throw new UserError(
          `cache proxy "${proxy}": Secret ${namespace}/${name} is not there: create it, or correct its name in the configuration`,
        );
      return textOf(found);
    },
    get,
    async patch(path, type, body) {
      await client.patch(path, type, body, { query: { fieldManager: PATCH_MANAGER }, ...secretly });
    },
  };
}
