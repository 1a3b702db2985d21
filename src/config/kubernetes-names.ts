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
/** A key of a Secret: it becomes a file name. */
export const SECRET_KEY = /^(?!\.\.)(?!\.$)[-._a-zA-Z0-9]{1,253}$/;
export const NOT_A_SECRET_KEY =
  'is not a key of a Secret: letters, digits, "-", "_" and ".", at most 253, not "." and not ".." in front';
export const secretKey = z.string().regex(SECRET_KEY, NOT_A_SECRET_KEY);
