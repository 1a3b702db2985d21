/**
 * What must survive a restart and be the same in every replica: the key of the macs, what of each source is in force, what
 * each cache proxy was given last, and which logins were refused. One Secret in the controller's own namespace; it holds no
 * credential.
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
   * `refused`: by its registry. `unproven`: could not be tried, where that is asked for or where another try could lock the
   * account. `vanished`: the source does not have it any more.
   */
  readonly cause: 'refused' | 'unproven' | 'unusable' | 'contradictory' | 'vanished';
  /** Continues `registry "x": `. One line, no part of a login. */
  readonly why: string;
  /** Whether a login that was good before stays in force; otherwise the copies have no entry for the key. */
  readonly keeps: boolean;
}

/** What is in force of one source, and what is not. No credential: macs only, and texts for people. */
export interface SourceRecord {
  /** `namespace/name` of the Secret: another one by the same source name is another source. */
  readonly secret: string;
  /** How often registries were let go: makes a confirmation good for one removal only. */
  readonly removals: number;
  /** Macs of the registry keys that somebody let go, and that only the canaries do without so far. */
  readonly letGo: readonly string[];
  /** Digests of the contents that passed all stages, the newest first; further ones are fall-backs where no copy holds it yet. */
  readonly passed: readonly string[];
  /** A content that the canaries have, or are about to get. */
  readonly trying?: {
    readonly digest: string;
    readonly state: 'looking' | 'canary' | 'halted';
    readonly namespaces: readonly string[];
    readonly proxies: readonly string[];
    readonly before: readonly string[];
    readonly why: readonly string[];
  };
  /** By mac of the registry key: mac of the login in force, in the newest content. */
  readonly logins: Readonly<Record<string, string>>;
  /** Macs of the registry keys of those that no registry was asked about, or that gave no answer. */
  readonly unproven: readonly string[];
  readonly held: readonly (Held & {
    /** Mac of the login that is held. */ readonly login: string;
    readonly since: string;
  })[];
  /** When the newest content was accepted. */
  readonly since: string;
}

/** One login that an account was refused with. */
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
  /** By mac of host and user name, then by mac of host and login. */
  refusals(): ReadonlyMap<string, ReadonlyMap<string, Refusal>>;
  setRefusals(refusals: ReadonlyMap<string, ReadonlyMap<string, Refusal>>): void;
  /** What is remembered of names that the configuration no longer has goes with the next save. */
  retain(configuration: Pick<Configuration, 'sources' | 'cacheProxies'>): void;
  /** Takes what the Secret holds; makes it where it is not there. Throws ApiError. */
  load(signal: AbortSignal): Promise<void>;
  /** Takes what the Secret holds without making one. */
  peek(signal?: AbortSignal): Promise<Peeked>;
  /** Goes on in memory, with a key of its own: where the Secret cannot be read. */
  forget(): void;
  /** Writes what changed since the last load or save; nothing changed, nothing is written. Throws ApiError. */
  save(signal: AbortSignal): Promise<void>;
}

/** Whether there is anything to remember; `unreadable`: why nobody knows, in the server's words. */
export interface Peeked {
  readonly remembered: boolean;
  readonly unreadable?: string;
}

/** Maps: names of the configuration are any word, also those that every object has. */
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
  // A record of an older form is left out, and nothing else with it.
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
      // Spoiled by hand: what each source holds is accepted as if it was the first, and every login is tried once more.
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
        // A key that is in use stays: what is in memory was made with it.
        key ??= randomBytes(32);
        version = {};
        inMemory = false;
        // An apply never conflicts with one by the same manager: for the first write each replica has a name of its own.
        return await write(textOf(content), { fieldManager: `${MANAGER}-${randomUUID()}`, force: false }, signal);
      } catch (error) {
        // The other replica was quicker: its key is the one.
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
      // One at a time: each write carries the version that the one before left.
      saving = saving
        .catch(() => undefined)
        .then(async () => {
          const text = textOf(content);
          if (inMemory || text === saved) return;
          try {
            await write(text, { force: true }, signal);
          } catch (error) {
            if (!isConflict(error) && !isNotFound(error)) throw error;
            // Somebody wrote or deleted it. What we know is newer: take its version and key, and write again.
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
