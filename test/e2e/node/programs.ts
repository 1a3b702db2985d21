/** Programs of a node: in the folder that was named, else on PATH. How they came there is not this repository's business. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { findOnPath } from '../../sandbox/registry/on-path.ts';

export interface Programs {
  /** @throws a line that says what is missing, and where it was looked for. */
  find(name: string): string;
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
  return {
    cni,
    path: search,
    find(name) {
      const program = findOnPath(name, `nor in the folder ${folder}`, search);
      if ('missing' in program) throw new Error(program.missing);
      return program.found;
    },
  };
}
