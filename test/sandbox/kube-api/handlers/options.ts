/** The query parameters of writes: CreateOptions, UpdateOptions, PatchOptions. */
import { check, forbiddenField, notSupported, required, tooLong, type FieldError } from '../validation/field-error.ts';
import { badRequest } from '../status.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteOptions {
  readonly dryRun: boolean;
  /** As named by the client; empty when it named none. */
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
}

const META = 'meta.k8s.io';
const MANAGER_LIMIT = 128;
const VALIDATIONS = ['Ignore', 'Strict', 'Warn'];

export function writeOptions(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  apply = false,
): WriteOptions {
  const errors: FieldError[] = [];
  const fieldManager = query.get('fieldManager') ?? '';
  const force = query.get('force');
  if (kind === 'PatchOptions') {
    if (apply && fieldManager === '') errors.push(required('fieldManager', 'is required for apply patch'));
    if (!apply && force !== null) errors.push(forbiddenField('force', 'may not be specified for non-apply patch'));
    if (force !== null && !['true', 'false', '1', '0', 't', 'f'].includes(force.toLowerCase()))
      throw badRequest(`strconv.ParseBool: parsing ${JSON.stringify(force)}: invalid syntax`);
  }
  if (Buffer.byteLength(fieldManager) > MANAGER_LIMIT) errors.push(tooLong('fieldManager', MANAGER_LIMIT));
  errors.push(...dryRunErrors(query.getAll('dryRun')));
  const validation = query.get('fieldValidation') ?? '';
  if (validation !== '' && !VALIDATIONS.includes(validation))
    errors.push(notSupported('fieldValidation', validation, ['', ...VALIDATIONS]));
  check({ group: META, kind }, '', errors);
  return {
    dryRun: query.getAll('dryRun').includes('All'),
    fieldManager,
    fieldValidation: validation === '' ? 'Warn' : (validation as FieldValidation),
    force: force !== null && ['true', '1', 't'].includes(force.toLowerCase()),
  };
}

export function dryRunErrors(values: readonly string[]): FieldError[] {
  const given = values.filter((value) => value !== '');
  return given.some((value) => value !== 'All') ? [notSupported('dryRun', given, ['All'])] : [];
}

/** The field manager; by default the user agent up to the first slash. */
export function managerOf(options: WriteOptions, userAgent: string): string {
  if (options.fieldManager !== '') return options.fieldManager;
  return userAgent.split('/')[0]?.slice(0, MANAGER_LIMIT) || 'unknown';
}
