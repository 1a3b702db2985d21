/** `cacheProxies[]` of the configuration: one kind per product, each with the fields that its adapter needs. */
import * as z from 'zod';
import { isImage } from '../credentials/image-reference.ts';
import { baseUrl, ca, httpUrl, jsonPointer, repository } from './addresses.ts';
import { dnsLabel, dnsSubdomain, secretKey } from './kubernetes-names.ts';
import { LISTS } from './limits.ts';
import { registryHostName, registryOfSource, zotHost } from './registry-names.ts';

const secret = z.strictObject({ namespace: dnsLabel, name: dnsSubdomain });
const object = z.strictObject({ namespace: dnsLabel.optional(), name: dnsSubdomain });
const namespaced = z.strictObject({ namespace: dnsLabel, name: dnsSubdomain });
/** The workload, if it reads the login only at its start; it is restarted by an annotation on its pod template. */
const workload = z.strictObject({
  kind: z.enum(['Deployment', 'StatefulSet', 'DaemonSet']).default('Deployment'),
  namespace: dnsLabel,
  name: dnsSubdomain,
});

/** A product's HTTP API, and the Secret with its administrator's login (kubernetes.io/basic-auth, or a key `token`). */
const api = { url: httpUrl, ca: ca.optional(), admin: z.strictObject({ secret: namespaced }) };

const seconds = z.int().min(0).max(86_400);

const shared = {
  name: dnsLabel.describe('How logs, metrics and `pullpass verify` call this cache proxy.'),
  source: dnsLabel.describe('Name of the source whose credential is forwarded.'),
  registry: registryOfSource.describe(
    'Whose credential to forward: a registry key of the source; any Docker Hub name finds the Docker Hub entry.',
  ),
  probe: z
    .strictObject({
      url: baseUrl.describe('Where pods reach the cache proxy.'),
      ca: ca.optional(),
      repository: repository.describe(
        'A private repository as the cache proxy calls it; best one from which nobody else pulls.',
      ),
      upstreamRepository: repository
        .optional()
        .describe("The repository's name at the registry; default: as the cache proxy calls it, without its prefix."),
      reference: z
        .string()
        .refine((reference) => isImage('a', reference), 'is not a tag, nor a digest such as sha256:...')
        .optional()
        .describe('A tag or digest to ask for first; default: tags that the registry lists.'),
      login: z
        .strictObject({ secret: namespaced })
        .optional()
        .describe('Where the cache proxy itself wants a login: a kubernetes.io/basic-auth Secret.'),
      push: z
        .strictObject({ secret: namespaced })
        .optional()
        .describe(
          'A login that may push to this one repository (kubernetes.io/basic-auth): a tiny new image is then pushed once a rotation.',
        ),
    })
    .optional()
    .describe('A private repository to ask for through the cache proxy. Without it, the state stays "unknown".'),
  settle: z
    .strictObject({
      mountSeconds: seconds.optional().describe('How long a kubelet takes to update a mounted Secret.'),
      lifetimeSeconds: seconds.optional().describe('How long the product keeps what it read: `proxy.exec.lifetime`.'),
      tokenSeconds: seconds
        .optional()
        .describe(
          'How long the product may go on with a token of the login before; default: as long as the registry says, else 300.',
        ),
    })
    .optional()
    .describe('After which time the product surely works with a new login. The defaults fit the kind.'),
};

export const cacheProxySchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...shared,
    kind: z
      .literal('distribution')
      .describe('Distribution (registry:2) in proxy mode: environment Secret, and a roll.'),
    secret,
    usernameKey: secretKey.default('REGISTRY_PROXY_USERNAME'),
    passwordKey: secretKey.default('REGISTRY_PROXY_PASSWORD'),
    workload: workload.optional(),
  }),
  z.strictObject({
    ...shared,
    kind: z
      .literal('distribution-helper')
      .describe('Distribution (registry:3) with a credential helper that prints a mounted file: no roll.'),
    secret: secret.describe('Several of this kind may name one Secret, each with a key of its own.'),
    key: secretKey.default('credentials.json'),
  }),
  z.strictObject({
    ...shared,
    kind: z.literal('zot').describe('zot: sync credentials file, and a roll.'),
    secret: secret.describe(
      'Several of this kind may name one Secret, with the same key and workload: the upstreams of one zot, in one file.',
    ),
    key: secretKey.default('credentials.json'),
    hosts: z
      .array(zotHost)
      .min(1)
      .max(LISTS.hosts)
      .optional()
      .describe('host[:port] of the sync URLs; default: the registry.'),
    workload: workload.optional(),
  }),
  z.strictObject({
    ...shared,
    kind: z
      .literal('template')
      .describe('Any product that reads a file: a Secret whose keys are rendered from templates.'),
    secret,
    files: z
      .record(z.string(), z.string())
      .meta({ maxProperties: LISTS.files })
      .describe(
        'Key -> template with {{registry}}, {{username}}, {{password}}, {{auth}}; each may be piped through json, base64 or yaml.',
      ),
    workload: workload.optional(),
  }),
  z.strictObject({
    ...shared,
    kind: z.literal('harbor').describe('Harbor: a registry endpoint, tried by ping before it is changed.'),
    ...api,
    endpoint: z.string().min(1).describe("Name of Harbor's registry endpoint."),
    type: z.string().min(1).default('docker-registry'),
    endpointUrl: httpUrl
      .default('https://registry-1.docker.io')
      .describe('Where the endpoint pulls from; needed for any registry but Docker Hub.'),
    project: z
      .string()
      .min(1)
      .optional()
      .describe('Proxy-cache project to create for the endpoint when there is none.'),
  }),
  z.strictObject({
    ...shared,
    kind: z.literal('nexus').describe('Nexus 3: a docker proxy repository.'),
    ...api,
    repository: z.string().min(1),
  }),
  z.strictObject({
    ...shared,
    kind: z.literal('artifactory').describe('Artifactory: a remote repository.'),
    ...api,
    repository: z.string().min(1),
  }),
  z.strictObject({
    ...shared,
    kind: z.literal('gitlab').describe('GitLab dependency proxy of a group; Docker Hub only.'),
    ...api,
    group: z.string().min(1),
  }),
  z.strictObject({
    ...shared,
    kind: z.literal('webhook').describe('Any product with an API of its own: a POST signed with HMAC-SHA256.'),
    ...api,
  }),
  z
    .strictObject({
      ...shared,
      kind: z
        .literal('kube-image-keeper')
        .describe('kube-image-keeper v2: credentialSecret of an upstream or a mirror.'),
      object: object.extend({
        kind: z.enum(['ReplicatedImageSet', 'ClusterReplicatedImageSet', 'ImageSetMirror', 'ClusterImageSetMirror']),
      }),
      host: registryHostName
        .optional()
        .describe('registry of the upstream or mirror inside the object; default: the registry.'),
      copyNamespace: dnsLabel.describe('Namespace, opted in, whose copy the object points at.'),
    })
    .superRefine(({ object: { kind, namespace }, copyNamespace }, ctx) => {
      if (kind.startsWith('Cluster')) {
        if (namespace !== undefined)
          ctx.addIssue({
            code: 'custom',
            path: ['object', 'namespace'],
            message: `must not be there: a ${kind} is cluster-scoped`,
          });
      } else if (namespace === undefined)
        ctx.addIssue({ code: 'custom', path: ['object'], message: `needs "namespace": a ${kind} is in one` });
      else if (namespace !== copyNamespace)
        ctx.addIssue({
          code: 'custom',
          path: ['copyNamespace'],
          message: `must be "${namespace}": a ${kind} reads Secrets of its own namespace only`,
        });
    }),
  z.strictObject({
    ...shared,
    kind: z.literal('kube-fledged').describe('kube-fledged: imagePullSecrets of an ImageCache, and a refresh.'),
    object: namespaced,
  }),
  z.strictObject({
    ...shared,
    kind: z.literal('image-puller').describe('kubernetes-image-puller: imagePullSecrets of a KubernetesImagePuller.'),
    object: namespaced,
  }),
  z
    .strictObject({
      ...shared,
      kind: z.literal('custom-resource').describe('Any custom resource with a field that names a pull Secret.'),
      object: object.extend({
        apiVersion: z.string().min(1),
        resource: z.string().min(1).describe('Plural name, as in the API path.'),
      }),
      path: jsonPointer,
      form: z
        .enum(['name', 'reference', 'list'])
        .default('name')
        .describe(
          'name: the name itself; reference: {name}, or {name, namespace} with copyNamespace; list: an entry {name} in a list.',
        ),
      copyNamespace: dnsLabel
        .optional()
        .describe("Namespace, opted in, whose copy the product reads; default: the object's own."),
      trigger: z
        .strictObject({ annotation: z.string().min(1) })
        .optional()
        .describe('Annotation to set when the login changed.'),
    })
    .superRefine(({ object: { namespace }, copyNamespace }, ctx) => {
      if (namespace === undefined && copyNamespace === undefined)
        ctx.addIssue({
          code: 'custom',
          path: ['copyNamespace'],
          message: 'is missing: the object has no namespace of its own, so name the one whose copy the product reads',
        });
    }),
]);

export type CacheProxyConfig = z.output<typeof cacheProxySchema>;
export type CacheProxyKind = CacheProxyConfig['kind'];
/** The configuration of one kind. */
export type ConfigOf<K extends CacheProxyKind> = Extract<CacheProxyConfig, { kind: K }>;

/** Kinds that pull on nodes or copy images, and have no endpoint through which a `probe` could ask for one. */
export const WITHOUT_ENDPOINT: ReadonlySet<string> = new Set<CacheProxyKind>([
  'kube-image-keeper',
  'kube-fledged',
  'image-puller',
]);
