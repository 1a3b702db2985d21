/** The state without a Secret: what a controller remembers, in maps. */
import { createHash } from 'node:crypto';
import type { ProxyRecord } from '../../src/plan/proxy.ts';
import type { State } from '../../src/observe/state.ts';
import type { Refusal, SourceRecord } from '../../src/observe/records.ts';

export interface Memory extends State {
  readonly sources: Map<string, SourceRecord>;
  readonly proxies: Map<string, ProxyRecord>;
}

export function createMemory(parts: Partial<State> = {}): Memory {
  const sources = new Map<string, SourceRecord>();
  const proxies = new Map<string, ProxyRecord>();
  let refusals: ReadonlyMap<string, ReadonlyMap<string, Refusal>> = new Map();
  let healed: ReadonlyMap<string, number> = new Map();
  return {
    sources,
    proxies,
    mac: (text) => createHash('sha256').update(text).digest('hex'),
    proxy: (name) => proxies.get(name) ?? {},
    setProxy: (name, record) => {
      if (record === undefined) proxies.delete(name);
      else proxies.set(name, record);
    },
    source: (name) => sources.get(name),
    setSource: (name, record) => {
      if (record === undefined) sources.delete(name);
      else sources.set(name, record);
    },
    refusals: () => refusals,
    setRefusals: (next) => {
      refusals = next;
    },
    healed: () => healed,
    setHealed: (next) => {
      healed = next;
    },
    namespaces: () => undefined,
    setNamespaces: () => undefined,
    knows: () => sources.size > 0,
    retain: () => undefined,
    load: () => Promise.resolve(),
    peek: () => Promise.resolve({ remembered: true }),
    forget: () => undefined,
    save: () => Promise.resolve(),
    ...parts,
  };
}
