/**
 * Sources that other tools write, each played as it writes: its field manager, a whole update or an apply, its owner, its marks, and what it
 * takes away. docs/sources.md has the recipes, and says which of the real tools they were run with.
 */
import type { V1Secret } from '@kubernetes/client-node';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSourceSecret } from '../../src/commands/source-secret.ts';
import { paths } from '../../src/kube/paths.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, dockerConfig, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

type Data = Record<string, string>;
interface Writer {
  /** As `pullpass login` names it. */
  readonly called: RegExp;
  readonly fieldManager: string;
  /** It writes the whole object that it read; otherwise it applies by force. */
  readonly updates: boolean;
  /** Whether an annotation of somebody else goes with its next write. */
  readonly strips: boolean;
  /** The metadata that it writes; `live`: what it read. */
  metadata(name: string, live: V1Secret['metadata']): NonNullable<V1Secret['metadata']>;
}

const owner = (apiVersion: string, kind: string, name: string, controller?: true) => ({
  apiVersion,
  kind,
  name,
  uid: '7f8e0d2a-0000-4000-8000-000000000001',
  ...(controller && { controller, blockOwnerDeletion: true }),
});

const WRITERS: Readonly<Record<string, Writer>> = {
  'external-secrets': {
    called: /^External Secrets \(ExternalSecret "external-secrets"\)$/,
    fieldManager: 'externalsecrets.external-secrets.io/external-secrets',
    updates: true,
    strips: false,
    metadata: (name, live) => ({
      labels: {
        ...live?.labels,
        'reconcile.external-secrets.io/created-by': '8a2f',
        'reconcile.external-secrets.io/managed': 'true',
      },
      ownerReferences: [owner('external-secrets.io/v1', 'ExternalSecret', name, true)],
      annotations: { ...live?.annotations, 'reconcile.external-secrets.io/data-hash': '5c1d' },
    }),
  },
  'vault-secrets-operator': {
    called: /^the Vault Secrets Operator \(VaultStaticSecret "vault-secrets-operator"\)$/,
    fieldManager: 'vault-secrets-operator',
    updates: true,
    strips: true,
    metadata: (name) => ({
      labels: {
        'app.kubernetes.io/component': 'secret-sync',
        'app.kubernetes.io/managed-by': 'hashicorp-vso',
        'app.kubernetes.io/name': 'vault-secrets-operator',
        'secrets.hashicorp.com/vso-ownerRefUID': '7f8e0d2a-0000-4000-8000-000000000001',
      },
      ownerReferences: [owner('secrets.hashicorp.com/v1beta1', 'VaultStaticSecret', name)],
    }),
  },
  'sealed-secrets': {
    called: /^Sealed Secrets \(SealedSecret "sealed-secrets"\)$/,
    fieldManager: 'controller',
    updates: true,
    strips: true,
    metadata: (name) => ({ ownerReferences: [owner('bitnami.com/v1alpha1', 'SealedSecret', name, true)] }),
  },
  flux: {
    called: /^Flux \("registry-logins"\)$/,
    fieldManager: 'kustomize-controller',
    updates: false,
    strips: true,
    metadata: () => ({
      labels: {
        'kustomize.toolkit.fluxcd.io/name': 'registry-logins',
        'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
      },
    }),
  },
  'argo-cd': {
    called: /^Argo CD \("registry-logins"\)$/,
    fieldManager: 'argocd-controller',
    updates: false,
    strips: false,
    metadata: (name) => ({
      annotations: {
        'argocd.argoproj.io/tracking-id': `registry-logins:/Secret:${CONTROLLER_NAMESPACE}/${name}`,
      },
    }),
  },
};

onEachServer((server) => {
  const config = configuration(...Object.keys(WRITERS).map((name) => ({ name })));
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.controller(config);
  });
  afterAll(() => cluster.close());

  const events = async (name: string): Promise<string[]> =>
    (await cluster.events(CONTROLLER_NAMESPACE))
      .filter(({ regarding, reason }) => regarding.name === name && reason === 'SourceInvalid')
      .map(({ note }) => note);
  const raw = (text: string): Data => ({ '.dockerconfigjson': Buffer.from(text).toString('base64') });

  describe.each(Object.entries(WRITERS))('%s', (name, writer) => {
    const path = paths.secrets(CONTROLLER_NAMESPACE, name);
    const query = { fieldManager: writer.fieldManager };
    async function write(data: Data): Promise<void> {
      const live = await cluster.getSecret(CONTROLLER_NAMESPACE, name);
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/dockerconfigjson',
        data,
        metadata: { name, namespace: CONTROLLER_NAMESPACE, ...writer.metadata(name, live?.metadata) },
      };
      // Flux takes over what `kubectl` wrote, so that its apply removes it.
      if (!writer.updates && writer.strips && live !== undefined)
        await cluster.patchSecret(CONTROLLER_NAMESPACE, name, { metadata: { annotations: null } });
      if (!writer.updates)
        await cluster.admin.patch(path, 'application/apply-patch+yaml', secret, { query: { ...query, force: true } });
      else if (live === undefined) await cluster.admin.create(paths.secrets(CONTROLLER_NAMESPACE), secret, { query });
      else {
        const { annotations: _a, labels: _l, ownerReferences: _o, ...rest } = live.metadata ?? {};
        await cluster.admin.replace(path, { ...secret, metadata: { ...rest, ...secret.metadata } }, { query });
      }
    }
    const copies = (logins: Record<string, string>): Promise<void> =>
      eventually(async () => expect(await cluster.login('team', `${name}-copy`)).toEqual(logins));
    const version = async (): Promise<string | undefined> =>
      (await cluster.getSecret('team', `${name}-copy`))?.metadata?.resourceVersion;
    const login = (force: boolean) =>
      readSourceSecret({
        client: cluster.admin,
        source: config.sources.find((source) => source.name === name) as (typeof config.sources)[number],
        command: 'login',
        force,
        signal: AbortSignal.timeout(20_000),
      });

    test('each login that it writes reaches the copies, which carry no mark of it', async () => {
      await write(dockerConfig({ 'registry.corp': 'pw-1' }));
      await copies({ 'registry.corp': 'pw-1' });
      await write(dockerConfig({ 'registry.corp': 'pw-2' }));
      await copies({ 'registry.corp': 'pw-2' });
      const {
        labels = {},
        annotations = {},
        ownerReferences,
      } = (await cluster.getSecret('team', `${name}-copy`))?.metadata ?? {};
      expect(ownerReferences).toBeUndefined();
      expect(Object.keys({ ...labels, ...annotations }).filter((key) => !/pullpass\.dev|managed-by/.test(key))).toEqual(
        [],
      );
      expect(labels['app.kubernetes.io/managed-by']).toBe('pullpass');
    });

    test('nothing of the source is written by Pullpass', async () => {
      const { managedFields = [] } = (await cluster.getSecret(CONTROLLER_NAMESPACE, name))?.metadata ?? {};
      expect(managedFields.map(({ manager }) => manager)).toEqual([writer.fieldManager]);
    });

    test('what it writes by mistake changes no copy, and an Event on the Secret says why', async () => {
      const before = await version();
      for (const [garbage, why] of [
        ['{}', /has no registries/],
        ['{"auths":{}}', /has no registries/],
        ['{"auths":{"registry.corp":{"auth":"REPLACE-ME"}}}', /"auth" is not base64/],
        [
          '{"auths":{"registry.corp":{"username":"robot","password":"ENC[AES256_GCM,data:x,type:str]"}}}',
          /encrypted by SOPS/,
        ],
      ] as const) {
        await write(raw(garbage));
        await eventually(async () => expect((await events(name)).join('\n')).toMatch(why));
      }
      expect(await version()).toBe(before);
      await write(dockerConfig({ 'registry.corp': 'pw-3' }));
      await copies({ 'registry.corp': 'pw-3' });
    });

    test('deleted and made anew, nothing changes; and a namespace that opts in meanwhile gets its copy', async () => {
      const before = await version();
      await cluster.deleteSecret(CONTROLLER_NAMESPACE, name);
      await eventually(async () => expect((await events(name)).join('\n')).toMatch(/does not exist/));
      await cluster.namespace(`late-${name}`, { annotations: { 'pullpass.dev/sync': 'enabled' } });
      await eventually(async () =>
        expect(await cluster.login(`late-${name}`, `${name}-copy`)).toEqual({ 'registry.corp': 'pw-3' }),
      );
      await write(dockerConfig({ 'registry.corp': 'pw-3' }));
      await delay(300);
      expect(await version()).toBe(before);
      await write(dockerConfig({ 'registry.corp': 'pw-4' }));
      await copies({ 'registry.corp': 'pw-4' });
    });

    test('`pullpass login` names it and stops; what is written with --force holds until its next write', async () => {
      await expect(login(false)).rejects.toThrow(/is written by .*, which would undo the change/);
      expect((await login(true)).writer).toMatch(writer.called);
      await cluster.admin.patch(
        path,
        'application/merge-patch+json',
        { data: dockerConfig({ 'registry.corp': 'by-hand' }) },
        { query: { fieldManager: 'pullpass-login' } },
      );
      await copies({ 'registry.corp': 'by-hand' });
      expect((await login(true)).writer).toMatch(writer.called);
      await write(dockerConfig({ 'registry.corp': 'pw-5' }));
      await copies({ 'registry.corp': 'pw-5' });
    });

    test('a removal that was confirmed stays confirmed when it takes the annotation away', async () => {
      await write(dockerConfig({ 'registry.corp': 'pw-5', 'old.corp': 'x' }));
      await copies({ 'registry.corp': 'pw-5', 'old.corp': 'x' });
      await write(dockerConfig({ 'registry.corp': 'pw-5' }));
      const word = /pullpass\.dev\/confirm-removal=(\w+)/;
      await eventually(async () => expect((await events(name)).join('\n')).toMatch(word));
      const [, confirm = ''] = word.exec((await events(name)).join('\n')) ?? [];
      await cluster.patchSecret(CONTROLLER_NAMESPACE, name, {
        metadata: { annotations: { 'pullpass.dev/confirm-removal': confirm } },
      });
      await copies({ 'registry.corp': 'pw-5' });
      await write(dockerConfig({ 'registry.corp': 'pw-6' }));
      await copies({ 'registry.corp': 'pw-6' });
      const { annotations } = (await cluster.getSecret(CONTROLLER_NAMESPACE, name))?.metadata ?? {};
      expect(annotations?.['pullpass.dev/confirm-removal']).toBe(writer.strips ? undefined : confirm);
    });
  });

  test.each(['kustomize-controller', 'argocd-controller'])(
    'a ServiceAccount that %s applies without a list keeps its reference, and one with a list gets it back',
    async (fieldManager) => {
      const name = fieldManager.replace('-controller', '');
      await cluster.annotateNamespace('team', { 'pullpass.dev/service-accounts': '*' });
      const apply = (more: object): Promise<unknown> =>
        cluster.admin.patch(
          paths.serviceAccounts('team', name),
          'application/apply-patch+yaml',
          {
            apiVersion: 'v1',
            kind: 'ServiceAccount',
            metadata: { name, namespace: 'team', labels: { app: 'x' } },
            ...more,
          },
          { query: { fieldManager, force: true } },
        );
      const listed = () => cluster.pullSecrets('team', name);
      await apply({});
      await eventually(async () => expect(await listed()).toContain('flux-copy'));
      const before = await listed();
      await apply({});
      expect(await listed()).toEqual(before);
      await apply({ imagePullSecrets: [{ name: 'from-git' }] });
      await eventually(async () => expect((await listed()).sort()).toEqual([...before, 'from-git'].sort()));
      // Git gives the list up: it is Pullpass's field by now, and nothing of it goes.
      await apply({});
      expect((await listed()).sort()).toEqual([...before, 'from-git'].sort());
    },
  );
});
