/** Values that the chart is tried with. */
import { IMAGE, NAMESPACE } from './helm.ts';

export const source = (name: string, namespace = NAMESPACE) => ({
  name,
  secret: { namespace, name },
  copyName: `${name}-copy`,
});

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
  'below another chart': { global: { a: 'b' }, enabled: true },
};
