/** Base64, decoded as strictly as in Go; Buffer alone skips invalid characters. */
import type { ByteString } from './byte-string.ts';

const PADDED = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const UNPADDED = /^[A-Za-z0-9+/]*$/;

/** Undefined: not base64. Line breaks are skipped wherever they are; spaces and tabs are errors. */
export function decodeBase64(text: string, padding: 'padded' | 'unpadded'): ByteString | undefined {
  const digits = text.replace(/[\r\n]/g, '');
  const valid = padding === 'padded' ? PADDED.test(digits) : UNPADDED.test(digits) && digits.length % 4 !== 1;
  return valid ? Buffer.from(digits, 'base64').toString('latin1') : undefined;
}

export function encodeBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
