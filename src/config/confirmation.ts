/** The word that lets a large removal through. It is bound to one configuration: any later edit voids it. */
import { createHash } from 'node:crypto';
import type { Configuration } from './schema.ts';

export interface Confirmation {
  /** The value of `confirmRemoval` that confirms what this configuration removes: 12 hex digits. */
  readonly value: string;
  /** What the configuration has there: nothing, that value, or one for another configuration. */
  readonly given: 'none' | 'this' | 'another';
}

export function confirmationOf(configuration: Configuration): Confirmation {
  // A pause changes nothing of what is removed in the end, and the word cannot be bound to itself.
  const { confirmRemoval, paused: _, ...removing } = configuration;
  const value = createHash('sha256').update(canonical(removing)).digest('hex').slice(0, 12);
  return { value, given: confirmRemoval === undefined ? 'none' : confirmRemoval === value ? 'this' : 'another' };
}

/** The line to add to the configuration. In quotes: all digits would be read as a number. */
export const confirmingLine = (value: string): string => `confirmRemoval: "${value}"`;

/** JSON with the keys of every mapping in order, so that it does not depend on how the file was written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
