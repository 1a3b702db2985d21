/** Programs of a node: in the folder that was named, else on PATH. How they came there is not this repository's business. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { findOnPath } from '../../sandbox/registry/on-path.ts';
import type { Found } from '../../sandbox/registry/on-path.ts';

export interface Programs {
  /** @throws a line that says what is missing, and where it was looked for. */
  find(name: string): string;
  /** Undefined if it is absent. */
  optional(name: string): string | undefined;
  /** Directory of the CNI plugins. */
  readonly cni: string;
  /** What a program of the node finds others by. */
  readonly path: string;
}

export function programsIn(folder: string): Programs {
  const search = [path.resolve(folder), process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(path.delimiter);
  const cni = [path.join(folder, 'cni'), folder, '/opt/cni/bin', '/usr/lib/cni']
    .map((directory) => path.resolve(directory))
    .find((directory) => existsSync(path.join(directory, 'bridge')));
  if (cni === undefined)
    throw new Error(`no CNI plugins (bridge, host-local, loopback) in ${folder}, /opt/cni/bin or /usr/lib/cni`);
  const look = (name: string): Found => findOnPath(name, `nor in the folder ${folder}`, search);
  return {
    cni,
    path: search,
    find(name) {
      const program = look(name);
      if ('missing' in program) throw new Error(program.missing);
      return program.found;
    },
    optional(name) {
      const program = look(name);
      return 'found' in program ? program.found : undefined;
    },
  };
}
