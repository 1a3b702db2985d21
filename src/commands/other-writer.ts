/** Who else writes a Secret: a manager would undo what is written to it, and the login belongs to where the manager takes it from. Pure. */
import type { V1Secret } from '@kubernetes/client-node';
import { LABEL_MANAGED_BY, LOGIN_MANAGER } from '../names.ts';
import { quote } from '../text.ts';

type Marks = Readonly<Record<string, string>>;

/** Owners by kind. */
const OWNERS: readonly [kind: RegExp, manager: string][] = [
  [/ExternalSecret$/, 'External Secrets'],
  [/^SealedSecret$/, 'Sealed Secrets'],
  [/^Vault(?:Static|Dynamic|PKI)Secret$/, 'the Vault Secrets Operator'],
  [/^VaultSecret$/, 'a Vault operator'],
  [/^SecretProviderClass/, 'the Secrets Store CSI driver'],
];

/** Field managers by name: what they are called by people. */
const FIELD_MANAGERS: readonly [name: RegExp, manager: string][] = [
  [/^argocd-/, 'Argo CD'],
  [/^(?:kustomize|helm)-controller$/, 'Flux'],
  [/^helm$/i, 'Helm'],
  [/^external-?secrets/, 'External Secrets'],
];

/**
 * Field managers of tools that a person or script drives. `before-first-apply` marks fields of unknown origin; browsers (consoles)
 * are "Mozilla".
 */
const PEOPLE = /^(?:kubectl|kubectl-.*|oc|k9s|Mozilla|curl|before-first-apply)$/;

/** What the manager is called, and its object if it is known; undefined: only people write it. `dataKey`: of the Docker config. */
export function otherWriter({ metadata = {} }: Pick<V1Secret, 'metadata'>, dataKey: string): string | undefined {
  const { labels = {}, annotations = {}, ownerReferences = [] } = metadata;
  const owners = ownerReferences.map(({ kind, name, controller }) => ({
    text: `${kind} ${quote(name)}`,
    manager: OWNERS.find(([pattern]) => pattern.test(kind))?.[1],
    controller,
  }));
  for (const { manager, text } of owners) if (manager !== undefined) return `${manager} (${text})`;
  const marked = byMarks(labels, annotations, `${metadata.namespace}/${metadata.name}`);
  if (marked !== undefined) return marked;
  const controller = owners.find((owner) => owner.controller === true);
  if (controller !== undefined) return `its owner, ${controller.text}`;
  return byField(metadata, dataKey);
}

function byMarks(labels: Marks, annotations: Marks, object: string): string | undefined {
  const named = (manager: string, name: string | undefined): string | undefined =>
    name === undefined ? undefined : `${manager} (${quote(name)})`;
  const has = (prefix: string): boolean =>
    Object.keys({ ...labels, ...annotations }).some((key) => key.startsWith(prefix));
  if (has('reconcile.external-secrets.io/')) return 'External Secrets';
  const tracking = annotations['argocd.argoproj.io/tracking-id'];
  // The annotation comes along when a tool copies an object; Argo CD looks at the rest of it, too.
  if (tracking?.endsWith(`/Secret:${object}`)) return named('Argo CD', tracking.split(':')[0]);
  if (labels['argocd.argoproj.io/instance'] !== undefined)
    return named('Argo CD', labels['argocd.argoproj.io/instance']);
  const flux = labels['kustomize.toolkit.fluxcd.io/name'] ?? labels['helm.toolkit.fluxcd.io/name'];
  if (flux !== undefined) return named('Flux', flux);
  if (
    annotations['sealedsecrets.bitnami.com/managed'] === 'true' ||
    annotations['sealedsecrets.bitnami.com/patch'] === 'true'
  )
    return 'Sealed Secrets';
  if (labels['secrets-store.csi.k8s.io/managed'] === 'true') return 'the Secrets Store CSI driver';
  if (has('secrets.hashicorp.com/')) return 'the Vault Secrets Operator';
  if (labels[LABEL_MANAGED_BY] === 'Helm')
    return named('Helm', annotations['meta.helm.sh/release-name'] ?? 'a release');
  for (const [mark, tool] of [
    ['reflector.v1.k8s.emberstack.com/reflects', 'Reflector'],
    ['replicator.v1.mittwald.de/replicate-from', 'kubernetes-replicator'],
  ] as const)
    if (annotations[mark] !== undefined) return named(tool, annotations[mark]);
  return undefined;
}

/** Only who owns the value itself counts: another writer loses it with the next write of a person. */
function byField({ managedFields = [] }: NonNullable<V1Secret['metadata']>, dataKey: string): string | undefined {
  const owner = managedFields.find(
    ({ manager = '', fieldsV1 }) => !PEOPLE.test(manager) && manager !== LOGIN_MANAGER && ownsValue(fieldsV1, dataKey),
  );
  if (owner === undefined) return undefined;
  const { manager = '' } = owner;
  return FIELD_MANAGERS.find(([pattern]) => pattern.test(manager))?.[1] ?? `the field manager ${quote(manager)}`;
}

function ownsValue(fields: unknown, dataKey: string): boolean {
  const data =
    typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>)['f:data'] : undefined;
  return typeof data === 'object' && data !== null && Object.hasOwn(data, `f:${dataKey}`);
}
