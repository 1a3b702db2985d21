/** What the values of the chart may be. The part `config` is the program's own schema of a configuration. */
import { z } from 'zod';
import { BORN_READY_VERSIONS } from '../src/admission/versions.ts';
import { configurationJsonSchema, providerJsonSchema } from '../src/commands/schema.ts';
import { MAX_NAMESPACES } from '../src/config/namespace-list.ts';
import { LOG_LEVELS } from '../src/log.ts';

/** Every key is optional: a user may set one to null, which removes it before Helm checks the values. */
const section = <T extends z.core.$ZodLooseShape>(shape: T) => z.strictObject(shape).partial();
/** Kubernetes' own objects are checked by the API server. */
const object = z.record(z.string(), z.unknown());
const objects = z.array(object);
const words = z.record(z.string(), z.string());
const name = z.string();
const port = z.int().min(1).max(65_535);
const ports = z.array(port);

/** One of `providers`. Of its document, `ask` and `secret` are the program's own schema. */
const provider = z.strictObject({
  name: z
    .string()
    .max(40)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .describe('In the names of its objects.'),
  secret: object.describe('The `secret` of a source. Default of its namespace: that of the release.'),
  ask: object.describe('Which program is asked: docs/provider.md.'),
  ...section({
    plugins: object.describe(
      'The volume that has the program: an image, or an emptyDir that initContainers fill. Unset: the program is in the image.',
    ),
    initContainers: objects,
    serviceAccount: section({ create: z.boolean(), name, annotations: words }),
    env: objects,
    volumes: objects,
    volumeMounts: objects,
    resources: object,
    podAnnotations: words,
    podLabels: words,
    port,
  }).shape,
});

export const valuesSchema = section({
  config: object.describe('The configuration of Pullpass: docs/configuration.md.'),
  namespaces: z
    .array(z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/))
    .max(MAX_NAMESPACES)
    .describe('The only ones in which Pullpass acts, with Roles instead of a ClusterRole: docs/namespaces.md.'),
  providers: z.array(provider).describe('Each renews one source: docs/provider.md.'),
  image: section({
    repository: z.string().min(1),
    tag: z.string().describe('Default: the appVersion of the chart.'),
    digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/),
    pullPolicy: z.enum(['', 'Always', 'IfNotPresent', 'Never']),
  }),
  imagePullSecrets: z.array(section({ name })),
  replicas: z.int().min(0),
  logLevel: z.enum(LOG_LEVELS),
  port,
  extraArgs: z.array(z.string()),
  extraEnv: objects,
  extraVolumes: objects,
  extraVolumeMounts: objects,
  report: section({ secure: z.boolean().describe('The page /report only for whom Kubernetes lets get that path.') }),
  egressProxy: section({ existingSecret: name }),
  extraCaCertificates: section({ configMap: name, key: z.string().min(1) }),
  serviceAccount: section({ create: z.boolean(), name, annotations: words }),
  rbac: section({ create: z.boolean() }),
  bornReady: section({
    enabled: z.boolean().describe('A MutatingAdmissionPolicy: docs/born-ready.md.'),
    version: z.enum(BORN_READY_VERSIONS),
  }),
  networkPolicy: section({
    enabled: z.boolean(),
    ports,
    apiServerPorts: ports,
    dnsPorts: ports,
    egress: objects,
    ingressFrom: objects,
  }),
  podDisruptionBudget: section({
    enabled: z.boolean(),
    minAvailable: z.union([z.int(), z.string()]),
    maxUnavailable: z.union([z.int(), z.string()]),
  }),
  resources: object,
  podSecurityContext: object,
  securityContext: object,
  hostNetwork: z.boolean(),
  dnsPolicy: z.enum(['', 'ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']),
  podAnnotations: words,
  podLabels: words,
  priorityClassName: name,
  nodeSelector: words,
  tolerations: objects,
  affinity: object,
  topologySpreadConstraints: objects,
  monitoring: section({
    service: section({ enabled: z.boolean(), annotations: words }),
    serviceMonitor: section({
      enabled: z.boolean(),
      labels: words,
      interval: z.string(),
      scrapeTimeout: z.string(),
      relabelings: objects,
      metricRelabelings: objects,
    }),
    prometheusRule: section({ enabled: z.boolean(), labels: words }),
    dashboard: section({ enabled: z.boolean(), labels: words, annotations: words }),
  }),
  uninstall: section({ prune: z.boolean(), timeoutSeconds: z.int().min(30) }),
  argocd: section({ syncWaves: z.boolean() }),
  commonLabels: words,
  commonAnnotations: words,
  extraObjects: objects,
  global: object.describe('Helm gives it to every chart below another one.'),
  enabled: z.boolean().describe('For the condition of a chart that has this one below it.'),
}).describe('Values of the Pullpass chart.');

/** As Helm reads it: Go's regular expressions look neither ahead nor back. */
export function valuesJsonSchema(): object {
  const { $schema, $id: _, ...config } = configurationJsonSchema();
  const schema = z.toJSONSchema(valuesSchema, { target: 'draft-7' }) as { properties: Record<string, unknown> };
  schema.properties['config'] = {
    ...config,
    // The chart adds apiVersion and kind; a user who pastes a whole file may keep them.
    required: (config['required'] as string[]).filter((key) => key !== 'apiVersion' && key !== 'kind'),
  };
  const ofProvider = providerJsonSchema()['properties'] as { ask: object; secret: { required: string[] } };
  const { items } = schema.properties['providers'] as { items: { properties: object } };
  Object.assign(items.properties, { ask: ofProvider.ask, secret: { ...ofProvider.secret, required: ['name'] } });
  const text = JSON.stringify({ $schema, ...schema }, (key, value: unknown) =>
    key === 'pattern' && typeof value === 'string' ? forGo(value) : value,
  );
  return JSON.parse(text) as object;
}

/** Go's regular expressions look neither ahead nor back, know no `\\0`, and repeat a thousand times at most. */
const forGo = (pattern: string): string =>
  pattern
    .replaceAll(/\(\?<?[=!][^()]*\)/g, '')
    .replaceAll('\\0', '\\x00')
    .replaceAll(/\{1,1\d{3}\}/g, '+');
