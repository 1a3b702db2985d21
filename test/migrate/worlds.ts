/** Clusters as each tool leaves them: the objects have the marks that its source code gives them. */
import type { V1PodSpec } from '@kubernetes/client-node';
import type { Tool } from '../../src/migrate/model.ts';
import { at } from '../../src/migrate/observed.ts';
import type { Seen, SeenAccount, SeenNamespace, SeenSecret, SeenWorkload } from '../../src/migrate/observed.ts';
import { workloadOf } from '../../src/migrate/workload.ts';

export const TEAMS = ['team-a', 'team-b'];

export const secret = (place: string, more: Partial<SeenSecret> = {}): SeenSecret => {
  const [namespace = '', name = ''] = place.split('/');
  return { namespace, name, annotations: {}, labels: {}, owners: [], logins: 'one', isOthers: false, ...more };
};

export const account = (place: string, ...pullSecrets: string[]): SeenAccount => {
  const [namespace = '', name = ''] = place.split('/');
  return { namespace, name, annotations: {}, labels: {}, pullSecrets };
};

export const namespace = (name: string, annotations: Record<string, string> = {}): SeenNamespace => ({
  name,
  annotations,
  labels: {},
});

/** `added`: a policy added the names, so nobody has written them. */
export function workload(
  place: string,
  spec: Partial<V1PodSpec> & { image?: string },
  { kind = 'Deployment', added = false }: { kind?: SeenWorkload['kind']; added?: boolean } = {},
): SeenWorkload[] {
  const [where = '', name = ''] = place.split('/');
  const { image = 'registry.example/app:1', ...pod } = spec;
  const keys = Object.fromEntries((pod.imagePullSecrets ?? []).map((each) => [`k:${JSON.stringify(each)}`, {}]));
  const template = {
    'f:spec': {
      'f:template': { 'f:spec': { 'f:containers': {}, ...(!added && { 'f:imagePullSecrets': { '.': {}, ...keys } }) } },
    },
  };
  const podSpec: V1PodSpec = { containers: [{ name: 'main', image }], ...pod };
  return workloadOf(kind, {
    metadata: {
      namespace: where,
      name,
      managedFields: [
        { manager: 'kubectl', fieldsV1: kind === 'CronJob' ? { 'f:spec': { 'f:jobTemplate': template } } : template },
      ],
    },
    spec:
      kind === 'CronJob' ? { jobTemplate: { spec: { template: { spec: podSpec } } } } : { template: { spec: podSpec } },
  });
}

export const pods = (place: string, kind: string, ...pullSecrets: string[]): Seen['pods'][number] => {
  const [where = '', name = ''] = place.split('/');
  return { namespace: where, owner: { kind, name }, serviceAccount: 'default', pullSecrets };
};

export function cluster(parts: Partial<Seen>): Seen {
  const secrets = parts.secrets ?? [];
  return {
    namespaces: ['kube-system', 'platform', 'pullpass-system', ...TEAMS].map((name) => namespace(name)),
    accounts: [],
    secrets,
    uses: [],
    workloads: [],
    pods: [],
    policies: [],
    clusterPullSecrets: [],
    secretNames: new Set(secrets.map(({ name }) => name)),
    unread: [],
    absent: [],
    usesSeen: true,
    ...parts,
  };
}

const everywhere = (make: (namespace: string) => SeenSecret): SeenSecret[] => TEAMS.map(make);
const references = (name: string): SeenAccount[] => TEAMS.map((team) => account(`${team}/default`, name));

const REFLECTED = {
  'reflector.v1.k8s.emberstack.com/reflection-allowed': 'true',
  'reflector.v1.k8s.emberstack.com/reflection-auto-enabled': 'true',
  'reflector.v1.k8s.emberstack.com/reflection-auto-namespaces': 'team-.*',
};
const reflector = (): Seen =>
  cluster({
    secrets: [
      secret('platform/regcred', { annotations: REFLECTED }),
      ...everywhere((team) =>
        secret(`${team}/regcred`, {
          annotations: {
            'reflector.v1.k8s.emberstack.com/auto-reflects': 'True',
            'reflector.v1.k8s.emberstack.com/reflects': 'platform/regcred',
            'reflector.v1.k8s.emberstack.com/reflected-version': '42',
          },
        }),
      ),
    ],
    accounts: references('regcred'),
    workloads: [
      ...workload('kube-system/reflector', {
        containers: [
          {
            name: 'reflector',
            image: 'emberstack/kubernetes-reflector:10.0.1',
            env: [
              { name: 'ES_Serilog__MinimumLevel__Default', value: 'Information' },
              { name: 'ES_Reflector__Watcher__Timeout', value: '' },
              { name: 'ES_Reflector__Watcher__ExcludedNamespaces', value: '*-temp' },
              { name: 'ES_Ignite__KubernetesClient__SkipTlsVerify', value: 'false' },
            ],
          },
        ],
      }),
    ],
    pods: [pods('team-a/web', 'Deployment', 'regcred')],
  });

const replicator = (): Seen =>
  cluster({
    secrets: [
      secret('platform/regcred', { annotations: { 'replicator.v1.mittwald.de/replicate-to': 'team-.*' } }),
      ...everywhere((team) =>
        secret(`${team}/regcred`, {
          annotations: {
            'replicator.v1.mittwald.de/replicated-at': '2026-01-01T00:00:00Z',
            'replicator.v1.mittwald.de/replicated-from-version': '225',
            'replicator.v1.mittwald.de/replicated-keys': '.dockerconfigjson',
          },
        }),
      ),
    ],
    accounts: references('regcred'),
    workloads: workload('kube-system/replicator-kubernetes-replicator', {
      containers: [
        {
          name: 'kubernetes-replicator',
          image: 'quay.io/mittwald/kubernetes-replicator:v2.12.4',
          args: ['-replicate-secrets=true'],
        },
      ],
    }),
    pods: [pods('team-a/web', 'Deployment', 'regcred')],
  });

/** The samples `sync-secrets` and `add-imagepullsecrets` of kyverno/policies, in shape. */
const kyverno = (): Seen =>
  cluster({
    secrets: [
      secret('platform/regcred', { labels: { 'generate.kyverno.io/clone-source': '' } }),
      ...everywhere((team) =>
        secret(`${team}/regcred`, {
          labels: {
            'app.kubernetes.io/managed-by': 'kyverno',
            'generate.kyverno.io/policy-name': 'sync-secrets',
            'generate.kyverno.io/rule-name': 'sync-image-pull-secret',
            'generate.kyverno.io/trigger-kind': 'Namespace',
          },
        }),
      ),
    ],
    policies: [
      {
        kind: 'ClusterPolicy',
        resource: 'clusterpolicies.kyverno.io',
        namespace: undefined,
        name: 'sync-secrets',
        spec: {
          rules: [
            {
              name: 'sync-image-pull-secret',
              match: { any: [{ resources: { kinds: ['Namespace'] } }] },
              exclude: { any: [{ resources: { names: ['kube-*', 'platform', 'pullpass-system'] } }] },
              generate: {
                apiVersion: 'v1',
                kind: 'Secret',
                name: 'regcred',
                namespace: '{{request.object.metadata.name}}',
                synchronize: true,
                clone: { namespace: 'platform', name: 'regcred' },
              },
            },
          ],
        },
      },
      {
        kind: 'ClusterPolicy',
        resource: 'clusterpolicies.kyverno.io',
        namespace: undefined,
        name: 'add-imagepullsecrets',
        spec: {
          rules: [
            {
              name: 'add-imagepullsecret',
              match: { any: [{ resources: { kinds: ['Pod'] } }] },
              mutate: {
                patchStrategicMerge: {
                  spec: { containers: [{ '<(image)': 'registry.example/*' }], imagePullSecrets: [{ name: 'regcred' }] },
                },
              },
            },
          ],
        },
      },
    ],
    workloads: [
      ...workload('team-a/web', { imagePullSecrets: [{ name: 'regcred' }] }, { added: true }),
      ...workload(
        'team-b/nightly',
        { imagePullSecrets: [{ name: 'mine' }, { name: 'regcred' }] },
        { kind: 'CronJob', added: true },
      ),
    ],
    pods: [pods('team-a/web', 'Deployment', 'regcred')],
  });

const titansoft = (): Seen =>
  cluster({
    namespaces: [
      ...TEAMS.map((name) => namespace(name)),
      namespace('patcher'),
      namespace('kept-out', { 'k8s.titansoft.com/imagepullsecret-patcher-exclude': 'true' }),
    ],
    secrets: [
      secret('patcher/image-pull-secret-src'),
      ...[...TEAMS, 'patcher'].map((name) =>
        secret(`${name}/image-pull-secret`, {
          annotations: { 'app.kubernetes.io/managed-by': 'imagepullsecret-patcher' },
        }),
      ),
    ],
    accounts: [...references('image-pull-secret'), account('team-a/builder', 'image-pull-secret')],
    workloads: workload('patcher/imagepullsecret-patcher', {
      containers: [
        {
          name: 'imagepullsecret-patcher',
          image: 'quay.io/titansoft/imagepullsecret-patcher:v0.14',
          env: [
            { name: 'CONFIG_FORCE', value: 'true' },
            { name: 'CONFIG_ALLSERVICEACCOUNT', value: 'true' },
            { name: 'CONFIG_DOCKERCONFIGJSONPATH', value: '/app/secrets/.dockerconfigjson' },
          ],
          volumeMounts: [{ name: 'src', mountPath: '/app/secrets' }],
        },
      ],
      volumes: [{ name: 'src', secret: { secretName: 'image-pull-secret-src' } }],
    }),
    pods: [pods('team-a/web', 'Deployment', 'image-pull-secret'), pods('team-a/run-once', 'Job', 'image-pull-secret')],
  });

const tamcore = (): Seen =>
  cluster({
    secrets: [
      secret('platform/global-imagepullsecret-source'),
      ...['platform', 'pullpass-system', ...TEAMS].map((name) =>
        secret(`${name}/global-imagepullsecret`, {
          annotations: { 'app.kubernetes.io/managed-by': 'imagepullsecret-patcher' },
          labels: { 'app.kubernetes.io/managed-by': 'imagepullsecret-patcher' },
        }),
      ),
    ],
    accounts: references('global-imagepullsecret'),
    workloads: workload('platform/imagepullsecret-patcher', {
      containers: [
        {
          name: 'imagepullsecret-patcher',
          image: 'ghcr.io/tamcore/imagepullsecret-patcher:v1.5.0',
          env: [
            { name: 'CONFIG_DOCKERCONFIGJSONPATH', value: '/secrets/.dockerconfigjson' },
            { name: 'CONFIG_SERVICEACCOUNTS', value: 'default,app-*' },
            { name: 'CONFIG_EXCLUDED_NAMESPACES', value: 'kube-*' },
          ],
          volumeMounts: [{ name: 'src', mountPath: '/secrets' }],
        },
      ],
      volumes: [{ name: 'src', secret: { secretName: 'global-imagepullsecret-source' } }],
    }),
    pods: [pods('team-a/web', 'StatefulSet', 'global-imagepullsecret')],
  });

const registryCreds = (): Seen =>
  cluster({
    secrets: [
      secret('platform/seed'),
      ...['kube-system', 'platform', 'pullpass-system', ...TEAMS].map((name) =>
        secret(`${name}/dockerhub`, { owners: [{ kind: 'ClusterPullSecret', name: 'dockerhub' }] }),
      ),
    ],
    clusterPullSecrets: [{ name: 'dockerhub', secret: { namespace: 'platform', name: 'seed' } }],
    accounts: references('dockerhub'),
    workloads: workload('registry-creds-system/registry-creds-registry-creds-controller', {
      containers: [
        {
          name: 'controller',
          image: 'ghcr.io/alexellis/registry-creds:0.3.2',
          command: ['/controller'],
          args: ['--enable-leader-election'],
        },
      ],
    }),
    pods: [pods('team-a/web', 'Deployment', 'dockerhub')],
  });

const handMade = (): Seen =>
  cluster({
    secrets: [...everywhere((team) => secret(`${team}/registry-login`)), secret('platform/registry-login')],
    accounts: references('registry-login'),
    workloads: workload('team-b/api', { imagePullSecrets: [{ name: 'registry-login' }], serviceAccountName: 'api' }),
    pods: [pods('team-a/web', 'Deployment', 'registry-login'), pods('team-b/api', 'Deployment', 'registry-login')],
  });

export const WORLDS: Readonly<Record<Tool, () => Seen>> = {
  reflector,
  replicator,
  kyverno,
  titansoft,
  tamcore,
  'registry-creds': registryCreds,
  'hand-made': handMade,
};

/** Another Secret in the place of one of the same name. */
export const changed = (seen: Seen, place: string, change: Partial<SeenSecret>): Seen => ({
  ...seen,
  secrets: seen.secrets.map((each) => (at(each) === place ? { ...each, ...change } : each)),
});
