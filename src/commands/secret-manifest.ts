/** Reads a Secret from a file: the output of `kubectl get secret -o yaml` or `-o json`, or a manifest to apply. */
import { yamlValue } from '../config/yaml.ts';
import type { SecretContent } from '../credentials/docker-config.ts';
import { encodeBase64 } from '../credentials/base64.ts';
import { ANNOTATION_EXPIRES_AT } from '../names.ts';

/** Undefined: the text is not a Secret. Never throws: a parser's error would quote the text. */
export function readSecretManifest(text: string): (SecretContent & { expiresAt?: string }) | undefined {
  const manifest = parseText(text);
  if (!isRecord(manifest) || manifest['kind'] !== 'Secret') return undefined;
  const written = Object.entries(strings(manifest['stringData'])).map(
    ([key, value]) => [key, encodeBase64(value)] as const,
  );
  const annotations = isRecord(manifest['metadata']) ? strings(manifest['metadata']['annotations']) : {};
  const expiresAt = annotations[ANNOTATION_EXPIRES_AT];
  return {
    ...(expiresAt !== undefined && { expiresAt }),
    type: typeof manifest['type'] === 'string' ? manifest['type'] : 'Opaque',
    data: { ...strings(manifest['data']), ...Object.fromEntries(written) },
  };
}

function parseText(text: string): unknown {
  // Most texts that come here are none: they are not parsed for nothing.
  if (!text.includes('Secret')) return undefined;
  const languages = [(source: string): unknown => JSON.parse(source), yamlValue];
  for (const parse of languages) {
    try {
      return parse(text);
    } catch {
      // Not valid in this language: try the next one.
    }
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function strings(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(isRecord(value) ? value : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}
