/** The sources of a controller: who asks registries, who writes down what they said, and who tells. */
import { expect, test } from 'vitest';
import type { SourceConfig } from '../../src/config/schema.ts';
import { createSources } from '../../src/controller/sources.ts';
import { createLog } from '../../src/log.ts';
import type { SourceRecord, State } from '../../src/reconcile/state.ts';
import type { LoginVerdict } from '../../src/registry/auth.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { base64, dockerConfig, putCopy, putSource, rawSecret, worldFor } from '../reconcile/worlds.ts';

const AT = { namespace: 'pullpass-system', name: 'upstream-registry', uid: 'u' };
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function play(parts: Partial<SourceConfig> = {}, says: (password: string) => LoginVerdict['state'] = () => 'accepted') {
  const config = configuration([sourceConfig({ verify: 'auto', ...parts })]);
  const world = worldFor(config);
  const records = new Map<string, SourceRecord>();
  const w = { leading: true, saves: 0, version: 0 };
  const asked: string[] = [];
  const accepted: string[] = [];
  const events: string[] = [];
  const state: State = {
    mac: (text) => `mac(${base64(text)})`, proxy: () => ({}), setProxy: () => undefined,
    source: (name) => records.get(name), setSource: (name, record) => { if (record === undefined) records.delete(name); else records.set(name, record); },
    retain: () => undefined, load: () => Promise.resolve(), peek: () => Promise.resolve(true), forget: () => undefined,
    save: () => { w.saves++; return Promise.reject(new Error('no answer')); },
  };
  const stopping = new AbortController();
  let signal: AbortSignal | undefined;
  const sources = createSources({
    client: scriptedClient().client, world, state, stop: stopping.signal,
    reach: { check: async (_, { password }, cut) => { signal = cut; asked.push(password); await tick(); return { state: says(password), why: `registry.test: ${says(password)}` }; } },
    events: { record: ({ reason }) => void events.push(reason), resolve: () => undefined, flush: () => Promise.resolve(), stop: () => undefined },
    log: createLog('silent'), metrics: createMetrics({ version: 'test', processMetrics: false }),
    configuration: () => config, leading: () => w.leading, isRead: () => true, proxiesOf: () => [], proxies: () => [],
    onAccepted: (_, digest, first) => accepted.push(`${first ? 'first' : 'then'} ${/"password":"(\w+)"/.exec(digest)?.[1] ?? ''}`),
    onChange: () => undefined,
  });
  sources.book.configure(config);
  return {
    w, world, sources, asked, accepted, events, records, cut: () => signal?.aborted,
    async holds(content: string): Promise<void> {
      putSource(world, rawSecret({ ...AT, resourceVersion: String(++w.version), content }));
      await this.look();
    },
    async look(): Promise<void> {
      sources.look();
      for (let i = 0; i < 5; i++) await tick();
    },
  };
}

test('the leader asks the registry once, and writes down what it said; that this fails holds nothing up', async () => {
  const p = play();
  await p.holds(dockerConfig('one'));
  expect([p.asked, p.accepted, p.w.saves]).toEqual([['one'], ['first one'], 1]);
  await p.look();
  expect([p.asked, p.accepted]).toEqual([['one'], ['first one']]);
  await p.holds(dockerConfig('two'));
  expect([p.accepted, p.w.saves]).toEqual([['first one', 'then two'], 2]);
});

test('a replica that does not lead asks nobody, writes nothing and says nothing; when it leads, it does', async () => {
  const p = play();
  p.w.leading = false;
  await p.holds(dockerConfig('one'));
  await p.holds('{');
  p.sources.remind();
  await p.sources.remember();
  expect([p.asked, p.accepted, p.events, p.w.saves]).toEqual([[], [], [], 0]);
  await p.holds(dockerConfig('two'));
  p.w.leading = true;
  await p.look();
  expect([p.asked, p.accepted]).toEqual([['two'], ['first two']]);
});

test('where logins are not to be tried, every replica knows what is in force', async () => {
  const p = play({ verify: 'off' });
  p.w.leading = false;
  await p.holds(dockerConfig('one'));
  expect([p.asked, p.accepted, p.w.saves]).toEqual([[], ['first one'], 0]);
});

test('the probe schedule tries what is in force again, and writes down what it found', async () => {
  let says: LoginVerdict['state'] = 'accepted';
  const p = play({}, () => says);
  await p.holds(dockerConfig('one'));
  says = 'refused';
  await p.sources.recheck();
  expect([p.asked, p.w.saves]).toEqual([['one', 'one'], 2]);
  expect(p.sources.standings()).toMatchObject([{ key: 'registry.test', state: 'refused' }]);
  expect(Object.values(p.records.get('upstream')?.refused ?? {})).toMatchObject([{ times: 1 }]);
});

test('while a new content is refused, what is tried again is the one in force', async () => {
  const p = play({}, (password) => (password === 'bad' ? 'refused' : 'accepted'));
  await p.holds(dockerConfig('one'));
  await p.holds(dockerConfig('bad'));
  p.asked.length = 0;
  await p.sources.recheck();
  expect([p.asked, p.accepted]).toEqual([['one'], ['first one']]);
  p.sources.stop();
});

test('the content that is there at the start is for everybody at once; only a change goes to the canaries first', async () => {
  const p = play({ verify: 'off', canary: { namespaces: 1, proxies: 0, seconds: 60 } });
  for (const namespace of ['team-a', 'team-b']) putCopy(p.world, rawSecret({ namespace, content: dockerConfig('one'), source: 'upstream' }));
  const forEach = (): boolean[] => ['team-a', 'team-b'].map((namespace) => p.sources.book.observe(namespace)[0]?.digest === p.sources.book.observe()[0]?.digest);
  await p.holds(dockerConfig('one'));
  expect(forEach()).toEqual([true, true]);
  await p.holds(dockerConfig('two'));
  expect(forEach()).toEqual([true, false]);
  p.sources.stop();
});

test('what is wrong with a source is told when it is found, and again when somebody asks', async () => {
  const p = play();
  await p.holds('{');
  p.sources.remind();
  expect(p.events).toEqual(['SourceInvalid', 'SourceInvalid']);
});

test('a stop cuts a check that is under way, and nothing comes into force after it', async () => {
  const p = play();
  const looking = p.holds(dockerConfig('one'));
  p.sources.stop();
  await looking;
  expect([p.cut(), p.accepted, p.w.saves]).toEqual([true, [], 0]);
});
