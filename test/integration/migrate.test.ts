/**
 * The whole way from two tools and from Secrets made by hand: what `pullpass migrate` prints is what is done, command by command. At each
 * step every pod has a login that exists.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { auditCommand } from '../../src/cli/audit.ts';
import { migrateCommand } from '../../src/cli/migrate.ts';
import { rbacCommand } from '../../src/cli/rbac.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import type { Step } from '../../src/migrate/plan.ts';
import { run } from '../commands/environment.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { createCluster, dockerConfig } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const missing = (['bash', 'kubectl', 'jq'] as const)
  .map((name) => findOnPath(name, `install ${name}, to run the printed commands`))
  .flatMap((found) => ('missing' in found ? [found.missing] : []));
for (const why of missing) test.skip(why, () => undefined);
const TYPE = 'kubernetes.io/dockerconfigjson';
const PASSWORDS = ['of-replicator', 'of-titansoft', 'of-people'] as const;

const NEW = ['pullpass-by-hand', 'pullpass-image-pull-secret', 'pullpass-regcred'];

interface Printed {
  readonly found: { tool: string; seen: string[] }[];
  readonly couldNotRead: string[];
  readonly steps: Step[];
}

onEachServer((server, kind) => {
  let cluster: Cluster;
  let directory: string;
  const file = (name: string): string => path.join(directory, name);
  const pull = (
    namespace: string,
    name: string,
    registry: string,
    password: string,
    annotations: Record<string, string> = {},
  ) =>
    cluster.secret(namespace, name, {
      metadata: { annotations },
      type: TYPE,
      data: dockerConfig({ [registry]: password }),
    });
  const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
  /** With the list that admission gives it: that of its ServiceAccount at this moment. */
  const pod = async (namespace: string, name: string, ...images: string[]): Promise<void> => {
    const imagePullSecrets = (await cluster.pullSecrets(namespace)).map((each) => ({ name: each }));
    const containers = images.map((image, i) => ({ name: `c${i}`, image }));
    await cluster.admin.create(pods(namespace), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers, imagePullSecrets, automountServiceAccountToken: false },
    });
  };
  const deployment = (namespace: string, name: string, spec: object): Promise<object> =>
    cluster.admin.create(`/apis/apps/v1/namespaces/${namespace}/deployments`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: { selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec } },
    });
  const migrate = async (...args: string[]): Promise<{ out: string; status: number }> =>
    run(migrateCommand, ['--kubeconfig', file('kubeconfig'), ...args]);
  const printed = async (): Promise<Printed> => JSON.parse((await migrate('-o', 'json')).out) as Printed;
  const commandsOf = ({ steps }: Printed, title: string): readonly string[] => {
    const step = steps.find((each) => each.title.startsWith(title));
    if (step === undefined) throw new Error(`no step ${title}`);
    return step.commands;
  };

  beforeAll(async () => {
    cluster = await createCluster(server());
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-migrate-'));
    await writeFile(file('kubeconfig'), server().adminKubeconfig());
    for (const name of ['platform', 'patcher', 'pullpass-system']) await cluster.namespace(name);
    for (const name of ['team-a', 'team-b']) await cluster.namespace(name, { labels: { 'example.com/pulls': 'yes' } });
    // Replicator, by label.
    await pull('platform', 'regcred', 'one.example', PASSWORDS[0], {
      'replicator.v1.mittwald.de/replicate-to-matching': 'example.com/pulls in (yes),!example.com/retired',
    });
    for (const team of ['team-a', 'team-b'])
      await pull(team, 'regcred', 'one.example', PASSWORDS[0], {
        'replicator.v1.mittwald.de/replicated-from-version': '1',
        'replicator.v1.mittwald.de/replicated-keys': '.dockerconfigjson',
      });
    // Titansoft, in each namespace.
    await pull('patcher', 'src', 'two.example', PASSWORDS[1]);
    const everywhere = [
      'default',
      'kube-system',
      'kube-public',
      'kube-node-lease',
      'platform',
      'patcher',
      'team-a',
      'team-b',
      'pullpass-system',
    ];
    const there: string[] = [];
    for (const name of everywhere)
      await pull(name, 'image-pull-secret', 'two.example', PASSWORDS[1], {
        'app.kubernetes.io/managed-by': 'imagepullsecret-patcher',
      }).then(
        () => there.push(name),
        () => undefined,
      );
    expect(there).toEqual(expect.arrayContaining(['team-a', 'team-b', 'patcher']));
    // People.
    for (const team of ['team-a', 'team-b']) await pull(team, 'by-hand', 'three.example', PASSWORDS[2]);
    for (const team of ['team-a', 'team-b']) {
      await cluster.admin.patch(`/api/v1/namespaces/${team}/serviceaccounts/default`, 'application/merge-patch+json', {
        imagePullSecrets: [{ name: 'regcred' }, { name: 'image-pull-secret' }, { name: 'by-hand' }],
      });
      await pod(team, 'old', 'one.example/a:1', 'two.example/b:1', 'three.example/c:1');
    }
    if (kind === 'sandbox') return;
    await deployment('platform', 'replicator', {
      containers: [{ name: 'r', image: 'quay.io/mittwald/kubernetes-replicator:v2.12.4' }],
    });
    await deployment('patcher', 'patcher', {
      containers: [
        {
          name: 'p',
          image: 'quay.io/titansoft/imagepullsecret-patcher:v0.14',
          env: [{ name: 'CONFIG_DOCKERCONFIGJSONPATH', value: '/s/.dockerconfigjson' }],
          volumeMounts: [{ name: 's', mountPath: '/s' }],
        },
      ],
      volumes: [{ name: 's', secret: { secretName: 'src' } }],
    });
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
    await cluster.close();
  });

  test('what may not be read is not absent', async () => {
    await cluster.serviceAccount('pullpass-system', 'nobody');
    await writeFile(file('nobody'), await server().kubeconfigFor({ namespace: 'pullpass-system', name: 'nobody' }));
    const { out, status } = await run(migrateCommand, ['--kubeconfig', file('nobody'), '-o', 'json']);
    const { couldNotRead, found } = JSON.parse(out) as Printed;
    expect(status).toBe(3);
    expect(found.flatMap(({ seen }) => seen)).toEqual([]);
    for (const what of ['Secrets of type', 'ServiceAccounts', 'Pods', 'Namespaces'])
      expect(couldNotRead).toContainEqual(expect.stringMatching(`^${what}.* could not be read: `));
  });

  test('the rights of `rbac --for migrate` are enough, and write nothing', async () => {
    await cluster.serviceAccount('pullpass-system', 'pullpass-migrate');
    const { out: manifests } = await run(rbacCommand, ['--for', 'migrate']);
    for (const document of parseAllDocuments(manifests)) {
      const object = document.toJS() as { kind: string; metadata: { name: string }; rules?: { verbs: string[] }[] };
      for (const { verbs } of object.rules ?? []) expect(verbs).toEqual(['list']);
      await cluster.admin.create(`/apis/rbac.authorization.k8s.io/v1/${object.kind.toLowerCase()}s`, object);
    }
    await writeFile(
      file('reader'),
      await server().kubeconfigFor({ namespace: 'pullpass-system', name: 'pullpass-migrate' }),
    );
    const { out } = await run(migrateCommand, ['--kubeconfig', file('reader'), '-o', 'json']);
    expect((JSON.parse(out) as Printed).couldNotRead.filter((line) => line.includes('could not be read: GET'))).toEqual(
      [],
    );
  });

  test('finds all three, and prints no credential in any form', async () => {
    const texts = await Promise.all(
      ['table', 'json', 'yaml', 'configuration'].map(async (form) => (await migrate('-o', form)).out),
    );
    for (const text of texts)
      for (const password of PASSWORDS)
        for (const form of [password, Buffer.from(`robot:${password}`).toString('base64')])
          expect(text).not.toContain(form);
    const { found } = await printed();
    expect(found.filter(({ seen }) => seen.length > 0).map(({ tool }) => tool)).toEqual([
      'replicator',
      'titansoft',
      'hand-made',
    ]);
  });

  test('nothing else, no trace: status 4', async () => {
    expect((await migrate('--from', 'reflector')).status).toBe(4);
    await expect(migrate('--from', 'refelctor')).rejects.toThrow('none of reflector');
  });

  test.skipIf(kind === 'sandbox' || missing.length > 0)(
    'done as printed, no pod is without a login at any step',
    { timeout: 180_000 },
    async () => {
      const bash = (script: string): Promise<void> =>
        new Promise((resolve, reject) => {
          const env = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: file('kubeconfig') };
          execFile('bash', ['-c', `set -eo pipefail\n${script}`], { env }, (error, _, stderr) =>
            error === null ? resolve() : reject(new Error(`${script}\n${stderr}`)),
          );
        });
      const kubectlOf = async (plan: Printed, title: string): Promise<void> => {
        for (const line of commandsOf(plan, title)) await bash(line);
      };
      const whatIf = async (plan: Printed): Promise<number[]> => {
        const statuses: number[] = [];
        for (const line of commandsOf(plan, 'What if the')) {
          const [, , ...args] = line.split(' ');
          statuses.push(
            (await run(auditCommand, [...args, '--config', file('config.yaml'), '--kubeconfig', file('kubeconfig')]))
              .status,
          );
        }
        return statuses;
      };
      /** Each container of each pod: is there a Secret in its list that exists and has its registry? */
      const served = async (): Promise<string[]> => {
        const failing: string[] = [];
        for (const namespace of ['team-a', 'team-b']) {
          const { items } = await cluster.admin.get<{
            items: {
              metadata: { name: string };
              spec: { containers: { image: string }[]; imagePullSecrets?: { name: string }[] };
            }[];
          }>(pods(namespace));
          for (const { metadata, spec } of items) {
            const logins = await Promise.all(
              (spec.imagePullSecrets ?? []).map(({ name }) => cluster.login(namespace, name)),
            );
            for (const { image } of spec.containers)
              if (!logins.some((login) => login?.[image.split('/')[0] ?? ''] !== undefined))
                failing.push(`${namespace}/${metadata.name} ${image}`);
          }
        }
        return failing;
      };

      // A policy wrote the name of the old Secret into a template that Git has without it.
      const admission = '/apis/admissionregistration.k8s.io/v1';
      const rules = [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['deployments'] }];
      const expression =
        '[JSONPatch{op: "add", path: "/spec/template/spec/imagePullSecrets", value: [{"name": "regcred"}]}]';
      const added = async (): Promise<boolean> => {
        try {
          await cluster.admin.create(`${admission}/mutatingadmissionpolicies`, {
            apiVersion: 'admissionregistration.k8s.io/v1',
            kind: 'MutatingAdmissionPolicy',
            metadata: { name: 'adds-names' },
            spec: {
              matchConstraints: { resourceRules: rules },
              matchConditions: [{ name: 'this', expression: 'object.metadata.name == "blind"' }],
              failurePolicy: 'Fail',
              reinvocationPolicy: 'Never',
              mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
            },
          });
        } catch {
          return false; // before Kubernetes 1.36
        }
        await cluster.admin.create(`${admission}/mutatingadmissionpolicybindings`, {
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'MutatingAdmissionPolicyBinding',
          metadata: { name: 'adds-names' },
          spec: { policyName: 'adds-names' },
        });
        return true;
      };
      const hasBlind = await added();
      const blindPath = '/apis/apps/v1/namespaces/team-a/deployments/blind';
      const blindNames = async (): Promise<string[]> => {
        const { spec } = await cluster.admin.get<{
          spec: { template: { spec: { imagePullSecrets?: { name: string }[] } } };
        }>(blindPath);
        return (spec.template.spec.imagePullSecrets ?? []).map(({ name }) => name);
      };
      if (hasBlind)
        await expect
          .poll(
            async () => {
              await cluster.admin.delete(blindPath).catch(() => undefined);
              await deployment('team-a', 'blind', { containers: [{ name: 'c', image: 'one.example/blind:1' }] });
              return blindNames();
            },
            { timeout: 20_000, interval: 500 },
          )
          .toEqual(['regcred']);

      const plan = await printed();
      expect(plan.couldNotRead).toEqual([]);
      await writeFile(file('config.yaml'), (await migrate('-o', 'configuration')).out);
      expect((await run(validateCommand, [file('config.yaml')])).status).toBe(0);
      const configuration = await loadConfiguration(file('config.yaml'));
      expect(
        configuration.sources.flatMap(({ namespaces }) => namespaces.selector?.matchExpressions ?? []),
      ).toHaveLength(2);

      await kubectlOf(plan, 'Make the sources');
      await cluster.controller(configuration);
      await kubectlOf(plan, 'Opt in');
      await cluster.settled(configuration);
      expect(await cluster.login('team-b', 'pullpass-by-hand')).toEqual({ 'three.example': PASSWORDS[2] });
      expect((await cluster.pullSecrets('team-a')).toSorted()).toEqual([
        'by-hand',
        'image-pull-secret',
        'pullpass-by-hand',
        'pullpass-image-pull-secret',
        'pullpass-regcred',
        'regcred',
      ]);

      // Pods that exist have their old list: what if says so, and the old Secrets stay.
      expect(await whatIf(plan)).toEqual([3, 3, 3]);
      if (hasBlind) {
        await kubectlOf(plan, 'Change templates');
        expect(await blindNames()).toEqual([]);
      }
      for (const team of ['team-a', 'team-b']) {
        await pod(team, 'new', 'one.example/a:1', 'two.example/b:1', 'three.example/c:1');
        await cluster.admin.delete(`${pods(team)}/old`, { gracePeriodSeconds: 0 });
      }
      expect(await whatIf(plan)).toEqual([0, 0, 0]);
      for (const title of ['Stop the old tool', 'Take the old references', 'Delete the old copies', 'Clear away']) {
        await kubectlOf(plan, title);
        expect([title, await served()]).toEqual([title, []]);
      }

      for (const team of ['team-a', 'team-b']) {
        expect((await cluster.pullSecrets(team)).toSorted()).toEqual(NEW);
        for (const old of ['regcred', 'image-pull-secret', 'by-hand']) {
          expect(await cluster.pullSecrets(team)).not.toContain(old);
          expect(await cluster.getSecret(team, old)).toBeUndefined();
        }
      }
      // The sources are what they were, and nothing is left to migrate.
      expect(await cluster.login('platform', 'regcred')).toEqual({ 'one.example': PASSWORDS[0] });
      expect(await cluster.login('patcher', 'src')).toEqual({ 'two.example': PASSWORDS[1] });
      expect((await printed()).steps).toEqual([]);
      expect(await readFile(file('config.yaml'), 'utf8')).toContain('pullpass-by-hand-source');
    },
  );
});
