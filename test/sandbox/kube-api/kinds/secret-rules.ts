/** Rules for Secrets and ConfigMaps: types with required keys, sizes, and immutable fields. */
import { at, equal, isObject, textAt, type KubeObject } from '../json.ts';
import { forbiddenField, IMMUTABLE, invalid, required, tooLong, type FieldError } from '../validation/field-error.ts';
import { configKey } from '../validation/names.ts';

const SIZE_LIMIT = 1024 * 1024;
const FROZEN = 'field is immutable when `immutable` is set';

/** `stringData` is write-only: it is merged into `data`. A Secret without a type is `Opaque`. */
export function prepareSecret(object: KubeObject): void {
  const given = at(object, 'stringData');
  if (isObject(given) && Object.keys(given).length > 0) {
    const encoded = Object.keys(given).map((key) => [key, Buffer.from(textAt(given, key)).toString('base64')]);
    object['data'] = { ...(at(object, 'data') as object), ...(Object.fromEntries(encoded) as object) };
  }
  delete object['stringData'];
  if (textAt(object, 'type') === '') object['type'] = 'Opaque';
}

export function validateSecret(object: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  const data = at(object, 'data');
  const keys = isObject(data) ? Object.keys(data) : [];
  let size = 0;
  for (const key of keys) {
    for (const why of configKey(key)) errors.push(invalid(`data[${key}]`, key, why));
    size += Buffer.byteLength(textAt(data, key), 'base64');
  }
  if (size > SIZE_LIMIT) errors.push(tooLong('data', SIZE_LIMIT));

  const need = (...names: string[]): void => {
    for (const name of names) if (!keys.includes(name)) errors.push(required(`data[${name}]`));
  };
  switch (textAt(object, 'type')) {
    case 'kubernetes.io/dockerconfigjson':
      return [...errors, ...validateDockerConfig(object, '.dockerconfigjson')];
    case 'kubernetes.io/dockercfg':
      return [...errors, ...validateDockerConfig(object, '.dockercfg')];
    case 'kubernetes.io/basic-auth':
      // Either of the two is enough.
      if (!keys.includes('username') && !keys.includes('password')) need('username', 'password');
      return errors;
    case 'kubernetes.io/ssh-auth':
      need('ssh-privatekey');
      return errors;
    case 'kubernetes.io/tls':
      need('tls.crt', 'tls.key');
      return errors;
    case 'kubernetes.io/service-account-token':
      if (!object.metadata.annotations?.['kubernetes.io/service-account.name'])
        errors.push(required('metadata.annotations[kubernetes.io/service-account.name]'));
      return errors;
    default:
      return errors;
  }
}

function validateDockerConfig(object: KubeObject, key: string): FieldError[] {
  const encoded = at(object, 'data', key);
  if (typeof encoded !== 'string') return [required(`data[${key}]`)];
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const why = jsonProblem(text);
  return why === undefined ? [] : [invalid(`data[${key}]`, '<secret contents redacted>', why)];
}

/** Go's error messages for the most common JSON syntax errors. */
export function jsonProblem(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) || value === null) return undefined;
    const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return `json: cannot unmarshal ${found} into Go value of type map[string]interface {}`;
  } catch {
    const first = text.trimStart()[0];
    if (first !== undefined && !'{["-0123456789tfn'.includes(first))
      return `invalid character '${first}' looking for beginning of value`;
    return 'unexpected end of JSON input';
  }
}

export function validateSecretUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  if (textAt(object, 'type') !== textAt(old, 'type')) errors.push(invalid('type', textAt(object, 'type'), IMMUTABLE));
  if (at(old, 'immutable') === true) {
    if (at(object, 'immutable') !== true) errors.push(forbiddenField('immutable', FROZEN));
    for (const field of ['data', 'binaryData']) {
      if (!equal(at(object, field) ?? {}, at(old, field) ?? {})) errors.push(forbiddenField(field, FROZEN));
    }
  }
  return errors;
}

export function validateConfigMap(object: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const field of ['data', 'binaryData']) {
    const data = at(object, field);
    for (const key of isObject(data) ? Object.keys(data) : []) {
      for (const why of configKey(key)) errors.push(invalid(`${field}[${key}]`, key, why));
      if (field === 'data' && at(object, 'binaryData', key) !== undefined)
        errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
      size += Buffer.byteLength(textAt(data, key));
    }
  }
  if (size > SIZE_LIMIT) errors.push(tooLong('', SIZE_LIMIT));
  return errors;
}
