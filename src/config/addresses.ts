/** URLs and paths in a configuration. */
import * as z from 'zod';
import { isRepository } from '../credentials/image-reference.ts';
import { MAX_ADDRESS, TOO_LONG } from './limits.ts';

export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'is not an http:// or https:// URL' })
  .max(MAX_ADDRESS, TOO_LONG)
  .refine((url) => !hasLogin(url), 'holds a login: give it in a Secret');
/** Requests go to `<url>/v2/...`. */
export const baseUrl = httpUrl.refine(
  (url) => !/[?#]/.test(url),
  'has a query or fragment: write only scheme, host and path',
);
export const repository = z
  .string()
  .refine(isRepository, 'is not a repository, such as "corp/app": lower case, without host and tag');
export const ca = z
  .string()
  .regex(/-----BEGIN CERTIFICATE-----/, 'is not a PEM certificate')
  .describe('PEM certificates to trust for this server, besides the well-known ones.');

function hasLogin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== '' || url.password !== '');
}

export const jsonPointer = z
  .string()
  .max(MAX_ADDRESS, TOO_LONG)
  .regex(/^(\/[^/]+)+$/, 'is not a JSON pointer, such as "/spec/imagePullSecret"');
