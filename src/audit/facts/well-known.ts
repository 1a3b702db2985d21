/** What is known beforehand of some registries and products, so that an audit raises no false alarm. */

/** They serve public images: most pulls there need no credential. */
const PUBLIC = new Set([
  'docker.io',
  'registry.k8s.io',
  'k8s.gcr.io',
  'gcr.io',
  'quay.io',
  'ghcr.io',
  'public.ecr.aws',
  'mcr.microsoft.com',
  'registry.access.redhat.com',
  'docker.elastic.co',
  'lscr.io',
  'cr.fluentbit.io',
  'cr.l5d.io',
  'docker.gitea.com',
  'registry.gitlab.com',
  'xpkg.upbound.io',
  'xpkg.crossplane.io',
  'nvcr.io',
  'cgr.dev',
]);

/** Cloud registries: nodes log in there by a kubelet credential provider, which the Kubernetes API does not show. */
const BY_NODE = [
  /^\d+\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)$/,
  /(^|\.)gcr\.io$/,
  /-docker\.pkg\.dev$/,
  /\.azurecr\.(io|cn|us)$/,
];

export const isPublicRegistry = (registry: string): boolean => PUBLIC.has(registry);
export const isNodeRegistry = (registry: string): boolean =>
  BY_NODE.some((pattern) => pattern.test(registry.replace(/:\d+$/, '')));

export const KUBE_IMAGE_KEEPER = 'kube-image-keeper';

/**
 * Kinds of cache proxies that cannot serve images by digest: such pulls go past them, to the upstream.
 * kube-image-keeper: planned for version 3 (enix/kube-image-keeper#632).
 */
export const DIGEST_BLIND_KINDS: ReadonlySet<string> = new Set([KUBE_IMAGE_KEEPER]);
