/** The value that confirms a large removal. It is valid for one configuration: any later edit makes it invalid. */
import { createHash } from 'node:crypto';
import type { Configuration } from './schema.ts';

export interface Confirmation {
  /** The value of `confirmRemoval` that confirms what this configuration removes: 12 hex digits. */
  readonly value: string;
  /** What the configuration has as `confirmRemoval`: nothing, that value, or another value. */
  readonly given: 'none' | 'this' | 'another';
}

export function confirmationOf(configuration: Configuration): Confirmation {
  // A pause does not change what is removed in the end, and a digest cannot contain itself.
  const { confirmRemoval, paused: _, ...removing } = configuration;
  const value = createHash('sha256').update(canonical(removing)).digest('hex').slice(0, 12);
  return { value, given: confirmRemoval === undefined ? 'none' : confirmRemoval === value ? 'this' : 'another' };
}

/** The line to add to the configuration. In quotes: YAML reads a value of only digits as a number. */
export const confirmingLine = (value: string): string => `confirmRemoval: "${value}"`;

/** JSON with sorted keys, so that it does not depend on the order in the file. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
