/** What holds for every tool: the order of the steps, and what no command may do. */
import { describe, expect, test } from 'vitest';
import { migrationText } from '../../src/commands/migrate-text.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { findTools } from '../../src/migrate/find.ts';
import { TOOLS } from '../../src/migrate/model.ts';
import type { Tool } from '../../src/migrate/model.ts';
import { at } from '../../src/migrate/observed.ts';
import type { Seen } from '../../src/migrate/observed.ts';
import { commonLogins } from '../../src/migrate/make-source.ts';
import { planMigration } from '../../src/migrate/plan.ts';
import { admitsName } from '../../src/plan/selection.ts';
import { account, changed, cluster, pods, secret, WORLDS, workload, namespace, TEAMS } from './worlds.ts';

const planOf = (seen: Seen, tools: readonly Tool[] = TOOLS) =>
  planMigration(seen, findTools(seen, tools), 'pullpass-system');
const sourceOf = (seen: Seen) => {
  const { configuration } = planOf(seen);
  const [source] = configurationSchema.parse(configuration).sources;
  if (source === undefined) throw new Error('no source');
  return source;
};
const all = (seen: Seen): string =>
  planOf(seen)
    .steps.flatMap(({ commands }) => commands)
    .join('\n');

describe.each(TOOLS)('%s', (tool) => {
  const seen = WORLDS[tool]();
  const plan = planOf(seen);
  const indexOf = (title: string): number => plan.steps.findIndex((step) => step.title.startsWith(title));

  test('is found, and no other', () => {
    expect(findTools(seen, TOOLS).flatMap((found) => (found.seen.length > 0 ? [found.tool] : []))).toEqual([tool]);
    expect(plan.gaps).toEqual([]);
  });

  test('its configuration is valid, admits each namespace that has a copy, and gives copies a name that nothing has', () => {
    const source = sourceOf(seen);
    const [spread] = findTools(seen, [tool]).flatMap(({ spreads }) => spreads);
    for (const copy of spread?.copies ?? [])
      expect([copy.namespace, admitsName(source, copy.namespace)]).toEqual([copy.namespace, true]);
    expect(seen.secretNames).not.toContain(source.copyName);
    expect(seen.secretNames.has(source.secret.name) || source.secret.namespace === 'pullpass-system').toBe(true);
  });

  test('opts in, waits, asks what if, stops the tool, asks again, and only then takes away', () => {
    const order = ['Install', 'Opt in', 'Wait', 'What if the', 'Stop', 'What if they', 'Delete'].map(indexOf);
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    const whatIf = indexOf('What if the');
    for (const [i, { commands }] of plan.steps.entries())
      if (i < whatIf)
        expect(
          commands.filter((line) =>
            /\bdelete\b(?! (?:clusterpolicies|mutatingpolicies))/.test(line.replaceAll('"$patch":"delete"', '')),
          ),
        ).toEqual([]);
  });

  test('no command deletes a source', () => {
    const source = sourceOf(seen);
    const deleted = plan.steps
      .flatMap(({ commands }) => commands)
      .flatMap((line) => {
        const [, name = ''] = /delete secret (\S+)/.exec(line) ?? [];
        const [, names = ''] = /(?:for ns in |kubectl -n )([^;"]+?)(?:;| delete)/.exec(line) ?? [];
        return name === '' ? [] : names.split(' ').map((namespace) => at({ namespace, name }));
      });
    expect(deleted.length).toBeGreaterThan(1);
    expect(deleted).not.toContain(at(source.secret));
  });

  test('pods that exist are named: they keep their list until they are made anew', () => {
    expect(all(seen)).toMatch(/team-a (?:rollout restart (?:deployment|statefulset)\/web|patch deployment web)/);
  });
});

test('nothing there: no configuration and no steps, and what could not be read is no absence', () => {
  const nothing = cluster({});
  expect(planOf(nothing)).toEqual({ configuration: undefined, steps: [], notes: [], gaps: [] });
  expect(planOf({ ...nothing, unread: ['Secrets could not be read: no right'] }).gaps).toEqual([
    'Secrets could not be read: no right',
  ]);
});

test('a copy name that some Secret has already is not used', () => {
  const seen = WORLDS.reflector();
  expect(sourceOf({ ...seen, secretNames: new Set([...seen.secretNames, 'pullpass-regcred']) }).copyName).toBe(
    'pullpass-regcred-2',
  );
});

test('two tools with Secrets of one name get two sources, and a step says whose each line is', () => {
  const [one, two] = [WORLDS.reflector(), WORLDS.kyverno()];
  const both = {
    ...one,
    secrets: [...one.secrets, ...two.secrets.map((each) => ({ ...each, namespace: `k-${each.namespace}` }))],
  };
  const sources = configurationSchema.parse(
    planOf({
      ...both,
      policies: JSON.parse(JSON.stringify(two.policies).replaceAll('"platform"', '"k-platform"')) as Seen['policies'],
    }).configuration,
  ).sources;
  expect(sources.map(({ name, copyName }) => [name, copyName])).toEqual([
    ['regcred', 'pullpass-regcred'],
    ['regcred-2', 'pullpass-regcred-2'],
  ]);
});

describe('what a tenant can write', () => {
  test('a Secret that only says that it is a copy opts nobody in', () => {
    const seen = WORLDS.reflector();
    const forged = secret('evil/regcred', {
      logins: 'none',
      annotations: { 'reflector.v1.k8s.emberstack.com/reflects': 'platform/regcred' },
    });
    const { gaps } = planOf({ ...seen, secrets: [...seen.secrets, forged] });
    expect(admitsName(sourceOf({ ...seen, secrets: [...seen.secrets, forged] }), 'evil')).toBe(false);
    expect(gaps).toEqual([
      expect.stringContaining('1 copy, such as evil/regcred, does not have the logins of the source'),
    ]);
  });

  test('what looks like a patcher and has spread nothing is not believed to be for every namespace', () => {
    const seen = WORLDS.titansoft();
    const fake = { ...seen, secrets: seen.secrets.filter(({ namespace }) => namespace === 'patcher') };
    expect(sourceOf(fake)).toMatchObject({ optInByDefault: false, namespaces: { allow: ['patcher'] } });
    expect(planOf(fake).gaps).toEqual([expect.stringContaining('it is said to be for every namespace, and 0 of 2')]);
  });

  test.each([
    [2, true],
    [3, false],
  ])('every namespace, of which two have it and %i have not: believed %s', (others, isBelieved) => {
    const seen = WORLDS.titansoft();
    const more = Array.from({ length: others }, (_, i) => namespace(`other-${i}`));
    const secrets = seen.secrets.filter((each) => each.namespace !== 'patcher' || each.name.endsWith('-src'));
    const believed = sourceOf({
      ...seen,
      secrets,
      namespaces: [...TEAMS, 'patcher'].map((name) => namespace(name)).concat(more),
    });
    expect(believed.optInByDefault).toBe(isBelieved);
  });

  test('what the login is, most copies decide, and unusable ones do not', () => {
    const logins = ['mine', 'ours', 'ours', undefined, undefined, undefined];
    expect(commonLogins(logins.map((each) => ({ logins: each })))).toBe('ours');
    expect(commonLogins([{ logins: undefined }])).toBeUndefined();
  });

  test('a second patcher, without the exclusions of the first, lets nobody in', () => {
    const seen = WORLDS.titansoft();
    const fake = workload('kept-out/p', { image: 'x.example/imagepullsecret-patcher:1' });
    const both = planOf({ ...seen, workloads: [...seen.workloads, ...fake] });
    for (const source of configurationSchema.parse(both.configuration).sources) {
      expect(source.optInByDefault).toBe(false);
      expect(admitsName(source, 'kept-out')).toBe(false);
    }
    const contested = expect.stringContaining('more than one claims its copies') as string;
    expect(both.gaps).toEqual([contested, contested]);
  });

  test('the only patcher that was seen may be a fake one: whoever has no copy now is denied', () => {
    const seen = WORLDS.titansoft();
    const fake = { ...seen, workloads: workload('kept-out/p', { image: 'x.example/imagepullsecret-patcher:1' }) };
    const without = { ...fake, namespaces: [...fake.namespaces, namespace('evil')] };
    expect(sourceOf(without)).toMatchObject({ optInByDefault: true });
    expect(admitsName(sourceOf(without), 'evil')).toBe(false);
    expect(planOf(without).notes).toContainEqual(expect.stringContaining('evil: without a copy now, and so denied'));
  });

  test('any number of Secrets that say to be copies leave room for the real ones', () => {
    const seen = WORLDS.reflector();
    const many = Array.from({ length: 600 }, (_, i) =>
      secret(`a-tenant/s${i}`, { annotations: { 'reflector.v1.k8s.emberstack.com/reflects': `a-tenant/none-${i}` } }),
    );
    const plan = planOf({ ...seen, secrets: [...many, ...seen.secrets] });
    const { sources } = configurationSchema.parse(plan.configuration);
    expect(sources).toHaveLength(500);
    expect(sources.map((source) => source.secret)).toContainEqual({ namespace: 'platform', name: 'regcred' });
    expect(plan.gaps).toContainEqual(expect.stringContaining('601 sources are too many'));
  });

  test.each([{ 'auto-namespaces': 'team-.*,evil' }, { 'auto-namespaces-selector': 'kubernetes.io/metadata.name' }, {}])(
    'a source of its own with a copy beside it opts nobody else in: %j',
    (where) => {
      const key = 'reflector.v1.k8s.emberstack.com/';
      const says = Object.fromEntries(
        Object.entries({ allowed: 'true', 'auto-enabled': 'true', ...where }).map(([name, value]) => [
          `${key}reflection-${name}`,
          value,
        ]),
      );
      const seen = cluster({
        namespaces: ['evil', ...TEAMS].map((name) => ({
          ...namespace(name),
          labels: { 'kubernetes.io/metadata.name': name },
        })),
        secrets: [
          secret('evil/login', { annotations: says }),
          secret('evil/copy', { annotations: { [`${key}reflects`]: 'evil/login' } }),
        ],
      });
      expect(sourceOf(seen)).toMatchObject({ optInByDefault: false, namespaces: { allow: ['evil'] } });
      expect(planOf(seen).gaps).toEqual([expect.stringContaining('0 of 2 have it')]);
    },
  );

  test('what a fake patcher calls its source is no option of kubectl', () => {
    const option = '--server=http://evil.example';
    const seen = WORLDS.titansoft();
    const fake = (container: object) =>
      planOf({
        ...seen,
        workloads: workload('evil/p', {
          containers: [{ name: 'p', image: 'x.example/imagepullsecret-patcher:1', ...container }],
          volumes: [{ name: 'v', secret: { secretName: option } }],
        }),
      });
    for (const plan of [
      fake({ env: [{ name: 'CONFIG_DOCKERCONFIGJSON', valueFrom: { secretKeyRef: { name: option, key: 'k' } } }] }),
      fake({
        args: ['-dockerconfigjsonpath=/s/config'],
        volumeMounts: [{ name: 'v', mountPath: '/s' }],
      }),
    ]) {
      expect(plan.steps.map(({ title }) => title)).toContain('Make the sources');
      expect(JSON.stringify(plan)).not.toContain(option);
    }
  });

  test('names and values reach no shell as anything but a word', () => {
    const seen = WORLDS.reflector();
    const odd = changed(seen, 'team-a/regcred', { name: '$(reboot)' });
    expect(all(odd)).toContain(`delete secret '$(reboot)'`);
    expect(all(odd)).not.toMatch(/[^']\$\(reboot\)/);
  });
});

test('what if is asked about all namespaces at once, unless a Secret of that name stays', () => {
  const commands = (seen: Seen) => planOf(seen).steps.find(({ title }) => title.startsWith('What if the'))?.commands;
  expect(commands(WORLDS.titansoft())).toEqual(['pullpass audit --without-secret image-pull-secret']);
  const many = Array.from({ length: 501 }, (_, i) =>
    secret(`n${i}/login`, { annotations: { 'reflector.v1.k8s.emberstack.com/reflects': 'platform/login' } }),
  );
  expect(commands(cluster({ secrets: [secret('platform/login'), ...many] }))).toHaveLength(2);
});

describe('templates', () => {
  test("Git's blind spot is patched, with what it was read from as the condition", () => {
    const step = planOf(WORLDS.kyverno()).steps.find(({ title }) => title.startsWith('Change templates'));
    expect(step?.commands).toEqual([
      `kubectl -n team-a patch deployment web --type=json -p '${JSON.stringify([
        { op: 'test', path: '/spec/template/spec/imagePullSecrets', value: [{ name: 'regcred' }] },
        { op: 'remove', path: '/spec/template/spec/imagePullSecrets' },
      ])}'`,
      `kubectl -n team-b patch cronjob nightly --type=json -p '${JSON.stringify([
        {
          op: 'test',
          path: '/spec/jobTemplate/spec/template/spec/imagePullSecrets',
          value: [{ name: 'mine' }, { name: 'regcred' }],
        },
        {
          op: 'replace',
          path: '/spec/jobTemplate/spec/template/spec/imagePullSecrets',
          value: [{ name: 'mine' }, { name: 'pullpass-regcred' }],
        },
      ])}'`,
    ]);
  });

  test('what a manifest names itself is changed in the manifest: a patch would be undone', () => {
    const step = planOf(WORLDS['hand-made']()).steps.find(({ title }) => title.startsWith('Change templates'));
    expect(step).toMatchObject({
      commands: [],
      why: [expect.stringContaining('Deployment team-b/api: its manifest names registry-login')],
    });
  });

  test('without managed fields nobody knows who wrote it, and the plan says so', () => {
    const seen = WORLDS['hand-made']();
    const { gaps } = planOf({ ...seen, workloads: seen.workloads.map((each) => ({ ...each, added: undefined })) });
    expect(gaps).toEqual([expect.stringContaining('could not be read: it has no managed fields')]);
  });

  test('Jobs and bare pods cannot be changed: they are named', () => {
    const seen = WORLDS.reflector();
    const text = planOf({
      ...seen,
      workloads: [
        ...seen.workloads,
        ...workload('team-a/load', { imagePullSecrets: [{ name: 'regcred' }] }, { kind: 'Job' }),
      ],
      pods: [...seen.pods, pods('team-b/alone', 'Pod', 'regcred')],
    }).steps.flatMap(({ why }) => why);
    expect(text).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/Jobs cannot be changed.*team-a\/load/),
        expect.stringMatching(/Pod team-b\/alone/),
      ]),
    );
  });
});

test('a list that is too long for the configuration is cut, and the plan says so', () => {
  const seen = WORLDS.titansoft();
  const namespaces = Array.from({ length: 260 }, (_, i) => ({
    name: `out-${i}`,
    labels: {},
    annotations: { 'k8s.titansoft.com/imagepullsecret-patcher-exclude': 'true' },
  }));
  const cut = { ...seen, namespaces: [...seen.namespaces, ...namespaces] };
  expect(sourceOf(cut).namespaces.deny).toHaveLength(250);
  expect(planOf(cut).gaps).toContainEqual(expect.stringContaining('263 patterns are too many for "deny"'));
});

describe('labels of namespaces', () => {
  const key = 'reflector.v1.k8s.emberstack.com/reflection-auto-namespaces-selector';
  const labelled = (labels: (name: string) => Record<string, string>): Seen => {
    const seen = changed(WORLDS.reflector(), 'platform/regcred', {
      annotations: {
        'reflector.v1.k8s.emberstack.com/reflection-allowed': 'true',
        'reflector.v1.k8s.emberstack.com/reflection-auto-enabled': 'true',
        [key]: 'env=prod',
      },
    });
    return { ...seen, namespaces: seen.namespaces.map((each) => ({ ...each, labels: labels(each.name) })) };
  };

  test('say who gets it, as before, and the plan says that they also let in who comes later', () => {
    const seen = labelled((name) => (TEAMS.includes(name) ? { env: 'prod' } : {}));
    expect(sourceOf(seen)).toMatchObject({
      namespaces: {
        allow: ['*'],
        deny: ['*-temp', 'kube-*', 'pullpass-system'],
        selector: { matchLabels: { env: 'prod' } },
      },
      optInByDefault: true,
    });
    expect(planOf(seen)).toMatchObject({
      gaps: [],
      notes: expect.arrayContaining([
        expect.stringMatching(/every namespace with labels env=prod.*whoever may label a namespace decides/),
      ]) as string[],
    });
  });

  test.each([
    ['a namespace that has a copy does not have them', (name: string) => (name === 'team-a' ? { env: 'prod' } : {})],
    ['nobody who has them has a copy', (name: string) => (name === 'kube-system' ? { env: 'prod' } : {})],
    ['most who have them have no copy', (name: string) => (name === 'team-b' ? {} : { env: 'prod' })],
  ])('are not believed if %s', (_, labels) => {
    expect(sourceOf(labelled(labels))).toMatchObject({ optInByDefault: false, namespaces: { allow: TEAMS } });
    expect(sourceOf(labelled(labels)).namespaces.selector).toBeUndefined();
    expect(planOf(labelled(labels)).gaps).toEqual([expect.stringContaining('let in by name')]);
  });
});

test('a namespace that opted out of Pullpass and has a copy is told', () => {
  const seen = WORLDS.reflector();
  const namespaces = seen.namespaces.map((each) =>
    each.name === 'team-a' ? { ...each, annotations: { 'pullpass.dev/sync': 'disabled' } } : each,
  );
  expect(planOf({ ...seen, namespaces }).gaps).toEqual([
    expect.stringContaining('team-a: says pullpass.dev/sync=disabled'),
  ]);
});

test('ServiceAccounts are those that name a copy, and those of templates that do', () => {
  const seen = WORLDS['hand-made']();
  expect(
    sourceOf({ ...seen, accounts: [...seen.accounts, account('team-a/ci', 'registry-login')] }).serviceAccounts,
  ).toEqual(['api', 'ci', 'default']);
});

test('the text has all of it, and shows an escape character as what it is', () => {
  const seen = changed(WORLDS.reflector(), 'team-a/regcred', { name: 'x\u001b[31m' });
  const text = migrationText(findTools(seen, TOOLS), planOf(seen), []);
  expect(text).toContain('Step 1. Install');
  expect(text).not.toContain('\u001b');
});
