/** RBAC objects: stored here, and read by the authorizer. */
import { at, isObject, textAt, type KubeObject } from '../json.ts';
import { objectShape } from '../schema/metadata.ts';
import { always, atomicList, string, stringList, struct, type Field, type Shape } from '../schema/shape.ts';
import { IMMUTABLE, invalid, notSupported, required, type FieldError } from '../validation/field-error.ts';
import { pathSegment } from '../validation/names.ts';
import { bindingColumns, bindingWideColumns } from './columns.ts';
import { defineKind } from './kind.ts';

const group = 'rbac.authorization.k8s.io';
const version = 'v1';

const policyRule = struct('PolicyRule', {
  verbs: always(stringList),
  apiGroups: stringList,
  resources: stringList,
  resourceNames: stringList,
  nonResourceURLs: stringList,
});
const subject = struct(
  'Subject',
  { kind: always(string), apiGroup: string, name: always(string), namespace: string },
  { atomic: true },
);
const roleRef = struct(
  'RoleRef',
  { apiGroup: always(string), kind: always(string), name: always(string) },
  { atomic: true },
);
const aggregationRule = struct('AggregationRule', { clusterRoleSelectors: atomicList({ type: 'any' }) });

const roleFields: { [name: string]: Field | Shape } = { rules: always(atomicList(policyRule)) };
const bindingFields: { [name: string]: Field | Shape } = { subjects: atomicList(subject), roleRef: always(roleRef) };

function validateRules(object: KubeObject): FieldError[] {
  const rules = at(object, 'rules');
  if (!Array.isArray(rules)) return [];
  const length = (rule: (typeof rules)[number], field: string): number => {
    const list = at(rule, field);
    return Array.isArray(list) ? list.length : 0;
  };
  return rules.flatMap((rule, index) => {
    const path = `rules[${index}]`;
    const errors: FieldError[] = [];
    if (length(rule, 'verbs') === 0) errors.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
    if (length(rule, 'nonResourceURLs') > 0) return errors;
    if (length(rule, 'apiGroups') === 0)
      errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
    if (length(rule, 'resources') === 0)
      errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
    return errors;
  });
}

/** Subjects may leave out what their kind implies. */
function defaultBinding(object: KubeObject): void {
  const reference = at(object, 'roleRef');
  if (isObject(reference) && textAt(reference, 'apiGroup') === '')
    object['roleRef'] = { ...reference, apiGroup: group };
  const subjects = at(object, 'subjects');
  if (!Array.isArray(subjects)) return;
  object['subjects'] = subjects.map((item) =>
    isObject(item) && item['apiGroup'] === undefined && item['kind'] !== 'ServiceAccount'
      ? { kind: item['kind'], apiGroup: group, ...item }
      : item,
  );
}

function validateBinding(namespaced: boolean): (object: KubeObject) => FieldError[] {
  return (object) => {
    const errors: FieldError[] = [];
    const kinds = namespaced ? ['ClusterRole', 'Role'] : ['ClusterRole'];
    if (textAt(object, 'roleRef', 'apiGroup') !== group)
      errors.push(notSupported('roleRef.apiGroup', textAt(object, 'roleRef', 'apiGroup'), [group]));
    if (!kinds.includes(textAt(object, 'roleRef', 'kind')))
      errors.push(notSupported('roleRef.kind', textAt(object, 'roleRef', 'kind'), kinds));
    if (textAt(object, 'roleRef', 'name') === '') errors.push(required('roleRef.name'));
    const subjects = at(object, 'subjects');
    for (const [index, item] of (Array.isArray(subjects) ? subjects : []).entries()) {
      const path = `subjects[${index}]`;
      if (textAt(item, 'name') === '') errors.push(required(`${path}.name`));
      const kind = textAt(item, 'kind');
      if (kind === 'ServiceAccount') {
        if (textAt(item, 'namespace') === '' && !namespaced) errors.push(required(`${path}.namespace`));
      } else if (kind !== 'User' && kind !== 'Group')
        errors.push(notSupported(`${path}.kind`, kind, ['Group', 'ServiceAccount', 'User']));
    }
    return errors;
  };
}

function validateBindingUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const now = JSON.stringify(at(object, 'roleRef'));
  if (now === JSON.stringify(at(old, 'roleRef'))) return [];
  return [{ ...invalid('roleRef', null, IMMUTABLE), message: `Invalid value: ${now}: cannot change roleRef` }];
}

const nameColumn = {
  name: 'Name',
  type: 'string' as const,
  format: 'name',
  cell: (object: KubeObject) => object.metadata.name,
};
const roleColumn = {
  name: 'Created At',
  type: 'date' as const,
  cell: (object: KubeObject) => object.metadata.creationTimestamp ?? '',
};

export const clusterRole = defineKind({
  group,
  version,
  kind: 'ClusterRole',
  resource: 'clusterroles',
  namespaced: false,
  nameRule: pathSegment,
  createOnUpdate: true,
  shape: objectShape('ClusterRole', { ...roleFields, aggregationRule }),
  validate: validateRules,
  columns: [nameColumn, roleColumn],
  onlyColumns: true,
});

export const role = defineKind({
  group,
  version,
  kind: 'Role',
  resource: 'roles',
  nameRule: pathSegment,
  createOnUpdate: true,
  shape: objectShape('Role', roleFields),
  validate: validateRules,
  columns: [nameColumn, roleColumn],
  onlyColumns: true,
});

export const clusterRoleBinding = defineKind({
  group,
  version,
  kind: 'ClusterRoleBinding',
  resource: 'clusterrolebindings',
  namespaced: false,
  nameRule: pathSegment,
  createOnUpdate: true,
  shape: objectShape('ClusterRoleBinding', bindingFields),
  defaults: defaultBinding,
  validate: validateBinding(false),
  validateUpdate: validateBindingUpdate,
  columns: bindingColumns,
  wideColumns: bindingWideColumns,
});

export const roleBinding = defineKind({
  group,
  version,
  kind: 'RoleBinding',
  resource: 'rolebindings',
  nameRule: pathSegment,
  createOnUpdate: true,
  shape: objectShape('RoleBinding', bindingFields),
  defaults: defaultBinding,
  validate: validateBinding(true),
  validateUpdate: validateBindingUpdate,
  columns: bindingColumns,
  wideColumns: bindingWideColumns,
});
