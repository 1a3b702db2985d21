/**
 * Pods get the reference to a copy when they are created, whatever their ServiceAccount has by then: a MutatingAdmissionPolicy.
 * It decides as `plan/selection.ts` does, from the same configuration and annotations. What it cannot see, and why it is as it is:
 * docs/born-ready.md.
 */
import type {
  V1MutatingAdmissionPolicy,
  V1MutatingAdmissionPolicyBinding,
  V1ObjectMeta,
} from '@kubernetes/client-node';
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { ANNOTATION_SERVICE_ACCOUNTS, ANNOTATION_SOURCES, ANNOTATION_SYNC } from '../names.ts';
import { MAX_ANNOTATION, MAX_LISTED, MAX_PULL_SECRETS } from '../plan/bounds.ts';
import { expression, list, text } from './cel.ts';
import { guardOf, matches, nameGuardOf } from './guard.ts';
import type { BornReadyVersion } from './versions.ts';

/** What depends on the configuration; the chart computes the same in its template. */
export interface BornReadyParts {
  /** CEL: whether any source admits the namespace by its name. Only what is known by then may be read: no Namespace. */
  readonly admitted: string;
  /** CEL: the copies that the pod is to reference, and '' for each of the others. */
  readonly wanted: string;
}

/** `namespaces`: those that the controller is limited to; undefined: the whole cluster. */
export function bornReady(
  configuration: Configuration,
  metadata: V1ObjectMeta,
  { version, namespaces }: { version: BornReadyVersion; namespaces?: readonly string[] | undefined },
): [V1MutatingAdmissionPolicy, V1MutatingAdmissionPolicyBinding] {
  return objectsWith(partsOf(configuration, namespaces), metadata, { version, isListed: namespaces !== undefined });
}

export function partsOf({ sources }: Configuration, namespaces?: readonly string[]): BornReadyParts {
  const guards = [...new Set(sources.map((source) => nameGuardOf(source.namespaces)))];
  const admitted = guards.map((guard) => `(${guard})`).join(' ||\n');
  return {
    admitted: namespaces === undefined ? admitted : `request.namespace in ${list(namespaces)} && (${admitted})`,
    wanted: `[\n${sources.map((source) => `${conditionOf(source, sources)} ? ${text(source.copyName)} : ''`).join(',\n')}\n]`,
  };
}

function conditionOf(source: SourceConfig, sources: readonly SourceConfig[]): string {
  const { name, namespaces, optInByDefault, serviceAccounts } = source;
  const reserved = reservedIn(source, sources);
  return [
    `(${guardOf(namespaces)})`,
    ...(reserved.length > 0 ? [`!(request.namespace in ${list(reserved)})`] : []),
    optInByDefault ? '(variables.enabled || variables.silent)' : 'variables.enabled',
    `(variables.allSources || ${text(name)} in variables.sources)`,
    `(variables.ownChoice ? variables.chosen : ${matches(serviceAccounts, 'object.spec.serviceAccountName')})`,
  ].join(' && ');
}

/** Where another source is read from a Secret with the copy's name: pods there must not be pointed at it. See `planCopy`. */
function reservedIn({ copyName, secret }: SourceConfig, sources: readonly SourceConfig[]): string[] {
  if (secret.name === copyName) return [];
  return [...new Set(sources.filter((s) => s.secret.name === copyName).map((s) => s.secret.namespace))].sort();
}

export function objectsWith(
  { admitted, wanted }: BornReadyParts,
  metadata: V1ObjectMeta,
  { version, isListed }: { version: BornReadyVersion; isListed: boolean },
): [V1MutatingAdmissionPolicy, V1MutatingAdmissionPolicyBinding] {
  const apiVersion = `admissionregistration.k8s.io/${version}`;
  const variables = { ...variablesWith(isListed), wanted, names: NAMES, missing: MISSING };
  return [
    {
      apiVersion,
      kind: 'MutatingAdmissionPolicy',
      metadata,
      spec: {
        // Whatever is wrong with it, pods are created, and get their references from the ServiceAccount as without it.
        failurePolicy: 'Ignore',
        // Adding is idempotent, and a webhook may replace the list, or the account.
        reinvocationPolicy: 'IfNeeded',
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        },
        matchConditions: [
          { name: 'namespace', expression: expression(admitted) },
          { name: 'pod', expression: POD },
          { name: 'list', expression: `object.spec.?imagePullSecrets.orValue([]).size() <= ${MAX_PULL_SECRETS}` },
        ],
        variables: Object.entries(variables).map(([name, cel]) => ({ name, expression: expression(cel) })),
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: PATCH } }],
      },
    },
    { apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata, spec: { policyName: metadata.name ?? '' } },
  ];
}

/** A mirror of a static pod may name no Secret: with one, the API server refuses it. */
const POD =
  "object.spec.?serviceAccountName.orValue('') != '' && !('kubernetes.io/config.mirror' in object.metadata.?annotations.orValue({}))";

/** Of a namespace that is listed nothing is read: that it is listed says the same as its annotation would. */
const variablesWith = (isListed: boolean): Record<string, string> => ({
  annotations: isListed ? `{${text(ANNOTATION_SYNC)}: 'enabled'}` : 'namespaceObject.metadata.?annotations.orValue({})',
  enabled: `variables.annotations[?${text(ANNOTATION_SYNC)}].orValue('') == 'enabled'`,
  silent: `!(${text(ANNOTATION_SYNC)} in variables.annotations)`,
  allSources: `!(${text(ANNOTATION_SOURCES)} in variables.annotations)`,
  ...listVariables('sources', ANNOTATION_SOURCES),
  ownChoice: `${text(ANNOTATION_SERVICE_ACCOUNTS)} in variables.annotations`,
  ...listVariables('accounts', ANNOTATION_SERVICE_ACCOUNTS),
  taken: "variables.accounts.filter(part, !part.startsWith('!'))",
  left: "variables.accounts.filter(part, part.startsWith('!')).map(part, part.substring(1))",
  chosen:
    `(variables.taken == [] && variables.left != [] || ${matchesOne('variables.taken')}) &&\n` +
    `!${matchesOne('variables.left')}`,
});

/**
 * The parts of a list that a tenant wrote, as `splitList` gives them: what JavaScript trims and Go does not, and the other way
 * round, is made the same first. The controller takes the beginning of a list that is too long, and says so; here it is empty,
 * and the rest is not even split: the tenant would decide what each pod costs the API server.
 */
function listVariables(name: string, annotation: string): Record<string, string> {
  const value = `variables.annotations[?${text(annotation)}].orValue('')`;
  return {
    [`${name}Split`]:
      `bytes(${value}).size() > ${MAX_ANNOTATION} ? [] :\n` +
      `${value}.replace('\\ufeff', ' ').replace('\\u0085', '?!').split(',', ${MAX_LISTED + 1})`,
    [name]: `variables.${name}Split.size() > ${MAX_LISTED} ? [] : variables.${name}Split.map(part, part.trim()).filter(part, part != '')`,
  };
}

/** As `matchNames`, for globs that are known only now. What has other characters than names and globs matches no name. */
const matchesOne = (globs: string): string =>
  `object.spec.serviceAccountName.matches('^(?:' + ${globs}.filter(part, part.matches('^[-a-z0-9.*?]+$'))` +
  `.map(part, part.replace('.', '[.]').replace('*', '.*').replace('?', '.')).join('|') + ')$')`;

const NAMES = "object.spec.?imagePullSecrets.orValue([]).map(entry, entry.?name.orValue(''))";
const MISSING = "variables.wanted.filter(name, name != '' && !(name in variables.names))";

const PATCH = `\
(variables.missing == [] || has(object.spec.imagePullSecrets) ? [] :
[JSONPatch{op: 'add', path: '/spec/imagePullSecrets', value: []}]) +
variables.missing.map(name, JSONPatch{op: 'add', path: '/spec/imagePullSecrets/-', value: {'name': name}})`;
