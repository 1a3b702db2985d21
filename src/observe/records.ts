/** What the state Secret keeps, as JSON: records of sources and cache proxies, and refused logins. No credential: only MACs, and texts for people. */
import * as z from 'zod';
import { field } from '../config/document.ts';
import { UserError } from '../errors.ts';
import { STATE_NAME } from '../names.ts';
import { fit } from '../text.ts';
import { UNKNOWN_REASONS } from '../plan/proxy.ts';
import type { ProxyRecord } from '../plan/proxy.ts';

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

const at = z.string().refine((text) => !Number.isNaN(Date.parse(text)));
const strings = z.array(z.string());

const held = z.object({
  key: z.string(),
  /**
   * `refused`: by its registry. `unproven`: there is no answer, but the source requires one, or a try could lock the account.
   * `vanished`: the source no longer has it.
   */
  cause: z.enum(['refused', 'unproven', 'unusable', 'contradictory', 'vanished']),
  /** Continues the text `registry "x": `. One line, without any part of a login. */
  why: z.string(),
  /** Whether a login that was good before stays in force; otherwise the copies have no entry for the key. */
  keeps: z.boolean(),
});
/** An entry whose newest login, or whose removal, is not in force. */
export type Held = DeepReadonly<z.output<typeof held>>;

const source = z.object({
  /** `namespace/name` of the Secret: another Secret under the same source name is another source. */
  secret: z.string(),
  /** Number of confirmed removals: makes a confirmation valid for one removal only. */
  removals: z.int(),
  /** MACs of registry keys whose removal was confirmed, but has reached only the canaries so far. */
  letGo: strings,
  /** Digests of the contents that passed all stages, newest first; older ones are fallbacks if no copy holds the newest yet. */
  passed: strings,
  /** A content that the canaries have or are about to get. */
  trying: z
    .object({
      digest: z.string(),
      state: z.enum(['looking', 'canary', 'halted']),
      namespaces: strings,
      proxies: strings,
      before: strings,
      why: strings,
    })
    .exactOptional(),
  /** By MAC of the registry key: MAC of its login in the newest content. */
  logins: z.record(z.string(), z.string()),
  /** MACs of registry keys whose login its registry was not asked about, or did not answer for. */
  unproven: strings,
  /** `login`: MAC of the login that is held. */
  held: z.array(held.extend({ login: z.string(), since: at })),
  /** When the newest content was accepted. */
  since: at,
  /** Only where the source has a `maxAge` or the annotation `expires-at`. */
  times: z
    .object({
      /** By MAC of the login. `since`: when it was first in the Secret, as far as is known. `ends`: by the annotation. */
      logins: z.record(z.string(), z.object({ since: at, ends: at.exactOptional() })),
      /** MAC of the annotation's text, and when it was written. */
      told: z.object({ id: z.string(), at }).exactOptional(),
    })
    .exactOptional(),
});
/** What is in force of one source, and what is not. */
export type SourceRecord = DeepReadonly<z.output<typeof source>>;

const refusal = z.object({ times: z.int().min(1), at, why: z.string() });
/** One login of an account that was refused. */
export type Refusal = DeepReadonly<z.output<typeof refusal>>;

const verified = z.object({
  mac: z.string(),
  state: z.enum(['verified', 'refused', 'unknown']),
  reason: z.enum(UNKNOWN_REASONS).exactOptional(),
  why: z.string(),
  at,
});
const proxy = z.object({
  applied: z.object({ mac: z.string(), at, tokenSeconds: z.number().exactOptional() }).exactOptional(),
  settled: z.object({ mac: z.string(), at }).exactOptional(),
  proven: z.object({ mac: z.string(), why: z.string(), at }).exactOptional(),
  verified: verified.exactOptional(),
  asked: strings.exactOptional(),
  pushed: z.string().exactOptional(),
});
/**
 * Number of the form below. It is raised when a program that knows only the form before would do harm with the new one. Version
 * 0.1.0 writes none, which stands for 1.
 */
export const STATE_FORMAT = 1;

const schema = z.object({
  proxies: z.record(z.string(), proxy).default({}),
  // A record in an older form is dropped, and only that record.
  sources: z.record(z.string(), source.optional().catch(undefined)).default({}),
  refusals: z.record(z.string(), z.record(z.string(), refusal)).default({}),
  healed: z.record(z.string(), z.number()).default({}).catch({}),
  namespaces: strings.optional().catch(undefined),
});

/** Maps, not objects: a configured name can be any word, such as `constructor`. */
export interface Records {
  proxies: Map<string, ProxyRecord>;
  sources: Map<string, SourceRecord>;
  /** By MAC of host and user name, then by MAC of host and login. */
  refusals: ReadonlyMap<string, ReadonlyMap<string, Refusal>>;
  /** By MAC of an owner and a copy: when the newest pod was made that healing may evict, in milliseconds since 1970. */
  healed: ReadonlyMap<string, number>;
  /** The list (`--namespaces`) of the last leader; absent: it looked after the whole cluster. */
  namespaces?: readonly string[] | undefined;
}

export const noRecords = (): Records => ({
  proxies: new Map(),
  sources: new Map(),
  refusals: new Map(),
  healed: new Map(),
});

/** The state was written by a Pullpass of another form: nothing may be decided without it, and nothing written over it. */
export class NewerStateError extends UserError {
  override name = 'NewerStateError';
  constructor(format: unknown) {
    super(
      `Secret ${STATE_NAME} was written by a newer Pullpass (format ${fit(JSON.stringify(format), 40)}; this one knows ${STATE_FORMAT}), ` +
        'so this one does nothing: run the newer version; to go back for good, see docs/upgrading.md',
    );
  }
}

/**
 * No records if the text was damaged by hand: what each source holds is then accepted as if it were the first, and every login is
 * tried again.
 *
 * @throws NewerStateError
 */
export function readRecords(text: string): Records {
  try {
    const read: unknown = JSON.parse(text);
    const format = field(read, 'format') ?? STATE_FORMAT;
    if (format !== STATE_FORMAT) throw new NewerStateError(format);
    const { proxies, sources, refusals, healed, namespaces } = schema.parse(read);
    return {
      namespaces,
      healed: new Map(Object.entries(healed)),
      proxies: new Map(Object.entries(proxies)),
      sources: new Map(
        Object.entries(sources).flatMap(([name, record]) => (record === undefined ? [] : [[name, record]])),
      ),
      refusals: new Map(
        Object.entries(refusals).map(([account, logins]) => [account, new Map(Object.entries(logins))]),
      ),
    };
  } catch (error) {
    if (error instanceof NewerStateError) throw error;
    return noRecords();
  }
}

export const textOf = ({ proxies, sources, refusals, healed, namespaces }: Records): string =>
  JSON.stringify({
    format: STATE_FORMAT,
    proxies: Object.fromEntries(proxies),
    sources: Object.fromEntries(sources),
    refusals: Object.fromEntries([...refusals].map(([account, logins]) => [account, Object.fromEntries(logins)])),
    // An absent field is what a program wrote that knew none.
    ...(healed.size > 0 && { healed: Object.fromEntries(healed) }),
    namespaces,
  });
