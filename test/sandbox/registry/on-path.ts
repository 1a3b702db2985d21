/** Programs that a test uses if they are installed, and skips if they are not. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

export type Found = { readonly found: string } | { readonly missing: string };

/** `howToGet` ends the one line that says why something was skipped. */
export function findOnPath(program: string, howToGet: string, searchPath = process.env['PATH'] ?? ''): Found {
  for (const directory of searchPath.split(path.delimiter).filter((part) => path.isAbsolute(part))) {
    const file = path.join(directory, program);
    try {
      accessSync(file, constants.X_OK);
      return { found: file };
    } catch {
      // Not in this one.
    }
  }
  return { missing: `${program} is not on PATH: ${howToGet}` };
}

export const findSkopeo = (): Found => findOnPath('skopeo', 'on Debian, apt-get install skopeo');
