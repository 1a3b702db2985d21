/** A file that is named on the command line. */
import { readFileSync } from 'node:fs';
import { messageOf, UserError } from '../errors.ts';

/** Its text. Throws UserError. */
export function readInputFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? messageOf(error)}`, {
      cause: error,
    });
  }
}
