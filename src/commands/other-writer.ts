/** Who else writes a Secret: a manager would undo what is written to it, and the login belongs to where the manager takes it from. Pure. */
import type { V1Secret } from '@kubernetes/client-node';
import { LOGIN_MANAGER, PROVIDER_MANAGER } from '../names.ts';
import { markedBy, toolOf } from '../plan/writer.ts';
import { quote } from '../text.ts';

/** Owners by kind. */
const OWNERS: readonly [kind: RegExp, manager: string][] = [
  [/ExternalSecret$/, 'External Secrets'],
  [/^SealedSecret$/, 'Sealed Secrets'],
  [/^Vault(?:Static|Dynamic|PKI)Secret$/, 'the Vault Secrets Operator'],
  [/^VaultSecret$/, 'a Vault operator'],
  [/^SecretProviderClass/, 'the Secrets Store CSI driver'],
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
  const marked = markedBy({ labels, annotations, namespace: metadata.namespace, name: metadata.name }, 'Secret');
  if (marked !== undefined) return marked;
  const controller = owners.find((owner) => owner.controller === true);
  if (controller !== undefined) return `its owner, ${controller.text}`;
  return byField(metadata, dataKey);
}

/** Only who owns the value itself counts: another writer loses it with the next write of a person. */
function byField({ managedFields = [] }: NonNullable<V1Secret['metadata']>, dataKey: string): string | undefined {
  const owner = managedFields.find(
    ({ manager = '', fieldsV1 }) => !PEOPLE.test(manager) && manager !== LOGIN_MANAGER && ownsValue(fieldsV1, dataKey),
  );
  if (owner === undefined) return undefined;
  const { manager = '' } = owner;
  if (manager === PROVIDER_MANAGER) return 'pullpass provider';
  return toolOf(manager) ?? `the field manager ${quote(manager)}`;
}

function ownsValue(fields: unknown, dataKey: string): boolean {
  const data =
    typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>)['f:data'] : undefined;
  return typeof data === 'object' && data !== null && Object.hasOwn(data, `f:${dataKey}`);
}
