/**
 * What must survive a restart and be the same in every replica: the MAC key, what is in force of each source, what each cache
 * proxy was given last, and which logins were refused. One Secret in the controller's own namespace; it holds no credential.
 */
import type { V1Secret } from '@kubernetes/client-node';
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Configuration } from '../config/schema.ts';
import { digestOf } from '../credentials/digest.ts';
import { messageOf } from '../errors.ts';
import { isConflict, isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { LABEL_MANAGED_BY, LABEL_ROLE, MANAGER, STATE_NAME } from '../names.ts';
import type { ProxyRecord } from '../plan/proxy.ts';
import type { Mac } from '../credentials/digest.ts';

/** An entry whose newest login, or whose removal, is not in force. */
export interface Held {
  readonly key: string;
  /**
   * `refused`: by its registry. `unproven`: there is no answer, but the source requires one, or a try could lock the account.
   * `vanished`: the source no longer has it.
   */
  readonly cause: 'refused' | 'unproven' | 'unusable' | 'contradictory' | 'vanished';
  /** Continues the text `registry "x": `. One line, without any part of a login. */
  readonly why: string;
  /** Whether a login that was good before stays in force; otherwise the copies have no entry for the key. */
  readonly keeps: boolean;
}

/** What is in force of one source, and what is not. No credential: only MACs, and texts for people. */
export interface SourceRecord {
  /** `namespace/name` of the Secret: another Secret under the same source name is another source. */
  readonly secret: string;
  /** Number of confirmed removals: makes a confirmation valid for one removal only. */
  readonly removals: number;
  /** MACs of registry keys whose removal was confirmed, but has reached only the canaries so far. */
  readonly letGo: readonly string[];
  /** Digests of the contents that passed all stages, newest first; older ones are fallbacks if no copy holds the newest yet. */
  readonly passed: readonly string[];
  /** A content that the canaries have or are about to get. */
  readonly trying?: {
    readonly digest: string;
    readonly state: 'looking' | 'canary' | 'halted';
    readonly namespaces: readonly string[];
    readonly proxies: readonly string[];
    readonly before: readonly string[];
    readonly why: readonly string[];
  };
  /** By MAC of the registry key: MAC of its login in the newest content. */
  readonly logins: Readonly<Record<string, string>>;
  /** MACs of registry keys whose login its registry was not asked about, or did not answer for. */
  readonly unproven: readonly string[];
  readonly held: readonly (Held & {
    /** MAC of the login that is held. */ readonly login: string;
    readonly since: string;
  })[];
  /** When the newest content was accepted. */
  readonly since: string;
}

/** One login of an account that was refused. */
export interface Refusal {
  readonly times: number;
  readonly at: string;
  readonly why: string;
}

export interface State {
  readonly mac: Mac;
  proxy(name: string): ProxyRecord;
  setProxy(name: string, record: ProxyRecord | undefined): void;
  source(name: string): SourceRecord | undefined;
  setSource(name: string, record: SourceRecord | undefined): void;
  /** By MAC of host and user name, then by MAC of host and login. */
  refusals(): ReadonlyMap<string, ReadonlyMap<string, Refusal>>;
  setRefusals(refusals: ReadonlyMap<string, ReadonlyMap<string, Refusal>>): void;
  /** Drops the records of names that the configuration no longer has; the next save writes that. */
  retain(configuration: Pick<Configuration, 'sources' | 'cacheProxies'>): void;
  /** Reads the Secret, and creates it if it is missing. Throws ApiError. */
  load(signal: AbortSignal): Promise<void>;
  /** Reads the Secret, and never creates it. */
  peek(signal?: AbortSignal): Promise<Peeked>;
  /** Continues in memory only, with the key it has or a new one: if the Secret is missing or cannot be read. */
  forget(): void;
  /** Writes the Secret if anything changed since the last load or save. Throws ApiError. */
  save(signal: AbortSignal): Promise<void>;
}

/** Whether a saved state was found. `unreadable`: why it could not be read, in the server's words. */
export interface Peeked {
  readonly remembered: boolean;
  readonly unreadable?: string;
}

/** Maps, not objects: a configured name can be any word, such as `constructor`. */
interface Content {
  proxies: Map<string, ProxyRecord>;
  sources: Map<string, SourceRecord>;
  refusals: ReadonlyMap<string, ReadonlyMap<string, Refusal>>;
}

const at = z.string().refine((text) => !Number.isNaN(Date.parse(text)));
const strings = z.array(z.string());
const held = z.object({
  key: z.string(),
  cause: z.enum(['refused', 'unproven', 'unusable', 'contradictory', 'vanished']),
  why: z.string(),
  keeps: z.boolean(),
  login: z.string(),
  since: at,
});
const trying = z.object({
  digest: z.string(),
  state: z.enum(['looking', 'canary', 'halted']),
  namespaces: strings,
  proxies: strings,
  before: strings,
  why: strings,
});
const schema = z.object({
  proxies: z
    .record(
      z.string(),
      z.object({
        applied: z.object({ mac: z.string(), at }).exactOptional(),
        verified: z
          .object({ mac: z.string(), state: z.enum(['verified', 'refused', 'unknown']), why: z.string(), at })
          .exactOptional(),
      }),
    )
    .default({}),
  // A record in an older form is dropped, and only that record.
  sources: z
    .record(
      z.string(),
      z
        .object({
          secret: z.string(),
          removals: z.int(),
          letGo: strings,
          passed: strings,
          trying: trying.exactOptional(),
          logins: z.record(z.string(), z.string()),
          unproven: strings,
          held: z.array(held),
          since: at,
        })
        .optional()
        .catch(undefined),
    )
    .default({}),
  refusals: z
    .record(z.string(), z.record(z.string(), z.object({ times: z.int().min(1), at, why: z.string() })))
    .default({}),
});

const KEY = 'mac-key';
const CONTENT = 'state.json';

const empty = (): Content => ({ proxies: new Map(), sources: new Map(), refusals: new Map() });

export function createState(client: KubeClient, namespace: string): State {
  const path = paths.secrets(namespace, STATE_NAME);
  let key: Buffer | undefined;
  let content: Content = empty();
  let saved = '';
  let version: { uid?: string; resourceVersion?: string } = {};
  let saving: Promise<void> = Promise.resolve();
  let inMemory = false;

  async function write(
    text: string,
    { fieldManager = MANAGER, force }: { fieldManager?: string; force: boolean },
    signal: AbortSignal,
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
      data: { [KEY]: key.toString('base64'), [CONTENT]: Buffer.from(text).toString('base64') },
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

  function take({ metadata, data }: V1Secret): void {
    version = {
      ...(metadata?.uid && { uid: metadata.uid }),
      ...(metadata?.resourceVersion && { resourceVersion: metadata.resourceVersion }),
    };
    if (data?.[KEY]) key = Buffer.from(data[KEY], 'base64');
  }

  function read(text: string): Content {
    try {
      const { proxies, sources, refusals } = schema.parse(JSON.parse(text));
      return {
        proxies: new Map(Object.entries(proxies)),
        sources: new Map(
          Object.entries(sources).flatMap(([name, record]) => (record === undefined ? [] : [[name, record]])),
        ),
        refusals: new Map(
          Object.entries(refusals).map(([account, logins]) => [account, new Map(Object.entries(logins))]),
        ),
      };
    } catch {
      // Damaged by hand: what each source holds is accepted as if it were the first, and every login is tried again.
      return empty();
    }
  }

  const textOf = ({ proxies, sources, refusals }: Content): string =>
    JSON.stringify({
      proxies: Object.fromEntries(proxies),
      sources: Object.fromEntries(sources),
      refusals: Object.fromEntries([...refusals].map(([account, logins]) => [account, Object.fromEntries(logins)])),
    });

  async function load(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const secret = await client.get<V1Secret>(path, { signal, sensitive: true });
        inMemory = false;
        take(secret);
        saved = Buffer.from(secret.data?.[CONTENT] ?? '', 'base64').toString();
        content = read(saved);
        if (key !== undefined && key.length >= 16 && secret.data?.[KEY]) return;
        if (key === undefined || key.length < 16) key = randomBytes(32);
        return await write(textOf(content), { force: true }, signal);
      } catch (error) {
        if (isConflict(error)) continue;
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
    setRefusals(refusals) {
      content.refusals = refusals;
    },
    retain({ sources, cacheProxies }) {
      const known = {
        sources: new Set(sources.map(({ name }) => name)),
        proxies: new Set(cacheProxies.map(({ name }) => name)),
      };
      for (const name of content.proxies.keys()) if (!known.proxies.has(name)) content.proxies.delete(name);
      for (const name of content.sources.keys()) if (!known.sources.has(name)) content.sources.delete(name);
    },
    load,
    async peek(signal) {
      try {
        const secret = await client.get<V1Secret>(path, { ...(signal && { signal }), sensitive: true });
        take(secret);
        content = read(Buffer.from(secret.data?.[CONTENT] ?? '', 'base64').toString());
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
          if (inMemory || text === saved) return;
          try {
            await write(text, { force: true }, signal);
          } catch (error) {
            if (!isConflict(error) && !isNotFound(error)) throw error;
            // The Secret was changed or deleted. What is in memory is newer: take over its version and key, and write again.
            const mine = content;
            await load(signal);
            content = mine;
            await write(textOf(content), { force: true }, signal);
          }
        });
      return saving;
    },
  };
}
