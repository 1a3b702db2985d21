/** Values that the chart is tried with. */
import { IMAGE, NAMESPACE } from './helm.ts';

export const source = (name: string, namespace = NAMESPACE) => ({
  name,
  secret: { namespace, name },
  copyName: `${name}-copy`,
});

/** The first is the one of manifests/components/provider. */
export const PROVIDERS = [
  {
    name: 'ecr',
    secret: { name: 'ecr-login' },
    ask: {
      plugin: 'ecr-credential-provider',
      image: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/any',
      env: [
        { name: 'AWS_ROLE_ARN' },
        { name: 'AWS_WEB_IDENTITY_TOKEN_FILE' },
        { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI' },
        { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE' },
        { name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' },
      ],
    },
    plugins: {
      image: {
        reference: 'registry.example.com/plugins/ecr-credential-provider:v1.37.1',
        pullPolicy: 'IfNotPresent',
      },
    },
    serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/ecr-pull' } },
  },
  {
    name: 'other',
    secret: { namespace: 'secrets', name: 'other-login' },
    ask: { helper: 'docker-credential-ecr-login', registries: ['r.example.com'], refreshEvery: '4h' },
    plugins: { emptyDir: {} },
    initContainers: [
      { name: 'plugins', image: 'r.example.com/p', volumeMounts: [{ name: 'plugins', mountPath: '/p' }] },
    ],
    serviceAccount: { create: false, name: 'theirs' },
    env: [{ name: 'HOME', value: '/work' }],
    volumes: [{ name: 'work', emptyDir: {} }],
    volumeMounts: [{ name: 'work', mountPath: '/work' }],
    resources: { limits: { memory: '1Gi' } },
    podAnnotations: { a: 'b' },
    podLabels: { c: 'd' },
    port: 9090,
  },
] as const;

/** Each is rendered, and its objects are checked, also by a real API server. */
export const MATRIX: Record<string, object> = {
  'the defaults': {},
  'one replica': { replicas: 1 },
  'all monitoring': {
    monitoring: {
      service: { enabled: true, annotations: { a: 'b' } },
      serviceMonitor: {
        enabled: true,
        labels: { release: 'prometheus' },
        relabelings: [{ action: 'labeldrop', regex: 'x' }],
      },
      prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
      dashboard: { enabled: true, annotations: { grafana_folder: 'Platform' } },
    },
  },
  'a pod with everything': {
    image: { ...IMAGE, tag: 'v9', digest: `sha256:${'a'.repeat(64)}`, pullPolicy: 'Always' },
    imagePullSecrets: [{ name: 'mine' }],
    logLevel: 'debug',
    port: 9090,
    extraArgs: ['--concurrency=64'],
    extraEnv: [{ name: 'A', value: 'b' }],
    extraVolumes: [{ name: 'v', emptyDir: {} }],
    extraVolumeMounts: [{ name: 'v', mountPath: '/v' }],
    report: { secure: true },
    egressProxy: { existingSecret: 'egress' },
    extraCaCertificates: { configMap: 'ca', key: 'bundle.pem' },
    hostNetwork: true,
    podAnnotations: { a: 'b' },
    podLabels: { c: 'd' },
    priorityClassName: 'system-cluster-critical',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ operator: 'Exists' }],
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    topologySpreadConstraints: [],
    podDisruptionBudget: { maxUnavailable: '50%' },
    uninstall: { prune: true },
  },
  OpenShift: { podSecurityContext: { runAsUser: null, runAsGroup: null } },
  'an account of its own': { serviceAccount: { name: 'mine', annotations: { a: 'b' } } },
  'no account and no rights': { serviceAccount: { create: false, name: 'theirs' }, rbac: { create: false } },
  'Argo CD': {
    argocd: { syncWaves: true },
    commonLabels: { team: 'platform' },
    commonAnnotations: { a: 'b' },
    uninstall: { prune: true },
  },
  'extra objects': {
    extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine' }, data: { a: '{{ b }}' } }],
  },
  providers: { providers: [PROVIDERS[0], { ...PROVIDERS[1], secret: { name: 'other-login' } }] },
  'a list of namespaces': { namespaces: ['default', 'kube-public'], uninstall: { prune: true } },
  'below another chart': { global: { a: 'b' }, enabled: true },
};
