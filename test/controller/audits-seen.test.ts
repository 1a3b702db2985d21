/** What the controller's own audits see: what it watches and remembers. What it may not see, or not yet, is said. */
import { describe, expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { createAudits } from '../../src/controller/audits.ts';
import type { AuditsOptions } from '../../src/controller/audits.ts';
import { projectNamespace, projectServiceAccount } from '../../src/observe/projections.ts';
import { feedsOf } from '../../src/observe/world.ts';
import { createLog } from '../../src/log.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import type { Call } from '../kube/scripted-client.ts';
import { createMemory } from '../sources/memory.ts';
import type { Memory } from '../sources/memory.ts';
import { recordOf } from '../sources/records.ts';
import { dockerConfig, putCopy, putSource, rawAccount, rawSecret, worldFor } from '../sources/worlds.ts';

const HERE = 'pullpass-system';
const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: [{ name: 'hub', secret: { namespace: HERE, name: 'hub' }, copyName: 'c' }],
  schedules: { audit: '0 * * * *' },
});
const SOURCE = { namespace: HERE, name: 'hub', uid: 'u', content: dockerConfig('one') };
const at = (minutes: number): string => new Date(Date.parse('2030-01-01T12:00:00Z') + minutes * 60_000).toISOString();

/** As the server notes who wrote what. */
const wrote = (...writers: [minutes: number, field: string][]) =>
  writers.map(([minutes, field]) => ({ time: at(minutes), fieldsV1: { [field]: {} } }));

interface Given {
  readonly watches?: Partial<AuditsOptions['watches']>;
  /** Feeds that are not read, by their id, and why. */
  readonly blind?: (id: string) => string | undefined;
  readonly stop?: AbortSignal;
  /** What the API server answers where it is asked for more than pods, none of which there are. */
  readonly answer?: (call: Call) => unknown;
  /** Rights on Secrets whatever their name: `list` in all namespaces, `list here` in the controller's own. */
  readonly granted?: readonly string[] | 'no answer';
  readonly fill?: (world: AuditsOptions['world']) => void;
  readonly state?: Memory;
  readonly leading?: boolean;
}

function audit({
  watches = {},
  blind = () => undefined,
  stop = new AbortController().signal,
  answer = () => {
    throw refusal(404);
  },
  granted = [],
  fill = (world) => putSource(world, rawSecret(SOURCE)),
  state = createMemory(),
  leading = true,
}: Given = {}) {
  const world = worldFor(configuration);
  fill(world);
  const { client, calls } = scriptedClient((call) => {
    if (call.path === '/api/v1/pods') return { metadata: {}, items: [] };
    if (!call.path.endsWith('selfsubjectaccessreviews')) return answer(call);
    const { verb, namespace } = (call.body as { spec: { resourceAttributes: { verb: string; namespace?: string } } })
      .spec.resourceAttributes;
    if (granted === 'no answer') return {};
    // Who may everywhere may here.
    return { status: { allowed: granted.includes(verb) || (namespace === HERE && granted.includes(`${verb} here`)) } };
  });
  const audits = createAudits({
    client,
    world,
    state,
    stop,
    namespace: HERE,
    now: () => Date.parse(at(60)),
    watches: {
      isRead: () => true,
      isSynced: () => true,
      unread: () =>
        new Map(
          feedsOf(world, configuration).flatMap((feed) =>
            blind(feed.id) === undefined ? [] : [[feed, blind(feed.id) ?? '']],
          ),
        ),
      problems: () => [],
      ...watches,
    },
    configuration: () => configuration,
    leading: () => leading,
    term: () => new AbortController().signal,
    idle: () => Promise.resolve(),
    publisher: { publish: () => Promise.resolve('written') },
    log: createLog('silent'),
    metrics: createMetrics({ version: 'test', processMetrics: false }),
  });
  return { report: audits.recent(0), calls };
}

describe('a watch that is behind', () => {
  test('is a gap of the report in its own words, or as not read yet', async () => {
    const { couldNotSee } = await audit({
      blind: (id) =>
        id === 'copy/c' ? 'no right to list Secrets named c' : id === 'namespaces' ? 'not read yet' : undefined,
    }).report;
    expect(couldNotSee).toHaveLength(3);
    expect(couldNotSee).toEqual(
      expect.arrayContaining([
        'Copies (c), so nothing is said about them: no right to list Secrets named c',
        'Namespaces, so nothing is said about who is opted in: not read yet',
      ]),
    );
  });

  test('of a source makes the source unread, and not missing', async () => {
    const { sources, findings } = await audit({ watches: { isRead: () => false }, fill: () => undefined }).report;
    expect([sources.map(({ state }) => state), findings]).toEqual([['unread'], []]);
  });
});

test('a cluster of which nothing is known yet is a report of gaps, and no failure', async () => {
  const { report } = audit({
    watches: { isRead: () => false },
    blind: () => 'not read yet',
    fill: () => undefined,
  });
  expect((await report).couldNotSee).toHaveLength(5);
});

test.each<[string, string | undefined, string, string[]]>([
  ['there and good', SOURCE.content, 'good', []],
  ['not what a kubelet reads', '{', 'invalid', ['PP081']],
  ['not there', undefined, 'missing', ['PP080']],
])('a source that is %s is told as it is', async (_, content, state, rules) => {
  const { sources, findings } = await audit({
    fill: (world) => {
      if (content !== undefined) putSource(world, rawSecret({ ...SOURCE, content }));
    },
  }).report;
  expect([sources.map((source) => source.state), findings.map(({ rule }) => rule)]).toEqual([[state], rules]);
});

test('what the registries said is told as the leader remembers it', async () => {
  const state = createMemory();
  state.setSource('hub', recordOf(state, SOURCE.content));
  createRefusals(state).refused({ host: 'registry.test', username: 'robot', password: 'one' }, '401 Unauthorized');
  const { report, calls } = audit({ state });
  expect((await report).sources[0]?.registries).toMatchObject([
    { key: 'registry.test', state: 'refused', why: '401 Unauthorized' },
  ]);
  expect(calls.filter(({ verb, path }) => verb !== 'get' && !path.endsWith('selfsubjectaccessreviews'))).toEqual([]);
});

test('the timeline is of when data was written last, by whom ever; other fields do not count, nor what is no time', async () => {
  const content = SOURCE.content;
  const { sources } = await audit({
    fill: (world) => {
      const source = rawSecret(SOURCE);
      putSource(world, {
        ...source,
        metadata: {
          ...source.metadata,
          managedFields: [
            ...wrote([1, 'f:data'], [3, 'f:data'], [2, 'f:data'], [9, 'f:metadata']),
            { time: 'never', fieldsV1: { 'f:data': {} } },
            { fieldsV1: { 'f:data': {} } },
          ],
        } as never,
      });
      world.namespaces.put(
        projectNamespace({
          metadata: { name: 'team-a', uid: 'n', resourceVersion: '1', annotations: { 'pullpass.dev/sync': 'enabled' } },
        }),
      );
      world.serviceAccounts.put(projectServiceAccount(rawAccount(['c'], { added: 'c' })));
      const copy = rawSecret({ name: 'c', source: 'hub', content });
      putCopy(world, {
        ...copy,
        metadata: { ...copy.metadata, managedFields: wrote([4, 'f:data'], [5, 'f:metadata']) } as never,
      });
    },
  }).report;
  expect(sources[0]?.rotation.timeline).toEqual([
    { at: at(3), event: 'source changed' },
    { at: at(4), event: 'copies', copies: 1 },
  ]);
});

test('where the server does not say when data was written there is no timeline', async () => {
  expect((await audit().report).sources[0]?.rotation.timeline).toEqual([]);
});

describe('its own rights on Secrets whatever their name', () => {
  const said = async (...granted: string[]): Promise<string[]> =>
    (await audit({ granted }).report).findings.map(({ rule, message }) => `${rule} ${message}`);
  const everywhere = 'PP090 ServiceAccount "pullpass" lets the controller list every Secret in the cluster.';

  test('are asked verb by verb, in all namespaces and in its own', async () => {
    const { report, calls } = audit();
    await report;
    const asked = calls.flatMap(({ path, body }) =>
      path.endsWith('selfsubjectaccessreviews')
        ? [(body as { spec: { resourceAttributes: object } }).spec.resourceAttributes]
        : [],
    );
    const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
    expect(asked).toEqual([
      ...verbs.map((verb) => ({ verb, resource: 'secrets' })),
      ...verbs.map((verb) => ({ verb, resource: 'secrets', namespace: HERE })),
    ]);
  });

  test('are no finding where there are none', async () => {
    expect(await said()).toEqual([]);
  });

  test('are no finding where the server answers neither yes nor no', async () => {
    expect((await audit({ granted: 'no answer' }).report).findings).toEqual([]);
  });

  test('are one finding for the cluster, however many places they hold in', async () => {
    expect(await said('list')).toEqual([everywhere]);
  });

  test('are one for its own namespace with what it may do there only', async () => {
    expect(await said('get here', 'list', 'create here')).toEqual([
      everywhere,
      `PP090 ServiceAccount "pullpass" lets the controller get, create every Secret in namespace ${HERE}.`,
    ]);
  });
});

test('nothing is asked that the controller may not have by design: roles, bindings, Secrets by label or of others', async () => {
  const { report, calls } = audit({
    fill: (world) => {
      putSource(world, rawSecret(SOURCE));
      world.namespaces.put(projectNamespace({ metadata: { name: 'team-a', uid: 'n', resourceVersion: '1' } }));
      world.serviceAccounts.put(projectServiceAccount(rawAccount(['their-own'])));
    },
  });
  expect((await report).couldNotSee).toEqual([
    expect.stringMatching(/^All pull Secrets, so nothing is said about .*: the controller has no right to look/),
    expect.stringMatching(/^Pull Secrets that Pullpass does not manage, in namespace team-a: /),
  ]);
  expect(new Set(calls.map(({ path }) => path))).toEqual(
    new Set(['/api/v1/pods', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews']),
  );
});

test.each([true, false])(
  'each thing is read once, and each namespace observed and planned once (leader: %s)',
  async (leading) => {
    const observed: string[] = [];
    const planned: string[] = [];
    const { report, calls } = audit({
      leading,
      fill: (world) => {
        putSource(world, rawSecret(SOURCE));
        for (const name of ['team-a', 'team-b', 'team-c']) {
          const annotations = { 'pullpass.dev/sync': 'enabled' };
          world.namespaces.put({
            ...projectNamespace({ metadata: { name, uid: name, resourceVersion: '1', annotations } }),
            // Nobody but a plan looks at them.
            get strays() {
              planned.push(name);
              return [];
            },
          });
          putCopy(world, rawSecret({ name: 'c', namespace: name, source: 'hub', content: SOURCE.content }));
        }
        const { in: accountsIn } = world.serviceAccounts;
        world.serviceAccounts.in = (name) => {
          observed.push(name);
          return accountsIn(name);
        };
      },
    });
    await report;
    expect([observed, planned]).toEqual([
      ['team-a', 'team-b', 'team-c'],
      ['team-a', 'team-b', 'team-c'],
    ]);
    const read = calls.filter(({ verb }) => verb === 'get').map(({ path }) => path);
    expect(read.sort()).toEqual([
      ...(leading ? [] : [`/api/v1/namespaces/${HERE}/secrets/pullpass-state`]),
      '/api/v1/pods',
    ]);
  },
);

test('a stop ends it, also while the API server is silent', async () => {
  const stopping = new AbortController();
  const { report } = audit({ stop: stopping.signal, answer: () => new Promise(() => undefined) });
  const ended = expect(report).rejects.toThrow();
  stopping.abort();
  await ended;
});
