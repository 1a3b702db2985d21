/**
 * Every room (folder) of `src`, top first, with the rooms and packages that it may import. Lint checks each file against
 * this table (`rule.ts`). `npm run rooms` reads the imports from the code, and fails if they differ from the table.
 */

/** Files directly in `src` that every room may import. */
export const GROUND = ['names', 'owner', 'errors', 'retry', 'text', 'log', 'clock', 'few'];

export interface Room {
  /** Rooms that it may import. */
  readonly may: readonly string[];
  /** Packages that it may import. */
  readonly packages?: readonly string[];
  /** Pure: no clock, random numbers, environment, process or I/O. A list: only these files of the room are pure. */
  readonly pure?: true | readonly string[];
  /** Files of a pure room that are not pure. */
  readonly impure?: readonly string[];
}

const words = (text: string): string[] => text.split(' ');

export const ROOMS: Readonly<Record<string, Room>> = {
  main: {
    may: ['cli', 'commands', 'kube'],
    packages: words(
      'commander picocolors node:events node:fs node:os node:readline/promises node:stream node:stream/consumers node:v8',
    ),
  },
  // It is loaded for every command, `--version` and the Tab key too: of `commands` only by import(), but for lists of choices and types.
  cli: { may: words('commands migrate audit/render audit/rules admission config'), packages: ['commander'] },
  commands: {
    may: words(
      'controller provider migrate audit/render audit/report audit/rules audit/observe healing rotation reconcile sources admission ' +
        'proxies observe plan server registry config kube credentials async',
    ),
    packages: words('cli-table3 picocolors yaml zod node:fs'),
  },
  controller: {
    may: words(
      'audit/render audit/report audit/rules audit/observe healing rotation reconcile sources proxies observe plan server config kube async',
    ),
    packages: words('node-cron node:timers/promises node:util'),
  },
  provider: {
    may: words('server config kube credentials async'),
    // It starts foreign programs, and ends them with all that they started.
    packages: words('node:child_process node:crypto node:fs/promises node:path node:process'),
  },
  migrate: {
    may: words('audit/observe observe config kube credentials'),
    packages: words('yaml node:crypto'),
    pure: true,
    impure: ['read'],
  },
  'audit/render': {
    may: words('audit/page audit/report audit/rules audit/facts async'),
    packages: words('picocolors yaml node:crypto'),
    pure: true,
  },
  'audit/page': {
    may: words('audit/report audit/rules audit/facts plan'),
    packages: ['node:fs'],
    pure: true,
    impure: ['assets'],
  },
  'audit/report': {
    may: words('audit/rules audit/facts audit/observe plan credentials async'),
    packages: ['node:crypto'],
    pure: true,
  },
  'audit/rules': { may: words('audit/facts audit/observe plan config credentials async'), pure: true },
  'audit/facts': { may: words('audit/observe plan credentials async'), pure: true },
  'audit/observe': {
    may: words('healing rotation sources observe plan config kube credentials async'),
    packages: ['node:crypto'],
  },
  healing: { may: words('sources observe plan config kube credentials'), pure: ['memory'] },
  rotation: { may: words('reconcile sources proxies observe plan config kube credentials') },
  reconcile: { may: words('observe proxies plan config kube credentials async') },
  sources: {
    may: words('observe proxies plan registry config kube credentials async'),
    pure: words('merge rollout content ends'),
  },
  observe: { may: words('plan config kube credentials'), packages: words('zod node:crypto') },
  admission: { may: words('proxies plan config'), pure: true },
  proxies: {
    may: words('plan registry config kube credentials'),
    packages: words('zod node:crypto node:util'),
  },
  plan: { may: words('config credentials async'), pure: true },
  server: {
    may: words('kube credentials async'),
    packages: words('prom-client node:crypto node:http node:net node:util node:zlib'),
  },
  registry: { may: words('credentials async'), packages: words('undici node:crypto node:net node:tls') },
  config: {
    may: ['credentials'],
    packages: words('node-cron yaml zod node:crypto node:fs node:fs/promises node:util'),
    pure: true,
    impure: words('read-file load reload'),
  },
  kube: {
    may: ['async'],
    packages: words('@kubernetes/client-node undici node:fs node:https node:tls'),
  },
  credentials: { may: [], packages: ['node:crypto'], pure: true },
  async: { may: [], packages: ['node:timers/promises'], pure: ['steps'] },
  ground: { may: [], packages: ['pino'], pure: true, impure: words('log clock') },
};

/** Every room may import types of these packages: types do not exist at run time. */
export const TYPES_EVERYWHERE = ['@kubernetes/client-node'];

/** The room of a file. `path`: relative to `src`, such as `plan/copy.ts`. */
export function roomOf(path: string): string {
  const parts = path.replaceAll('\\', '/').split('/');
  const file = (parts.pop() ?? '').replace(/\.ts$/, '');
  if (parts.length === 0) return GROUND.includes(file) ? 'ground' : file;
  return parts.slice(0, parts[0] === 'audit' ? 2 : 1).join('/');
}
