/** The custom resources of products, as the sandbox serves them: validated by their CRDs if those are found. */
import { defineKind, type Kind } from '../kube-api/index.ts';
import { objectShape } from '../kube-api/schema/metadata.ts';
import { any } from '../kube-api/schema/shape.ts';
import { problems } from './crd-schema.ts';
import { findCrd } from './crds.ts';

/** What has to be known of a CRD that is not found. */
const KINDS: Readonly<Record<string, { version: string; kind: string; namespaced: boolean }>> = {
  'clusterreplicatedimagesets.kuik.enix.io': {
    version: 'v1alpha1',
    kind: 'ClusterReplicatedImageSet',
    namespaced: false,
  },
  'imagecaches.kubefledged.io': { version: 'v1alpha2', kind: 'ImageCache', namespaced: true },
  'kubernetesimagepullers.che.eclipse.org': { version: 'v1alpha1', kind: 'KubernetesImagePuller', namespaced: true },
};

/** `name`: `imagecaches.kubefledged.io`. */
export function sandboxKind(name: string): Kind {
  const known = KINDS[name];
  if (known === undefined) throw new Error(`the sandbox does not know ${name}: add it to its kinds`);
  const [resource = '', ...group] = name.split('.');
  const schema = findCrd(name)?.spec.versions.find((version) => version.name === known.version)?.schema.openAPIV3Schema;
  return defineKind({
    ...known,
    group: group.join('.'),
    resource,
    generation: true,
    shape: objectShape(known.kind, { spec: any, status: any }),
    ...(schema !== undefined && {
      validate: (stored) =>
        problems(schema, stored).map((message) => ({ field: '', reason: 'FieldValueInvalid' as const, message })),
    }),
  });
}
