/** Built-in admission: namespaces must exist and not be terminating; pods get defaults from their ServiceAccount. */
import { at, isObject, textAt, type KubeObject } from '../json.ts';
import { forbidden, notFound } from '../status.ts';
import type { Context } from '../serve/context.ts';

const NAMESPACES = { group: '', resource: 'namespaces' };
const IMMORTAL = ['default', 'kube-system', 'kube-public'];

export function admitCreate(context: Context, object: KubeObject): void {
  if (context.kind.namespaced) admitNamespace(context, object);
  if (context.kind.group === '' && context.kind.resource === 'pods') admitPod(context, object);
}

function admitNamespace({ cluster, kind, resource }: Context, object: KubeObject): void {
  const { namespace } = resource;
  const found = cluster.store.get('/namespaces', '', namespace);
  if (!found) throw notFound(NAMESPACES, namespace);
  if (textAt(found, 'status', 'phase') !== 'Terminating') return;
  throw forbidden(
    kind,
    object.metadata.name || object.metadata.generateName || '',
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}

/** At CREATE only, and only a pod that names no pull secret of its own gets its ServiceAccount's. */
function admitPod({ cluster, kind, resource: { namespace } }: Context, object: KubeObject): void {
  const spec = at(object, 'spec');
  if (!isObject(spec)) return;
  const name = textAt(spec, 'serviceAccountName') || 'default';
  spec['serviceAccountName'] = name;
  spec['serviceAccount'] = name;
  const account = cluster.store.get('/serviceaccounts', namespace, name);
  if (!account)
    throw forbidden(
      kind,
      object.metadata.name || object.metadata.generateName || '',
      `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`,
    );
  const own = at(spec, 'imagePullSecrets');
  const given = at(account, 'imagePullSecrets');
  if ((!Array.isArray(own) || own.length === 0) && Array.isArray(given)) spec['imagePullSecrets'] = given;
}

export function admitDelete({ kind, resource }: Context): void {
  if (kind.storage === '/namespaces' && IMMORTAL.includes(resource.name))
    throw forbidden(kind, resource.name, 'this namespace may not be deleted');
}
