/** `prune` against an API server that a test plays: what is left of the world, what is said, and what stops it. */
import { describe, expect, test } from 'vitest';
import { runPrune } from '../../src/commands/prune.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import type { JsonPatchOperation } from '../../src/plan/service-account.ts';
import type { Call } from '../kube/scripted-client.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { applyPatch } from '../plan/json-patch.ts';

interface Raw {
  metadata: { name: string; namespace?: string; uid?: string; resourceVersion?: string } & Record<string, unknown>;
  [field: string]: unknown;
}
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/pullpass-system/leases/pullpass-controller';
const PULLER = '/apis/che.eclipse.org/v1alpha1/namespaces/team/kubernetesimagepullers/puller';
const REPORT = '/apis/openreports.io/v1alpha1/clusterreports/pullpass';
const secret = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/secrets/${name}`;
const account = (namespace: string, name = 'default') => `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`;
const OURS = { 'app.kubernetes.io/managed-by': 'pullpass' };
const OPTED_IN = { annotations: { 'pullpass.dev/sync': 'enabled' } };

function configured({ puller = false, cache = false, retired = [] as string[] } = {}): Configuration {
  return configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [
      {
        name: 'hub',
        secret: { namespace: 'pullpass-system', name: 'hub' },
        copyName: 'hub-copy',
        onOptOut: 'retain',
      },
    ],
    retiredCopyNames: retired,
    cacheProxies: [
      ...(puller
        ? [
            {
              name: 'puller',
              kind: 'image-puller',
              source: 'hub',
              registry: 'docker.io',
              object: { namespace: 'team', name: 'puller' },
            },
          ]
        : []),
      ...(cache
        ? [
            {
              name: 'cache',
              kind: 'zot',
              source: 'hub',
              registry: 'docker.io',
              secret: { namespace: 'caches', name: 'login' },
            },
          ]
        : []),
    ],
  });
}

/** A cluster, and `prune` in it. `fails`: the status of the answer to a call, if it is an error. */
function cluster(fails: (call: Call) => number | undefined = () => undefined) {
  const objects = new Map<string, Raw>();
  let version = 1;
  const put = (path: string, parts: { metadata?: object } & Record<string, unknown> = {}): void => {
    const [, namespace] = /\/namespaces\/([^/]+)\/./.exec(path) ?? [];
    const identity = { name: path.split('/').at(-1) ?? '', uid: `uid of ${path}`, resourceVersion: String(++version) };
    objects.set(path, {
      ...parts,
      metadata: { ...identity, ...(namespace !== undefined && { namespace }), ...parts.metadata },
    });
  };
  const answer = (call: Call): unknown => {
    const { verb, path, query, body } = call;
    const status = fails(call);
    if (status !== undefined) throw refusal(status);
    const collection = /^(.*?)(?:\/namespaces\/([^/]+))?\/(namespaces|secrets|serviceaccounts)$/.exec(path);
    if (verb === 'get' && collection !== null) {
      const [, prefix = '', namespace, resource = ''] = collection;
      const name = /^metadata\.name=(.*)$/.exec(String(query['fieldSelector'] ?? ''))?.[1];
      const of = new RegExp(`^${prefix}${resource === 'namespaces' ? '' : '/namespaces/([^/]+)'}/${resource}/([^/]+)$`);
      const items = [...objects].flatMap(([at, object]) =>
        of.test(at) &&
        (namespace === undefined || object.metadata.namespace === namespace) &&
        (name === undefined || object.metadata.name === name)
          ? [object]
          : [],
      );
      return { metadata: { resourceVersion: '1' }, items };
    }
    const found = objects.get(path);
    if (found === undefined) throw refusal(404);
    const { preconditions = {} } = (body ?? {}) as { preconditions?: { uid?: string; resourceVersion?: string } };
    if (verb === 'delete') {
      if (preconditions.uid !== found.metadata.uid || preconditions.resourceVersion !== found.metadata.resourceVersion)
        throw refusal(409);
      objects.delete(path);
    }
    if (verb === 'patch') {
      const patched = applyPatch(found, body as JsonPatchOperation[]);
      patched.metadata.resourceVersion = String(++version);
      objects.set(path, patched);
    }
    return objects.get(path) ?? {};
  };
  const { client, calls } = scriptedClient(answer);
  const lines: string[] = [];
  const asked: string[] = [];
  put('/api/v1/namespaces/pullpass-system');
  put(secret('pullpass-system', 'hub'), { type: 'kubernetes.io/dockerconfigjson' });
  return {
    objects,
    put,
    lines,
    asked,
    calls,
    changes: () => calls.filter(({ verb }) => verb !== 'get').map(({ verb, path }) => `${verb} ${path}`),
    copy: (namespace: string, name = 'hub-copy', source = 'hub') =>
      put(secret(namespace, name), {
        metadata: { labels: { ...OURS, 'pullpass.dev/source': source } },
        type: 'kubernetes.io/dockerconfigjson',
      }),
    team(namespace = 'team', { accounts = ['default'] } = {}): void {
      put(`/api/v1/namespaces/${namespace}`, { metadata: OPTED_IN });
      this.copy(namespace);
      for (const name of accounts)
        put(account(namespace, name), {
          metadata: { annotations: { 'pullpass.dev/added-pull-secrets': 'hub-copy', theirs: 'stays' } },
          imagePullSecrets: [{ name: 'theirs' }, { name: 'hub-copy' }],
        });
    },
    puller: (names: string, written: readonly string[] = ['hub-copy']) =>
      put(PULLER, {
        metadata: { annotations: { 'pullpass.dev/copies': JSON.stringify({ '/spec/imagePullSecrets': written }) } },
        spec: { imagePullSecrets: names },
      }),
    prune: (
      configuration = configured(),
      { yes = true, stopsController = false, signal = new AbortController().signal } = {},
    ) =>
      runPrune({
        client,
        configuration,
        namespace: 'pullpass-system',
        signal,
        stopsController,
        timings: { lookAgain: 10, poll: 1, limit: 200 },
        write: (line) => lines.push(line),
        confirm: (question) => {
          asked.push(question);
          return Promise.resolve(yes);
        },
      }),
  };
}

test('copies and references go, those that an opt-out would retain too, and all else stays', async () => {
  const c = cluster();
  c.team('team', { accounts: ['default', 'app'] });
  c.put('/api/v1/namespaces/other', { metadata: OPTED_IN });
  c.put(secret('other', 'hub-copy'), { type: 'kubernetes.io/dockerconfigjson' });
  expect(await c.prune()).toBe(0);
  expect(c.objects.has(secret('team', 'hub-copy'))).toBe(false);
  for (const name of ['default', 'app'])
    expect(c.objects.get(account('team', name))).toMatchObject({
      imagePullSecrets: [{ name: 'theirs' }],
      metadata: { annotations: { theirs: 'stays' } },
    });
  expect([...c.objects.keys()]).toEqual(
    expect.arrayContaining([secret('pullpass-system', 'hub'), secret('other', 'hub-copy')]),
  );
  expect(c.asked).toEqual([
    'Remove 1 copy and the references of 2 ServiceAccounts in 1 namespace? ' +
      'Pods and cache proxies that pull with them will fail at their next pull.',
  ]);
  expect(c.lines).toEqual([
    'team: ServiceAccount default: -hub-copy, ServiceAccount app: -hub-copy, copy hub-copy',
    'Removed 1 copy and the references of 2 ServiceAccounts in 1 namespace.',
  ]);
});

test('a no changes nothing, and is status 1', async () => {
  const c = cluster();
  c.team();
  expect(await c.prune(configured(), { yes: false })).toBe(1);
  expect(c.changes()).toEqual([]);
  expect(c.lines.at(-1)).toBe('Nothing was changed.');
});

test('where nothing is left nobody is asked', async () => {
  const c = cluster();
  c.put('/api/v1/namespaces/team', { metadata: OPTED_IN });
  c.put(account('team'));
  expect(await c.prune(configured({ puller: true, cache: true }))).toBe(0);
  expect([c.asked, c.changes(), c.lines]).toEqual([
    [],
    [],
    ['Nothing to remove: no copy and no reference of Pullpass is left.'],
  ]);
});

test('logins of cache proxies, the state and reports go too, each only as it was read', async () => {
  const c = cluster();
  c.put(secret('caches', 'login'), { metadata: { labels: { 'pullpass.dev/cache-proxy': 'cache' } } });
  c.put(secret('pullpass-system', 'pullpass-state'), { metadata: { labels: { 'pullpass.dev/role': 'state' } } });
  c.put(REPORT, { metadata: { labels: { 'pullpass.dev/role': 'report' } } });
  expect(await c.prune(configured({ cache: true }))).toBe(0);
  expect(c.changes()).toEqual(
    [secret('caches', 'login'), secret('pullpass-system', 'pullpass-state'), REPORT].map((path) => `delete ${path}`),
  );
  for (const { body, path } of c.calls.filter(({ verb }) => verb === 'delete'))
    expect(body).toMatchObject({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid: `uid of ${path}` },
    });
  const looks = c.calls.filter(({ verb, path }) => verb === 'get' && /\/secrets\/(?:login|pullpass-state)$/.test(path));
  expect(looks.every(({ sensitive }) => sensitive)).toBe(true);
  expect(c.lines).toEqual([
    'caches: login of cache proxy cache (Secret login)',
    'pullpass-system: state of the controller (Secret pullpass-state)',
    'cluster: report object (ClusterReport pullpass)',
    'Removed 0 copies and the references of 0 ServiceAccounts in 0 namespaces, and 2 other Secrets and 1 report object.',
  ]);
});

describe('a reference in a custom object', () => {
  const names = (c: ReturnType<typeof cluster>) =>
    (c.objects.get(PULLER) as { spec?: { imagePullSecrets?: string } } | undefined)?.spec?.imagePullSecrets;

  test('goes with its copy, and before it', async () => {
    const c = cluster();
    c.team();
    c.puller('theirs;hub-copy');
    expect(await c.prune(configured({ puller: true }))).toBe(0);
    expect(names(c)).toBe('theirs');
    expect(c.changes().slice(-2)).toEqual([`patch ${PULLER}`, `delete ${secret('team', 'hub-copy')}`]);
    expect(c.lines.at(-1)).toBe(
      'Removed 1 copy and the references of 1 ServiceAccount in 1 namespace, and the references in 1 custom object.',
    );
  });

  test('goes also where the copy is gone already, under an old name too, once', async () => {
    const c = cluster();
    c.put('/api/v1/namespaces/team', { metadata: OPTED_IN });
    c.puller('old-copy;hub-copy;theirs', ['hub-copy', 'old-copy']);
    expect(await c.prune(configured({ puller: true, retired: ['old-copy'] }))).toBe(0);
    expect(names(c)).toBe('theirs');
    expect(c.changes()).toEqual([`patch ${PULLER}`, `patch ${PULLER}`]);
    expect(c.asked[0]).toMatch(/^Remove 0 copies .*, and the references in 2 custom objects\?/);
  });

  test('that somebody else wrote stays, and nobody is asked about it', async () => {
    const c = cluster();
    c.put('/api/v1/namespaces/team', { metadata: OPTED_IN });
    c.puller('hub-copy', []);
    expect(await c.prune(configured({ puller: true }))).toBe(0);
    expect([names(c), c.asked, c.changes()]).toEqual(['hub-copy', [], []]);
  });

  test('keeps its copy, where somebody else wrote it: that is a failure, and the rest goes', async () => {
    const c = cluster();
    c.team();
    c.team('other');
    c.puller('hub-copy', []);
    await expect(c.prune(configured({ puller: true }))).rejects.toThrow(
      'prune: 1 change failed; run it again once the reason above is mended',
    );
    expect([c.objects.has(secret('team', 'hub-copy')), c.objects.has(secret('other', 'hub-copy'))]).toEqual([
      true,
      false,
    ]);
    expect(c.lines.at(-1)).toMatch(/^team: not removed: copy hub-copy: it is to go, and stays: .*puller.* names it at/);
  });

  test('that cannot be taken out keeps its copy, and is one failure, not two', async () => {
    const c = cluster(({ verb, path }) => (verb === 'patch' && path === PULLER ? 403 : undefined));
    c.team();
    c.puller('hub-copy');
    await expect(c.prune(configured({ puller: true }))).rejects.toThrow('1 change failed');
    expect(c.objects.has(secret('team', 'hub-copy'))).toBe(true);
  });

  test('that cannot be taken out is told with the name of its copy', async () => {
    const c = cluster(({ verb, path }) => (verb === 'patch' && path === PULLER ? 403 : undefined));
    c.put('/api/v1/namespaces/team', { metadata: OPTED_IN });
    c.puller('hub-copy');
    await expect(c.prune(configured({ puller: true }))).rejects.toThrow('1 change failed');
    expect(c.lines.at(-1)).toMatch(/^copy team\/hub-copy: it is to go, and stays: /);
  });
});

describe('what cannot be removed is told, and the rest goes', () => {
  test('a copy, and a reference', async () => {
    const c = cluster(({ verb, path }) =>
      (verb === 'delete' && path === secret('team', 'hub-copy')) || (verb === 'patch' && path === account('other'))
        ? 403
        : undefined,
    );
    c.team();
    c.team('other');
    c.team('third');
    await expect(c.prune()).rejects.toThrow('prune: 2 changes failed; run it again once the reason above is mended');
    expect(c.lines.slice(3)).toEqual([
      expect.stringMatching(/^other: not removed: ServiceAccount default: .*403/),
      expect.stringMatching(/^team: not removed: copy hub-copy: .*403/),
    ]);
    expect(c.objects.has(secret('third', 'hub-copy'))).toBe(false);
  });

  test('a Secret of a cache proxy; one that is gone by then is no failure', async () => {
    const status = { [secret('caches', 'login')]: 409, [secret('pullpass-system', 'pullpass-state')]: 404 };
    const c = cluster(({ verb, path }) => (verb === 'delete' ? status[path] : undefined));
    c.put(secret('caches', 'login'), { metadata: { labels: { 'pullpass.dev/cache-proxy': 'cache' } } });
    c.put(secret('pullpass-system', 'pullpass-state'), { metadata: { labels: { 'pullpass.dev/role': 'state' } } });
    c.put(REPORT, { metadata: { labels: { 'pullpass.dev/role': 'report' } } });
    await expect(c.prune(configured({ cache: true }))).rejects.toThrow('1 change failed');
    expect(c.lines.at(-1)).toMatch(/^login of cache proxy cache \(Secret login\): not removed: .*409/);
    expect(c.objects.has(REPORT)).toBe(false);
  });
});

describe('while a controller leads', () => {
  const led = async (spec: object | undefined, status?: number) => {
    const c = cluster(({ path }) => (path === LEASE ? status : undefined));
    c.team();
    if (spec !== undefined) c.put(LEASE, { spec });
    return c.prune().then(
      () => 'pruned',
      (error: unknown) => (c.asked.length > 0 || c.changes().length > 0 ? 'went on' : (error as Error).message),
    );
  };
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

  test('nothing is read, asked or removed, and the message says what to do first', async () => {
    expect(await led({ holderIdentity: 'pullpass-0', renewTime: ago(1), leaseDurationSeconds: 15 })).toBe(
      'prune: the controller is running (pullpass-0) and would put everything back; use --stop-controller, ' +
        'or first: kubectl -n pullpass-system scale deployment pullpass --replicas=0',
    );
  });

  test.each<[string, object]>([
    ['ran out', { holderIdentity: 'pullpass-0', renewTime: ago(20), leaseDurationSeconds: 15 }],
    ['is given up', { holderIdentity: '', renewTime: ago(1), leaseDurationSeconds: 15 }],
    ['was never held', {}],
    ['says nothing of its time', { holderIdentity: 'pullpass-0' }],
    ['has no length and is older than the usual one', { holderIdentity: 'pullpass-0', renewTime: ago(17) }],
  ])('is not, where the Lease %s', async (_, spec) => {
    expect(await led(spec)).toBe('pruned');
  });

  test('a Lease without a length counts for the usual one, and a longer one for longer', async () => {
    expect(await led({ holderIdentity: 'x', renewTime: ago(13) })).toMatch(/is running/);
    expect(await led({ holderIdentity: 'x', renewTime: ago(30), leaseDurationSeconds: 60 })).toMatch(/is running/);
  });

  test.each([3_600, -3_600, 31_536_000])(
    'a leader whose clock is %i s behind ours is known by its renewals',
    async (s) => {
      let looks = 0;
      const c = cluster(({ path }) => {
        if (path === LEASE) c.put(LEASE, { spec: { holderIdentity: 'pullpass-0', renewTime: ago(s - 2 * looks++) } });
        return undefined;
      });
      c.team();
      await expect(c.prune()).rejects.toThrow(/is running/);
      expect(c.changes()).toEqual([]);
    },
  );

  test.each([-3_600, 600])('a Lease of %i s ago that nobody renews is no leader, even if it says years', async (s) => {
    expect(await led({ holderIdentity: 'x', renewTime: ago(s), leaseDurationSeconds: 2e9 })).toBe('pruned');
  });

  test('a Lease that is not there or may not be read says nothing; another error ends it', async () => {
    expect(await led(undefined)).toBe('pruned');
    expect(await led(undefined, 403)).toBe('pruned');
    expect(await led(undefined, 500)).toMatch(/500/);
  });
});

describe('with --stop-controller', () => {
  const DEPLOYMENT = '/apis/apps/v1/namespaces/pullpass-system/deployments/pullpass';
  const HELD = { holderIdentity: 'pullpass-0', renewTime: new Date().toISOString(), leaseDurationSeconds: 15 };
  /** The controller makes one copy more while it ends, and gives up its Lease. */
  const running = () => {
    const c = cluster(({ verb, path }) => {
      if (path !== `${DEPLOYMENT}/scale` || verb !== 'patch') return undefined;
      c.team('late');
      c.put(LEASE, { spec: { holderIdentity: '' } });
      return 404; // It was deleted by somebody else.
    });
    c.team();
    c.put(LEASE, { spec: HELD });
    return c;
  };

  test('the controller is stopped after the question, and what it did until its end goes too', async () => {
    const c = running();
    expect(await c.prune(configured(), { stopsController: true })).toBe(0);
    expect(c.asked).toEqual([expect.stringMatching(/^Stop the controller, and remove 1 copy and/)]);
    expect(c.changes()[0]).toBe(`patch ${DEPLOYMENT}/scale`);
    expect([c.objects.has(secret('team', 'hub-copy')), c.objects.has(secret('late', 'hub-copy'))]).toEqual([
      false,
      false,
    ]);
    expect(c.lines.at(-1)).toMatch(/^Removed 2 copies/);
  });

  test('a no stops nothing', async () => {
    const c = running();
    expect(await c.prune(configured(), { stopsController: true, yes: false })).toBe(1);
    expect(c.changes()).toEqual([]);
  });

  test('where nothing is to be removed it is stopped all the same, and nobody is asked', async () => {
    const c = cluster(({ path }) => (path.startsWith(DEPLOYMENT) ? 404 : undefined));
    expect(await c.prune(configured(), { stopsController: true })).toBe(0);
    expect([c.asked, c.changes()]).toEqual([[], [`patch ${DEPLOYMENT}/scale`]]);
  });

  test('without the right to scale, nothing is removed', async () => {
    const c = cluster(({ path }) => (path.startsWith(DEPLOYMENT) ? 403 : undefined));
    c.team();
    await expect(c.prune(configured(), { stopsController: true })).rejects.toThrow(/403/);
    expect(c.objects.has(secret('team', 'hub-copy'))).toBe(true);
  });

  test('a failure says that the controller stays stopped', async () => {
    const c = cluster(({ path, verb }) => (path.startsWith(DEPLOYMENT) ? 404 : verb === 'delete' ? 403 : undefined));
    c.team();
    await expect(c.prune(configured(), { stopsController: true })).rejects.toThrow(
      'prune: 1 change failed, and the controller stays stopped; run it again once the reason above is mended',
    );
  });
});

test('an interrupt removes nothing more', async () => {
  const stopping = new AbortController();
  const c = cluster(({ verb }) => {
    if (verb === 'patch') stopping.abort();
    return undefined;
  });
  c.team();
  c.put(secret('pullpass-system', 'pullpass-state'), { metadata: { labels: { 'pullpass.dev/role': 'state' } } });
  await expect(c.prune(configured(), { signal: stopping.signal })).rejects.toThrow('changes failed');
  expect([...c.objects.keys()]).toEqual(
    expect.arrayContaining([secret('team', 'hub-copy'), secret('pullpass-system', 'pullpass-state')]),
  );
});
