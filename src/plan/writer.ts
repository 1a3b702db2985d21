/** Who else writes an object, as its managedFields, labels and annotations show it. All of it is foreign text. Pure. */
import {
  KEY_DOCKER_CONFIG_JSON,
  LABEL_MANAGED_BY,
  LABEL_SOURCE,
  LOGIN_MANAGER,
  MANAGER,
  PATCH_MANAGER,
} from '../names.ts';
import type { CopyMetadata } from '../config/copy-metadata.ts';
import { minute, quote } from '../text.ts';

interface Writer {
  readonly manager: string;
  /** `Apply` or `Update`. */
  readonly operation: string;
  /** Milliseconds since 1970; undefined: the server does not say. */
  readonly at: number | undefined;
}

/** The parts of `metadata` that are read here. */
export interface Marked {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
export interface Tracked extends Marked {
  readonly managedFields?: readonly {
    readonly manager?: string;
    readonly operation?: string;
    readonly time?: string;
    readonly fieldsV1?: unknown;
  }[];
}

/** Field managers by name: what people call them. */
const TOOLS: readonly [name: RegExp, tool: string][] = [
  [/^argocd-/, 'Argo CD'],
  [/^(?:kustomize|helm)-controller$/, 'Flux'],
  [/^helm$/i, 'Helm'],
  [/^external-?secrets/, 'External Secrets'],
  [/^vault-secrets-operator/, 'the Vault Secrets Operator'],
];

export const toolOf = (manager: string): string | undefined => TOOLS.find(([name]) => name.test(manager))?.[1];

const OURS = [MANAGER, PATCH_MANAGER, LOGIN_MANAGER];

/** A path of names, such as `['data', '.dockerconfigjson']`. */
type Field = readonly string[];

/** What Pullpass writes of a ServiceAccount, and of a copy. */
export const LIST_FIELDS: readonly Field[] = [['imagePullSecrets']];
export const COPY_FIELDS: readonly Field[] = [
  ['data', KEY_DOCKER_CONFIG_JSON],
  ['metadata', 'labels', LABEL_SOURCE],
];

/** The same with what the configuration gives copies besides. */
export const copyFields = ({ labels = {}, annotations = {} }: CopyMetadata = {}): readonly Field[] => [
  ...COPY_FIELDS,
  ...Object.keys(labels).map((key) => ['metadata', 'labels', key]),
  ...Object.keys(annotations).map((key) => ['metadata', 'annotations', key]),
];

/**
 * Who wrote one of `fields`, in words: the owner other than Pullpass of the first that has one, and the newest of several; else,
 * unless `ownersOnly`, the tool that marked the object, or the last that wrote anything of it. Undefined: the object does not
 * say. Who only removes a field leaves no trace in managedFields, and an object may not be tracked at all.
 */
export function otherWriter(
  metadata: Tracked,
  kind: string,
  fields: readonly Field[],
  { ownersOnly = false } = {},
): string | undefined {
  const others = othersOf(metadata);
  for (const field of fields) {
    const owner = others.find(({ fieldsV1 }) => owns(fieldsV1, field));
    if (owner !== undefined) return sayWriter(owner.writer);
  }
  if (ownersOnly) return undefined;
  const mark = markedBy(metadata, kind);
  if (mark !== undefined) return `perhaps ${mark}, which has its mark on the object`;
  return others[0] && `perhaps ${sayWriter(others[0].writer)}, which wrote the object last`;
}

/** The tool whose labels or annotations the object carries, with what they name; undefined: none that is known. */
export function markedBy(
  { labels = {}, annotations = {}, namespace, name: own }: Marked,
  kind: string,
): string | undefined {
  const named = (manager: string, name: string | undefined): string | undefined =>
    name === undefined ? undefined : `${manager} (${quote(name)})`;
  const has = (prefix: string): boolean =>
    Object.keys({ ...labels, ...annotations }).some((key) => key.startsWith(prefix));
  if (has('reconcile.external-secrets.io/')) return 'External Secrets';
  const tracking = annotations['argocd.argoproj.io/tracking-id'];
  // The annotation comes along when a tool copies an object; Argo CD looks at the rest of it, too.
  if (tracking?.endsWith(`/${kind}:${namespace}/${own}`)) return named('Argo CD', tracking.split(':')[0]);
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

function othersOf({ managedFields = [] }: Tracked): { readonly writer: Writer; readonly fieldsV1: unknown }[] {
  return managedFields
    .filter(({ manager = '' }) => manager !== '' && !OURS.includes(manager))
    .map(({ manager = '', operation = '', time, fieldsV1 }) => {
      const at = Date.parse(time ?? '');
      return { writer: { manager, operation, at: Number.isNaN(at) ? undefined : at }, fieldsV1 };
    })
    .sort((a, b) => (b.writer.at ?? 0) - (a.writer.at ?? 0));
}

export function owns(fields: unknown, path: Field): boolean {
  let at: unknown = fields;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, `f:${name}`)) return false;
    at = (at as Record<string, unknown>)[`f:${name}`];
  }
  return true;
}

/** `field manager "argocd-controller" (Argo CD), Apply, 2026-03-01 12:00 UTC`. */
function sayWriter({ manager, operation, at }: Writer): string {
  const tool = toolOf(manager);
  return [
    `field manager ${quote(manager)}${tool === undefined ? '' : ` (${tool})`}`,
    ...(operation === 'Apply' || operation === 'Update' ? [operation] : []),
    ...(at === undefined ? [] : [minute(at)]),
  ].join(', ');
}
