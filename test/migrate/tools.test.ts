/** What each tool's own settings and marks come to. */
import { describe, expect, test } from 'vitest';
import { migrationText } from '../../src/commands/migrate-text.ts';
import { findTools } from '../../src/migrate/find.ts';
import { TOOLS } from '../../src/migrate/model.ts';
import type { Found, Tool } from '../../src/migrate/model.ts';
import type { Seen, SeenPolicy } from '../../src/migrate/observed.ts';
import { planMigration } from '../../src/migrate/plan.ts';
import { account, changed, cluster, namespace, secret, TEAMS, workload, WORLDS } from './worlds.ts';

function find(seen: Seen, tool: Tool): Found {
  const [found] = findTools(seen, [tool]);
  if (found === undefined) throw new Error('no reader');
  return found;
}
const reachOf = (seen: Seen, tool: Tool) => find(seen, tool).spreads[0]?.reach;

describe('reflector', () => {
  const seen = WORLDS.reflector();
  const source = (annotations: Record<string, string>) =>
    changed(seen, 'platform/regcred', {
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`reflector.v1.k8s.emberstack.com/reflection-${key}`, value]),
      ),
    });

  test.each([
    [{ allowed: 'true', 'auto-enabled': 'true' }, ['*']],
    [{ allowed: 'true', 'auto-enabled': 'true', 'auto-namespaces': 'one, two.*' }, ['one', 'two*']],
    [{ allowed: 'true', 'auto-enabled': 'true', 'allowed-namespaces': 'team-[ab]' }, undefined],
    [{ allowed: 'true', 'auto-enabled': 'true', 'allowed-namespaces': 'a', 'auto-namespaces': 'b' }, undefined],
    [{ allowed: 'true', 'auto-enabled': 'true', 'auto-namespaces': ',' }, undefined],
    [{ 'auto-enabled': 'true' }, undefined],
    [{ allowed: 'true' }, undefined],
  ])('%j: allow %j', (annotations, allow) => {
    expect(reachOf(source(annotations), 'reflector')).toEqual({ allow, deny: ['*-temp'] });
  });

  test.each([
    [{ 'auto-namespaces-selector': 'env=prod' }, { allow: ['*'], selector: { matchLabels: { env: 'prod' } } }],
    [
      { 'auto-namespaces-selector': 'env=prod', 'allowed-namespaces-selector': 'env=prod,!old' },
      {
        allow: ['*'],
        selector: { matchLabels: { env: 'prod' }, matchExpressions: [{ key: 'old', operator: 'DoesNotExist' }] },
      },
    ],
    // Two annotations are "and", and two in one are "or".
    [
      { 'auto-namespaces-selector': 'env=prod', 'allowed-namespaces': 'team-.*' },
      { allow: ['team-*'], selector: { matchLabels: { env: 'prod' } } },
    ],
    [{ 'auto-namespaces-selector': 'env=prod', 'auto-namespaces': 'team-.*' }, { allow: undefined }],
    [{ 'auto-namespaces-selector': ' ', 'auto-namespaces': 'team-.*' }, { allow: undefined }],
    [{ 'auto-namespaces-selector': 'env=a', 'allowed-namespaces-selector': 'env=b' }, { allow: undefined }],
    [{ 'auto-namespaces-selector': 'env>1' }, { allow: undefined }],
  ])('labels: %j', (annotations, reach) => {
    expect(reachOf(source({ allowed: 'true', 'auto-enabled': 'true', ...annotations }), 'reflector')).toEqual({
      deny: ['*-temp'],
      ...reach,
    });
  });

  test('stays if it serves something else, or if that could not be seen; then its annotations go, and its copies with them', () => {
    const use = {
      kind: 'ConfigMap',
      namespace: 'platform',
      name: 'ca',
      annotations: { 'reflector.v1.k8s.emberstack.com/reflection-allowed': 'true' },
    };
    for (const shared of [
      find({ ...seen, uses: [use] }, 'reflector'),
      find({ ...seen, usesSeen: false }, 'reflector'),
    ]) {
      expect(shared.stop.commands).toEqual([
        expect.stringMatching(/^kubectl -n platform annotate secret regcred \S+reflection-allowed- /),
      ]);
      expect(shared.stop.why.join(' ')).toContain('deletes its automatic copies at once');
    }
    expect(find(seen, 'reflector').stop.commands).toEqual([
      'kubectl -n kube-system scale deployment reflector --replicas=0',
    ]);
  });

  test.each([
    'x/kubernetes-reflector',
    'x:5000/kubernetes-reflector:1',
    `y/kubernetes-reflector@sha256:${'0'.repeat(64)}`,
  ])('is known by its image: %s', (image) => {
    expect(find(cluster({ workloads: workload('a/r', { image }) }), 'reflector').seen).toEqual(['Deployment a/r']);
  });

  test('runs as a CronJob, too', () => {
    const job = workload(
      'kube-system/reflector',
      { image: 'ghcr.io/emberstack/kubernetes-reflector:10' },
      { kind: 'CronJob' },
    );
    expect(find({ ...seen, workloads: job }, 'reflector').stop.commands).toEqual([
      `kubectl -n kube-system patch cronjob reflector -p '{"spec":{"suspend":true}}'`,
    ]);
  });

  test('a source of which there is no copy, and copies of which there is no source', () => {
    expect(find(cluster({ secrets: seen.secrets.slice(0, 1) }), 'reflector')).toMatchObject({
      seen: [],
      notes: [expect.stringContaining('no copy of it was seen')],
    });
    expect(find(cluster({ secrets: seen.secrets.slice(1) }), 'reflector').gaps).toEqual([
      expect.stringContaining('Secret platform/regcred, the source of copies in 2 namespaces, was not seen'),
    ]);
  });
});

describe('replicator', () => {
  const seen = WORLDS.replicator();

  test('copies that were pulled name their source, and may have another name', () => {
    const pulled = secret('team-c/mine', {
      annotations: { 'replicator.v1.mittwald.de/replicate-from': 'platform/regcred' },
    });
    expect(find({ ...seen, secrets: [...seen.secrets, pulled] }, 'replicator').spreads[0]?.copies).toContainEqual({
      namespace: 'team-c',
      name: 'mine',
    });
  });

  test('what is pushed on is no copy of another source of that name', () => {
    const next = secret('ops/regcred', {
      annotations: {
        'replicator.v1.mittwald.de/replicate-to': 'x',
        'replicator.v1.mittwald.de/replicated-from-version': '1',
      },
    });
    const { spreads } = find({ ...seen, secrets: [...seen.secrets, next] }, 'replicator');
    expect(spreads[0]?.copies.map((each) => each.namespace)).toEqual(TEAMS);
  });

  test('of two sources with one name, a copy is of the one that it equals', () => {
    const other = secret('ops/regcred', {
      logins: 'two',
      annotations: { 'replicator.v1.mittwald.de/replicate-to': 'ops-.*' },
    });
    const copy = secret('ops-x/regcred', {
      logins: 'two',
      annotations: { 'replicator.v1.mittwald.de/replicated-from-version': '1' },
    });
    const { spreads } = find({ ...seen, secrets: [...seen.secrets, other, copy] }, 'replicator');
    expect(spreads.map(({ copies }) => copies.map((each) => each.namespace))).toEqual([TEAMS, ['ops-x']]);
  });

  test.each([
    [
      { 'replicate-to-matching': 'env in (a, b)' },
      ['*'],
      { matchExpressions: [{ key: 'env', operator: 'In', values: ['a', 'b'] }] },
    ],
    [{ 'replicate-to-matching': 'env=prod', 'replicate-to': 'team-.*' }, undefined, undefined],
    [{ 'replicate-to-matching': '' }, undefined, undefined],
    [{ 'replicate-to': 'team-[ab]' }, undefined, undefined],
  ])('%j', (annotations, allow, selector) => {
    const told = Object.fromEntries(
      Object.entries(annotations).map(([name, value]) => [`replicator.v1.mittwald.de/${name}`, value]),
    );
    expect(reachOf(changed(seen, 'platform/regcred', { annotations: told }), 'replicator')).toEqual({
      allow,
      deny: [],
      ...(selector !== undefined && { selector }),
    });
  });

  test('excluded namespaces are regular expressions that match anywhere', () => {
    const runner = (list: string) => ({
      ...seen,
      workloads: workload('kube-system/r', {
        containers: [{ name: 'r', image: 'x/kubernetes-replicator', args: ['-exclude-namespaces', list] }],
      }),
    });
    expect(reachOf(runner('kube,^tmp-.*$'), 'replicator')).toMatchObject({ deny: ['*kube*', 'tmp-*'] });
    expect(find(runner('a[0-9]'), 'replicator').gaps).toEqual([
      expect.stringContaining('not all of its excluded namespaces'),
    ]);
  });

  test('ServiceAccounts that it replicates are let go before anybody opts in: it would replace their list', () => {
    const replicated = {
      ...account('team-a/default', 'regcred'),
      annotations: { 'replicator.v1.mittwald.de/replicated-from-version': '7' },
    };
    const plan = planMigration(
      { ...seen, accounts: [replicated] },
      findTools({ ...seen, accounts: [replicated] }, TOOLS),
      'pullpass-system',
    );
    const titles = plan.steps.map(({ title }) => title);
    expect(titles.indexOf('Keep the old tool from undoing it')).toBeLessThan(
      titles.indexOf('Install Pullpass with this configuration'),
    );
    expect(titles).toContain('Keep the old tool from undoing it');
  });

  test('what it is told and nobody here knows is said by name, and never by value', () => {
    const { gaps } = find(
      {
        ...seen,
        workloads: workload('kube-system/r', {
          containers: [{ name: 'r', image: 'x/kubernetes-replicator', args: ['--new-thing', 'hunter2', '-allow-all'] }],
        }),
      },
      'replicator',
    );
    expect(gaps).toEqual([
      'replicator: Deployment kube-system/r: the meaning of --new-thing is not known, so it is not considered',
    ]);
  });
});

describe('titansoft and tamcore', () => {
  const titan = (container: object, spec: object = {}) => ({
    ...WORLDS.titansoft(),
    workloads: workload('patcher/p', {
      containers: [{ name: 'p', image: 'quay.io/titansoft/imagepullsecret-patcher', ...container }],
      ...spec,
    }),
  });

  test('one image name, two programs: a mirror does not hide which it is', () => {
    const seen = WORLDS.tamcore();
    const mirrored = (env: string) => ({
      ...seen,
      workloads: workload('platform/p', {
        containers: [
          { name: 'p', image: 'registry.example/imagepullsecret-patcher', env: [{ name: env, value: '2' }] },
        ],
      }),
    });
    expect(find(mirrored('CONFIG_MAX_CONCURRENT_RECONCILES'), 'tamcore').seen).toContain('Deployment platform/p');
    expect(find(mirrored('CONFIG_LOOP_DURATION'), 'titansoft').seen).toContain('Deployment platform/p');
  });

  test('namespaces that are excluded by annotation or by name are denied; all ServiceAccounts are all', () => {
    expect(find(WORLDS.titansoft(), 'titansoft').spreads[0]).toMatchObject({
      reach: { allow: ['*'], deny: ['kept-out'] },
      accounts: ['*'],
    });
    expect(find(WORLDS.tamcore(), 'tamcore').spreads[0]).toMatchObject({
      reach: { deny: ['kube-*'] },
      accounts: ['default', 'app-*'],
    });
  });

  test('an empty variable is one that is not set', () => {
    const seen = titan({ env: [{ name: 'CONFIG_SECRETNAME', value: '' }] });
    expect(find(seen, 'titansoft')).toMatchObject({ gaps: [], spreads: [{ accounts: ['default'] }] });
  });

  test('a flag wins over the environment, and a value from elsewhere is not guessed', () => {
    const seen = titan({
      args: ['-excluded-namespaces=a,b', '-secretname', 'image-pull-secret'],
      env: [{ name: 'CONFIG_EXCLUDED_NAMESPACES', value: 'c' }],
    });
    expect(reachOf(seen, 'titansoft')?.deny).toEqual(['a', 'b', 'kept-out']);
    const unread = titan({
      env: [{ name: 'CONFIG_SERVICEACCOUNTS', valueFrom: { configMapKeyRef: { name: 'x', key: 'y' } } }],
      envFrom: [{}],
    });
    expect(find(unread, 'titansoft').gaps).toEqual([
      expect.stringContaining('the meaning of envFrom is not known'),
      expect.stringContaining('accounts could not be read: it comes from elsewhere'),
    ]);
  });

  test('a login in the Deployment itself is never printed: the source is made of a copy, through a pipe', () => {
    const login = '{"auths":{"registry.example":{"auth":"aHVudGVyMg=="}}}';
    for (const container of [
      { env: [{ name: 'CONFIG_DOCKERCONFIGJSON', value: login }] },
      { args: ['-dockerconfigjson', login] },
    ]) {
      const seen = titan(container);
      const plan = planMigration(seen, findTools(seen, TOOLS), 'pullpass-system');
      const text = migrationText(findTools(seen, TOOLS), plan, []) + JSON.stringify(plan);
      expect(text).not.toContain('auths');
      expect(text).not.toContain('aHVudGVyMg');
      expect(plan.steps[0]).toMatchObject({
        title: 'Make the sources',
        why: [expect.stringContaining('the login stands in Deployment patcher/p itself')],
        commands: [
          expect.stringMatching(
            /go-template=.*\|\n {2}kubectl -n pullpass-system create secret generic pullpass-image-pull-secret-source /s,
          ),
        ],
      });
    }
  });

  test.each([
    [
      'a key of a Secret of another type',
      { env: [{ name: 'CONFIG_DOCKERCONFIGJSON', valueFrom: { secretKeyRef: { name: 'opaque', key: 'config' } } }] },
      {},
      'titansoft reads key config of Secret patcher/opaque',
    ],
    [
      'one file',
      {
        env: [{ name: 'CONFIG_DOCKERCONFIGJSONPATH', value: '/x/c.json' }],
        volumeMounts: [{ name: 'v', mountPath: '/x/c.json', subPath: 'c.json' }],
      },
      { volumes: [{ name: 'v', secret: { secretName: 'file' } }] },
      'titansoft reads key c.json of Secret patcher/file',
    ],
    [
      'a renamed key',
      {
        env: [{ name: 'CONFIG_DOCKERCONFIGJSONPATH', value: '/x/c.json' }],
        volumeMounts: [{ name: 'v', mountPath: '/x' }],
      },
      { volumes: [{ name: 'v', secret: { secretName: 'file', items: [{ key: 'k', path: 'c.json' }] } }] },
      'titansoft reads key k of Secret patcher/file',
    ],
  ])('its source is %s', (_, container, spec, make) => {
    expect(find(titan(container, spec), 'titansoft').spreads[0]?.origin).toMatchObject({
      make: expect.stringContaining(make) as string,
    });
  });

  test('copies without anything that runs it: what it was told could not be read', () => {
    const found = find({ ...WORLDS.titansoft(), workloads: [] }, 'titansoft');
    expect(found.gaps).toEqual([expect.stringContaining('what it is told could not be read')]);
    expect(found.stop).toMatchObject({
      commands: [],
      why: [expect.stringContaining('find it, and stop it'), expect.anything()],
    });
  });
});

describe('registry-creds', () => {
  test('the ClusterPullSecret goes last, because its copies go with it; other namespaces can be ignored', () => {
    const seen = WORLDS['registry-creds']();
    const found = find(
      { ...seen, namespaces: [...seen.namespaces, namespace('quiet', { 'alexellis.io/registry-creds.ignore': '1' })] },
      'registry-creds',
    );
    expect(found.rest.commands).toEqual(['kubectl delete clusterpullsecrets.ops.alexellis.io dockerhub']);
    expect(found.spreads[0]).toMatchObject({ reach: { allow: ['*'], deny: ['quiet'] }, accounts: ['*'] });
  });

  test('it never renews its copies: those without the login of the seed are told', () => {
    const seen = changed(WORLDS['registry-creds'](), 'platform/seed', { logins: 'new' });
    expect(planMigration(seen, findTools(seen, TOOLS), 'pullpass-system').gaps[0]).toContain(
      '5 copies, such as kube-system/dockerhub, do not have the logins of the source',
    );
  });

  test('the other program of that name asks clouds: what lives for hours is not taken from a copy', () => {
    const seen = cluster({
      secrets: ['kube-public', ...TEAMS].flatMap((name) => [secret(`${name}/awsecr-cred`), secret(`${name}/dpr`)]),
      accounts: TEAMS.map((team) => account(`${team}/default`, 'awsecr-cred', 'dpr')),
      workloads: workload('kube-system/registry-creds', {
        containers: [
          {
            name: 'registry-creds',
            image: 'upmcenterprises/registry-creds:1.10',
            args: ['--dpr-secret-name=dpr', '--aws-region=eu-west-1'],
          },
        ],
      }),
    });
    const { spreads, gaps } = find(seen, 'registry-creds');
    expect(gaps).toEqual([]);
    expect(spreads).toMatchObject([
      {
        origin: { make: expect.stringContaining('pullpass provider') as string },
        copies: TEAMS.map((team) => ({ namespace: team, name: 'awsecr-cred' })),
        reach: { deny: ['kube-system'] },
        accounts: ['default'],
      },
      { origin: { make: expect.stringContaining('pullpass login') as string } },
    ]);
    expect(
      spreads.map(({ origin }) => ('make' in origin ? origin.by({ namespace: 'x', name: 'y' }).length : -1)),
    ).toEqual([0, 1]);
  });
});

describe('kyverno', () => {
  const seen = WORLDS.kyverno();
  const withPolicy = (spec: unknown, kind = 'ClusterPolicy', name = 'sync-secrets'): Seen => {
    const policy: SeenPolicy = { kind, resource: `${kind.toLowerCase()}.kyverno.io`, namespace: undefined, name, spec };
    return { ...seen, policies: [policy] };
  };
  const generate = {
    kind: 'Secret',
    name: 'regcred',
    synchronize: true,
    clone: { namespace: 'platform', name: 'regcred' },
  };
  const labels = { resources: { kinds: ['Namespace'], selector: { matchLabels: { env: 'prod' } } } };
  const rule = (more: object) => ({
    rules: [
      { name: 'sync-image-pull-secret', match: { any: [{ resources: { kinds: ['Namespace'] } }] }, generate, ...more },
    ],
  });

  test.each([
    ['all', {}, ['*'], []],
    ['names', { match: { resources: { kinds: ['Namespace'], names: ['team-*'] } } }, ['team-*'], []],
    ['all but names', { exclude: { any: [{ resources: { namespaces: ['kube-*'] } }] } }, ['*'], ['kube-*']],
    ['an empty selector', { match: { resources: { kinds: ['Namespace'], selector: {} } } }, undefined, []],
    [
      'labels with wildcards',
      { match: { resources: { kinds: ['Namespace'], selector: { matchLabels: { env: 'p*' } } } } },
      undefined,
      [],
    ],
    [
      'a selector that never holds for a Namespace',
      { match: { resources: { kinds: ['Namespace'], namespaceSelector: { matchLabels: { env: 'prod' } } } } },
      undefined,
      [],
    ],
    ['labels or names', { match: { any: [labels, { resources: { names: ['a'] } }] } }, undefined, []],
    ['all but labels', { exclude: labels }, undefined, []],
    ['names in two lists', { match: { resources: { names: ['a'], namespaces: ['*'] } } }, undefined, []],
    ['all but all', { exclude: { resources: { kinds: ['Namespace'] } } }, undefined, []],
    ['a precondition', { preconditions: { all: [] } }, undefined, []],
    [
      'only some users',
      { match: { any: [{ resources: { kinds: ['Namespace'] }, clusterRoles: ['x'] }] } },
      undefined,
      [],
    ],
  ])('%s', (_, more, allow, deny) => {
    expect(reachOf(withPolicy(rule(more)), 'kyverno')).toEqual({ allow, deny });
  });

  test('labels, and names besides', () => {
    const { resources } = labels;
    expect(
      reachOf(withPolicy(rule({ match: { any: [{ resources: { ...resources, names: ['team-*'] } }] } })), 'kyverno'),
    ).toEqual({
      allow: ['team-*'],
      deny: [],
      selector: resources.selector,
    });
  });

  test('a policy of CEL that generates', () => {
    const spec = {
      matchConstraints: {},
      variables: [{ name: 'source', expression: 'resource.Get("v1", "secrets", "platform", "regcred")' }],
      generate: [{ expression: 'generator.Apply(nsName, [variables.source])' }],
    };
    expect(find(withPolicy(spec, 'GeneratingPolicy'), 'kyverno').spreads).toMatchObject([
      { origin: { secret: { namespace: 'platform', name: 'regcred' } }, copies: [{}, {}] },
    ]);
  });

  test.each([
    [
      'a strategic merge with an anchor',
      { rules: [{ mutate: { patchStrategicMerge: { spec: { '+(imagePullSecrets)': [{ name: 'regcred' }] } } } }] },
    ],
    [
      'a JSON Patch',
      {
        rules: [
          { mutate: { patchesJson6902: '- op: add\n  path: /spec/imagePullSecrets/-\n  value: { name: regcred }\n' } },
        ],
      },
    ],
    [
      'a foreach',
      {
        rules: [
          { mutate: { foreach: [{ patchStrategicMerge: { spec: { imagePullSecrets: [{ name: 'regcred' }] } } }] } },
        ],
      },
    ],
    [
      'CEL',
      {
        mutations: [
          {
            jsonPatch: {
              expression:
                'has(object.spec.imagePullSecrets) ? [JSONPatch{op: "add", path: "/spec/imagePullSecrets/0", value: {"name": "regcred"}}] : []',
            },
          },
        ],
      },
    ],
  ])('a mutation by %s', (_, spec) => {
    const found = find(withPolicy(spec, 'mutations' in spec ? 'MutatingPolicy' : 'ClusterPolicy', 'add'), 'kyverno');
    expect(found.seen).toEqual([expect.stringContaining('adds regcred to pods and templates')]);
    expect(found.unmutate?.commands).toEqual([expect.stringMatching(/^kubectl delete \S+ add$/)]);
    expect(found.stop.commands).toEqual([]);
  });

  test('a mutation served pods of every ServiceAccount, so all get the reference, whoever keeps the Secret', () => {
    const { policies } = WORLDS.kyverno();
    const kept = { ...WORLDS.reflector(), policies: policies.slice(1) };
    expect(find(WORLDS.kyverno(), 'kyverno').spreads[0]?.accounts).toEqual(['*']);
    expect(find(kept, 'reflector').spreads[0]?.accounts).toEqual(['*']);
    expect(find(kept, 'kyverno').notes).toEqual([expect.stringContaining('adds "regcred", which no policy generates')]);
  });

  test('a name that an expression makes could not be read, which is not nothing', () => {
    const spec = {
      rules: [
        { mutate: { patchStrategicMerge: { spec: { imagePullSecrets: [{ name: '{{ request.namespace }}-pull' }] } } } },
      ],
    };
    expect(find(withPolicy(spec, 'ClusterPolicy', 'add'), 'kyverno').gaps).toContainEqual(
      expect.stringContaining('which name it adds could not be read'),
    );
  });

  test('generated Secrets without their policy are told', () => {
    expect(find({ ...seen, policies: [] }, 'kyverno').gaps).toEqual([
      expect.stringContaining('2 pull Secrets, such as team-a/regcred, of a policy that was not seen'),
    ]);
  });

  test('a policy with other rules is not deleted as a whole without a word', () => {
    const found = find(withPolicy({ rules: [...rule({}).rules, { name: 'more', validate: {} }] }), 'kyverno');
    expect(found.stop.why).toContain(
      'ClusterPolicy sync-secrets has other rules, too: take only this rule out of it, instead of the command below.',
    );
  });
});

test('hand-made: only what is used counts, and what a tool or Helm keeps is not made by hand', () => {
  const seen = WORLDS['hand-made']();
  expect(find(seen, 'hand-made').notes).toEqual([expect.stringContaining('1 Secret with such logins')]);
  expect(
    find({ ...seen, secrets: seen.secrets.map((each) => ({ ...each, isOthers: true })) }, 'hand-made').seen,
  ).toEqual([]);
  expect(findTools(WORLDS.reflector(), ['hand-made'])[0]?.seen).toEqual([]);
  const twice = cluster({
    secrets: [secret('team-a/one'), secret('team-a/two')],
    accounts: [account('team-a/default', 'one', 'two')],
  });
  expect(find(twice, 'hand-made').seen).toEqual([]);
});
