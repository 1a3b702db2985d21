/** Errors of single fields, and the 422 with all of them: messages of apimachinery's `field.Error`. */
import { ApiError, type StatusCause } from '../status.ts';

export interface FieldError {
  readonly field: string;
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueForbidden'
    | 'FieldValueNotSupported'
    | 'FieldValueTooLong'
    | 'FieldValueDuplicate';
  readonly message: string;
}

export function invalid(field: string, value: unknown, why: string): FieldError {
  return { field, reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(value)}: ${why}` };
}

export function required(field: string, why = ''): FieldError {
  return { field, reason: 'FieldValueRequired', message: why === '' ? 'Required value' : `Required value: ${why}` };
}

export function forbiddenField(field: string, why: string): FieldError {
  return { field, reason: 'FieldValueForbidden', message: `Forbidden: ${why}` };
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = supported.map((item) => JSON.stringify(item)).join(', ');
  return {
    field,
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`,
  };
}

export function tooLong(field: string, bytes: number): FieldError {
  return { field, reason: 'FieldValueTooLong', message: `Too long: may not be more than ${bytes} bytes` };
}

export const IMMUTABLE = 'field is immutable';

/** The 422 of a whole object. Equal messages are once in the text, but each is a cause, as in Go's aggregate. */
export function invalidObject(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const causes: StatusCause[] = errors.map(({ reason, message, field }) => ({ reason, message, field }));
  const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
  const what = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return new ApiError(
    422,
    'Invalid',
    `${what} "${name}" is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`,
    {
      ...(name === '' ? {} : { name }),
      ...(kind.group === '' ? {} : { group: kind.group }),
      ...(kind.kind === '' ? {} : { kind: kind.kind }),
      causes,
    },
  );
}

export function check(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): void {
  if (errors.length > 0) throw invalidObject(kind, name, errors);
}
