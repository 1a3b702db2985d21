/** Names as Kubernetes allows them. */
import * as z from 'zod';
import { DNS_LABEL } from './namespace-list.ts';

/** RFC 1123 subdomain, such as Secret names. */
export const dnsSubdomain = z
  .string()
  .max(253, 'is longer than 253 characters')
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'is not a valid name: lower-case letters, digits, "-" and ".", starting and ending with a letter or digit',
  );
/** RFC 1123 label, such as Namespace names; also valid as a label value and a metric label. */
export const dnsLabel = z.string().max(DNS_LABEL.max, DNS_LABEL.tooLong).regex(DNS_LABEL.pattern, DNS_LABEL.wrong);
/** A name of at most 63 characters, with or without a DNS subdomain and "/" in front. `letters`: that the subdomain may have. */
const qualifiedName = (letters: string): z.ZodString => {
  const label = `[${letters}0-9]([-${letters}0-9]*[${letters}0-9])?`;
  return z
    .string()
    .max(317, 'is longer than 317 characters')
    .regex(
      new RegExp(`^(${label}(\\.${label})*\\/)?[a-zA-Z0-9]([-_.a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`),
      'is not a valid key: at most 63 letters, digits, "-", "_" and ".", starting and ending with a letter or digit, ' +
        'with or without a domain and "/" in front',
    )
    .refine((key) => key.lastIndexOf('/') <= 253, 'has a domain of more than 253 characters');
};
export const labelKey = qualifiedName('a-z');
/** To Kubernetes, the case of an annotation's key does not matter. */
export const annotationKey = qualifiedName('a-zA-Z');
export const labelValue = z
  .string()
  .regex(
    /^([a-zA-Z0-9]([-_.a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)?$/,
    'is not a valid value of a label: at most 63 letters, digits, "-", "_" and ".", starting and ending with a letter or digit',
  );
/** A key of a Secret: it becomes a file name. */
export const SECRET_KEY = /^(?!\.\.)(?!\.$)[-._a-zA-Z0-9]{1,253}$/;
export const NOT_A_SECRET_KEY =
  'is not a key of a Secret: letters, digits, "-", "_" and ".", at most 253, not "." and not ".." in front';
export const secretKey = z.string().regex(SECRET_KEY, NOT_A_SECRET_KEY);
