/**
 * What must survive a restart and be the same in every replica: the MAC key, what is in force of each source, what each cache
 * proxy was given last, and which logins were refused. One Secret in the controller's own namespace; it holds no credential.
 */
import type { V1Secret } from '@kubernetes/client-node';
import { randomBytes, randomUUID } from 'node:crypto';
import { monotonic } from '../clock.ts';
import type { Configuration } from '../config/schema.ts';
import { digestOf } from '../credentials/digest.ts';
import { messageOf, UserError } from '../errors.ts';
import { isConflict, isForbidden, isInvalid, isNotFound } from '../kube/api-error.ts';
import { isOlder } from '../kube/version.ts';
import { beforeRerun, SupersededError } from '../kube/races.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { LABEL_MANAGED_BY, LABEL_ROLE, MANAGER, STATE_NAME } from '../names.ts';
import type { ProxyRecord } from '../plan/proxy.ts';
import type { Mac } from '../credentials/digest.ts';
import { NewerStateError, noRecords, readRecords, textOf } from './records.ts';
import type { Records, Refusal, SourceRecord } from './records.ts';

export interface State {
  readonly mac: Mac;
  proxy(name: string): ProxyRecord;
  setProxy(name: string, record: ProxyRecord | undefined): void;
  source(name: string): SourceRecord | undefined;
  setSource(name: string, record: SourceRecord | undefined): void;
  /** By MAC of host and user name, then by MAC of host and login. */
  refusals(): ReadonlyMap<string, ReadonlyMap<string, Refusal>>;
  setRefusals(refusals: ReadonlyMap<string, ReadonlyMap<string, Refusal>>): void;
  /** By MAC of an owner and a copy: pods of that owner that were made later are not evicted. Milliseconds since 1970. */
  healed(): ReadonlyMap<string, number>;
  setHealed(healed: ReadonlyMap<string, number>): void;
  /** The list (`--namespaces`) of the last leader; undefined: the whole cluster. */
  namespaces(): readonly string[] | undefined;
  setNamespaces(namespaces: readonly string[] | undefined): void;
  /** Whether it has a record of any source: it was not made just now. */
  knows(): boolean;
  /** Drops the records of names that the configuration no longer has; the next save writes that. */
  retain(configuration: Pick<Configuration, 'sources' | 'cacheProxies'>): void;
  /** Reads the Secret, and creates it if it is missing. Throws ApiError, NewerStateError. */
  load(signal: AbortSignal): Promise<void>;
  /** Reads the Secret, and never creates it. Throws as `load`. */
  peek(signal?: AbortSignal): Promise<Peeked>;
  /** Continues in memory only, with the key it has or a new one: if the Secret is missing or cannot be read. */
  forget(): void;
  /**
   * Writes the Secret if anything changed since the last load or save. Throws ApiError; SupersededError, for a while or until the
   * next load, if another process wrote it: this one no longer leads, and what it knows is old.
   */
  save(signal: AbortSignal): Promise<void>;
}

/** Whether a saved state was found. `unreadable`: why it could not be read, in the server's words. */
export interface Peeked {
  readonly remembered: boolean;
  readonly unreadable?: string;
}

const KEY = 'mac-key';
const CONTENT = 'state.json';
const WRITER = 'writer'; // which process saved last: only a leader saves
/** Longer than the rest of a term that is over can be. */
const SUPERSEDED_MS = 15_000;

const textIn = ({ data }: V1Secret): string => Buffer.from(data?.[CONTENT] ?? '', 'base64').toString();
const base64 = (text: string): string => Buffer.from(text).toString('base64');

export function createState(client: KubeClient, namespace: string): State {
  const path = paths.secrets(namespace, STATE_NAME);
  let key: Buffer | undefined;
  let content: Records = noRecords();
  let saved = '';
  let version: { uid?: string; resourceVersion?: string } = {};
  let saving: Promise<void> = Promise.resolve();
  let inMemory = false;
  const self = base64(randomUUID());
  let writer: string | undefined;
  /** When another process was seen to have written it: `monotonic`. */
  let supersededAt: number | undefined;
  let immutable = false;

  async function write(
    text: string,
    { fieldManager = MANAGER, force }: { fieldManager?: string; force: boolean },
    signal: AbortSignal,
    by = writer,
  ): Promise<void> {
    if (key === undefined) throw new Error('the state was not loaded');
    const body: V1Secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: STATE_NAME,
        namespace,
        labels: { [LABEL_MANAGED_BY]: MANAGER, [LABEL_ROLE]: 'state' },
        ...version,
      },
      type: 'Opaque',
      data: { [KEY]: key.toString('base64'), [CONTENT]: base64(text), ...(by && { [WRITER]: by }) },
    };
    take(
      await client.patch<V1Secret>(path, 'application/apply-patch+yaml', body, {
        query: { fieldManager, force },
        signal,
        sensitive: true,
      }),
    );
    saved = text;
  }

  function take({ metadata, data, ...secret }: V1Secret): void {
    immutable = secret.immutable === true;
    version = {
      ...(metadata?.uid && { uid: metadata.uid }),
      ...(metadata?.resourceVersion && { resourceVersion: metadata.resourceVersion }),
    };
    if (data?.[KEY]) key = Buffer.from(data[KEY], 'base64');
    writer = data?.[WRITER];
  }

  async function load(signal: AbortSignal): Promise<void> {
    for (let lost = 0; ; lost++) {
      try {
        const secret = await client.get<V1Secret>(path, { signal, sensitive: true });
        const text = textIn(secret);
        // Before the version is taken: what this program cannot read, it cannot write over either.
        content = readRecords(text);
        inMemory = false;
        take(secret);
        saved = text;
        if (key !== undefined && key.length >= 16 && secret.data?.[KEY]) return;
        if (key === undefined || key.length < 16) key = randomBytes(32);
        return await write(textOf(content), { force: true }, signal);
      } catch (error) {
        if (isConflict(error)) {
          await beforeRerun(`Secret ${STATE_NAME}: `, lost + 1, error, signal);
          continue;
        }
        if (!isNotFound(error)) throw error;
      }
      try {
        // A key in use stays: the MACs in memory were made with it.
        key ??= randomBytes(32);
        version = {};
        inMemory = false;
        // Applies by one field manager never conflict: for the first write each replica uses a field manager of its own.
        return await write(textOf(content), { fieldManager: `${MANAGER}-${randomUUID()}`, force: false }, signal);
      } catch (error) {
        // Another replica was first: its key is used.
        if (!isConflict(error)) throw error;
        await beforeRerun(`Secret ${STATE_NAME}: `, lost + 1, error, signal);
      }
    }
  }

  return {
    mac(text) {
      if (key === undefined) throw new Error('the state was not loaded');
      return digestOf(text, key);
    },
    proxy: (name) => content.proxies.get(name) ?? {},
    setProxy(name, record) {
      if (record === undefined) content.proxies.delete(name);
      else content.proxies.set(name, record);
    },
    source: (name) => content.sources.get(name),
    setSource(name, record) {
      if (record === undefined) content.sources.delete(name);
      else content.sources.set(name, record);
    },
    refusals: () => content.refusals,
    setRefusals: (refusals) => void (content.refusals = refusals),
    healed: () => content.healed,
    setHealed: (healed) => void (content.healed = healed),
    namespaces: () => content.namespaces,
    setNamespaces: (namespaces) => void (content.namespaces = namespaces),
    knows: () => content.sources.size > 0,
    retain({ sources, cacheProxies }) {
      const known = {
        sources: new Set(sources.map(({ name }) => name)),
        proxies: new Set(cacheProxies.map(({ name }) => name)),
      };
      for (const name of content.proxies.keys()) if (!known.proxies.has(name)) content.proxies.delete(name);
      for (const name of content.sources.keys()) if (!known.sources.has(name)) content.sources.delete(name);
    },
    load(signal) {
      supersededAt = undefined;
      return load(signal);
    },
    async peek(signal) {
      try {
        const secret = await client.get<V1Secret>(path, { ...(signal && { signal }), sensitive: true });
        content = readRecords(textIn(secret));
        take(secret);
        return { remembered: key !== undefined };
      } catch (error) {
        if (isNotFound(error)) return { remembered: false };
        if (isForbidden(error)) return { remembered: false, unreadable: messageOf(error) };
        throw error;
      }
    },
    forget() {
      inMemory = true;
      key ??= randomBytes(32);
    },
    save(signal) {
      // One save at a time: each write sends the resourceVersion that the one before returned.
      saving = saving
        .catch(() => undefined)
        .then(async () => {
          const text = textOf(content);
          // A term that goes on so long was renewed since: this one leads after all.
          if (supersededAt !== undefined && monotonic() < supersededAt + SUPERSEDED_MS) throw anotherWrote();
          supersededAt = undefined;
          if (inMemory || text === saved) return;
          try {
            await write(text, { force: true }, signal, self);
          } catch (error) {
            if (!isConflict(error) && !isNotFound(error) && !isInvalid(error)) throw error;
            // The Secret was changed, deleted or made immutable. What is in memory is newer, unless another process wrote it: take
            // over its version and key, and write again.
            const [mine, before, known] = [content, writer, version.resourceVersion ?? ''];
            await load(signal).catch((failure: unknown) => {
              if (!(failure instanceof NewerStateError)) throw failure;
              supersededAt = monotonic();
              throw anotherWrote(failure);
            });
            content = mine;
            // A version that went back is that of a restored backup.
            const isNews = !isOlder(version.resourceVersion ?? '', known);
            if (isNews && writer !== undefined && ![before, self].includes(writer)) {
              supersededAt = monotonic();
              throw anotherWrote();
            }
            if (immutable)
              throw new UserError(
                `Secret ${namespace}/${STATE_NAME} is immutable, so nothing can be remembered in it: delete it, and Pullpass makes it anew`,
                { cause: error },
              );
            await write(textOf(content), { force: true }, signal, self);
          }
        });
      return saving;
    },
  };
}

const anotherWrote = (cause?: Error): Error =>
  new SupersededError(`another replica wrote Secret ${STATE_NAME} meanwhile`, { cause });
