/** Which Secrets the controller may write: copies where a guard admits them, the logins of cache proxies, and its state. */
import type { Configuration } from '../config/schema.ts';
import { sharersOf } from '../config/shared-secrets.ts';
import {
  ANNOTATION_ADOPT,
  KEY_DOCKER_CONFIG_JSON,
  LABEL_CACHE_PROXY,
  LABEL_INSTANCE,
  LABEL_MANAGED_BY,
  LABEL_ROLE,
  LABEL_SOURCE,
  MANAGER,
  OUR_PREFIX,
  STATE_NAME,
  TYPE_DOCKER_CONFIG_JSON,
} from '../names.ts';
import { TYPE_OPAQUE } from '../proxies/rendered-secret.ts';
import { all, any, list, map, sameBut, sameObject, text } from './cel.ts';
import { copiesAdmitted } from './guard.ts';
import type { Policy } from './policy.ts';

const MARKS = list([LABEL_SOURCE, LABEL_CACHE_PROXY, LABEL_ROLE]);

/** `namespace`: the controller's. */
export function secretsPolicy(configuration: Configuration, namespace: string): Policy {
  const { sources, retiredCopyNames } = configuration;
  return {
    name: 'secrets',
    judges: [{ apiGroup: '', apiVersion: 'v1', resources: ['secrets'], operations: ['CREATE', 'UPDATE', 'DELETE'] }],
    variables: {
      deletes: "request.operation == 'DELETE'",
      after: 'variables.deletes ? oldObject : object',
      before: "request.operation == 'CREATE' ? {} : oldObject",
      labels: 'variables.after.metadata.?labels.orValue({})',
      labelsBefore: 'variables.before.?metadata.?labels.orValue({})',
      annotations: 'variables.after.metadata.?annotations.orValue({})',
      annotationsBefore: 'variables.before.?metadata.?annotations.orValue({})',
      marks: `${MARKS}.filter(label, label in variables.labels)`,
      marksBefore: `${MARKS}.filter(label, label in variables.labelsBefore)`,
      name: 'variables.after.metadata.name',
      path: "request.namespace + '/' + variables.name",
      here: copiesAdmitted(configuration),
      // Name of a copy, or path of the Secret of a cache proxy -> the value of its label.
      copies: map(sources.map(({ name, copyName }) => [copyName, text(name)])),
      logins: map(renderedSecrets(configuration)),
      kind: [
        "variables.path in variables.logins ? 'login'",
        `variables.path == ${text(`${namespace}/${STATE_NAME}`)} ? 'state'`,
        "variables.name in variables.copies ? 'copy'",
        `variables.name in ${list(retiredCopyNames)} ? 'retired' : 'foreign'`,
      ].join(' :\n'),
      // Keys with their values that each copy is given besides.
      copyLabels: ofCopy(sources, 'labels'),
      copyAnnotations: ofCopy(sources, 'annotations'),
      managed: 'variables.before.?metadata.?managedFields.orValue([])',
      mark: [
        `variables.kind == 'login' ? ${text(LABEL_CACHE_PROXY)}`,
        `variables.kind == 'state' ? ${text(LABEL_ROLE)} : ${text(LABEL_SOURCE)}`,
      ].join(' :\n'),
      value: [
        "variables.kind == 'copy' ? variables.copies[variables.name]",
        "variables.kind == 'login' ? variables.logins[variables.path] : 'state'",
      ].join(' :\n'),
    },
    only: {
      'writes no Secret but its copies, those of its cache proxies and its state': "variables.kind != 'foreign'",
      'writes no Secret that a source is read from': `!(variables.path in ${list(readSecrets(configuration))})`,
      'writes a copy only in namespaces that the guard of its source admits':
        "variables.kind != 'copy' || variables.deletes || variables.name in variables.here",
      'only deletes copies with a retired name': "variables.kind != 'retired' || variables.deletes",
      'does not delete its state': "variables.kind != 'state' || !variables.deletes",
      // The first version wrote its state without a label.
      'changes only Secrets with its own label or with the annotation that lets it adopt them, and deletes only the former':
        any(
          "request.operation == 'CREATE'",
          all('variables.marksBefore == [variables.mark]', isOfInstance('variables.labelsBefore', namespace)),
          all(
            '!variables.deletes',
            'variables.marksBefore == []',
            any(
              "variables.kind == 'state'",
              `variables.before.metadata.?annotations[?${text(ANNOTATION_ADOPT)}].orValue('') == 'true'`,
            ),
          ),
        ),
      'writes Secrets only with its own labels and type': any(
        'variables.deletes',
        all(
          'variables.marks == [variables.mark]',
          'variables.labels[variables.mark] == variables.value',
          isOfInstance('variables.labels', namespace),
          `variables.labels[?${text(LABEL_MANAGED_BY)}].orValue('') == ${text(MANAGER)}`,
          `object.type == (variables.kind == 'copy' ? ${text(TYPE_DOCKER_CONFIG_JSON)} : ${text(TYPE_OPAQUE)})`,
        ),
      ),
      'leaves all else of a Secret as it is: other labels and data, annotations, owners, finalizers': any(
        'variables.deletes',
        all(
          sameObject('variables.after', 'variables.before', [
            ...['apiVersion', 'kind', 'type', 'data'].map((field) => [field]),
            ...['name', 'namespace', 'uid', 'creationTimestamp', 'labels', 'annotations'].map((field) => [
              'metadata',
              field,
            ]),
          ]),
          ...keeps('labels', isOurs('key')),
          ...keeps('annotations', 'false'),
          any(
            "variables.kind != 'copy'",
            sameBut('variables.after.?data', 'variables.before.?data', [[KEY_DOCKER_CONFIG_JSON]]),
          ),
        ),
      ),
    },
  };
}

/** CEL for what the configuration gives the copy that is written; of other Secrets nothing. */
function ofCopy(sources: Configuration['sources'], of: 'labels' | 'annotations'): string {
  const given = sources.flatMap(({ copyName, copyMetadata }): [string, string][] => {
    const entries = Object.entries(copyMetadata?.[of] ?? {});
    // JSON's way to write a text is one of CEL's: a value may have line breaks.
    return entries.length === 0 ? [] : [[copyName, map(entries.map(([key, value]) => [key, JSON.stringify(value)]))]];
  });
  return `variables.kind == 'copy' ? ${map(given)}[?variables.name].orValue({}) : {}`;
}

/**
 * Labels or annotations stay as they are, but those that `isOurs`, an expression with `key`, and those that the configuration
 * gives copies. What it gives no longer may go: the server's record says that Pullpass, and nobody else, had applied it.
 */
function keeps(of: 'labels' | 'annotations', isOurs: string): string[] {
  const [now, before] = [`variables.${of}`, `variables.${of}Before`];
  const given = `variables.copy${of === 'labels' ? 'Labels' : 'Annotations'}`;
  const same = (map: string): string => `(key in ${map} && ${map}[key] == ${now}[key])`;
  const holds = `('f:' + key) in each.?fieldsV1[?'f:metadata'][?'f:${of}'].orValue({})`;
  const holder = "each.?manager.orValue('') + '/' + each.?operation.orValue('')";
  const wasOurs = `variables.managed.filter(each, ${holds}).map(each, ${holder}) == [${text(`${MANAGER}/Apply`)}]`;
  return [
    `${now}.all(key, ${isOurs} || ${same(before)} || ${same(given)})`,
    `${before}.all(key, ${isOurs} || key in ${now} || (variables.kind == 'copy' && ${wasOurs}))`,
  ];
}

/** Whether the labels name no other installation. */
const isOfInstance = (labels: string, namespace: string): string =>
  `${labels}[?${text(LABEL_INSTANCE)}].orValue(${text(namespace)}) == ${text(namespace)}`;

/** Whether a label is for Pullpass to write. */
const isOurs = (label: string): string =>
  `${label}.startsWith(${text(OUR_PREFIX)}) || ${label} == ${text(LABEL_MANAGED_BY)}`;

/** Path -> name of the cache proxy; of several with one Secret, the first. */
function renderedSecrets({ cacheProxies }: Configuration): [path: string, proxy: string][] {
  return cacheProxies.flatMap((proxy): [string, string][] =>
    'secret' in proxy && sharersOf(cacheProxies, proxy)[0] === proxy
      ? [[`${proxy.secret.namespace}/${proxy.secret.name}`, text(proxy.name)]]
      : [],
  );
}

/** Paths of the Secrets that sources and logins of aliases are read from. */
function readSecrets({ sources }: Configuration): string[] {
  const paths = sources.flatMap(({ secret: { namespace, name }, aliases }) => [
    `${namespace}/${name}`,
    ...aliases.flatMap((alias) => ('login' in alias ? [`${namespace}/${alias.login.secret}`] : [])),
  ]);
  return [...new Set(paths)].sort();
}
